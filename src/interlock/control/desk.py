"""The front desk itself: one object with everything a face may ask, each answer a document."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from interlock.control import doctor, hindsight, init, plans, queries
from interlock.control.commands import Answer, Commands
from interlock.control.counter import Behind, Counter, no_hands, no_survey
from interlock.control.dashboard import Dashboard, dashboard
from interlock.control.demands import WrongPlan, demand_asking, demand_content, demand_keys
from interlock.control.errors import NoHistory, WrongUsage
from interlock.control.following import Hall, Say, Stop
from interlock.control.forecasts import Memory, remembered
from interlock.control.goals import GoalSeen, goal_seen
from interlock.control.ground import Ground
from interlock.control.health import HealthReport, health_report
from interlock.control.init import SetUp
from interlock.control.journal import Moment, write_journal
from interlock.control.people import Hands
from interlock.control.plans import Content
from interlock.control.read_models import (
    AuditReport,
    BoxSeen,
    Checkup,
    LogEntry,
    PlaneRow,
    PlanSeen,
    Status,
)
from interlock.control.run_document import RunReport
from interlock.control.running import Means, RunEnd, Runner, no_target
from interlock.control.starting import RunWish
from interlock.control.store import Store, StoreOpener
from interlock.control.why import Provenance
from interlock.domain.actor import Actor
from interlock.domain.command import Command
from interlock.domain.ids import CommitId, RepoId
from interlock.domain.settings import Settings
from interlock.engine.ports import Clock, IdSource
from interlock.flows.run.answering import Archive, answer_waiting
from interlock.flows.run.epochs import Process
from interlock.planning.importers.reading import Bundle
from interlock.planning.importers.shelf import NotOnShelf

ANSWER_SECONDS: Final = 20.0
"""How long somebody waits at the desk for the plane; the command stays in the log anyway."""


class Equipment(msgspec.Struct, frozen=True):
    """What the desk works with; everything is opened only when it is needed.

    `open_sight` is missing where a store was named by its path: no repository belongs to it.
    """

    open_store: StoreOpener
    read_settings: Callable[[], Settings]
    instruments: Callable[[], doctor.Instruments]
    clock: Clock
    ids: IdSource
    open_sight: hindsight.SightOpener | None = None
    release: str = "unknown"
    open_hall: Callable[[], Hall] | None = None
    target_head: Callable[[str], Awaitable[CommitId | None]] = no_target
    look_at_box: Callable[[], Awaitable[BoxSeen]] | None = None
    hands: Callable[[], Hands] = no_hands
    survey: Callable[[Settings], Awaitable[Ground]] = no_survey
    folder: Path = Path()


class FrontDesk:
    """Commands and queries on one repository."""

    def __init__(self, equipment: Equipment) -> None:
        self._with = equipment

    async def status(self) -> Status:
        """Where everything stands; of a repository in which nothing ran, an empty one."""
        look = self._with.look_at_box
        box = None if look is None else await look()
        return msgspec.structs.replace(await self._standing(), box=box)

    async def _standing(self) -> Status:
        try:
            async with self._with.open_store() as store:
                return await queries.status(store, self._with.clock)
        except NoHistory as none:
            return Status(
                at=self._with.clock.now(),
                repository=none.repository,
                store=none.where,
                profile=none.profile,
                events=0,
                plane=PlaneRow(False, None, None, None, None, (), 0),
                runs=(),
                tasks=(),
                workers=(),
            )

    async def log(self, question: queries.LogQuestion) -> AsyncGenerator[LogEntry, None]:
        async with self._with.open_store() as store:
            async for entry in queries.log_entries(store.log, question):
                yield entry

    async def follow(self, question: queries.LogQuestion) -> AsyncGenerator[LogEntry, None]:
        async with self._with.open_store() as store:
            async for entry in queries.follow(store.log, question):
                yield entry

    async def audit(self, head: str | None) -> AuditReport:
        expected = None if head is None else queries.parse_head(head)
        async with self._with.open_store() as store:
            return await queries.audit(store.log, expected)

    async def report(self, run: str | None) -> RunReport:
        """One run from beginning to now: the newest, or the one of this name."""
        async with self._with.open_store() as store:
            open_sight = self._with.open_sight
            sight = None if open_sight is None else await open_sight()
            return await hindsight.report(store, self._with.clock, run, sight)

    async def why(self, folder: Path, place: str) -> Provenance:
        """Where a line comes from; `place` is FILE or FILE:LINE as written in `folder`."""
        if self._with.open_sight is None:
            raise WrongUsage("lines stand in a repository: go to it and leave out --store")
        sight = await self._with.open_sight()
        try:
            async with self._with.open_store() as store:
                return await hindsight.provenance(store, sight, folder, place)
        except NoHistory:
            return await hindsight.provenance(None, sight, folder, place)

    async def health(self) -> HealthReport:
        try:
            async with self._with.open_store() as store:
                chronicle = await hindsight.chronicle_of(store)
        except NoHistory:
            chronicle = hindsight.unwritten()
        return health_report(chronicle, self._with.clock.now())

    async def watch(self) -> AsyncGenerator[Dashboard, None]:
        """The dashboard of now and a new one after each change; only one where nothing ran yet."""
        try:
            async with self._with.open_store() as store:
                async for seen in hindsight.watch(store, self._with.clock):
                    yield seen
        except NoHistory:
            yield dashboard(hindsight.unwritten(), self._with.clock.now(), None, None)

    async def write_journal(self) -> tuple[Path, ...]:
        """The pages of today, of each task and of each worker, below the repository."""
        async with self._with.open_store() as store:
            return await hindsight.journal(store, self._with.clock)

    @asynccontextmanager
    async def commands(self) -> AsyncIterator[Commands]:
        """Commands on the configured store, which is made when there is none."""
        async with self._with.open_store(create=True) as store:
            repo_id = store.repo_id or RepoId(self._with.ids.new("repo-"))
            equipment = self._with
            yield Commands(repo_id, store.log, store.open_blobs, equipment.clock, equipment.ids)

    def gather(self, source: str) -> Bundle:
        """The documents behind a source like `openspec:CHANGE`; raises WrongPlan."""
        try:
            return plans.gather(source, self._with.folder)
        except NotOnShelf as none:
            raise WrongPlan(none.faults) from None

    def plan_file(self, content: Content, where: str) -> str:
        """The plan as a file that reads back to it; raises WrongPlan."""
        text = plans.plan_file(content, where, self._with.read_settings())
        if isinstance(text, tuple):
            raise WrongPlan(text)
        return text

    async def look_at_plan(self, content: Content, where: str, workers: int | None) -> PlanSeen:
        """The dry run of a plan file, or of what documents make; nothing is recorded."""
        settings = self._with.read_settings()
        memory = await remembered(self._with.open_store)
        return plans.look(content, where, settings, workers, memory)

    async def checkup(self) -> Checkup:
        return await doctor.checkup(self._with.instruments())

    async def set_up(self, *, force: bool = False) -> SetUp:
        """Look around and write `interlock.toml`; what is there is never lost."""
        return await init.set_up(self._with.instruments(), force=force)

    async def give(
        self, actor: Actor, command: Command, timeout_seconds: float = ANSWER_SECONDS
    ) -> Answer:
        """Where no plane runs, this process answers as one for a moment and starts nothing."""
        tools = self._with
        async with tools.open_store(create=True) as store:
            repo_id = store.repo_id or RepoId(tools.ids.new("repo-"))
            commands = Commands(repo_id, store.log, store.open_blobs, tools.clock, tools.ids)

            async def see_to_it() -> None:
                process = Process(f"{actor}, in passing", tools.release)
                if await store.leadership.acquire(process.name):
                    try:
                        archive = Archive(store.log, store.snapshots, store.open_blobs())
                        await answer_waiting(archive, tools.clock, repo_id, process)
                    finally:
                        await store.leadership.release()

            return await commands.ask(actor, command, timeout_seconds, see_to_it)

    async def check(self, wish: RunWish) -> Ground:
        """Refuse what cannot run, before anything is made: first the place, then the plan."""
        if self._with.open_hall is None:
            raise WrongUsage("a run needs its repository: go to it and leave out --store")
        settings = self._with.read_settings()
        ground = await self._with.survey(settings)
        if wish.content is not None:
            read = demand_content(wish.content, wish.where, settings)
            demand_keys(read.plan, settings, ground)
        if wish.goal is not None:
            demand_keys(demand_asking(wish.goal, settings), settings, ground)
        return ground

    async def run(self, wish: RunWish, stop: Stop, say: Say) -> RunEnd:
        """Carry out a plan, or go on with what is unfinished."""
        ground = await self.check(wish)
        async with self._runner(ground, say) as (runner, store):
            end = await runner.run(wish, stop)
            if store.repository is not None:
                write_journal(
                    runner.chronicle, Moment(self._with.clock.now()), Path(store.repository)
                )
            return end

    async def plan_goal(self, wish: RunWish, stop: Stop, say: Say) -> GoalSeen:
        """The dry run of a goal in words: its plan is made and shown, nothing of it is started."""
        if self._with.open_hall is None:
            raise WrongUsage("a plan is made in a repository: go to it and leave out --store")
        settings = self._with.read_settings()
        demand_asking(wish.goal or "", settings, looks_only=True)
        async with self._runner(await self._with.survey(settings), say) as (runner, _):
            outcome = await runner.ask(wish, stop)
            return goal_seen(outcome, settings, wish.parallel, Memory(runner.chronicle.plane))

    @asynccontextmanager
    async def _runner(self, ground: Ground, say: Say) -> AsyncIterator[tuple[Runner, Store]]:
        tools = self._with
        if tools.open_hall is None:
            raise WrongUsage("no plane can be run here")
        settings, hall = tools.read_settings(), tools.open_hall()
        async with tools.open_store(create=True) as store:
            means = Means(hall, ground, tools.target_head, tools.clock, tools.ids)
            yield Runner(means, store, settings, say), store

    def counter(self, actor: Actor) -> Counter:
        """Tasks, workers and reviews, and what this actor asks of the plane."""
        tools = self._with
        behind = Behind(
            open_store=tools.open_store,
            read_settings=tools.read_settings,
            clock=tools.clock,
            ids=tools.ids,
            give=self.give,
            hands=tools.hands,
            survey=tools.survey,
        )
        return Counter(behind, actor)
