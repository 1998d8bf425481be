"""The bytes of a file that a person named; whatever it turns out to be, never a hang."""

import os
import stat
import sys
from typing import Final

from interlock.control.errors import WrongUsage

STDIN: Final = "-"
_CHUNK_BYTES: Final = 65_536


class NoSource(WrongUsage):
    """The file gives no content: which one, why, and what to do."""

    def __init__(self, where: str, what: str, mend: str) -> None:
        super().__init__(f"{where}: {what}; {mend}")
        self.where, self.what, self.mend = where, what, mend


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
        mend = "check the path, or write - to read standard input"
        raise NoSource(name, "there is no such file", mend) from error
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error
    try:
        _demand_readable(descriptor, name, bytes_max)
        os.set_blocking(descriptor, True)
        return _all_of(descriptor, name, bytes_max), name
    finally:
        os.close(descriptor)


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


def _unreadable(name: str, error: OSError | ValueError) -> NoSource:
    reason = error.strerror if isinstance(error, OSError) else "its name is not a path"
    return NoSource(name, f"it cannot be read: {reason}", "check the path and its permissions")
