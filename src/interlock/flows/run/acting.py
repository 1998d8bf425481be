"""Acts on the world, each under its name and once at a time; outcomes come back as news."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import assert_never

from msgspec.structs import replace

from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import ChangeJudged, LandingIntended, LandingRefused
from interlock.domain.ids import WorkerId
from interlock.engine.acts import Acts, Candidate, Judged, Landed, Landing, NotLanded, Prepared
from interlock.engine.supervisor import Supervisor
from interlock.flows.run.around import around
from interlock.flows.run.draft import Draft
from interlock.flows.run.news import Acted
from interlock.flows.run.pictures import RunPicture, task_stream
from interlock.flows.task import news
from interlock.flows.task.decide import Judge, Land, Prepare, held_for_a_person
from interlock.flows.task.picture import TaskPicture


class Acting:
    """What a plane is doing to the world right now."""

    def __init__(
        self,
        acts: Acts,
        supervisor: Supervisor,
        judgings: int,
        tell: Callable[[Acted], Awaitable[None]],
    ) -> None:
        self._acts, self._supervisor, self._tell = acts, supervisor, tell
        self._judgings = asyncio.Semaphore(judgings)
        self._members: dict[str, str] = {}
        self._begun = 0
        self._intents: set[str] = set()

    def start(self, run: RunPicture, task: TaskPicture, act: Judge | Prepare | Land) -> None:
        """Begin the act, unless it is under way already."""
        name = f"{type(act).__name__}:{task.id}"
        if name in self._members:
            return
        self._begun += 1
        member = self._members[name] = f"{name}/{self._begun}"
        candidate = _candidate(run, task)
        match act:
            case Judge():
                work = self._judge(name, candidate)
            case Prepare():
                work = self._prepare(name, candidate)
            case Land():
                work = self._land(name, run, task)
            case _:
                assert_never(act)
        self._supervisor.start(member, work)

    def cancel(self) -> None:
        """Emergency stop: no judging, no new landing; one that has begun is seen to its end."""
        for name in sorted(self._members):
            if not name.startswith("Land:"):
                self._supervisor.cancel(self._members.pop(name))

    async def _judge(self, name: str, candidate: Candidate) -> None:
        async with self._judgings:
            judged = await self._acts.judge(candidate)
        await self._tell(Acted(name, candidate.task_id, candidate.attempt, judged))

    async def _prepare(self, name: str, candidate: Candidate) -> None:
        prepared = await self._acts.prepare(candidate)
        await self._tell(Acted(name, candidate.task_id, candidate.attempt, prepared))

    async def _land(self, name: str, run: RunPicture, task: TaskPicture) -> None:
        """An intent of an earlier life is settled by looking at the world first."""
        intent = task.landing
        if intent is None:
            raise RuntimeError(f"{task.id} is merging without an intent")
        landing = Landing(
            intent.key,
            task.id,
            intent.token,
            intent.base,
            intent.prepared,
            run.settings,
            run.target,
        )
        earlier = landing.key not in self._intents
        found = await self._acts.find_landing(landing) if earlier else None
        outcome = found or await self._acts.land(landing)
        if isinstance(outcome, NotLanded):
            # A plane that was fenced out may have landed it in this very moment.
            outcome = await self._acts.find_landing(landing) or outcome
        await self._tell(Acted(name, task.id, task.attempts_made, outcome, landing.key))

    def ended(self, draft: Draft, acted: Acted) -> None:
        """Record what came of an act; whatever it is, its task is looked at again."""
        self._members.pop(acted.name, None)
        task = draft.plane.tasks.get(acted.task_id)
        if task is None:
            return
        draft.dirty.tasks[task.id] = None
        draft.record(task_stream(task.id), *self._facts(draft, task, acted))

    def _facts(self, draft: Draft, task: TaskPicture, acted: Acted) -> tuple[Fact, ...]:
        limits = draft.plane.runs[task.run_id].limits
        match acted.outcome:
            case Judged() as judged:
                return news.on_judged(task, _fact_of(acted.attempt, judged), limits, draft.now)
            case Prepared() as prepared:
                return self._intend(draft, task, prepared)
            case Landed(commit, note):
                return news.on_landed(task, acted.key or "", commit, note)
            case NotLanded(refusal, detail, log, judged):
                refused = LandingRefused(acted.key, refusal, detail, log)
                facts = news.on_not_landed(task, refused, limits, draft.now)
                again = () if judged is None or not facts else (_fact_of(acted.attempt, judged),)
                return (*again, *facts)
            case _:
                assert_never(acted.outcome)

    def _intend(self, draft: Draft, task: TaskPicture, prepared: Prepared) -> tuple[Fact, ...]:
        """Whoever may not land any more, or not yet, is prepared again when its turn comes."""
        if around(draft.plane, task).landing_waits_for or held_for_a_person(task):
            return ()
        facts = news.on_prepared(task, prepared.base, prepared.commit)
        if prepared.judged is not None and facts:
            anew = _fact_of(task.attempts_made, prepared.judged)
            if held_for_a_person(replace(task, judged=anew)):
                return (anew,)
            facts = (anew, *facts)
        self._intents |= {fact.key for fact in facts if isinstance(fact, LandingIntended)}
        return facts


def _candidate(run: RunPicture, task: TaskPicture) -> Candidate:
    return Candidate(
        task.id,
        task.attempts_made,
        task.planned,
        None if task.result is None else task.result.change,
        run.id,
        task.last_worker or WorkerId(""),
        run.goal.text,
        run.target,
        run.settings,
        None if task.result is None else task.result.document,
    )


def _fact_of(attempt: int, judged: Judged) -> ChangeJudged:
    return ChangeJudged(
        attempt,
        judged.judgement,
        judged.detail,
        judged.log,
        verdicts=judged.verdicts,
        target=judged.target,
        files=judged.files,
        outside=judged.outside,
        held=judged.held,
    )
