"""A counter with a plane behind it that answers each command at once, as the flows decide it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from interlock.control.commands import Accepted, Answer, Refused, Unanswered
from interlock.control.counter import Behind, Counter
from interlock.control.ground import Ground
from interlock.control.store import Store
from interlock.domain.actor import Actor
from interlock.domain.bench import Bench, Harvest
from interlock.domain.command import Command, StartRun
from interlock.domain.facts.base import Fact
from interlock.domain.facts.command import CommandAccepted, CommandRefused
from interlock.domain.facts.run import RunPlanned, RunStarted
from interlock.domain.facts.task import TaskSubmitted
from interlock.domain.goal import Goal
from interlock.domain.group import StageGroup
from interlock.domain.ids import BlobId, CommitId, TaskId, TaskName, WorkerId, task_id_of
from interlock.domain.run import RunLimits
from interlock.domain.settings import AgentProfile, Settings
from interlock.domain.task import Dependency, PlannedTask, TaskStatus
from interlock.engine.ports import NewEvent, StreamWrite
from interlock.flows.run import commands as run_commands
from interlock.flows.run.draft import Dirty, Draft
from interlock.flows.run.recovery import read_picture
from interlock.flows.run.settle import settle
from interlock.flows.task.picture import TaskPicture
from tests.unit.control.desks import PERSON, PLANE, REPO, RUN, Desk

AGENT = Actor("agent", "roy", "mcp")
BASE = CommitId("b" * 40)


def planned(name: str, *after: str, **more: object) -> PlannedTask:
    needs = tuple(Dependency(TaskName(other)) for other in after)
    return PlannedTask(TaskName(name), f"Do {name}", depends_on=needs, **more)  # type: ignore[arg-type]


class MemoryHands:
    """Benches on paper: what a test puts on one is what is collected from it."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str]] = []
        self.work: Harvest = Harvest(CommitId("c" * 40), ("app/x.py",), b"PACK")
        self.broken: Exception | None = None

    async def make(self, worker_id: WorkerId, task_id: TaskId, target: str) -> Bench:
        if self.broken is not None:
            raise self.broken
        self.made.append((task_id, target))
        return Bench(BASE, f"worker/{worker_id}/{task_id}", f"/repo/.worktrees/{worker_id}")

    async def collect(self, _worker: WorkerId, _task: TaskId, bench: Bench) -> Harvest:
        assert bench.base == BASE
        return self.work


class Town:
    """A store, its plane, and people at the counter."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.desk = Desk()
        self.hands = MemoryHands()
        self.settings = settings or Settings(agents=(AgentProfile("default", "command", ("x",)),))
        self.given: list[Command] = []
        self.silent = False

    def counter(self, actor: Actor = PERSON) -> Counter:
        behind = Behind(
            open_store=self._open,
            read_settings=lambda: self.settings,
            clock=self.desk.clock,
            ids=_Ids(),
            give=self.give,
            hands=lambda: self.hands,
            survey=self._survey,
        )
        return Counter(behind, actor)

    @asynccontextmanager
    async def _open(self, **_: bool) -> AsyncIterator[Store]:
        yield self.desk.store

    async def _survey(self, _: Settings) -> Ground:
        return Ground("main", BASE, "none")

    async def give(self, actor: Actor, command: Command) -> Answer:
        given = await self.desk.commands.give(actor, command)
        self.given.append(command)
        if self.silent:
            return Unanswered(given.command_id)
        for fact in await self.turn():
            if isinstance(fact, CommandRefused):
                return Refused(given.command_id, fact.refusal)
            if isinstance(fact, CommandAccepted):
                return Accepted(given.command_id, fact.run_id)
        raise AssertionError("the plane did not answer")

    async def turn(self) -> list[Fact]:
        """The plane answers what waits and decides whatever follows."""
        desk = self.desk
        plane = await read_picture(desk.log, desk.store.snapshots, REPO)
        dirty = Dirty()
        dirty.everything(plane)
        draft = Draft(plane, dirty, desk.clock.now(), PLANE)
        for given in plane.commands:
            run_commands.answer(draft, given)
            if isinstance(given.command, StartRun):
                run_commands.reply(draft, given, None, given.command.run_id)
        settle(draft, lambda _: "")
        writes = draft.writes()
        if writes:
            await desk.log.append(writes, desk.clock.now())
        return [event.fact for write in writes for event in write.events]

    async def run(
        self,
        *tasks: PlannedTask,
        limits: RunLimits | None = None,
        groups: tuple[StageGroup, ...] = (),
    ) -> None:
        """A run with these tasks, as far as it comes without workers."""
        goal, plan = Goal("Log in"), BlobId("0" * 64)
        started = RunStarted(
            RUN,
            REPO,
            goal,
            plan,
            len(tasks),
            limits or RunLimits(),
            groups,
            target="main",
            base=BASE,
        )
        group_of = {stage: group.id for group in groups for stage in group.stages}
        await self.record(f"run/{RUN}", started)
        for index, task in enumerate(tasks):
            task_id = task_id_of(RUN, task.id)
            await self.record(
                f"task/{task_id}",
                TaskSubmitted(task_id, RUN, REPO, task, index, 10.0, group_of.get(task.id)),
            )
        await self.record(f"run/{RUN}", RunPlanned(len(tasks)))
        await self.turn()

    async def record(self, stream: str, *facts: Fact, actor: Actor = PLANE) -> None:
        events = tuple(NewEvent(fact, actor) for fact in facts)
        await self.desk.log.append([StreamWrite(stream, None, events)], self.desk.clock.now())

    async def on(self, name: str, *facts: Fact) -> None:
        """These facts about the task are true."""
        await self.record(f"task/{task_id_of(RUN, TaskName(name))}", *facts)

    async def task(self, name: str) -> TaskPicture:
        plane = await read_picture(self.desk.log, self.desk.store.snapshots, REPO)
        return plane.tasks[task_id_of(RUN, TaskName(name))]

    async def state(self, name: str) -> TaskStatus:
        return (await self.task(name)).status


class _Ids:
    def __init__(self) -> None:
        self.count = 0

    def new(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"
