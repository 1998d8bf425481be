"""The files of a store, and the guard that notices when somebody takes them away.

<folder>/             mode 0700
    log.db            the store: events, heads, snapshots; mode 0600
    log.db-wal, -shm  SQLite's own; they belong to it while it is open
    log.db.lock       shared by every open store, exclusive while one is made or migrated
    log.db.bells/     a socket per process that listens
    log.db.layout-1.backup   the store before it was migrated from layout 1
"""

import fcntl
import os
from pathlib import Path

from interlock.adapters.sqlite.faults import gone


def wal_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")


def make_folder(path: Path) -> None:
    """Private from its first moment; one that is there already keeps the mode its owner chose."""
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)


def flush_folder(path: Path) -> None:
    """A new name is durable only when its folder is."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class StoreLock:
    """A lock over a store's layout: who uses the store shares it, who changes it has it alone.

    The operating system lets go of it when the process ends, however it ends.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(beside(path, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def share(self) -> bool:
        return self._take(fcntl.LOCK_SH)

    def take_alone(self) -> bool:
        """Whether or not it worked, the lock is no longer shared."""
        return self._take(fcntl.LOCK_EX)

    def release(self) -> None:
        os.close(self._file)

    def _take(self, mode: int) -> bool:
        try:
            fcntl.flock(self._file, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class FileGuard:
    """Knows the files of an open store by device and inode.

    SQLite goes on writing into a file that was unlinked: every write would succeed and none would
    be seen by anybody again. So a write counts only if the files are still in place after it.
    """

    def __init__(self, path: Path) -> None:
        """Call it once a connection has read, because only then all files are there."""
        names = (path, wal_of(path), path.with_name(path.name + "-shm"))
        self._path = path
        self._identities = [(str(name), _identity_of(str(name))) for name in names]

    def check(self) -> None:
        for name, identity in self._identities:
            try:
                found = _identity_of(name)
            except OSError as error:
                raise gone(self._path) from error
            if found != identity:
                raise gone(self._path)


def _identity_of(name: str) -> tuple[int, int]:
    status = os.stat(name)  # noqa: PTH116 - on the way of every commit; a Path costs five times as much
    return status.st_dev, status.st_ino
