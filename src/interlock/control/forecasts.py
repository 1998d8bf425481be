"""What is expected of a plan before it starts and of a run while it goes on, computed when asked.

    picture of the plane -> history -.
    plan and settings ---------------+-> outlook -> documents and sentences

The picture remembers the runs of late, so what is learned from is bounded, and old habits fade.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final

import msgspec
from msgspec.structs import replace

from interlock.control.collisions import collisions
from interlock.control.errors import NoHistory, WrongUsage
from interlock.control.forecast_text import time_left
from interlock.control.read_models import RestForecast
from interlock.control.store import Store, StoreOpener
from interlock.domain.attempt import Attempt
from interlock.domain.forecast import Spread
from interlock.domain.group import StageGroup
from interlock.domain.ids import RepoId, RunId, TaskName
from interlock.domain.lifecycle import SATISFIES
from interlock.domain.plan import Plan
from interlock.domain.result import INTERRUPTED, Outcome
from interlock.domain.run import RunLimits
from interlock.domain.settings import Settings
from interlock.domain.task import TaskStatus as S
from interlock.domain.usage import Usage
from interlock.engine.errors import EngineError
from interlock.flows.goal.order import asks_for_a_plan
from interlock.flows.run.pictures import PlanePicture, RunPicture
from interlock.flows.run.recovery import read_picture
from interlock.flows.task.decide import held_for_a_person
from interlock.flows.task.picture import TaskPicture
from interlock.planning.history import Attempted, Experience, History, Sorts
from interlock.planning.montecarlo import Stand
from interlock.planning.network import is_skipped
from interlock.planning.outlook import Now, Outlook, Setting, outlook
from interlock.planning.overview import Prospect
from interlock.planning.profiles import Candidate, Suggestion, records, suggest

SAMPLES_OF_A_REST: Final = 300
"""Asked for again and again while a run goes on."""

LEARNED_FROM_MAX: Final = 2_000
"""Attempts, the newest of those that the picture remembers."""

REST_SECONDS: Final = 5.0
"""A person who watches needs no newer one, however much happens."""

HERALD_SECONDS: Final = 60.0

_SECONDS_PER_MINUTE: Final = 60.0
_NO_MODEL: Final = ("human", "scripted")


# --- before ---------------------------------------------------------------------------------------


class Memory(msgspec.Struct, frozen=True):
    """What is remembered here; without a picture nothing is, and `remark` says why if it should."""

    plane: PlanePicture | None = None
    remark: str = ""


async def remembered(open_store: StoreOpener) -> Memory:
    """A plan can be looked at anywhere: where no history can be read, that is said and no more."""
    try:
        async with open_store() as store:
            return await memory_of(store)
    except (NoHistory, WrongUsage):
        return Memory()
    except EngineError as why:
        return Memory(remark=f"history: it could not be read, {why}")


async def memory_of(store: Store) -> Memory:
    repo_id = store.repo_id or RepoId("unknown")
    return Memory(await read_picture(store.log, store.snapshots, repo_id))


def expect(plan: Plan, settings: Settings, limits: RunLimits, memory: Memory) -> Prospect:
    sorts = _sorts_of(settings)
    history = History() if memory.plane is None else history_of(memory.plane, sorts)
    meeting = collisions([task for task in plan.tasks if not is_skipped(plan, task)])
    found = outlook(
        plan,
        _setting(limits, settings.limits.gates),
        Experience(history, sorts),
        meeting.pairs,
    )
    remarks = [memory.remark] if memory.remark else []
    if not meeting.complete:
        remarks.append("conflicts: too many pairs of tasks name the same files, the likeliest only")
    basis = (*found.basis, *remarks)
    found = replace(found, basis=basis, pairs_left_out=not meeting.complete)
    return Prospect(found, dict(_suggestions(plan, settings, history)))


def _suggestions(
    plan: Plan, settings: Settings, history: History
) -> Iterator[tuple[TaskName, Suggestion]]:
    known = records(history.attempts)
    candidates = [
        Candidate(profile.name, profile.skills)
        for profile in settings.agents or ()
        if profile.backend not in _NO_MODEL
    ]
    for task in plan.tasks:
        suggestion = suggest(task, candidates, known)
        if suggestion is not None:
            yield task.id, suggestion


def _sorts_of(settings: Settings) -> Sorts:
    profiles = settings.agents or ()
    return Sorts(
        people=frozenset(each.name for each in profiles if each.backend == "human"),
        scripts=frozenset(each.name for each in profiles if each.backend == "scripted"),
    )


def _setting(limits: RunLimits, gates: int | None) -> Setting:
    return Setting(
        workers=limits.workers,
        parallel_stages=limits.parallel_stages,
        gates=gates or os.cpu_count() or 1,
        max_attempts=limits.max_attempts,
    )


# --- while ----------------------------------------------------------------------------------------


def rest_of(
    plane: PlanePicture, run: RunPicture, now: datetime, gates: int | None = None
) -> RestForecast | None:
    """What is left of a run, as if nobody held it up; None where nothing of it can go on."""
    if run.ended or not run.planned:
        return None
    tasks = [plane.tasks[run.task_ids[index]] for index in sorted(run.task_ids)]
    sorts = _sorts_seen(plane)
    found = outlook(
        _plan_of(run, tasks),
        _setting(run.limits, gates),
        Experience(history_of(plane, sorts), sorts),
        now={task.planned.id: _stand(run, task, now) for task in tasks},
        samples_max=SAMPLES_OF_A_REST,
    )
    left = sum(task.status not in SATISFIES for task in tasks) - len(found.unmoved)
    if not left:
        return None
    modelled = any(sorts.of(task.planned.agent) == "programs" for task in tasks)
    spent = _spent(plane, tasks) if modelled else None
    return RestForecast(
        minutes=found.minutes,
        cost_usd=_whole_cost(found, spent),
        spent_usd=spent,
        tasks_left=left,
        not_counted=found.unmoved,
        basis=found.basis,
    )


def _whole_cost(found: Outlook, spent: float | None) -> Spread | None:
    """What the run will have cost at its end; work that is over costs nothing more."""
    rest = found.cost_usd
    if not any(each.modelled for each in found.tasks.values()):
        rest = Spread(0.0, 0.0)
    if rest is None or spent is None:
        return None
    return Spread(spent + rest.p50, spent + rest.p80)


def _spent(plane: PlanePicture, tasks: list[TaskPicture]) -> float | None:
    """Unknown as soon as anything that was used has no price, or an attempt was not counted."""
    for task in tasks:
        for attempt in task.attempts:
            counted = attempt.result is None or attempt.usage is not None
            if not (counted or attempt.simulated or _by_hand(plane, attempt)):
                return None
    return sum((task.usage for task in tasks if task.usage is not None), Usage()).cost_usd


def _by_hand(plane: PlanePicture, attempt: Attempt) -> bool:
    worker = plane.workers.get(attempt.worker_id)
    return worker is not None and worker.type == "human"


def _plan_of(run: RunPicture, tasks: list[TaskPicture]) -> Plan:
    """What was skipped keeps its condition, which no flag makes true; nothing else has one."""
    name_of = {task.id: task.planned.id for task in tasks}
    groups = (run.groups[number] for number in sorted(run.groups))
    return Plan(
        goal=run.goal.text,
        tasks=tuple(
            task.planned if task.status is S.SKIPPED else replace(task.planned, when=None)
            for task in tasks
        ),
        groups=tuple(
            StageGroup(g.id, tuple(name_of[s] for s in g.stages), g.depends_on, g.parallel)
            for g in groups
        ),
        affinity=run.affinity,
    )


_STANDS: Final = {
    S.PROPOSED: Stand.TO_DO,
    S.BACKLOG: Stand.TO_DO,
    S.READY: Stand.TO_DO,
    S.CLAIMED: Stand.WORKING,
    S.IN_PROGRESS: Stand.WORKING,
    S.PAUSED: Stand.WORKING,
    S.VERIFYING: Stand.JUDGING,
    S.REVIEW: Stand.LANDING,
    S.MERGING: Stand.LANDING,
    S.DONE: Stand.DONE,
    S.SKIPPED: Stand.DONE,
}
"""In every other state only a person can move it."""


def _stand(run: RunPicture, task: TaskPicture, now: datetime) -> Now:
    asks = task.asking is not None and task.asking.answer is None
    unclaimed = task.status is S.READY and task.planned.agent in run.limits.by_people
    held = task.status is S.REVIEW and held_for_a_person(task)
    if asks or unclaimed or held:
        return Now(Stand.STUCK)
    stand, elapsed = _STANDS.get(task.status, Stand.STUCK), 0.0
    last = task.attempts[-1] if task.attempts else None
    if stand is Stand.WORKING and last is not None and last.ended_at is None:
        elapsed = max(0.0, (now - last.started_at).total_seconds() / _SECONDS_PER_MINUTE)
    return Now(stand, elapsed)


class Foresight:
    """The rest of one run for whoever keeps looking: worked out anew only now and then."""

    def __init__(self, every_seconds: float = REST_SECONDS) -> None:
        self._every = timedelta(seconds=every_seconds)
        self._run: RunId | None = None
        self._at: datetime | None = None
        self._rest: RestForecast | None = None

    def rest(self, plane: PlanePicture, run_id: RunId, now: datetime) -> RestForecast | None:
        run = plane.runs.get(run_id)
        if run is None or run.ended:
            return None
        fresh = self._at is not None and timedelta() <= now - self._at < self._every
        if run_id != self._run or not fresh:
            self._run, self._at = run_id, now
            self._rest = rest_of(plane, run, now)
        return self._rest


class Herald:
    """Tells what is left of runs: after something landed, and never too often."""

    def __init__(self, every_seconds: float = HERALD_SECONDS) -> None:
        self._every = timedelta(seconds=every_seconds)
        self._at: datetime | None = None
        self._landed: int | None = None

    def news(self, plane: PlanePicture, runs: Sequence[RunId], now: datetime) -> Iterator[str]:
        known = [plane.runs[run_id] for run_id in runs if run_id in plane.runs]
        landed = sum(run.count(S.DONE) for run in known)
        if self._at is None or self._landed is None:
            self._at, self._landed = now, landed
        if landed == self._landed or now - self._at < self._every:
            return
        self._at, self._landed = now, landed
        for run in known:
            rest = rest_of(plane, run, now)
            if rest is not None:
                yield f"{landed} landed, about {time_left(rest)}"


# --- history --------------------------------------------------------------------------------------


def history_of(plane: PlanePicture, sorts: Sorts) -> History:
    """What the picture remembers: attempts that ended by themselves, and how long gates took."""
    tasks = [plane.tasks[task_id] for task_id in sorted(plane.tasks)]
    working = [task for task in tasks if not asks_for_a_plan(task.planned)]
    ended = [each for task in working for each in _attempted(plane, task, sorts)]
    ended.sort(key=itemgetter(0))
    judged = [minutes for task in working if (minutes := _judging_minutes(task)) > 0]
    return History(
        attempts=tuple(attempt for _, attempt in ended[-LEARNED_FROM_MAX:]),
        judging_minutes=tuple(judged[-LEARNED_FROM_MAX:]),
    )


def _attempted(
    plane: PlanePicture, task: TaskPicture, sorts: Sorts
) -> Iterator[tuple[datetime, Attempted]]:
    """When each ended, and how. A script, or a person who helps out, says nothing of an agent."""
    ended = [attempt for attempt in task.attempts if _ended_by_itself(attempt)]
    agent = task.planned.agent
    for attempt in ended:
        alike = _by_hand(plane, attempt) is (agent in sorts.people)
        alike = alike and attempt.simulated is (agent in sorts.scripts)
        if not alike or attempt.ended_at is None:
            continue
        took = (attempt.ended_at - attempt.started_at).total_seconds()
        found = Attempted(
            kind=task.planned.kind,
            agent=agent,
            minutes=max(0.0, took / _SECONDS_PER_MINUTE),
            estimate_minutes=task.planned.estimate_minutes,
            cost_usd=_cost(attempt),
            good=_was_good(task, attempt),
            first=attempt is ended[0] and task.attempts_made == len(task.attempts),
        )
        yield attempt.ended_at, found


def _ended_by_itself(attempt: Attempt) -> bool:
    result = attempt.result
    if result is None or result.error_class == INTERRUPTED:
        return False
    return result.outcome is not Outcome.INFRASTRUCTURE


def _cost(attempt: Attempt) -> float | None:
    """An attempt that used no tokens tells nothing of what its agent costs."""
    usage = attempt.usage
    if usage is None and attempt.result is not None:
        usage = attempt.result.usage
    return None if usage is None or not usage.tokens else usage.cost_usd


def _was_good(task: TaskPicture, attempt: Attempt) -> bool | None:
    """Whoever was followed by another attempt was sent back; of the last one the task tells."""
    if attempt is not task.attempts[-1]:
        return False
    match task.status:
        case S.DONE:
            return True
        case S.FAILED | S.REJECTED | S.ROLLED_BACK | S.READY:
            return False
        case _:
            return None


def _judging_minutes(task: TaskPicture) -> float:
    verdicts = () if task.judged is None else task.judged.verdicts
    seconds = sum(verdict.seconds for verdict in verdicts if not verdict.reused)
    return seconds / _SECONDS_PER_MINUTE


def _sorts_seen(plane: PlanePicture) -> Sorts:
    """By what the runs said of people, and by who did the newest attempt under a profile."""
    newest: dict[str, Attempt] = {}
    for task in plane.tasks.values():
        for attempt in task.attempts[-1:]:
            before = newest.get(task.planned.agent)
            if before is None or before.started_at < attempt.started_at:
                newest[task.planned.agent] = attempt
    people = frozenset(name for run in plane.runs.values() for name in run.limits.by_people)
    scripts = frozenset(name for name, attempt in newest.items() if attempt.simulated)
    return Sorts(people, scripts - people)
