"""Evidence as files, by key: `<root>/ab/cdef...`, private to their owner.

Losing one costs another run and nothing else, so nothing is made durable; but a damaged one must
never be believed, so each begins with the hash of the rest and names its own key.
"""

import asyncio
import errno
import hashlib
import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from interlock.engine.errors import DiskFull, PartLost
from interlock.gates.evidence import Evidence

PART: Final = "verdict book (files)"
UNUSED_SECONDS: Final = 30 * 24 * 3600.0
"""Trees that nobody asked about for so long will hardly come back."""

_KEY: Final = re.compile(r"[0-9a-f]{64}")


class _Entry(msgspec.Struct, frozen=True):
    """What stands in a file after its hash."""

    key: str
    evidence: Evidence


class FileVerdicts:
    """The book under one folder; several processes may share it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            root.chmod(0o700)
            _sweep(root)
        except OSError as error:
            raise _told_as_part(root, error) from error

    async def find(self, key: str) -> Evidence | None:
        return await asyncio.to_thread(self._read, key)

    async def keep(self, key: str, evidence: Evidence) -> None:
        await asyncio.to_thread(self._write, key, evidence)

    def _path_of(self, key: str) -> Path:
        """Only a well-formed hash becomes a path, so no key leads out of the root."""
        if _KEY.fullmatch(key) is None:
            raise ValueError(f"{key!r} is no SHA-256 in hex")
        return self._root / key[:2] / key[2:]

    def _read(self, key: str) -> Evidence | None:
        path = self._path_of(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _told_as_part(path, error) from error
        return _evidence_in(data, key)

    def _write(self, key: str, evidence: Evidence) -> None:
        path = self._path_of(key)
        content = msgspec.json.encode(_Entry(key, evidence))
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix="new-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_hash_of(content) + b"\n" + content)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise _told_as_part(path, error) from error


def _evidence_in(data: bytes, key: str) -> Evidence | None:
    """Half a file, another file or an older format: as if it were not there."""
    digest, _, content = data.partition(b"\n")
    if digest != _hash_of(content):
        return None
    try:
        entry = msgspec.json.decode(content, type=_Entry)
    except msgspec.DecodeError:
        return None
    return entry.evidence if entry.key == key else None


def _hash_of(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _sweep(root: Path) -> None:
    oldest = time.time() - UNUSED_SECONDS
    for path in root.glob("??/*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _told_as_part(path: Path, error: OSError) -> PartLost:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(PART, str(path))
    reason = error.strerror or type(error).__name__
    return PartLost(
        PART, f"{path}: {reason}", "Make the folder readable and writable, then start again"
    )
