"""A worker process: it joins, works on what it is given, and leaves without losing anything.

    worker = WorkerProcess(Identity(WorkerId("agent-local-1")), link, gateway, clock, ids)
    await worker.run(leave)          # until `leave` is set, or the plane is gone for good

It drives every agent profile, so it joins as one that can do anything. A job that is told again is
recognised by its lease. When it leaves, by order or because the transport is lost, every attempt
is interrupted, its work rescued and its place cleared before the process ends.
"""

import asyncio
import signal
from collections import OrderedDict
from contextlib import suppress
from typing import Final

import msgspec

from interlock.domain.ids import LeaseId, Token, WorkerId
from interlock.engine.dispatch import (
    Alive,
    Answer,
    Freeze,
    Interrupt,
    Job,
    Joined,
    Left,
    Metered,
    Thaw,
    WorkerLink,
)
from interlock.engine.errors import EngineError, PartLost
from interlock.engine.ports import Clock, IdSource
from interlock.engine.supervisor import Supervisor
from interlock.workers.leftovers import Owed
from interlock.workers.reins import Reins
from interlock.workers.service import Gateway
from interlock.workers.telling import Teller

ANYTHING: Final = "*"
"""As an agent: it drives every profile; as a skill: it is the profile that has them or not."""

HEARTBEATS_PER_LEASE: Final = 4.0
HEARTBEAT_SECONDS_MAX: Final = 10.0
GOODBYE_SECONDS: Final = 60.0
"""Interrupting, rescuing and clearing have this long; after that the process just ends."""

SEEN_MAX: Final = 1_000


class Identity(msgspec.Struct, frozen=True):
    """Who the worker is; `session` grows with each start of it."""

    worker_id: WorkerId
    session: int = 1
    capacity: int = 1
    name: str = ""


class WorkerProcess:
    """Everything a worker does between its first and its last word."""

    def __init__(
        self, identity: Identity, link: WorkerLink, gateway: Gateway, clock: Clock, ids: IdSource
    ) -> None:
        self._identity, self._link, self._gateway = identity, link, gateway
        self._clock, self._ids = clock, ids
        self._working: dict[LeaseId, Reins] = {}
        self._seen: OrderedDict[LeaseId, None] = OrderedDict()
        self._lease_seconds = HEARTBEATS_PER_LEASE * HEARTBEAT_SECONDS_MAX
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self, leave: asyncio.Event) -> None:
        """Work until `leave` is set; raises PartLost when the plane is gone for good."""
        cleared = await self._gateway.open()
        await self._join()
        for owed in cleared.owed:
            await self._tell_of(owed)
        async with Supervisor() as attempts:
            try:
                async with Supervisor() as supervisor:
                    supervisor.start("heartbeat", self._be_heard())
                    supervisor.start("orders", self._obey(attempts))
                    await leave.wait()
                    supervisor.cancel_all()
                await self._finish_up("the worker was asked to stop")
                await self._say_goodbye("it was asked to stop")
            except EngineError as lost:
                await self._finish_up(f"the worker lost its plane: {lost}")
                raise
            finally:
                attempts.cancel_all()

    async def _join(self) -> None:
        identity = self._identity
        await self._link.report(
            Joined(
                id=self._new_id(),
                worker_id=identity.worker_id,
                session=identity.session,
                type="agent",
                name=identity.name or identity.worker_id,
                agent=ANYTHING,
                capabilities=(ANYTHING,),
                capacity=identity.capacity,
            )
        )

    async def _tell_of(self, owed: Owed) -> None:
        """What a dead worker's attempt had used; its lease is over, its money is spent."""
        token = Token(int(owed.lease.rpartition("@")[2]))
        await self._link.report(
            Metered(
                id=self._new_id(),
                worker_id=self._identity.worker_id,
                session=self._identity.session,
                task_id=owed.task_id,
                lease=owed.lease,
                token=token,
                usage=owed.usage,
            )
        )

    async def _be_heard(self) -> None:
        while True:
            seconds = self._lease_seconds / HEARTBEATS_PER_LEASE
            await self._clock.sleep(min(seconds, HEARTBEAT_SECONDS_MAX))
            holds = tuple(sorted(self._working))
            for lease in holds:
                await self._link.renew(lease)
            frozen = tuple(lease for lease in holds if self._holds_still(lease))
            asking = [(lease, self._asking(lease)) for lease in holds]
            await self._link.report(
                Alive(
                    id=self._new_id(),
                    worker_id=self._identity.worker_id,
                    session=self._identity.session,
                    holds=holds,
                    frozen=frozen,
                    asking=tuple((lease, question) for lease, question in asking if question),
                )
            )

    def _holds_still(self, lease: LeaseId) -> bool:
        reins = self._working.get(lease)
        return reins is not None and reins.holds_still

    def _asking(self, lease: LeaseId) -> str:
        reins = self._working.get(lease)
        return "" if reins is None else reins.asking

    # --- orders ----------------------------------------------------------------------------------

    async def _obey(self, attempts: Supervisor) -> None:
        while True:
            order = await self._link.next_order()
            match order:
                case Job() if order.lease in self._seen:
                    if order.lease not in self._working:
                        await self._link.done_with(order)
                case Job():
                    self._begin(order, attempts)
                case Freeze() | Thaw() | Interrupt() | Answer():
                    await self._steer(order)

    def _begin(self, job: Job, attempts: Supervisor) -> None:
        self._seen[job.lease] = None
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        self._lease_seconds = min(self._lease_seconds, job.lease_seconds)
        reins = self._working[job.lease] = Reins()
        self._idle.clear()
        attempts.start(job.lease, self._work(job, reins))

    async def _steer(self, order: Freeze | Thaw | Interrupt | Answer) -> None:
        reins = self._working.get(order.lease)
        if reins is not None:
            match order:
                case Freeze():
                    reins.freeze()
                case Thaw():
                    reins.thaw()
                case Interrupt():
                    reins.interrupt("the plane took the task back")
                case Answer(question_id=question_id, answer=answer):
                    reins.answer(question_id, answer)
        await self._link.done_with(order)

    async def _work(self, job: Job, reins: Reins) -> None:
        teller = Teller(job, self._identity.session, self._link.report, self._new_id)
        try:
            # A lost transport shows where orders are read; here it only means: nobody listens.
            with suppress(PartLost):
                await self._gateway.run(job, teller, reins, lambda: self._link.done_with(job))
        finally:
            del self._working[job.lease]
            if not self._working:
                self._idle.set()

    # --- leaving ---------------------------------------------------------------------------------

    async def _finish_up(self, why: str) -> None:
        """Every attempt ends in its own way: interrupted, rescued, cleared."""
        for reins in self._working.values():
            reins.interrupt(why)
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._idle.wait()

    async def _say_goodbye(self, reason: str) -> None:
        await self._link.report(
            Left(
                id=self._new_id(),
                worker_id=self._identity.worker_id,
                session=self._identity.session,
                reason=reason,
            )
        )

    def _new_id(self) -> str:
        return self._ids.new(f"{self._identity.worker_id}-{self._identity.session}-")


def leave_on_signals(leave: asyncio.Event) -> None:
    """SIGTERM and SIGINT mean: finish up and go."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave.set)
