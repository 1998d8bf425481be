"""Blobs as files named by their content: `<root>/ab/cdef...`, private to their owner.

A blob is written beside its place, made durable, and then renamed into it, so that a crash leaves
either the whole content or a leftover in `tmp/` that a later start sweeps away.
"""

import asyncio
import errno
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from interlock.domain.ids import BlobId
from interlock.engine.errors import BlobMissing, DiskFull, PartLost

PART: Final = "blob store (files)"
THREADS_MAX: Final = 4
LEFTOVER_SECONDS: Final = 3600.0
"""Nobody is still writing a temporary file of this age."""

_BLOB: Final = re.compile(r"[0-9a-f]{64}")
_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)
_Result = TypeVar("_Result")


class FileBlobs:
    """Content-addressed files under one folder; several processes may share it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / "tmp"
        self._durable_folders: set[Path] = set()
        self._threads = asyncio.Semaphore(THREADS_MAX)
        with _told_as_part(root):
            _make_private(root)
            _make_private(self._temporary)
            _sweep(self._temporary)
            self._durable_folders.update(root.glob("[0-9a-f][0-9a-f]"))
            _sync_folder(root)

    async def put(self, data: bytes) -> BlobId:
        return await self._in_thread(lambda: self._write(data))

    async def get(self, blob: BlobId) -> bytes:
        return await self._in_thread(lambda: self._read(blob))

    async def has(self, blob: BlobId) -> bool:
        return await self._in_thread(lambda: self._exists(blob))

    async def erase(self, blob: BlobId) -> None:
        await self._in_thread(lambda: self._unlink(blob))

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        """A slow disk must not stop the event loop, nor take all of its threads."""
        async with self._threads:
            return await asyncio.to_thread(work)

    def _path_of(self, blob: BlobId) -> Path:
        """Only a well-formed hash becomes a path, so no id leads out of the root."""
        if _BLOB.fullmatch(blob) is None:
            raise BlobMissing(blob)
        return self._root / blob[:2] / blob[2:]

    def _write(self, data: bytes) -> BlobId:
        blob = _blob_of(data)
        path = self._path_of(blob)
        with _told_as_part(path):
            self._prepare_folder(path.parent)
            if not _holds(path, data):
                self._write_beside_and_rename(path, data)
            # Also when it was there: whoever wrote it may not have come this far yet.
            _sync_folder(path.parent)
        return blob

    def _write_beside_and_rename(self, path: Path, data: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._temporary)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _prepare_folder(self, folder: Path) -> None:
        """Its entry in the root is durable since the start, or made so once per process."""
        if folder in self._durable_folders and folder.is_dir():
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(self._root)
        self._durable_folders.add(folder)

    def _read(self, blob: BlobId) -> bytes:
        path = self._path_of(blob)
        with _told_as_part(path):
            try:
                data = path.read_bytes()
            except FileNotFoundError as error:
                self._demand_root()
                raise BlobMissing(blob) from error
        if _blob_of(data) != blob:
            raise _damaged(path, blob)
        return data

    def _exists(self, blob: BlobId) -> bool:
        if _BLOB.fullmatch(blob) is None:
            return False
        with _told_as_part(self._root):
            self._demand_root()
            return self._path_of(blob).is_file()

    def _unlink(self, blob: BlobId) -> None:
        if _BLOB.fullmatch(blob) is None:
            return
        path = self._path_of(blob)
        with _told_as_part(path):
            self._demand_root()
            with suppress(FileNotFoundError):
                path.unlink()
                _sync_folder(path.parent)

    def _demand_root(self) -> None:
        """A vanished store must not look like a store without this blob."""
        self._root.stat()


def _blob_of(data: bytes) -> BlobId:
    return BlobId(hashlib.sha256(data).hexdigest())


def _holds(path: Path, data: bytes) -> bool:
    """Compared, not only found: putting content again mends a damaged file."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def _sweep(folder: Path) -> None:
    oldest = time.time() - LEFTOVER_SECONDS
    for leftover in folder.iterdir():
        with suppress(FileNotFoundError):
            if leftover.stat().st_mtime < oldest:
                leftover.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(path: Path, blob: BlobId) -> PartLost:
    return PartLost(
        PART,
        f"{path} does not hold the content of {blob}",
        "Check the disk, then restore the file from a backup or delete it",
    )


@contextmanager
def _told_as_part(path: Path) -> Iterator[None]:
    """What the operating system refuses, as a sentence about this part."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise DiskFull(PART, str(path)) from error
        reason = error.strerror or type(error).__name__
        raise PartLost(
            PART, f"{path}: {reason}", "Make the folder readable and writable, then start again"
        ) from error
