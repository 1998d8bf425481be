"""What SQLite and the file system complain about, as sentences for the person who meets them.

no room          -> DiskFull, also for a quota and a file-size limit
locked too long  -> PartLost; nothing was written and the next append may try again
damaged          -> PartLost, restore
anything else    -> PartLost, look at the disk
"""

import errno
from pathlib import Path

import apsw

from interlock.engine.errors import DiskFull, PartLost
from interlock.engine.records import PART

BUSY_SECONDS_MAX = 10.0

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Fault = apsw.Error | OSError | UnicodeDecodeError
"""What may be raised while a store is used; text that is no text comes from a damaged file."""


def lost(error: Fault, path: Path, connection: apsw.Connection | None = None) -> PartLost:
    system_errno = _errno_of(error, connection)
    if isinstance(error, apsw.FullError) or system_errno in _NO_ROOM:
        return DiskFull(PART, f"{path}: {error}")
    if isinstance(error, apsw.BusyError):
        return PartLost(
            PART,
            f"another process has kept {path} locked for {BUSY_SECONDS_MAX:g} seconds",
            f"Find it with `fuser {path}`, end it and try again",
        )
    if isinstance(error, apsw.CorruptError | apsw.NotADBError | UnicodeDecodeError):
        return PartLost(PART, f"{path} is damaged: {error}", "Restore it from a backup")
    return PartLost(
        PART,
        f"{path}: {error}",
        "Check its disk and the permissions of its folder, then start again",
    )


def gone(path: Path) -> PartLost:
    return PartLost(
        PART,
        f"{path} was removed or replaced while it was in use",
        "Stop every Interlock process of this repository, put the file back and start again",
    )


def _errno_of(error: Fault, connection: apsw.Connection | None) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    if isinstance(error, apsw.IOError) and connection is not None:
        return connection.system_errno
    return None
