"""The memory log is a log like any other."""

from collections.abc import Callable

import pytest

from interlock.adapters.memory.log import MemoryEventLog
from interlock.adapters.memory.store import MemoryStore
from interlock.testing.conformance.event_log import EventLogSuite
from interlock.testing.conformance.houses import RawLog


class MemoryLogHouse:
    def __init__(self) -> None:
        self.store = MemoryStore()

    async def open(self) -> MemoryEventLog:
        return MemoryEventLog(self.store)

    async def tamper(self, change: Callable[[RawLog], None]) -> None:
        raw = RawLog(list(self.store.events), dict(self.store.heads), self.store.head)
        change(raw)
        self.store.events, self.store.heads, self.store.head = raw.events, raw.heads, raw.head


class TestMemoryEventLog(EventLogSuite):
    @pytest.fixture
    def house(self) -> MemoryLogHouse:
        return MemoryLogHouse()
