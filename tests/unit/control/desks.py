"""A store in memory as the front desk sees one, and a short history to put into it."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.log import MemoryEventLog
from interlock.adapters.memory.snapshots import MemorySnapshots
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.clock import PretendClock
from interlock.adapters.pretend.ids import PretendIds
from interlock.control.commands import Commands
from interlock.control.store import Store
from interlock.domain.actor import Actor
from interlock.domain.facts.base import Fact
from interlock.domain.facts.run import RunPlanned, RunStarted
from interlock.domain.facts.task import TaskMadeReady, TaskRouted, TaskSubmitted
from interlock.domain.goal import Goal
from interlock.domain.ids import BlobId, RepoId, RunId, TaskName, task_id_of
from interlock.domain.run import RunLimits
from interlock.domain.task import Dependency, PlannedTask
from interlock.engine.ports import NewEvent, StreamWrite

REPO = RepoId("repo-1")
RUN = RunId("r1")
AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PERSON = Actor("person", "ana", "cli")
PLANE = Actor("plane", "p1", "plane")


class Nobody:
    """Leadership of which one can only ask who has it."""

    def __init__(self, name: str | None = None) -> None:
        self.name = name

    async def acquire(self, holder: str) -> bool:
        raise NotImplementedError

    async def renew(self) -> bool:
        raise NotImplementedError

    async def release(self) -> None:
        raise NotImplementedError

    async def holder(self) -> str | None:
        return self.name


class Desk:
    """The parts, ready to hand; each `record` happens one minute after the one before."""

    def __init__(self, holder: str | None = None) -> None:
        self.memory = MemoryStore()
        self.log = MemoryEventLog(self.memory)
        self.blobs = MemoryBlobs(self.memory)
        self.clock = PretendClock()
        self.commands = Commands(REPO, self.log, lambda: self.blobs, self.clock, PretendIds())
        self.store = Store(
            where="memory",
            profile="solo",
            repository="/some/where",
            repo_id=REPO,
            log=self.log,
            snapshots=MemorySnapshots(self.memory),
            leadership=Nobody(holder),
            open_blobs=lambda: self.blobs,
        )
        self._at = AT

    @asynccontextmanager
    async def open(self, *, create: bool = False):
        assert not create
        yield self.store

    async def record(self, stream: str, *facts: Fact, actor: Actor = PLANE) -> None:
        self._at += timedelta(minutes=1)
        events = tuple(NewEvent(fact, actor) for fact in facts)
        await self.log.append([StreamWrite(stream, None, events)], self._at)

    async def two_tasks(self) -> None:
        """`page` waits for `table`, and `table` is ready."""
        table = PlannedTask(TaskName("table"), "Make the table", skills=("sql",))
        page = PlannedTask(
            TaskName("page"), "Show it", depends_on=(Dependency(TaskName("table"), at=100),)
        )
        started = RunStarted(RUN, REPO, Goal("Log in"), BlobId("0" * 64), 2, RunLimits())
        await self.record(f"run/{RUN}", started)
        for index, planned in enumerate((table, page)):
            task_id = task_id_of(RUN, planned.id)
            submitted = TaskSubmitted(task_id, RUN, REPO, planned, index, 10.0)
            await self.record(f"task/{task_id}", submitted, TaskRouted("unscored"))
        await self.record(f"run/{RUN}", RunPlanned(2))
        await self.record("task/r1-table", TaskMadeReady())
