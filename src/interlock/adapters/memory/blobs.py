"""Content-addressed bytes in memory."""

import asyncio
from hashlib import sha256

from interlock.adapters.memory.store import MemoryStore
from interlock.domain.ids import BlobId
from interlock.engine.errors import BlobMissing, PartLost


class MemoryBlobs:
    """The blobs on a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def put(self, data: bytes) -> BlobId:
        await self._io()
        blob = _blob_id_of(data)
        self._store.blobs[blob] = data
        return blob

    async def get(self, blob: BlobId) -> bytes:
        await self._io()
        data = self._store.blobs.get(blob)
        if data is None:
            raise BlobMissing(blob)
        if _blob_id_of(data) != blob:
            raise PartLost(
                "blobs", f"{blob} does not match its content", "Restore it from a backup"
            )
        return data

    async def has(self, blob: BlobId) -> bool:
        await self._io()
        return blob in self._store.blobs

    async def erase(self, blob: BlobId) -> None:
        await self._io()
        self._store.blobs.pop(blob, None)

    async def _io(self) -> None:
        await asyncio.sleep(0)
        self._store.check()


def _blob_id_of(data: bytes) -> BlobId:
    return BlobId(sha256(data).hexdigest())
