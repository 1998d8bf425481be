"""Snapshots in memory."""

import asyncio

from interlock.adapters.memory.store import MemoryStore
from interlock.engine.ports import Snapshot


class MemorySnapshots:
    """The newest picture per name on a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def load(self, name: str) -> Snapshot | None:
        await asyncio.sleep(0)
        self._store.check()
        return self._store.snapshots.get(name)

    async def save(self, name: str, snapshot: Snapshot) -> None:
        await asyncio.sleep(0)
        self._store.check()
        kept = self._store.snapshots.get(name)
        if kept is None or kept.position <= snapshot.position:
            self._store.snapshots[name] = snapshot
