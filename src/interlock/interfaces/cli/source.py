"""What a person named as SOURCE: a goal, documents, or a file; whatever it is, never a hang."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Final

from interlock.control.demands import WrongPlan
from interlock.control.errors import WrongUsage
from interlock.control.goals import goal_of, is_goal
from interlock.control.plans import BYTES_MAX, Content, is_imported
from interlock.interfaces.cli.text import print_json

if TYPE_CHECKING:
    from interlock.control.desk import FrontDesk

STDIN: Final = "-"
_CHUNK_BYTES: Final = 65_536


class NoSource(WrongUsage):
    """The file gives no content: which one, why, and what to do."""

    def __init__(self, where: str, what: str, mend: str) -> None:
        super().__init__(f"{where}: {what}; {mend}")
        self.where, self.what, self.mend = where, what, mend


def goal_in(source: str | None) -> str | None:
    """The goal, where the words are no place: what is there goes before what it sounds like."""
    if source is None or is_imported(source) or not is_goal(source) or _is_there(source):
        return None
    return goal_of(source)


def content_of(source: str, desk: FrontDesk) -> tuple[Content, str]:
    """(content, what to call it) of a plan file, or of the documents that `openspec:X` means."""
    if is_imported(source) and not _is_there(source):
        bundle = desk.gather(source)
        return bundle, bundle.where
    return read_source(source, BYTES_MAX)


def print_faults(refused: NoSource | WrongPlan) -> None:
    """What `--json` prints where there is no plan: its faults and nothing else."""
    faults = [refused] if isinstance(refused, NoSource) else refused.faults
    print_json({"faults": [{"where": f.where, "what": f.what, "mend": f.mend} for f in faults]})


def _is_there(source: str) -> bool:
    return os.path.lexists(source.replace("\0", ""))


def read_source(name: str, bytes_max: int) -> tuple[bytes, str]:
    """(content, what to call it); raises NoSource, reads no more than one byte past the limit."""
    if name == STDIN:
        if sys.stdin.isatty():
            print("Reading the plan from standard input; end it with Ctrl-D.", file=sys.stderr)
        return _all_of(sys.stdin.fileno(), "<stdin>", bytes_max), "<stdin>"
    try:
        # Not blocking: a pipe that nobody writes to would hold us here for ever.
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        mend = "check the path, or write - to read standard input; a goal that reads like a path "
        mend += "is told to @chief: '@chief ...'"
        raise NoSource(name, "there is no such file", mend) from error
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error
    try:
        _demand_readable(descriptor, name, bytes_max)
        os.set_blocking(descriptor, True)
        return _all_of(descriptor, name, bytes_max), name
    finally:
        os.close(descriptor)


def demand_new(name: str) -> None:
    """Said before anybody has paid for what would be written."""
    if _is_there(name):
        raise _there_already(name)


def _there_already(name: str) -> NoSource:
    return NoSource(name, "this file is there already", "name another, or take it away first")


def write_new(name: str, text: str) -> None:
    """A file that was not there before: nothing of a person's is ever written over."""
    try:
        with open(name, "x", encoding="utf-8") as file:  # noqa: PTH123 - a name may hold anything
            file.write(text)
    except FileExistsError as error:
        raise _there_already(name) from error
    except (OSError, ValueError) as error:
        raise _unwritable(name, error) from error


def _demand_readable(descriptor: int, name: str, bytes_max: int) -> None:
    found = os.fstat(descriptor)
    if stat.S_ISDIR(found.st_mode):
        raise NoSource(name, "this is a folder", "name the plan file in it")
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISFIFO(found.st_mode):
        raise NoSource(name, "this is a device, not a file", "name a plan file")
    if found.st_size > bytes_max:
        raise _too_large(name, f"{found.st_size:,} bytes", bytes_max)


def _all_of(descriptor: int, name: str, bytes_max: int) -> bytes:
    chunks: list[bytes] = []
    left = bytes_max + 1
    try:
        while left > 0 and (chunk := os.read(descriptor, min(_CHUNK_BYTES, left))):
            chunks.append(chunk)
            left -= len(chunk)
    except OSError as error:
        raise _unreadable(name, error) from error
    if left <= 0:
        raise _too_large(name, f"more than {bytes_max:,} bytes", bytes_max)
    return b"".join(chunks)


def _too_large(name: str, size: str, bytes_max: int) -> NoSource:
    what = f"it has {size}, a plan may have {bytes_max:,}"
    mend = "cut it into several plans, or put long texts into files named in `spec`"
    return NoSource(name, what, mend)


def _unwritable(name: str, error: OSError | ValueError) -> NoSource:
    reason = error.strerror if isinstance(error, OSError) else "its name is not a path"
    return NoSource(name, f"it cannot be written: {reason}", "name a file in a folder of yours")


def _unreadable(name: str, error: OSError | ValueError) -> NoSource:
    reason = error.strerror if isinstance(error, OSError) else "its name is not a path"
    return NoSource(name, f"it cannot be read: {reason}", "check the path and its permissions")
