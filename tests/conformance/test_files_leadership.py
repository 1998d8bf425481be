"""The right to act as a lock on a file: the suite, and what only locks can do wrong."""

import asyncio
import errno
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from interlock.adapters.files.leadership import LOCK_FILE, FileLeadership
from interlock.engine.errors import PartLost
from interlock.engine.ports import Leadership
from interlock.testing.conformance.leadership import LeadershipSuite


class LockedFolder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opened: list[FileLeadership] = []

    async def open(self) -> FileLeadership:
        self._opened.append(FileLeadership(self.folder))
        return self._opened[-1]

    async def lose(self, leadership: Leadership) -> None:
        """The kernel closes the files of a dead process; what it wrote stays."""
        assert isinstance(leadership, FileLeadership)
        leadership._unlock()

    async def close(self) -> None:
        for leadership in self._opened:
            await leadership.release()


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[LockedFolder]:
    house = LockedFolder(tmp_path / "store")
    yield house
    await house.close()


class TestFileLeadership(LeadershipSuite):
    """The suite, on the fixture above."""


HOLDER = """
import asyncio, subprocess, sys
from pathlib import Path
from interlock.adapters.files.leadership import FileLeadership

async def main():
    leadership = FileLeadership(Path(sys.argv[1]))
    assert await leadership.acquire("other process")
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_killed_holder_is_succeeded_though_its_child_lives_on(house: LockedFolder) -> None:
    one = await house.open()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(house.folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    child = int(await process.stdout.readline())
    try:
        assert not await one.acquire("one")
        assert await one.holder() == "other process"
        process.kill()
        await process.wait()
        os.kill(child, 0)
        assert await one.holder() is None
        assert await one.acquire("one")
    finally:
        os.kill(child, signal.SIGKILL)


async def test_people_can_read_who_acts(house: LockedFolder) -> None:
    one = await house.open()
    await one.acquire("ann@host")
    path = house.folder / LOCK_FILE
    assert '"holder":"ann@host"' in path.read_text()
    assert f'"process":{os.getpid()}' in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_deleted_lock_file_ends_the_right(house: LockedFolder) -> None:
    one, two = await house.open(), await house.open()
    await one.acquire("one")
    (house.folder / LOCK_FILE).unlink()
    assert await two.acquire("two")
    assert not await one.renew()
    assert await one.holder() == "two"


async def test_a_note_of_another_release_is_still_somebody(house: LockedFolder) -> None:
    one, two = await house.open(), await house.open()
    await one.acquire("one")
    (house.folder / LOCK_FILE).write_text("in some other form")
    assert await two.holder() == "unknown"


def mounts_saying(kind: str, folder: Path) -> Path:
    device = folder.stat().st_dev
    mounts = folder / "mountinfo"
    mounts.write_text(
        f"21 1 {os.major(device)}:{os.minor(device)} / / rw shared:1 - {kind} server:/x rw\n"
    )
    return mounts


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
async def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    leadership = FileLeadership(tmp_path, mounts_saying(kind, tmp_path))
    with pytest.raises(PartLost, match=rf"network file system \({kind}\)"):
        await leadership.acquire("one")


async def test_a_local_file_system_is_not_refused(tmp_path: Path) -> None:
    leadership = FileLeadership(tmp_path, mounts_saying("ext4", tmp_path))
    assert await leadership.acquire("one")
    await leadership.release()


async def test_a_file_system_without_locks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(descriptor: int, _: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with pytest.raises(PartLost, match="does not support locks"):
        await FileLeadership(tmp_path).acquire("one")


async def test_a_file_system_that_only_pretends_to_lock_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def granted(descriptor: int, _: int) -> None:
        pass

    monkeypatch.setattr(fcntl, "flock", granted)
    with pytest.raises(PartLost, match="grants the same lock twice"):
        await FileLeadership(tmp_path).acquire("one")


async def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PartLost, match="plane lock"):
        await FileLeadership(tmp_path / "file" / "store").acquire("one")
