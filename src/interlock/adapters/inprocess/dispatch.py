"""Both ends of a dispatch in one process, and the exchange between them that outlives either.

    exchange = InProcessExchange()
    plane, worker = exchange.plane(), exchange.worker(WorkerId("w1"))

Asking for an end again is what its restart is: what was left open there is told again. Whoever held
that end before must have stopped.
"""

from interlock.domain.ids import LeaseId, WorkerId
from interlock.engine.dispatch import Order, Report
from interlock.engine.errors import PartLost
from interlock.engine.mailbox import ORDERS_MAX, REPORTS_MAX, OrderBox, ReportBox


class InProcessExchange:
    """The boxes between one plane and its workers."""

    def __init__(self, orders_max: int = ORDERS_MAX, reports_max: int = REPORTS_MAX) -> None:
        self._orders_max = orders_max
        self._orders: dict[WorkerId, OrderBox] = {}
        self._reports = ReportBox(reports_max)

    def plane(self) -> "InProcessDispatch":
        self._reports.rewind()
        return InProcessDispatch(self._orders, self._reports)

    def worker(self, worker: WorkerId) -> "InProcessLink":
        box = self._orders.setdefault(worker, OrderBox(self._orders_max))
        box.rewind()
        return InProcessLink(box, self._reports)

    def close(self) -> None:
        """Nothing passes any more; whoever waits is woken with PartLost."""
        self._reports.lose(_closed())


class _Delivery:
    """A report, and the box it stays in until it is settled."""

    def __init__(self, report: Report, box: ReportBox) -> None:
        self._report, self._box = report, box

    @property
    def report(self) -> Report:
        return self._report

    async def settle(self) -> None:
        self._box.settle(self._report.id)


class InProcessDispatch:
    """The plane's end."""

    def __init__(self, orders: dict[WorkerId, OrderBox], reports: ReportBox) -> None:
        self._orders, self._reports = orders, reports

    async def send(self, worker: WorkerId, order: Order) -> None:
        self._reports.raise_if_lost()
        box = self._orders.get(worker)
        if box is not None:
            box.put(order)

    async def receive(self) -> _Delivery:
        return _Delivery(await self._reports.next(), self._reports)

    async def close(self) -> None:
        """The boxes stay, for the next plane in this process."""


class InProcessLink:
    """A worker's end."""

    def __init__(self, orders: OrderBox, reports: ReportBox) -> None:
        self._orders, self._reports = orders, reports

    async def next_order(self) -> Order:
        return await self._orders.next()

    async def done_with(self, order: Order) -> None:
        self._orders.done(order)

    async def renew(self, lease: LeaseId) -> None:
        """Nothing here redelivers by itself."""

    async def report(self, report: Report) -> None:
        await self._reports.put(report)

    async def close(self) -> None:
        """The orders stay, for a worker of the same name."""


def _closed() -> PartLost:
    return PartLost("dispatch", "this process is closing it", "Start again")
