"""The book in memory keeps the contract of books."""

import pytest

from interlock.adapters.memory.ledger import MemoryLedger
from interlock.engine.ports import Clock
from interlock.testing.conformance.ledgers import LedgerSuite
from interlock.workers.models.ports import Ledger


class LedgersInMemory:
    def __init__(self) -> None:
        self._one: MemoryLedger | None = None

    async def open(self, clock: Clock) -> Ledger:
        self._one = self._one or MemoryLedger(clock)
        return self._one


class TestMemoryLedger(LedgerSuite):
    @pytest.fixture
    def house(self) -> LedgersInMemory:
        return LedgersInMemory()
