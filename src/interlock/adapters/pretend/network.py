"""A pretend transport: late, twice, out of order, and sometimes not at all.

Orders may vanish; the plane's next look sends them again. Reports are kept until they are settled,
as a broker keeps them, and outlive any plane.
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from interlock.domain.ids import LeaseId, WorkerId
from interlock.engine.dispatch import Order, Report
from interlock.engine.errors import PartLost


class Faults(msgspec.Struct, frozen=True):
    """What may go wrong on the way."""

    delay_seconds_max: float = 0.0
    lose_orders: float = 0.0
    repeat: float = 0.0
    redeliver_seconds: float = 5.0
    notice_seconds_max: float = 0.0


class PretendNetwork:
    """The transport itself; planes and workers hold its ends."""

    def __init__(self, faults: Faults | None = None, dice: random.Random | None = None) -> None:
        self._faults = faults or Faults()
        self._dice = dice or random.Random(0)
        self._unsettled: OrderedDict[str, Report] = OrderedDict()
        self._orders: dict[WorkerId, asyncio.Queue[Order]] = {}
        self._plane: PlaneEnd | None = None
        self._cut_until: dict[WorkerId, float] = {}

    def cut(self, worker_id: WorkerId, seconds: float) -> None:
        """For a while nothing reaches this worker; what it reports arrives when the cut is over."""
        self._cut_until[worker_id] = asyncio.get_running_loop().time() + seconds

    def _cut_for(self, worker_id: WorkerId) -> float:
        """How long the worker stays cut off, in seconds from now."""
        now = asyncio.get_running_loop().time()
        return max(0.0, self._cut_until.get(worker_id, now) - now)

    def calm(self) -> None:
        """From now on everything arrives, once and at once."""
        self._faults = Faults()
        self._cut_until.clear()

    def plane_end(self) -> "PlaneEnd":
        """A new plane's end gets all that is unsettled; an earlier end learns that it is out."""
        if self._plane is not None:
            notice = self._dice.uniform(0.0, self._faults.notice_seconds_max)
            asyncio.get_running_loop().call_later(notice, self._plane.displace)
        self._plane = PlaneEnd(self)
        for report in list(self._unsettled.values()):
            self._plane.arrive(report)
        return self._plane

    def worker_end(self, worker_id: WorkerId) -> "WorkerEnd":
        """A worker's end; what was under way to an earlier life of it is gone."""
        self._orders[worker_id] = asyncio.Queue()
        return WorkerEnd(self, self._orders[worker_id])

    def carry_order(self, worker_id: WorkerId, order: Order) -> None:
        if self._cut_for(worker_id) or self._dice.random() < self._faults.lose_orders:
            return
        for _ in range(self._copies()):
            self._later(lambda: self._bring_order(worker_id, order), 0.0)

    def _bring_order(self, worker_id: WorkerId, order: Order) -> None:
        if worker_id in self._orders:
            self._orders[worker_id].put_nowait(order)

    def carry_report(self, report: Report) -> None:
        self._unsettled[report.id] = report
        held_up = self._cut_for(report.worker_id)
        for _ in range(self._copies()):
            self._later(lambda: self._bring_report(report), held_up)
        self._bring_again_later(report)

    def _bring_report(self, report: Report) -> None:
        if report.id in self._unsettled and self._plane is not None:
            self._plane.arrive(report)

    def _bring_again_later(self, report: Report) -> None:
        def again() -> None:
            if report.id in self._unsettled:
                if not self._cut_for(report.worker_id):
                    self._bring_report(report)
                self._bring_again_later(report)

        asyncio.get_running_loop().call_later(self._faults.redeliver_seconds, again)

    def settle(self, report_id: str) -> None:
        self._unsettled.pop(report_id, None)

    def _copies(self) -> int:
        return 2 if self._dice.random() < self._faults.repeat else 1

    def _later(self, bring: Callable[[], None], held_up: float) -> None:
        delay = held_up + self._dice.uniform(0.0, self._faults.delay_seconds_max)
        asyncio.get_running_loop().call_later(delay, bring)


class PretendDelivery(msgspec.Struct, frozen=True):
    """A report in a plane's hands."""

    report: Report
    network: PretendNetwork

    async def settle(self) -> None:
        self.network.settle(self.report.id)


class PlaneEnd:
    """`Dispatch` on the pretend network."""

    def __init__(self, network: PretendNetwork) -> None:
        self._network = network
        self._arrived: asyncio.Queue[Report | None] = asyncio.Queue()

    def arrive(self, report: Report) -> None:
        self._arrived.put_nowait(report)

    def displace(self) -> None:
        self._arrived.put_nowait(None)

    async def send(self, worker: WorkerId, order: Order) -> None:
        self._network.carry_order(worker, order)

    async def receive(self) -> PretendDelivery:
        report = await self._arrived.get()
        if report is None:
            raise PartLost("broker (pretend)", "another plane took this one's place", "Start again")
        return PretendDelivery(report, self._network)

    async def close(self) -> None:
        """The network goes on without this plane."""


class WorkerEnd:
    """`WorkerLink` on the pretend network."""

    def __init__(self, network: PretendNetwork, orders: "asyncio.Queue[Order]") -> None:
        self._network, self._orders = network, orders

    async def next_order(self) -> Order:
        return await self._orders.get()

    async def done_with(self, order: Order) -> None:
        """This network does not deliver orders again by itself."""

    async def renew(self, lease: LeaseId) -> None:
        """Nor does it wait for a job to be renewed."""

    async def report(self, report: Report) -> None:
        self._network.carry_report(report)

    async def close(self) -> None:
        """Nothing to close."""
