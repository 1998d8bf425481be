"""The suite of boxes, on the kind that bubblewrap makes, with control groups and without."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from interlock.adapters.bubblewrap.cgroups import Places
from interlock.adapters.bubblewrap.orphans import end_orphans
from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.proxy.door import ProxyDoor
from interlock.sandbox.ports import BoxLimits, BoxOrder, Mount
from interlock.sandbox.running import run_to_end
from interlock.testing.conformance.box_ending import EndingSuite
from interlock.testing.conformance.box_running import RunningSuite
from interlock.testing.conformance.sandboxes import SandboxSuite


class TestBubblewrapSandbox(SandboxSuite):
    KIND = "interlock.adapters.bubblewrap.sandbox:BubblewrapSandbox"

    @pytest.fixture
    def sandbox(self) -> BubblewrapSandbox:
        return BubblewrapSandbox(ProxyDoor())


class TestWithoutControlGroups(RunningSuite, EndingSuite):
    KIND = "interlock.adapters.bubblewrap.sandbox:BubblewrapSandbox"

    @pytest.fixture
    def sandbox(self) -> BubblewrapSandbox:
        return BubblewrapSandbox(ProxyDoor(), places=Places("", ""))

    async def test_what_is_lacking_is_said(self, sandbox: BubblewrapSandbox) -> None:
        promises = await sandbox.probe()
        assert not promises.limits_memory
        assert promises.limits_processes == (os.geteuid() != 0)
        assert "Memory is not limited" in promises.lacks[0]
        assert len(promises.lacks) == (1 if promises.limits_processes else 2)


def test_two_makers_of_boxes_in_one_process_share_no_group(tmp_path: Path):
    mounts = f"1 1 0:1 / {tmp_path} rw - cgroup cgroup rw,pids"
    for pid in (11, 12):
        group = Places("4:pids:/", mounts).group(BoxLimits())
        group.take(pid, BoxLimits())
    held = sorted(file.read_text() for file in tmp_path.glob("*/cgroup.procs"))
    assert held == ["11", "12"]


async def test_what_is_written_into_a_copy_is_gone_with_the_box(tmp_path: Path):
    folder = tmp_path / "environment"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    (folder / "kept").write_text("as it was")
    mount = Mount(folder, "/workspace/.venv", copy_on_write=True)
    program = "echo spoiled > .venv/new; rm -f .venv/kept; ls -A .venv; mkdir .venv/more"
    for _ in range(2):
        order = BoxOrder(("sh", "-c", program), (mount,))
        finished = await run_to_end(BubblewrapSandbox(), order)
        assert (finished.ended.code, finished.stdout) == (0, b"new\n"), finished.stderr
    assert [each.name for each in folder.iterdir()] == ["kept"]
    assert (folder / "kept").read_text() == "as it was"


async def test_where_no_copies_can_be_made_the_folder_is_read_only(tmp_path: Path):
    folder = tmp_path / "environment"
    folder.mkdir(mode=0o777)
    sandbox = BubblewrapSandbox()
    sandbox._copies = False
    order = BoxOrder(("touch", "/outbox/x"), (Mount(folder, "/outbox", copy_on_write=True),), "/")
    finished = await run_to_end(sandbox, order)
    assert finished.ended.code != 0
    assert b"Read-only" in finished.stderr


STARTER = """
    import asyncio, os, signal, sys
    from pathlib import Path
    from interlock.adapters.bubblewrap import sandbox as module
    from interlock.adapters.bubblewrap.status import Status
    from interlock.sandbox.ports import BoxOrder, Mount

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    release = Status.release
    moment = sys.argv[2]
    if moment == "before the latch":
        Status.release = die
    elif moment == "after the latch":
        Status.release = lambda status: (release(status), die())
    else:
        module.watched_over = die
    order = BoxOrder(("sh", "-c", "echo ran > /workspace/ran; exec sleep 4321.5"),
                     (Mount(Path(sys.argv[1]), "/workspace", writable=True),))
    asyncio.run(module.BubblewrapSandbox().start(order))
"""


@pytest.mark.parametrize("moment", ["before the latch", "after the latch", "before the word"])
def test_a_starter_killed_at_any_moment_of_a_start_leaves_no_program(tmp_path: Path, moment: str):
    tmp_path.chmod(0o777)
    words = [sys.executable, "-c", textwrap.dedent(STARTER), str(tmp_path), moment]
    for _ in range(10):
        started = subprocess.run(words, check=False)
        assert started.returncode == -signal.SIGKILL
        asyncio.run(_until_no_box_is_left(str(tmp_path)))
    assert not (tmp_path / "ran").exists()


async def _until_no_box_is_left(mark: str) -> None:
    deadline = time.monotonic() + 30
    while _alive("4321.5") or _alive(mark):
        end_orphans()
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def _alive(mark: str) -> bool:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                if mark.encode() in (entry / "cmdline").read_bytes():
                    return True
            except OSError:
                continue
    return False
