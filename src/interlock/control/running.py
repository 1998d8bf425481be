"""`run`: hand in a plan, see to it that a plane acts, follow it until nothing moves by itself.

    settings, plan -> ground -> store -> plane (ours, or whoever acts already) -> StartRun -> follow

A run is never started twice: a plan of the same content whose run is unfinished is gone on with,
whoever began it and however it was left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

import msgspec

from interlock.control.chronicle import PAGE, Chronicle
from interlock.control.commands import Accepted, Commands, Refused
from interlock.control.errors import WrongUsage
from interlock.control.ground import Ground, objections
from interlock.control.narration import narrate
from interlock.control.plans import limits_of, read_plan
from interlock.control.queries import head_text
from interlock.control.reports import Seen, run_report
from interlock.control.run_document import RunReport
from interlock.control.store import Store
from interlock.domain.actor import Actor
from interlock.domain.command import AmendRun, Resume
from interlock.domain.ids import BlobId, CommitId, RepoId, RunId, WorkerId
from interlock.domain.plan import Plan
from interlock.domain.settings import Settings
from interlock.engine.ports import Clock, IdSource
from interlock.engine.supervisor import Supervisor
from interlock.flows.run.motion import lease_holders, moves, wanted_workers
from interlock.flows.run.pictures import PlanePicture, RunPicture, empty
from interlock.planning.faults import Fault

LOOK_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 60.0


class RunWish(msgspec.Struct, frozen=True):
    """What the person asked for; no `content`: go on with what is unfinished."""

    actor: Actor
    content: bytes | None = None
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
        self._amends: tuple[RunId, BlobId] | None = None

    async def run(self, wish: RunWish, stop: Stop) -> RunEnd:
        """Raises WrongUsage before anything was recorded, PartLost when a part is gone."""
        settings = self._settings
        plan = None if wish.content is None else demand_plan(wish.content, wish.where, settings)
        ground = self._means.ground
        await self._catch_up(told=False)
        run_ids = await self._unfinished(plan, wish)
        self._tell_ground(ground)
        async with self._means.hall(self._store, settings, stop) as kept:
            await self._lift_stop(wish.actor)
            await self._amend(wish.actor)
            if plan is not None and not run_ids:
                run_ids = (await self._start(plan, wish, ground),)
            stopped = await self._follow(run_ids, wish, kept, stop)
        kept.broken()  # The log may tell of a lost part an instant before the plane has ended.
        await self._catch_up()
        return RunEnd(await self._report(run_ids[-1]), stopped)

    # --- before -----------------------------------------------------------------------------------

    async def _unfinished(self, plan: Plan | None, wish: RunWish) -> tuple[RunId, ...]:
        """The runs to go on with; none where a new one is to be started."""
        plane = self.chronicle.plane
        open_runs = [plane.runs[run_id] for run_id in plane.active_runs]
        if plan is None:
            if not open_runs:
                raise WrongUsage("nothing is unfinished: name a plan, `interlock run PLAN.yaml`")
            self._say(_going_on(open_runs))
            return tuple(run.id for run in open_runs)
        if wish.new:
            return ()
        blob = await self._store.open_blobs().put(msgspec.json.encode(plan))
        same = [run for run in open_runs if run.plan == blob]
        if same:
            self._say(_going_on(same))
            return tuple(run.id for run in same)
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

    async def _start(self, plan: Plan, wish: RunWish, ground: Ground) -> RunId:
        settings = msgspec.structs.replace(
            self._settings,
            project=msgspec.structs.replace(self._settings.project, target=ground.target),
        )
        blob = await self._store.open_blobs().put(msgspec.json.encode(settings))
        start = await self._commands.start_run(plan, limits_of(settings, wish.parallel))
        start = msgspec.structs.replace(
            start,
            settings=blob,
            settings_digest=settings.digest,
            target=ground.target,
            base=ground.base,
            source=wish.where,
        )
        answer = await self._commands.ask(wish.actor, start, ANSWER_SECONDS)
        if isinstance(answer, Refused):
            raise WrongUsage(f"the plan was not started: {answer.refusal.hint}")
        return start.run_id

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
        return run_report(self.chronicle, run_id, Seen(self._means.clock.now(), head, audit))


def demand_plan(content: bytes, where: str, settings: Settings) -> Plan:
    plan = read_plan(content, where, settings)
    if isinstance(plan, tuple):
        raise WrongPlan(plan)
    against = list(objections(plan, settings))
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


def _going_on(runs: list[RunPicture]) -> str:
    names = ", ".join(run.id for run in runs)
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
