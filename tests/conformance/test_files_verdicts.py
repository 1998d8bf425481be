"""The book of verdicts as files: what comes back is what was kept, or nothing."""

import errno
import os
import stat
import time
from pathlib import Path

import pytest

from interlock.adapters.files.verdicts import UNUSED_SECONDS, FileVerdicts
from interlock.domain.ids import BlobId
from interlock.engine.errors import DiskFull, PartLost
from interlock.gates.evidence import Evidence, Finding

KEY, OTHER = "ab" + "0" * 62, "ab" + "1" * 62
EVIDENCE = Evidence(
    1,
    tests={"t::a": "passed", "t::b": "failed"},
    findings=(Finding("a.py", "X", "error", "bad", 3, "f"),),
    covered={"a.py": ((1, 2), (3,))},
    reasons={"t::b": "assert 1 == 2"},
    said="1 failed",
    seconds=1.5,
    log=BlobId("0" * 64),
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store" / "verdicts"


def path_of(root: Path, key: str) -> Path:
    return root / key[:2] / key[2:]


async def test_evidence_comes_back_as_it_was_kept(root: Path) -> None:
    book = FileVerdicts(root)
    assert await book.find(KEY) is None
    await book.keep(KEY, EVIDENCE)
    assert await book.find(KEY) == EVIDENCE
    assert await book.find(OTHER) is None


async def test_another_process_finds_it(root: Path) -> None:
    await FileVerdicts(root).keep(KEY, EVIDENCE)
    assert await FileVerdicts(root).find(KEY) == EVIDENCE


async def test_the_newest_is_kept(root: Path) -> None:
    book = FileVerdicts(root)
    await book.keep(KEY, EVIDENCE)
    await book.keep(KEY, Evidence(0))
    assert await book.find(KEY) == Evidence(0)
    assert len(list(root.rglob("*"))) == 2


DAMAGE = {
    "cut": lambda data: data[:-7],
    "emptied": lambda data: b"",
    "a changed outcome": lambda data: data.replace(b"failed", b"passed"),
    "zeros": lambda data: b"\0" * len(data),
    "appended": lambda data: data + b" ",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
async def test_what_was_damaged_is_not_found_and_can_be_kept_again(
    root: Path, damage: object
) -> None:
    book = FileVerdicts(root)
    await book.keep(KEY, EVIDENCE)
    path = path_of(root, KEY)
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    assert await book.find(KEY) is None
    await book.keep(KEY, EVIDENCE)
    assert await book.find(KEY) == EVIDENCE


async def test_a_file_under_another_key_is_not_believed(root: Path) -> None:
    book = FileVerdicts(root)
    await book.keep(KEY, EVIDENCE)
    path_of(root, KEY).rename(path_of(root, OTHER))
    assert await book.find(OTHER) is None


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n"])
async def test_no_key_leads_out_of_the_folder(root: Path, key: str) -> None:
    book = FileVerdicts(root)
    with pytest.raises(ValueError, match="is no SHA-256"):
        await book.find(key)
    with pytest.raises(ValueError, match="is no SHA-256"):
        await book.keep(key, EVIDENCE)


async def test_only_the_owner_can_read_it(root: Path) -> None:
    await FileVerdicts(root).keep(KEY, EVIDENCE)
    path = path_of(root, KEY)
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent, root)]
    assert modes == [0o600, 0o700, 0o700]


async def test_what_nobody_asked_for_in_weeks_is_swept_away(root: Path) -> None:
    book = FileVerdicts(root)
    long_ago = time.time() - UNUSED_SECONDS - 60
    for key in (KEY, OTHER):
        await book.keep(key, EVIDENCE)
        os.utime(path_of(root, key), (long_ago, long_ago))
    await book.find(KEY)
    again = FileVerdicts(root)
    assert await again.find(KEY) == EVIDENCE
    assert await again.find(OTHER) is None


async def test_a_full_disk_is_told_and_leaves_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = FileVerdicts(root)

    def full(self: Path, target: object) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(Path, "replace", full)
        with pytest.raises(DiskFull):
            await book.keep(KEY, EVIDENCE)
    assert [path for path in root.rglob("*") if path.is_file()] == []


async def test_a_place_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "verdicts").write_text("a file")
    with pytest.raises(PartLost, match="verdict book"):
        FileVerdicts(tmp_path / "verdicts")
