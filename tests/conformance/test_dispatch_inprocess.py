"""Dispatch inside one process, against the contract."""

import pytest

from interlock.adapters.inprocess.dispatch import (
    InProcessDispatch,
    InProcessExchange,
    InProcessLink,
)
from interlock.domain.ids import WorkerId
from interlock.testing.conformance.dispatch import DispatchSuite


class InProcessHouse:
    """One exchange; dying is to be asked for no more."""

    def __init__(self) -> None:
        self._exchange = InProcessExchange()
        self.plane: InProcessDispatch = self._exchange.plane()

    async def link(self, worker: WorkerId) -> InProcessLink:
        return self._exchange.worker(worker)

    async def lose(self, worker: WorkerId) -> None:
        pass

    async def restart_plane(self) -> None:
        self.plane = self._exchange.plane()

    async def break_transport(self) -> None:
        self._exchange.close()


class TestInProcessDispatch(DispatchSuite):
    @pytest.fixture
    def house(self) -> InProcessHouse:
        return InProcessHouse()
