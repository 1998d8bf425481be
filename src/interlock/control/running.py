"""`run`: hand in a plan, see to it that a plane acts, follow it until nothing moves by itself.

    settings, plan -> ground -> store -> plane (ours, or whoever acts already) -> StartRun -> follow
    settings, goal -> the same with a run that asks for a plan -> the same with that plan

A run is never started twice: a plan of the same content whose run is unfinished is gone on with,
whoever began it and however it was left. So is a goal of the same words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

import msgspec

from interlock.control.asked import Goals, Planned, Unplanned
from interlock.control.chronicle import PAGE, Chronicle
from interlock.control.commands import Accepted, Commands, Refused
from interlock.control.errors import WrongUsage
from interlock.control.forecast_text import forecast_told
from interlock.control.forecasts import Herald, Memory, expect
from interlock.control.goals import demand_planner
from interlock.control.ground import (
    Ground,
    objections,
    objections_to_agents,
    objections_to_keys,
)
from interlock.control.narration import narrate
from interlock.control.plans import Content, limits_of, look, read_content
from interlock.control.queries import head_text
from interlock.control.reports import Seen, run_report
from interlock.control.run_document import RunReport
from interlock.control.store import Store
from interlock.domain.actor import Actor
from interlock.domain.command import AmendRun, Resume
from interlock.domain.forecast import RunForecast
from interlock.domain.ids import BlobId, CommitId, RepoId, RunId, WorkerId
from interlock.domain.plan import Plan
from interlock.domain.run import RunLimits
from interlock.domain.settings import Settings
from interlock.engine.ports import Clock, IdSource
from interlock.engine.supervisor import Supervisor
from interlock.flows.goal.order import ATTEMPTS_MAX, TO_LOOK, TO_RUN, order, source_of
from interlock.flows.run.motion import lease_holders, moves, wanted_workers
from interlock.flows.run.pictures import PlanePicture, empty
from interlock.planning.faults import Fault
from interlock.planning.importers.reading import ImportedPlan

LOOK_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 60.0


class RunWish(msgspec.Struct, frozen=True):
    """What the person asked for; no `content` and no `goal`: go on with what is unfinished."""

    actor: Actor
    content: Content | None = None
    goal: str | None = None
    where: str = ""
    parallel: int | None = None
    wait: bool = False
    new: bool = False
    resume: bool = False


class WrongPlan(WrongUsage):
    """The plan is refused whole; every fault is listed."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(f"{f.where}: {f.what}; {f.mend}" for f in faults))
        self.faults = faults


class Stop:
    """What the person at the terminal wants: to leave (`gently`), or to be out at once."""

    def __init__(self) -> None:
        self.gently, self.now = asyncio.Event(), asyncio.Event()

    def ask(self) -> None:
        (self.now if self.gently.is_set() else self.gently).set()


class KeptPlane(Protocol):
    """The plane of this process, or its place in the queue behind another one's."""

    async def staff(self, workers: int, holders: frozenset[WorkerId]) -> None:
        """See to it that so many workers are there, where it is this process that acts.

        Whoever of its own workers holds a task and has died is started again first: as soon as it
        says hello its old self is known to be gone, and nobody waits for its lease to run out.
        """
        ...

    def broken(self) -> None:
        """Raises what ended the plane, if something did."""
        ...


class Hall(Protocol):
    """Opens a plane with its workers; leaving the context ends them, politely unless `now`."""

    def __call__(
        self, store: Store, settings: Settings, stop: Stop
    ) -> AbstractAsyncContextManager[KeptPlane]: ...


class Means(msgspec.Struct, frozen=True):
    """What running needs of the world."""

    hall: Hall
    ground: Ground
    target_head: Callable[[str], Awaitable[CommitId | None]]
    clock: Clock
    ids: IdSource


class RunEnd(msgspec.Struct, frozen=True):
    """How it stands when `run` returns; stopped by the person means that work was left."""

    report: RunReport
    stopped: bool


Say = Callable[[str], None]


class Runner:
    """One call of `run`."""

    def __init__(self, means: Means, store: Store, settings: Settings, say: Say) -> None:
        self._means, self._store, self._settings, self._say = means, store, settings, say
        self._repo_id = store.repo_id or RepoId(means.ids.new("repo-"))
        self._commands = Commands(
            self._repo_id, store.log, store.open_blobs, means.clock, means.ids
        )
        self.chronicle = Chronicle(empty(self._repo_id))
        self._herald = Herald()
        self._goals = Goals(self.chronicle, store.open_blobs, store.repository)
        self._amends: tuple[RunId, BlobId] | None = None

    async def run(self, wish: RunWish, stop: Stop) -> RunEnd:
        """Raises WrongUsage before anything was recorded, PartLost when a part is gone."""
        settings = self._settings
        read = None if wish.content is None else demand_content(wish.content, wish.where, settings)
        plan = None if read is None else read.plan
        source = wish.where
        ground = self._means.ground
        await self._catch_up(told=False)
        if wish.goal is None:
            run_ids = await self._unfinished(plan, wish)
        else:
            plan, source = demand_asking(wish.goal, settings), TO_RUN
            run_ids = self._asked(wish.goal, wish)
        self._tell_ground(ground)
        for note in () if read is None else read.notes:
            self._say(note)
        async with self._means.hall(self._store, settings, stop) as kept:
            await self._lift_stop(wish.actor)
            await self._amend(wish.actor)
            if plan is not None and not run_ids:
                run_ids = (await self._start(plan, wish, source),)
            stopped = await self._follow(run_ids, wish, kept, stop)
            planned = () if stopped else await self._carry_out(run_ids, wish)
            if planned:
                run_ids = planned
                stopped = await self._follow(run_ids, wish, kept, stop)
        kept.broken()  # The log may tell of a lost part an instant before the plane has ended.
        await self._catch_up()
        return RunEnd(await self._report(run_ids[-1]), stopped)

    async def ask(self, wish: RunWish, stop: Stop) -> Planned | Unplanned | None:
        """The plan of a goal, and nothing of it is started; None when the person wanted to leave.

        Raises WrongUsage before anything was recorded, PartLost when a part is gone.
        """
        goal = wish.goal or ""
        plan = demand_asking(goal, self._settings, looks_only=True)
        await self._catch_up(told=False)
        known = None if wish.new else self._goals.current(goal)
        run_ids: tuple[RunId, ...] = () if known is None else (known.id,)
        if known is None or known.ended_at is None:
            plane = self.chronicle.plane
            if plane.stopped or plane.paused:
                raise WrongUsage(
                    f"nothing new starts ({plane.stopped or plane.paused}), and making a plan "
                    "would: `interlock resume` lifts that"
                )
            async with self._means.hall(self._store, self._settings, stop) as kept:
                if not run_ids:
                    run_ids = (await self._start(plan, wish, TO_LOOK),)
                stopped = await self._follow(run_ids, wish, kept, stop)
            kept.broken()
            await self._catch_up()
            if stopped:
                return None
        return await self._goals.outcome(run_ids[-1])

    # --- before -----------------------------------------------------------------------------------

    async def _unfinished(self, plan: Plan | None, wish: RunWish) -> tuple[RunId, ...]:
        """The runs to go on with; none where a new one is to be started."""
        plane = self.chronicle.plane
        open_runs = [plane.runs[run_id] for run_id in plane.active_runs]
        if plan is None:
            left = self._goals.left()
            if not open_runs and not left:
                raise WrongUsage("nothing is unfinished: name a plan, `interlock run PLAN.yaml`")
            unfinished = (*left, *(run.id for run in open_runs))
            self._say(_going_on(unfinished))
            return unfinished
        if wish.new:
            return ()
        blob = await self._store.open_blobs().put(msgspec.json.encode(plan))
        same = [run for run in open_runs if run.plan == blob]
        if same:
            unfinished = tuple(run.id for run in same)
            self._say(_going_on(unfinished))
            return unfinished
        changed = [run for run in open_runs if run.source and run.source == wish.where]
        if changed:
            if wish.resume:
                self._amends = (changed[-1].id, blob)
                return (changed[-1].id,)
            raise WrongUsage(
                f"{wish.where} has changed since {changed[-1].id} was started from it, and "
                "that run is unfinished. To take over what was added or has not begun: --resume. "
                "To go on with the run as it was: `interlock run` without a plan. "
                "To start the changed plan beside it: --new"
            )
        if wish.resume:
            raise WrongUsage(f"no unfinished run was started from {wish.where}: leave out --resume")
        return ()

    def _asked(self, goal: str, wish: RunWish) -> tuple[RunId, ...]:
        """The run of this goal, or the one that asks for its plan; none where it is asked anew."""
        if wish.resume:
            raise WrongUsage("the words of a goal go on by themselves: leave out --resume")
        known = None if wish.new else self._goals.current(goal)
        if known is None:
            return ()
        going = self._goals.unfinished(known.id) or (known.id,)
        if known.ended_at is None or going != (known.id,):
            self._say(_going_on(going))
        else:
            self._say(f"the plan of this goal was made in {known.id}: it is carried out now")
        return going

    async def _carry_out(self, run_ids: tuple[RunId, ...], wish: RunWish) -> tuple[RunId, ...]:
        """Start what was planned in these runs, where somebody wanted it to be carried out."""
        begun: list[RunId] = []
        for asking in filter(self._goals.is_asking, run_ids):
            wanted = wish.goal is not None or self._goals.is_to_run(asking)
            if not wanted or self._goals.unfinished(asking):
                continue
            outcome = await self._goals.outcome(asking)
            if isinstance(outcome, Unplanned):
                self._say(str(outcome))
                continue
            plan = demand_plan(outcome.content, outcome.path, self._settings)
            self._say(f"planned in {asking} ({outcome.cost}); a copy is {outcome.path}")
            memory = Memory(self.chronicle.plane)
            seen = look(outcome.content, outcome.path, self._settings, wish.parallel, memory)
            for line in seen.text.splitlines():
                self._say(line)
            begun.append(await self._start(plan, wish, source_of(asking)))
        return tuple(begun)

    async def _amend(self, actor: Actor) -> None:
        if self._amends is None:
            return
        run_id, blob = self._amends
        answer = await self._commands.ask(actor, AmendRun(run_id, blob), ANSWER_SECONDS)
        if isinstance(answer, Refused):
            raise WrongUsage(f"{run_id} cannot take over the changed plan: {answer.refusal.hint}")
        self._say(f"{run_id} goes on by the changed plan; what had begun stays as it was")

    def _tell_ground(self, ground: Ground) -> None:
        self._say(f"changes land on {ground.target}, work happens in a box of kind {ground.box}")
        for remark in ground.remarks:
            self._say(remark)

    async def _lift_stop(self, actor: Actor) -> None:
        plane = self.chronicle.plane
        if plane.stopped or plane.paused:
            why = plane.stopped or plane.paused
            answer = await self._commands.ask(actor, Resume(reason="run"), ANSWER_SECONDS)
            if isinstance(answer, Accepted):
                self._say(f"everything stood still ({why}); your `run` lifts that")

    async def _start(self, plan: Plan, wish: RunWish, source: str) -> RunId:
        ground = self._means.ground
        settings = msgspec.structs.replace(
            self._settings,
            project=msgspec.structs.replace(self._settings.project, target=ground.target),
        )
        blob = await self._store.open_blobs().put(msgspec.json.encode(settings))
        limits = limits_of(settings, wish.parallel)
        if source in (TO_LOOK, TO_RUN):
            limits = msgspec.structs.replace(limits, max_attempts=ATTEMPTS_MAX)
        start = await self._commands.start_run(plan, limits)
        start = msgspec.structs.replace(
            start,
            settings=blob,
            settings_digest=settings.digest,
            target=ground.target,
            base=ground.base,
            source=source,
        )
        if source not in (TO_LOOK, TO_RUN):
            forecast = await self._expected(plan, limits)
            start = msgspec.structs.replace(start, forecast=forecast)
        answer = await self._commands.ask(wish.actor, start, ANSWER_SECONDS)
        if isinstance(answer, Refused):
            raise WrongUsage(f"the plan was not started: {answer.refusal.hint}")
        return start.run_id

    async def _expected(self, plan: Plan, limits: RunLimits) -> RunForecast:
        """What is told now is kept with the run, which is held to it later."""
        memory = Memory(self.chronicle.plane)
        found = await asyncio.to_thread(expect, plan, self._settings, limits, memory)
        forecast = found.outlook.kept()
        self._say(f"expected: {forecast_told(forecast)}")
        return forecast

    # --- while ------------------------------------------------------------------------------------

    async def _follow(
        self, runs: tuple[RunId, ...], wish: RunWish, kept: KeptPlane, stop: Stop
    ) -> bool:
        """Until nothing of these runs moves by itself; True when the person wanted to leave."""
        bell = self._store.log.listen()
        try:
            while not stop.gently.is_set():
                kept.broken()
                await self._catch_up()
                plane = self.chronicle.plane
                await kept.staff(wanted_workers(plane), lease_holders(plane))
                for line in self._herald.news(plane, runs, self._means.clock.now()):
                    self._say(line)
                if not any(_goes_on(plane, run_id, wish.wait) for run_id in runs):
                    return False
                await _either(lambda: bell.rung(LOOK_SECONDS), stop.gently.wait)
        finally:
            bell.close()
        return True

    async def _catch_up(self, *, told: bool = True) -> None:
        while events := await self._store.log.read(self.chronicle.plane.position, PAGE):
            for event in events:
                self.chronicle.take(event)
                line = narrate(event, self.chronicle.plane) if told else None
                if line is not None:
                    self._say(line)

    # --- after ------------------------------------------------------------------------------------

    async def _report(self, run_id: RunId) -> RunReport:
        run = self.chronicle.plane.runs[run_id]
        head = await self._means.target_head(run.target) if run.target else None
        audit = head_text(await self._store.log.head())
        report = run_report(self.chronicle, run_id, Seen(self._means.clock.now(), head, audit))
        remark = await self._goals.remark(run_id)
        return msgspec.structs.replace(report, notes=(*report.notes, remark)) if remark else report


def demand_plan(content: bytes, where: str, settings: Settings) -> Plan:
    return demand_content(content, where, settings).plan


def demand_content(content: Content, where: str, settings: Settings) -> ImportedPlan:
    found = read_content(content, where, settings)
    if isinstance(found, tuple):
        raise WrongPlan(found)
    against = list(objections(found.plan, settings))
    if against:
        raise WrongUsage("\n".join(against))
    return found


def demand_keys(plan: Plan, settings: Settings, ground: Ground) -> None:
    against = list(objections_to_keys(plan, settings, ground.unset))
    if against:
        raise WrongUsage("\n".join(against))


def demand_asking(goal: str, settings: Settings, *, looks_only: bool = False) -> Plan:
    """The run that asks for a plan; raises WrongUsage where nobody can be asked.

    What would be in the way of carrying it out is said before anybody has paid for a plan.
    """
    plan = order(goal, demand_planner(settings), settings)
    against = list((objections_to_agents if looks_only else objections)(plan, settings))
    if against:
        raise WrongUsage("\n".join(against))
    return plan


async def _either(*waits: Callable[[], Coroutine[None, None, object]]) -> None:
    """Until the first of these is over: nobody who presses Ctrl-C waits for the next look."""
    async with Supervisor() as supervisor:

        async def first(wait: Callable[[], Coroutine[None, None, object]]) -> None:
            await wait()  # made here: what is cancelled before it begins was never made
            supervisor.cancel_all()

        for number, wait in enumerate(waits):
            supervisor.start(str(number), first(wait))


def _going_on(runs: Sequence[RunId]) -> str:
    names = ", ".join(runs)
    return f"going on with {names}, which {'is' if len(runs) == 1 else 'are'} unfinished"


def _goes_on(plane: PlanePicture, run_id: RunId, wait: bool) -> bool:
    run = plane.runs.get(run_id)
    if run is None:
        return True  # Its start is on the way.
    if plane.lost_part and not plane.stopped and not run.ended:
        return True  # It comes back, or ends the plane with its sentence.
    return (wait and not run.ended) or moves(plane, run)


async def no_target(_: str) -> CommitId | None:
    """Where no repository is at hand, nobody knows where its branch stands."""
    return None
