"""The story: eleven stages on pretend time; the plane is killed, and another one goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from interlock.control.commands import Commands
from interlock.demo.props import World
from interlock.domain.actor import Actor
from interlock.domain.ids import RepoId, RunId, TaskName
from interlock.domain.plan import Plan
from interlock.domain.run import RunLimits
from interlock.domain.task import TaskStatus
from interlock.engine.chain import Head
from interlock.engine.ports import Recorded
from interlock.flows.run.news import Options
from interlock.flows.run.pictures import PlanePicture, RunPicture, empty
from interlock.flows.run.recovery import catch_up
from interlock.flows.run.service import Plane
from interlock.flows.task.state import TaskPicture

REPO: Final = RepoId("demo")
KILL_AT_MINUTES: Final = 105.0
DOWN_MINUTES: Final = 1.0
PATIENCE_MINUTES: Final = 24 * 60.0
"""A story that has not ended by then has gone wrong, and is told as it is."""

SILENCE_SECONDS: Final = 600.0
"""Workers are heard of every two pretend minutes; one is lost after five missed times."""

_PAGE: Final = 1_000
Life = Literal["first", "none", "second"]


class Scene(msgspec.Struct, frozen=True):
    """What one frame shows: everything is read off the log, as any face would do it."""

    minutes: float
    picture: PlanePicture
    life: Life

    @property
    def run(self) -> RunPicture | None:
        return next(iter(self.picture.runs.values()), None)

    def stage(self, name: TaskName) -> TaskPicture | None:
        found = (task for task in self.picture.tasks.values() if task.planned.id == name)
        return next(found, None)


class Kill(msgspec.Struct, frozen=True):
    """The moment the plane was gone: the end of the log, and what was under way."""

    at_minutes: float
    head: Head
    under_way: tuple[TaskName, ...]
    down_minutes: float


class Played(msgspec.Struct, frozen=True):
    """All that the report needs."""

    plan: Plan
    run_id: RunId | None
    kill: Kill
    events: tuple[Recorded, ...]
    head: Head
    picture: PlanePicture
    plan_bytes: bytes


class Story:
    """Plays once. `look` gets each frame and may take its time: pretend time stands still."""

    def __init__(
        self, world: World, plan: Plan, frame_minutes: float, look: Callable[[Scene], None]
    ) -> None:
        self._world, self._plan, self._look = world, plan, look
        self._frame_minutes = frame_minutes
        self._picture = empty(REPO)
        self._life: Life = "first"
        self._began = world.clock.monotonic()

    async def play(self) -> Played:
        agents = sorted({task.agent for task in self._plan.tasks})
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._world.work_as(agent)) for agent in agents]
            acting = group.create_task(self._plane("demo-1").run())
            await self._start_run()
            await self._watch(KILL_AT_MINUTES)
            acting.cancel()
            kill = await self._killed()
            await self._watch(KILL_AT_MINUTES + DOWN_MINUTES)
            self._life = "second"
            second = self._plane("demo-2")
            acting = group.create_task(second.run())
            await self._watch(PATIENCE_MINUTES)
            second.stop()
            await acting
            for worker in workers:
                worker.cancel()
        return await self._played(kill)

    def _plane(self, process: str) -> Plane:
        options = Options(process, "demo", worker_silence_seconds=SILENCE_SECONDS)
        return Plane(REPO, self._world.new_life(), options)

    async def _start_run(self) -> None:
        """As a person does it: a command in the log, which whatever plane acts carries out."""
        world = self._world
        commands = Commands(REPO, world.log, lambda: world.blobs, world.clock, world.ids)
        limits = RunLimits(lease_seconds=SILENCE_SECONDS)
        person = Actor("person", "you", "demo")
        await commands.give(person, await commands.start_run(self._plan, limits))

    async def _watch(self, until_minutes: float) -> None:
        """Look at the log again and again until then, or until the run is over."""
        while True:
            self._picture = await catch_up(self._world.log, self._picture)
            scene = Scene(self._minutes(), self._picture, self._life)
            self._look(scene)
            left = until_minutes - scene.minutes
            if left <= 0 or (scene.run is not None and scene.run.ended):
                return
            await self._world.clock.sleep(60 * min(self._frame_minutes, left))

    def _minutes(self) -> float:
        return (self._world.clock.monotonic() - self._began) / 60

    async def _killed(self) -> Kill:
        """The process is gone without a word; what it had not recorded never happened."""
        self._life = "none"
        busy = (TaskStatus.CLAIMED, TaskStatus.IN_PROGRESS)
        tasks = sorted(self._picture.tasks.values(), key=lambda task: task.index)
        under_way = tuple(task.planned.id for task in tasks if task.status in busy)
        return Kill(self._minutes(), await self._world.log.head(), under_way, DOWN_MINUTES)

    async def _played(self, kill: Kill) -> Played:
        run = next(iter(self._picture.runs.values()), None)
        events: list[Recorded] = []
        while page := await self._world.log.read(len(events), _PAGE):
            events.extend(page)
        return Played(
            plan=self._plan,
            run_id=None if run is None else run.id,
            kill=kill,
            events=tuple(events),
            head=await self._world.log.head(),
            picture=await catch_up(self._world.log, self._picture),
            plan_bytes=b"" if run is None else await self._world.blobs.get(run.plan),
        )
