"""An event log in memory, with the awaits of a real one: seeded schedulers find the same races."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from interlock.adapters.memory.store import MemoryStore
from interlock.engine.chain import Head, Stored, Verification, verify_chain
from interlock.engine.doorbell import LocalDoorbell
from interlock.engine.ports import Fence, Recorded, StreamWrite
from interlock.engine.records import chain_on, prepare, recorded_now, recorded_of


class MemoryEventLog:
    """One process's view of a `MemoryStore`; open as many as there are processes to pretend."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._bells: list[LocalDoorbell] = []
        self._closed = False

    async def append(
        self, writes: Sequence[StreamWrite], at: datetime, fence: Fence | None = None
    ) -> Sequence[Recorded]:
        prepared = prepare(writes, at, fence)
        await self._io()
        chained = chain_on(prepared, self._store.head, self._store.head_of)
        self._store.write(chained)
        # Durable, and the writer does not know it yet: the moment at which a crash hurts most.
        await asyncio.sleep(0)
        return recorded_now(prepared, chained)

    async def read(self, after: int, limit: int = 1000) -> Sequence[Recorded]:
        await self._io()
        return [recorded_of(row) for row in self._store.events[after : after + limit]]

    async def read_stream(
        self, stream: str, after: int = 0, limit: int = 1000
    ) -> Sequence[Recorded]:
        await self._io()
        rows = self._store.streams.get(stream, [])
        return [recorded_of(row) for row in rows[after : after + limit]]

    async def head(self) -> Head:
        await self._io()
        return self._store.head

    async def stored(self, after: int = 0) -> AsyncIterator[Stored]:
        await self._io()
        for row in self._store.events[after:]:
            yield row

    async def verify(self, expected: Head | None = None) -> Verification:
        await self._io()
        heads, head = dict(self._store.heads), self._store.head
        return await verify_chain(_each(self._store.events[:]), heads, head, expected)

    def listen(self) -> LocalDoorbell:
        self._check_open()
        bell = self._store.listen(self._bells.remove)
        self._bells.append(bell)
        return bell

    async def close(self) -> None:
        self._closed = True
        for bell in self._bells[:]:
            bell.close()

    async def _io(self) -> None:
        """Where a real log would wait for its disk, others run."""
        self._check_open()
        await asyncio.sleep(0)
        self._store.check()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the event log is closed")


async def _each(rows: list[Stored]) -> AsyncIterator[Stored]:
    for row in rows:
        yield row
