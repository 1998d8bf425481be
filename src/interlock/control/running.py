"""`run`: hand in a plan, see to it that a plane acts, follow it until nothing moves by itself.

    settings, plan -> ground -> store -> plane (ours, or whoever acts already) -> StartRun -> follow
    settings, goal -> the same with a run that asks for a plan -> the same with that plan

A run is never started twice: a plan of the same content whose run is unfinished is gone on with,
whoever began it and however it was left. So is a goal of the same words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from interlock.control.asked import Goals, Planned, Unplanned
from interlock.control.chronicle import Chronicle
from interlock.control.commands import Commands
from interlock.control.demands import demand_asking, demand_content, demand_plan
from interlock.control.errors import WrongUsage
from interlock.control.following import Follower, Hall, Say, Stop
from interlock.control.forecasts import Memory
from interlock.control.ground import Ground
from interlock.control.plans import look
from interlock.control.queries import head_text
from interlock.control.reports import Seen, run_report
from interlock.control.run_document import RunReport
from interlock.control.starting import Past, RunWish, Starter, going_on
from interlock.control.store import Store
from interlock.domain.ids import CommitId, RepoId, RunId
from interlock.domain.settings import Settings
from interlock.engine.ports import Clock, IdSource
from interlock.flows.goal.order import TO_LOOK, TO_RUN, source_of
from interlock.flows.run.pictures import empty


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


class Runner:
    """One call of `run`."""

    def __init__(self, means: Means, store: Store, settings: Settings, say: Say) -> None:
        self._means, self._store, self._settings, self._say = means, store, settings, say
        repo_id = store.repo_id or RepoId(means.ids.new("repo-"))
        commands = Commands(repo_id, store.log, store.open_blobs, means.clock, means.ids)
        self.chronicle = Chronicle(empty(repo_id))
        self._goals = Goals(self.chronicle, store.open_blobs, store.repository)
        past = Past(self.chronicle, self._goals)
        self._starter = Starter(past, commands, store, settings, means.ground, say)
        self._follower = Follower(store.log, self.chronicle, means.clock, say)

    async def run(self, wish: RunWish, stop: Stop) -> RunEnd:
        """Raises WrongUsage before anything was recorded, PartLost when a part is gone."""
        settings = self._settings
        read = None if wish.content is None else demand_content(wish.content, wish.where, settings)
        plan = None if read is None else read.plan
        source = wish.where
        ground = self._means.ground
        await self._follower.catch_up(told=False)
        if wish.goal is None:
            run_ids = await self._starter.unfinished(plan, wish)
        else:
            plan, source = demand_asking(wish.goal, settings), TO_RUN
            run_ids = self._asked(wish.goal, wish)
        self._tell_ground(ground)
        for note in () if read is None else read.notes:
            self._say(note)
        async with self._means.hall(self._store, settings, stop) as kept:
            await self._starter.lift_stop(wish.actor)
            await self._starter.amend(wish.actor)
            if plan is not None and not run_ids:
                run_ids = (await self._starter.start(plan, wish, source),)
            stopped = await self._follower.follow(run_ids, kept, stop, wait=wish.wait)
            planned = () if stopped else await self._carry_out(run_ids, wish)
            if planned:
                run_ids = planned
                stopped = await self._follower.follow(run_ids, kept, stop, wait=wish.wait)
            await self._follower.see_out(kept, stop)
        kept.broken()  # The log may tell of a lost part an instant before the plane has ended.
        await self._follower.catch_up()
        return RunEnd(await self._report(run_ids[-1]), stopped)

    async def ask(self, wish: RunWish, stop: Stop) -> Planned | Unplanned | None:
        """The plan of a goal, and nothing of it is started; None when the person wanted to leave.

        Raises WrongUsage before anything was recorded, PartLost when a part is gone.
        """
        goal = wish.goal or ""
        plan = demand_asking(goal, self._settings, looks_only=True)
        await self._follower.catch_up(told=False)
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
                    run_ids = (await self._starter.start(plan, wish, TO_LOOK),)
                stopped = await self._follower.follow(run_ids, kept, stop, wait=wish.wait)
                await self._follower.see_out(kept, stop)
            kept.broken()
            await self._follower.catch_up()
            if stopped:
                return None
        return await self._goals.outcome(run_ids[-1])

    # --- goals ----------------------------------------------------------------------------------

    def _asked(self, goal: str, wish: RunWish) -> tuple[RunId, ...]:
        """The run of this goal, or the one that asks for its plan; none where it is asked anew."""
        if wish.resume:
            raise WrongUsage("the words of a goal go on by themselves: leave out --resume")
        known = None if wish.new else self._goals.current(goal)
        if known is None:
            return ()
        going = self._goals.unfinished(known.id) or (known.id,)
        if known.ended_at is None or going != (known.id,):
            self._say(going_on(going))
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
            begun.append(await self._starter.start(plan, wish, source_of(asking)))
        return tuple(begun)

    # --- around it ------------------------------------------------------------------------------

    def _tell_ground(self, ground: Ground) -> None:
        self._say(f"changes land on {ground.target}, work happens in a box of kind {ground.box}")
        for remark in ground.remarks:
            self._say(remark)

    async def _report(self, run_id: RunId) -> RunReport:
        run = self.chronicle.plane.runs[run_id]
        head = await self._means.target_head(run.target) if run.target else None
        audit = head_text(await self._store.log.head())
        report = run_report(self.chronicle, run_id, Seen(self._means.clock.now(), head, audit))
        remark = await self._goals.remark(run_id)
        return msgspec.structs.replace(report, notes=(*report.notes, remark)) if remark else report


async def no_target(_: str) -> CommitId | None:
    """Where no repository is at hand, nobody knows where its branch stands."""
    return None
