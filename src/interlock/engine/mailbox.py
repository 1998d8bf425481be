"""What lies between a plane and its workers: bounded, in memory, and lost without harm.

The adapters whose transport remembers nothing by itself keep their messages here. Both ends may
lose all of it at any time: the plane's next look offers again what the log still wants done.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from interlock.domain.ids import LeaseId
from interlock.engine.dispatch import Interrupt, Job, Order, Report
from interlock.engine.errors import EngineError, PartLost

ORDERS_MAX: Final = 64
"""Orders kept for one worker. Assignment is decided centrally, so more than a few is a fault."""

REPORTS_MAX: Final = 1024
"""Reports kept for a plane that is slow; whoever brings one more has to wait."""

SETTLED_MAX: Final = 10_000
"""Ids of settled reports kept to drop their repeats; older ones reach the plane once more."""

_Slot = tuple[LeaseId, bool]


class OrderBox:
    """What one worker still has to be told: for each lease its job and the newest control order.

    An order leaves when it is done with, not when it is taken, so that it can be told again. When
    the box is full the oldest order gives way: the newest is what the plane wants now.
    """

    def __init__(self, orders_max: int = ORDERS_MAX) -> None:
        self._orders_max = orders_max
        self._orders: OrderedDict[_Slot, Order] = OrderedDict()
        self._untold: OrderedDict[_Slot, None] = OrderedDict()
        self._filled = asyncio.Event()
        self._lost: EngineError | None = None

    def __len__(self) -> int:
        return len(self._orders)

    def __contains__(self, order: Order) -> bool:
        return self._orders.get(_slot(order)) == order

    @property
    def leases(self) -> tuple[LeaseId, ...]:
        """The leases of the jobs in the box."""
        return tuple(order.lease for order in self._orders.values() if isinstance(order, Job))

    def put(self, order: Order) -> None:
        """Add or repeat an order; it replaces what it makes pointless."""
        if isinstance(order, Interrupt):
            self._remove((order.lease, True))
        slot = _slot(order)
        self._remove(slot)
        self._orders[slot] = order
        self._untold[slot] = None
        while len(self._orders) > self._orders_max:
            self._remove(next(iter(self._orders)))
        self._filled.set()

    async def next(self) -> Order:
        """The oldest order not told yet."""
        while not self._untold and self._lost is None:
            self._filled.clear()
            await self._filled.wait()
        if self._lost is not None:
            raise self._lost
        slot, _ = self._untold.popitem(last=False)
        return self._orders[slot]

    def done(self, order: Order) -> None:
        """Forget it; with a job goes what was still to be said about it."""
        if order in self:
            self._remove(_slot(order))
        if isinstance(order, Job):
            self._remove((order.lease, False))

    def rewind(self) -> None:
        """Tell everything again: the one who was told is gone."""
        self._untold = OrderedDict.fromkeys(self._orders)
        self._filled.set()

    def lose(self, why: EngineError) -> None:
        """Wake up whoever waits here: no order comes any more."""
        self._lost = why
        self._filled.set()

    def _remove(self, slot: _Slot) -> None:
        self._orders.pop(slot, None)
        self._untold.pop(slot, None)


class ReportBox:
    """Reports on their way to the plane, each until it is settled, and each id once."""

    def __init__(self, reports_max: int = REPORTS_MAX, settled_max: int = SETTLED_MAX) -> None:
        self._reports_max, self._settled_max = reports_max, settled_max
        self._reports: OrderedDict[str, Report] = OrderedDict()
        self._unread: OrderedDict[str, None] = OrderedDict()
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._changed = asyncio.Event()
        self._lost: PartLost | None = None

    async def put(self, report: Report) -> bool:
        """Take it over, waiting for room; False for one that is known already."""
        while not self._knows(report.id) and len(self._reports) >= self._reports_max:
            await self._change()
        self.raise_if_lost()
        if self._knows(report.id):
            return False
        self._reports[report.id] = report
        self._unread[report.id] = None
        self._changed.set()
        return True

    async def next(self) -> Report:
        """The oldest report not given out yet."""
        while not self._unread:
            await self._change()
        self.raise_if_lost()
        report_id, _ = self._unread.popitem(last=False)
        return self._reports[report_id]

    def settle(self, report_id: str) -> None:
        self._reports.pop(report_id, None)
        self._unread.pop(report_id, None)
        self._settled[report_id] = None
        if len(self._settled) > self._settled_max:
            self._settled.popitem(last=False)
        self._changed.set()

    def has_settled(self, report_id: str) -> bool:
        return report_id in self._settled

    def rewind(self) -> None:
        """Give out everything unsettled again: the one who had it is gone."""
        self._unread = OrderedDict.fromkeys(self._reports)
        self._changed.set()

    def lose(self, why: PartLost) -> None:
        """Wake up everybody who waits here: the transport is gone."""
        self._lost = why
        self._changed.set()

    def _knows(self, report_id: str) -> bool:
        return report_id in self._reports or report_id in self._settled

    async def _change(self) -> None:
        self.raise_if_lost()
        self._changed.clear()
        await self._changed.wait()

    def raise_if_lost(self) -> None:
        if self._lost is not None:
            raise self._lost


def _slot(order: Order) -> _Slot:
    return order.lease, isinstance(order, Job)
