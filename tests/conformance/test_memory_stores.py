"""Snapshots, blobs and the live feed in memory."""

import asyncio

import pytest

from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.livefeed import MemoryLiveFeed
from interlock.adapters.memory.log import MemoryEventLog
from interlock.adapters.memory.snapshots import MemorySnapshots
from interlock.adapters.memory.store import MemoryStore
from interlock.domain.ids import BlobId
from interlock.engine.errors import DiskFull, PartLost
from interlock.engine.ports import Blobs, Snapshots
from interlock.testing.conformance.blobs import BlobsSuite
from interlock.testing.conformance.livefeed import LiveFeedSuite
from interlock.testing.conformance.samples import AT, write
from interlock.testing.conformance.snapshots import SnapshotsSuite


class SnapshotsInMemory:
    def __init__(self) -> None:
        self.store = MemoryStore()

    async def open(self) -> Snapshots:
        return MemorySnapshots(self.store)


class BlobsInMemory:
    def __init__(self) -> None:
        self.store = MemoryStore()

    async def open(self) -> Blobs:
        return MemoryBlobs(self.store)

    async def spoil(self, blob: BlobId) -> None:
        self.store.blobs[blob] += b"!"


class LiveFeedInMemory:
    def __init__(self) -> None:
        self.feed = MemoryLiveFeed()

    async def open(self) -> MemoryLiveFeed:
        return self.feed

    async def settle(self) -> None:
        await asyncio.sleep(0)


class TestMemorySnapshots(SnapshotsSuite):
    @pytest.fixture
    def house(self) -> SnapshotsInMemory:
        return SnapshotsInMemory()


class TestMemoryBlobs(BlobsSuite):
    @pytest.fixture
    def house(self) -> BlobsInMemory:
        return BlobsInMemory()


class TestMemoryLiveFeed(LiveFeedSuite):
    @pytest.fixture
    def house(self) -> LiveFeedInMemory:
        return LiveFeedInMemory()


async def test_a_broken_store_fails_everything_until_it_is_mended() -> None:
    store = MemoryStore()
    log, blobs, snapshots = MemoryEventLog(store), MemoryBlobs(store), MemorySnapshots(store)
    await log.append([write("a", 0, "kept")], AT)
    store.broken = DiskFull("event log", "pretended")
    for attempt in (
        log.append([write("a", 1, "x")], AT),
        log.read(0),
        blobs.put(b""),
        snapshots.load("b"),
    ):
        with pytest.raises(PartLost, match="no space left"):
            await attempt
    store.broken = None
    assert len(await log.read(0)) == 1
