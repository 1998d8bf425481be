"""`run` at its start: which run is gone on with, or how a new one comes to be.

Nothing is started twice: an unfinished run of the same plan is gone on with. A plan that changed
under its unfinished run is neither taken over nor started anew before a person has said which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from interlock.control.asked import Goals
from interlock.control.chronicle import Chronicle
from interlock.control.commands import Accepted, Commands, Refused
from interlock.control.errors import WrongUsage
from interlock.control.following import Say
from interlock.control.forecast_text import forecast_told
from interlock.control.forecasts import Memory, expect
from interlock.control.ground import Ground
from interlock.control.plans import Content, limits_of
from interlock.control.store import Store
from interlock.domain.actor import Actor
from interlock.domain.command import AmendRun, Resume
from interlock.domain.forecast import RunForecast
from interlock.domain.ids import BlobId, RunId
from interlock.domain.plan import Plan
from interlock.domain.run import RunLimits
from interlock.domain.settings import Settings
from interlock.flows.goal.order import ATTEMPTS_MAX, TO_LOOK, TO_RUN

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


class Past(msgspec.Struct, frozen=True):
    """What one history tells: all that happened, and the goals in it."""

    chronicle: Chronicle
    goals: Goals


class Starter:
    """Finds the run that is meant, or makes it."""

    def __init__(
        self,
        past: Past,
        commands: Commands,
        store: Store,
        settings: Settings,
        ground: Ground,
        say: Say,
    ) -> None:
        self._chronicle, self._goals = past.chronicle, past.goals
        self._commands, self._store, self._settings = commands, store, settings
        self._ground, self._say = ground, say
        self._amends: tuple[RunId, BlobId] | None = None

    async def unfinished(self, plan: Plan | None, wish: RunWish) -> tuple[RunId, ...]:
        """The runs to go on with; none where a new one is to be started."""
        plane = self._chronicle.plane
        open_runs = [plane.runs[run_id] for run_id in plane.active_runs]
        if plan is None:
            left = self._goals.left()
            if not open_runs and not left:
                raise WrongUsage("nothing is unfinished: name a plan, `interlock run PLAN.yaml`")
            unfinished = (*left, *(run.id for run in open_runs))
            self._say(going_on(unfinished))
            return unfinished
        if wish.new:
            return ()
        blob = await self._store.open_blobs().put(msgspec.json.encode(plan))
        same = [run for run in open_runs if run.plan == blob]
        if same:
            unfinished = tuple(run.id for run in same)
            self._say(going_on(unfinished))
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

    async def amend(self, actor: Actor) -> None:
        if self._amends is None:
            return
        run_id, blob = self._amends
        answer = await self._commands.ask(actor, AmendRun(run_id, blob), ANSWER_SECONDS)
        if isinstance(answer, Refused):
            raise WrongUsage(f"{run_id} cannot take over the changed plan: {answer.refusal.hint}")
        self._say(f"{run_id} goes on by the changed plan; what had begun stays as it was")

    async def lift_stop(self, actor: Actor) -> None:
        plane = self._chronicle.plane
        if plane.stopped or plane.paused:
            why = plane.stopped or plane.paused
            answer = await self._commands.ask(actor, Resume(reason="run"), ANSWER_SECONDS)
            if isinstance(answer, Accepted):
                self._say(f"everything stood still ({why}); your `run` lifts that")

    async def start(self, plan: Plan, wish: RunWish, source: str) -> RunId:
        ground = self._ground
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
        memory = Memory(self._chronicle.plane)
        found = await asyncio.to_thread(expect, plan, self._settings, limits, memory)
        forecast = found.outlook.kept()
        self._say(f"expected: {forecast_told(forecast)}")
        return forecast


def going_on(runs: Sequence[RunId]) -> str:
    names = ", ".join(runs)
    return f"going on with {names}, which {'is' if len(runs) == 1 else 'are'} unfinished"
