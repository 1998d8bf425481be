"""An onlooker of a crash test: reads the log as any other process would, and judges it at the end.

What it once saw durable it remembers, position and hash: at the end all of it must still be there.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from interlock.domain.facts.change import ChangeLanded, LandingIntended
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.ids import RunId, task_id_of
from interlock.domain.plan import Plan
from interlock.domain.run import RunStatus
from interlock.domain.task import TaskStatus
from interlock.engine.chain import Head
from interlock.engine.errors import PartLost
from interlock.engine.ports import EventLog, Recorded, Snapshots
from interlock.flows.run.pictures import PlanePicture, empty, epoch_stream, version_of
from interlock.flows.run.recovery import catch_up, happened, read_picture
from interlock.flows.run.state import fold
from interlock.testing.crash.house import House
from interlock.testing.crash.target import FileTarget
from interlock.testing.simulation.referee import Referee

LOOK_SECONDS: Final = 0.05


class NeverCame(Exception):
    """What was waited for did not happen in time."""


class Finding(msgspec.Struct, frozen=True):
    """What the log of one house tells, and everything that is wrong with it.

    `settled_later` counts the landings that one plane intended and another one recorded.
    """

    events: int
    epochs: int
    grants: int
    leased_at_once: int
    settled_later: int
    faults: tuple[str, ...]


class _Books:
    """What is counted along the way."""

    def __init__(self) -> None:
        self.position = self.grants = self.at_once = self.settled_later = 0
        self.faults: list[str] = []
        self._intended: dict[str, str] = {}

    def enter(self, event: Recorded, leased: int) -> None:
        if event.position != self.position + 1:
            self.faults.append(f"after position {self.position} comes {event.position}")
        self.position, self.at_once = event.position, max(self.at_once, leased)
        match event.fact:
            case LeaseGranted():
                self.grants += 1
            case LandingIntended(key=key):
                self._intended[key] = event.actor.id
            case ChangeLanded(key=key):
                self.settled_later += self._intended[key] != event.actor.id
            case _:
                return


class Witness:
    """Looks at one house through a log of its own."""

    def __init__(self, house: House, log: EventLog, snapshots: Snapshots) -> None:
        self._house, self._log, self._snapshots = house, log, snapshots
        self.picture: PlanePicture = empty(house.repo_id)
        self.seen: list[Head] = []
        self.acting = ""

    async def look(self) -> None:
        """A store that is gone at the moment shows nothing new."""
        try:
            self.picture = await catch_up(self._log, self.picture)
            head = await self._log.head()
            epochs = await self._log.read_stream(epoch_stream(self._house.repo_id))
        except PartLost:
            return
        if not self.seen or head.position > self.seen[-1].position:
            self.seen.append(head)
        self.acting = epochs[-1].actor.id if epochs else ""

    async def until(
        self, what: str, condition: Callable[[PlanePicture], bool], seconds: float
    ) -> None:
        deadline = time.monotonic() + seconds
        while True:
            await self.look()
            if condition(self.picture):
                return
            if time.monotonic() > deadline:
                raise NeverCame(f"{what} within {seconds:g} s; {self._where()}")
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def started(self) -> int:
        """How many tasks were ever given to a worker."""
        return sum(task.token > 0 for task in self.picture.tasks.values())

    def epochs(self) -> int:
        return version_of(self.picture, epoch_stream(self._house.repo_id))

    async def judge(self, run_id: RunId, plan: Plan) -> Finding:
        """The whole history from its beginning, and what the target has to say."""
        referee, picture, books = Referee(), empty(self._house.repo_id), _Books()
        while events := await self._log.read(picture.position, 1000):
            for event in events:
                referee.see(
                    event.position, event.stream, event.version, event.at, event.actor, event.fact
                )
                picture = fold(picture, happened(event))
                books.enter(event, len(picture.leased))
            picture = msgspec.structs.replace(picture, position=events[-1].position)
        referee.finish(FileTarget(self._house.target).commits(), ended=True)
        faults = [
            *books.faults,
            *(f"{v.position}: {v.invariant}: {v.detail}" for v in referee.violations),
            *self._faults_of_run(picture, run_id, plan),
            *await self._faults_of_store(picture),
        ]
        epochs = version_of(picture, epoch_stream(self._house.repo_id))
        return Finding(
            books.position, epochs, books.grants, books.at_once, books.settled_later, tuple(faults)
        )

    def _faults_of_run(self, picture: PlanePicture, run_id: RunId, plan: Plan) -> list[str]:
        run = picture.runs.get(run_id)
        if run is None or run.status is not RunStatus.COMPLETED:
            return [f"run {run_id} is not complete: {self._where()}"]
        commits = FileTarget(self._house.target).commits()
        landed = Counter(commit.task_id for commit in commits)
        faults = []
        for planned in plan.tasks:
            task = picture.tasks[task_id_of(run_id, planned.id)]
            if task.status is not TaskStatus.DONE or landed[task.id] != 1:
                faults.append(f"{task.id} is {task.status} and landed {landed[task.id]} times")
        return faults

    async def _faults_of_store(self, picture: PlanePicture) -> list[str]:
        verification = await self._log.verify(self.seen[-1] if self.seen else None)
        faults = [] if verification.ok else [f"the chain: {verification.first_broken}"]
        hashes = {row.position: row.hash async for row in self._log.stored()}
        faults += [
            f"position {head.position} was durable and is lost"
            for head in self.seen
            if head.position and hashes.get(head.position) != head.hash
        ]
        jumped = await read_picture(self._log, self._snapshots, self._house.repo_id)
        if not jumped == picture:  # noqa: SIM201 - the maps inside know equality only
            faults.append("the newest snapshot and the whole history give two pictures")
        return faults

    def _where(self) -> str:
        counts = Counter(task.status.value for task in self.picture.tasks.values())
        return (
            f"position {self.picture.position}, epoch {self.epochs()}, leases "
            f"{len(self.picture.leased)}, tasks {dict(counts)}, {self.picture.lost_part}"
        )
