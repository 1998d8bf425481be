"""The folders of one gate run on the host, and what is taken out of them once the box has ended.

<scratch>/gate-x1y2/
    workspace/   the tree under test; made and removed by version control
    home/        the home inside, empty at first
    outbox/      where the report appears; everything in it was written by tested code
"""

import errno
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from interlock.engine.errors import DiskFull, PartLost
from interlock.sandbox.clearing import remove_deep
from interlock.sandbox.left import read_left

PART: Final = "scratch folder of the gates"
PREFIX: Final = "gate-"


class Folders(msgspec.Struct, frozen=True):
    """Where one gate run keeps its things."""

    base: Path

    @property
    def workspace(self) -> Path:
        return self.base / "workspace"

    @property
    def home(self) -> Path:
        return self.base / "home"

    @property
    def outbox(self) -> Path:
        return self.base / "outbox"


def make_folders(scratch: Path) -> Folders:
    """A fresh place, so that no report of an earlier run can be taken for this one's."""
    try:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        folders = Folders(Path(tempfile.mkdtemp(prefix=PREFIX, dir=scratch)))
        folders.home.mkdir()
        folders.outbox.mkdir()
    except OSError as error:
        raise _told_as_part(scratch, error) from error
    return folders


def remove_folders(folders: Folders) -> None:
    """Also what tested code made unreadable; a leftover is a matter for the next sweep."""
    with suppress(OSError):
        remove_deep(folders.base)


def leftovers(scratch: Path) -> tuple[Folders, ...]:
    """What runs of an earlier life left behind."""
    if not scratch.is_dir():
        return ()
    return tuple(Folders(path) for path in sorted(scratch.glob(f"{PREFIX}*")) if path.is_dir())


def read_report(path: Path, bytes_max: int) -> bytes | str:
    """What the box left there, or a sentence why it is no report. Only its own file is opened."""
    left = read_left(path, bytes_max, "the report")
    return "the report is missing" if left is None else left


def _told_as_part(scratch: Path, error: OSError) -> PartLost:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(PART, str(scratch))
    reason = error.strerror or type(error).__name__
    return PartLost(PART, f"{scratch}: {reason}", "Make the folder writable, then start again")
