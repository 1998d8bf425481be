"""The right to act as an operating-system lock: it ends with its process, however that ends."""

import asyncio
import errno
import fcntl
import os
from pathlib import Path
from typing import Final

import msgspec

from interlock.engine.errors import DiskFull, PartLost

PART: Final = "plane lock (files)"
LOCK_FILE: Final = "plane.lock"
MOUNTS: Final = Path("/proc/self/mountinfo")
TRIES_MAX: Final = 5
PAUSE_SECONDS: Final = 0.01
"""Somebody who only asks who holds the lock has it for an instant; a try outlasts that."""

_NETWORK: Final = frozenset({
    "afs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.sshfs", "lustre",
    "nfs", "nfs4", "smb3", "smbfs",
})  # fmt: skip
"""File systems whose locks may hold on one host and not between hosts."""

_UNSUPPORTED: Final = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL)


class _Note(msgspec.Struct, frozen=True):
    """The content of the lock file, for people; only the lock itself counts."""

    holder: str
    process: int
    host: str


class FileLeadership:
    """One lock file in a folder; whoever has it locked is the plane of this repository."""

    def __init__(self, folder: Path, mounts: Path = MOUNTS) -> None:
        self._path = folder / LOCK_FILE
        self._mounts = mounts
        self._locked: int | None = None

    async def acquire(self, holder: str) -> bool:
        if self._locked is not None:
            return await self.renew()
        for attempt in range(TRIES_MAX):
            if attempt:
                await asyncio.sleep(PAUSE_SECONDS)
            if self._try_lock(holder):
                return True
        return False

    async def renew(self) -> bool:
        """The lock does not expire, but somebody may have deleted its file."""
        if self._locked is None:
            return False
        if _same_file(self._locked, self._path):
            return True
        self._unlock()
        return False

    async def release(self) -> None:
        if self._locked is not None:
            os.ftruncate(self._locked, 0)
            self._unlock()

    async def holder(self) -> str | None:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _told_as_part(self._path, error) from error
        try:
            if self._locked is None and _lock(descriptor, fcntl.LOCK_SH, self._path):
                return None
            return _read_note(descriptor)
        finally:
            os.close(descriptor)

    def _try_lock(self, holder: str) -> bool:
        descriptor = self._open()
        try:
            if _lock(descriptor, fcntl.LOCK_EX, self._path) and _same_file(descriptor, self._path):
                _demand_real_locks(self._path)
                _write_note(descriptor, holder)
                self._locked, descriptor = descriptor, -1
        except OSError as error:
            raise _told_as_part(self._path, error) from error
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        return self._locked is not None

    def _open(self) -> int:
        """Not inherited by child processes: the lock must not outlive its holder in one of them."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _demand_local(self._path, self._mounts)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _told_as_part(self._path, error) from error

    def _unlock(self) -> None:
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None


def _lock(descriptor: int, kind: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise _told_as_part(path, error) from error
    return True


def _same_file(descriptor: int, path: Path) -> bool:
    """A lock on a file that no longer stands at its path keeps nobody out."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _demand_real_locks(path: Path) -> None:
    """Some file systems grant every lock: a second one on our own file must be refused."""
    probe = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if _lock(probe, fcntl.LOCK_EX, path):
            raise _no_locks(path, "its file system grants the same lock twice")
    finally:
        os.close(probe)


def _demand_local(path: Path, mounts: Path) -> None:
    kind = _file_system_of(path.parent, mounts)
    if kind in _NETWORK:
        raise _no_locks(
            path,
            f"it lies on a network file system ({kind}), whose locks do not hold between hosts",
        )


def _file_system_of(folder: Path, mounts: Path) -> str:
    """The type of the mount a folder lies on; empty where the system does not tell."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        if before.split()[2:3] == [wanted]:
            return after.split(maxsplit=1)[0]
    return ""


def _write_note(descriptor: int, holder: str) -> None:
    note = msgspec.json.encode(_Note(holder, os.getpid(), os.uname().nodename))
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, note + b"\n", 0)


def _read_note(descriptor: int) -> str:
    """Locked but not yet written, or written by another release: somebody acts, unnamed."""
    try:
        return msgspec.json.decode(os.pread(descriptor, 65536, 0), type=_Note).holder
    except msgspec.DecodeError:
        return "unknown"


def _no_locks(path: Path, why: str) -> PartLost:
    return PartLost(
        PART,
        f"{path} cannot be locked: {why}",
        "Keep the store on a local disk, or use the fleet profile",
    )


def _told_as_part(path: Path, error: OSError) -> PartLost:
    if error.errno in _UNSUPPORTED:
        return _no_locks(path, "its file system does not support locks")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(PART, str(path))
    reason = error.strerror or type(error).__name__
    return PartLost(
        PART, f"{path}: {reason}", "Make the file readable and writable, then start again"
    )
