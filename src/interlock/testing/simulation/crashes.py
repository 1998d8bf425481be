"""Dying like a process: at any port call, before or after its effect, and nothing runs afterwards.

A life wraps every port of one plane. Once it has ended, every further call of its coroutines fails
too, so that no `finally` can do what a killed process could not have done.
"""

import random
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from interlock.domain.ids import WorkerId
from interlock.engine.acts import Acts, Candidate, Judged, Landed, Landing, NotLanded, Prepared
from interlock.engine.chain import Head, Stored, Verification
from interlock.engine.dispatch import Delivery, Dispatch, Order, Report
from interlock.engine.errors import PartLost
from interlock.engine.ports import (
    Doorbell,
    EventLog,
    Fence,
    Recorded,
    Snapshot,
    Snapshots,
    StreamWrite,
)


class Died(BaseException):
    """The pretend process is gone; nobody may handle this but the one who started it."""


class Luck:
    """How likely a life ends at one port call, shared by all lives of an episode."""

    def __init__(self, dice: random.Random, rate: float, crashes_max: int) -> None:
        self._dice = dice
        self.rate, self.loses = rate, 0.0
        self._left = crashes_max
        self.crashes = 0

    def strikes(self) -> bool:
        if self._left <= 0 or self._dice.random() >= self.rate:
            return False
        self._left -= 1
        self.crashes += 1
        return True

    def loses_part(self) -> bool:
        return self.loses > 0 and self._dice.random() < self.loses


class Life:
    """One process: alive until it dies at a port, or is killed from outside."""

    def __init__(self, luck: Luck) -> None:
        self._luck = luck
        self.alive = True

    def touch(self) -> None:
        """Before and after every effect: the moments at which a process can die."""
        self.check()
        if self._luck.strikes():
            self.alive = False
            raise Died

    def check(self) -> None:
        if not self.alive:
            raise Died

    def maybe_lose(self, part: str) -> None:
        if self._luck.loses_part():
            raise PartLost(part, "pretend failure", "Wait")


class MortalLog:
    """An event log as one life sees it."""

    def __init__(self, log: EventLog, life: Life) -> None:
        self._log, self._life = log, life

    async def append(
        self, writes: Sequence[StreamWrite], at: datetime, fence: Fence | None = None
    ) -> Sequence[Recorded]:
        self._life.touch()
        self._life.maybe_lose("store")
        recorded = await self._log.append(writes, at, fence)
        self._life.touch()
        self._life.maybe_lose("store")  # Durable, but the plane is told that it may not be.
        return recorded

    async def read(self, after: int, limit: int = 1000) -> Sequence[Recorded]:
        self._life.check()
        return await self._log.read(after, limit)

    async def read_stream(
        self, stream: str, after: int = 0, limit: int = 1000
    ) -> Sequence[Recorded]:
        self._life.check()
        return await self._log.read_stream(stream, after, limit)

    async def head(self) -> Head:
        self._life.check()
        return await self._log.head()

    def stored(self, after: int = 0) -> AsyncIterator[Stored]:
        return self._log.stored(after)

    async def verify(self, expected: Head | None = None) -> Verification:
        return await self._log.verify(expected)

    def listen(self) -> Doorbell:
        return self._log.listen()

    async def close(self) -> None:
        await self._log.close()


class MortalSnapshots:
    """Snapshots as one life sees them."""

    def __init__(self, snapshots: Snapshots, life: Life) -> None:
        self._snapshots, self._life = snapshots, life

    async def load(self, name: str) -> Snapshot | None:
        self._life.check()
        return await self._snapshots.load(name)

    async def save(self, name: str, snapshot: Snapshot) -> None:
        self._life.touch()
        await self._snapshots.save(name, snapshot)
        self._life.touch()


class MortalActs:
    """Acts as one life performs them."""

    def __init__(self, acts: Acts, life: Life) -> None:
        self._acts, self._life = acts, life

    async def judge(self, candidate: Candidate) -> Judged:
        self._life.touch()
        judged = await self._acts.judge(candidate)
        self._life.touch()
        return judged

    async def prepare(self, candidate: Candidate) -> Prepared | NotLanded:
        self._life.touch()
        prepared = await self._acts.prepare(candidate)
        self._life.touch()
        return prepared

    async def land(self, landing: Landing) -> Landed | NotLanded:
        self._life.touch()
        landed = await self._acts.land(landing)
        self._life.touch()
        return landed

    async def find_landing(self, landing: Landing) -> Landed | None:
        self._life.touch()
        return await self._acts.find_landing(landing)


class MortalDispatch:
    """The plane's end of the network as one life holds it."""

    def __init__(self, dispatch: Dispatch, life: Life) -> None:
        self._dispatch, self._life = dispatch, life

    async def send(self, worker: WorkerId, order: Order) -> None:
        self._life.touch()
        self._life.maybe_lose("broker")
        await self._dispatch.send(worker, order)
        self._life.touch()

    async def receive(self) -> Delivery:
        self._life.check()
        return MortalDelivery(await self._dispatch.receive(), self._life)

    async def close(self) -> None:
        await self._dispatch.close()


class MortalDelivery:
    """A report that a dead plane can no longer settle."""

    def __init__(self, delivery: Delivery, life: Life) -> None:
        self._delivery, self._life = delivery, life

    @property
    def report(self) -> Report:
        return self._delivery.report

    async def settle(self) -> None:
        self._life.touch()
        await self._delivery.settle()
