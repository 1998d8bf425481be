"""A plane, its workers and a person on pretend time; every mishap is written down beforehand."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from interlock import __version__
from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.log import MemoryEventLog
from interlock.adapters.memory.snapshots import MemorySnapshots
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.clock import PretendClock
from interlock.adapters.pretend.ids import PretendIds
from interlock.adapters.pretend.network import PretendNetwork
from interlock.adapters.pretend.worker import Performance, PretendWorker, Profile
from interlock.adapters.pretend.world import LandedCommit, PretendWorld, Target
from interlock.domain.actor import Actor
from interlock.domain.command import Command, StartRun
from interlock.domain.facts.command import CommandGiven
from interlock.domain.goal import Goal
from interlock.domain.ids import (
    BlobId,
    CommandId,
    CommitId,
    RepoId,
    RunId,
    TaskId,
    TaskName,
    Token,
    WorkerId,
    task_id_of,
)
from interlock.domain.plan import Plan
from interlock.domain.run import RunLimits
from interlock.domain.task import TaskStatus as S
from interlock.engine.acts import Candidate, Judged, Landed, Landing, NotLanded, Prepared
from interlock.engine.dispatch import Job, Left
from interlock.engine.errors import PartLost
from interlock.engine.ports import NewEvent, StreamWrite
from interlock.flows.run.news import Options, Ports
from interlock.flows.run.pictures import PlanePicture, command_stream
from interlock.flows.run.service import Plane

REPO: Final = RepoId("shop")
PERSON: Final = Actor("person", "somebody", "cli")
WAIT_SECONDS_MAX: Final = 24 * 3600


class ScriptedWorld(PretendWorld):
    """A pretend target where every mishap is written down beforehand, per task."""

    def __init__(self, target: Target, clock: PretendClock) -> None:
        super().__init__(target, clock)
        self._target_of_all = target
        self.judgings: dict[str, list[Judged]] = {}
        self.conflicts: dict[str, NotLanded] = {}
        self.pushes: set[TaskId] = set()

    async def judge(self, candidate: Candidate) -> Judged:
        scripted = self.judgings.get(candidate.planned.id)
        return scripted.pop(0) if scripted else await super().judge(candidate)

    async def prepare(self, candidate: Candidate) -> Prepared | NotLanded:
        conflict = self.conflicts.pop(candidate.planned.id, None)
        return conflict or await super().prepare(candidate)

    async def land(self, landing: Landing) -> Landed | NotLanded:
        if landing.task_id in self.pushes:
            self.pushes.remove(landing.task_id)
            self._target_of_all.commits.append(
                LandedCommit(CommitId("somebody-elses"), None, None, Token(0))
            )
        return await super().land(landing)


class Theatre:
    """A plane, its workers and a person, on pretend time; stories say what each of them does."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.clock = PretendClock()
        self.world = ScriptedWorld(Target(), self.clock)
        self.plays: dict[tuple[str, int], Performance] = {}
        self.plane: Plane | None = None
        self._network = PretendNetwork()
        self._ids = PretendIds()
        self._log = MemoryEventLog(self.store)
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._planes = 0
        self._group = asyncio.TaskGroup()

    async def play(self, story: Callable[["Theatre"], Awaitable[None]]) -> "Theatre":
        async with self._group:
            await story(self)
            self.leave()
            for worker in self._workers.values():
                worker.cancel()
        return self

    @property
    def picture(self) -> PlanePicture:
        return PlanePicture(REPO) if self.plane is None else self.plane.picture

    def enter(self, lost: PartLost | None = None) -> None:
        """A plane takes over."""
        self._planes += 1
        ports = Ports(
            MemoryEventLog(self.store),
            MemorySnapshots(self.store),
            MemoryBlobs(self.store),
            self._network.plane_end(),
            self.world,
            self.clock,
        )
        self.plane = Plane(REPO, ports, Options(f"plane-{self._planes}", __version__))
        self._group.create_task(self.plane.run(lost))

    def leave(self) -> None:
        if self.plane is not None:
            self.plane.stop()

    def employ(self, name: str, *skills: str, agent: str = "default", session: int = 1) -> None:
        worker_id = WorkerId(name)
        profile = Profile(worker_id, agent, skills, session=session)
        link = self._network.worker_end(worker_id)
        worker = PretendWorker(profile, link, self.clock, self._ids, self._performance)
        self._workers[name] = self._group.create_task(worker.run())

    def lose_worker_silently(self, name: str) -> None:
        self._workers.pop(name).cancel()

    async def lose_worker(self, name: str, session: int = 1) -> None:
        """Its process dies, and its host says so."""
        self.lose_worker_silently(name)
        link = self._network.worker_end(WorkerId(name))
        left = Left(
            id=self._ids.new("left"), worker_id=WorkerId(name), session=session, reason="it died"
        )
        await link.report(left)

    def _performance(self, job: Job) -> Performance:
        return self.plays.get((job.planned.id, job.token), Performance(300.0, steps=2))

    async def start(self, run_id: str, plan: Plan, limits: RunLimits | None = None) -> None:
        blob = await self.keep(plan)
        flags = tuple(sorted(flag for flag, on in plan.flags.items() if on))
        start = StartRun(RunId(run_id), Goal(plan.goal, flags), blob, limits or RunLimits())
        await self.give(start)

    async def keep(self, plan: Plan) -> BlobId:
        return await MemoryBlobs(self.store).put(msgspec.json.encode(plan))

    async def give(self, command: Command) -> None:
        given = CommandGiven(CommandId(self._ids.new("c")), command)
        write = StreamWrite(command_stream(REPO), None, (NewEvent(given, PERSON),))
        await self._log.append([write], self.clock.now())
        await self.clock.sleep(1)

    def task(self, name: str, run_id: str = "r1") -> TaskId:
        return task_id_of(RunId(run_id), TaskName(name))

    async def until(self, name: str, *states: S, run_id: str = "r1") -> None:
        """Let time pass until the task is in one of these states."""
        task_id = self.task(name, run_id)
        await self.wait(
            lambda plane: task_id in plane.tasks and plane.tasks[task_id].status in states,
            f"{task_id} is {' or '.join(states)}",
        )

    async def until_run_ends(self, run_id: str = "r1") -> None:
        await self.wait(
            lambda plane: RunId(run_id) in plane.runs and plane.runs[RunId(run_id)].ended,
            f"run {run_id} has ended",
        )

    async def wait(self, true: Callable[[PlanePicture], bool], what: str) -> None:
        for _ in range(WAIT_SECONDS_MAX // 5):
            if true(self.picture):
                return
            await self.clock.sleep(5)
        raise RuntimeError(f"a day went by and it is not true that {what}")
