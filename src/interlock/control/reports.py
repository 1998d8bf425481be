"""The report of one run, from the facts alone: the same events always give the same report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from interlock.control.chronicle import Chronicle
from interlock.control.errors import WrongUsage
from interlock.control.pictures import run_state, task_row
from interlock.control.run_document import (
    DecisionSeen,
    ForecastSeen,
    GateSeen,
    Metrics,
    ReviewItemSeen,
    RunReport,
    TargetSeen,
    TaskSeen,
    TrySeen,
)
from interlock.control.stories import RunStory, TaskStory, Try
from interlock.domain.forecast import Spread
from interlock.domain.ids import BlobId, CommitId, RunId
from interlock.domain.task import TaskStatus
from interlock.domain.usage import Usage
from interlock.flows.run.pictures import PlanePicture

PERCENTILE: Final = 0.95
_SECONDS_PER_MINUTE: Final = 60.0
_RUNS_NAMED_MAX: Final = 5
_STANDING: Final = frozenset({"waiting", "stopped", "paused"})
"""States of a run in which time goes by without work."""


class Seen(msgspec.Struct, frozen=True):
    """What the log cannot tell: the time, where the target stands, the head of the log."""

    now: datetime
    target_head: CommitId | None
    audit: str


def run_report(chronicle: Chronicle, run_id: RunId, seen: Seen) -> RunReport:
    run, stories = chronicle.runs[run_id], chronicle.tasks_of(run_id)
    state = state_of(chronicle, run)
    tries = [each for story in stories for each in story.tries]
    numbers = metrics(run, stories, measured_until(chronicle, run, seen.now))
    return RunReport(
        run=run_id,
        goal=run.fact.goal.text,
        state=state,
        target=TargetSeen(run.fact.target or None, run.fact.base, seen.target_head),
        tasks=tuple(_task(chronicle.plane, story, seen.now) for story in stories),
        review=tuple(review_items(stories)),
        metrics=numbers,
        started_at=run.started_at,
        ended_at=run.ended_at,
        asked_by=None if run.asked_by is None else str(run.asked_by),
        reasons=run.reasons,
        settings_digest=run.fact.settings_digest or None,
        boxes=tuple(sorted({each.box for each in tries if each.box})),
        simulated=any(each.simulated for each in tries),
        denied_hosts=tuple(sorted({host for story in stories for _, host in story.denied})),
        notes=tuple(s.landing.note for s in stories if s.landing is not None and s.landing.note),
        audit=seen.audit,
        forecast=held_to(chronicle, run, stories, numbers),
    )


def held_to(
    chronicle: Chronicle, run: RunStory, stories: Sequence[TaskStory], numbers: Metrics
) -> ForecastSeen | None:
    """The forecast that was told when the run was asked for, beside what came of it."""
    told, picture = run.fact.forecast, chronicle.plane.runs.get(run.id)
    if told is None:
        return None
    minutes = numbers.wall_seconds / _SECONDS_PER_MINUTE
    return ForecastSeen(
        expected=told,
        minutes=minutes,
        cost_usd=_cost_of(stories),
        conflicts=numbers.conflicts_met,
        came=None if run.ended_at is None else _came(minutes, told.minutes),
        changed=picture is not None and picture.plan != run.fact.plan,
    )


def _came(minutes: float, told: Spread) -> Literal["within_p50", "within_p80", "beyond_p80"]:
    if minutes <= told.p50:
        return "within_p50"
    return "within_p80" if minutes <= told.p80 else "beyond_p80"


def _cost_of(stories: Sequence[TaskStory]) -> float | None:
    """Unknown where an attempt was not counted, and as soon as what was used has no price."""
    used = [story.picture.usage for story in stories if story.picture.usage is not None]
    if not used or any(map(_has_uncounted, stories)):
        return None
    return sum(used, Usage()).cost_usd


def _has_uncounted(story: TaskStory) -> bool:
    """People and scripts use no model."""
    by_hand = {each.number for each in story.tries if each.by_hand}
    return any(
        attempt.usage is None and attempt.result is not None and not attempt.simulated
        for attempt in story.picture.attempts
        if attempt.number not in by_hand
    )


def state_of(chronicle: Chronicle, run: RunStory) -> str:
    """Waiting as soon as nothing goes on without a person, whatever some tasks are called."""
    picture = chronicle.plane.runs.get(run.id)
    if picture is None:
        return run.outcome  # It ended so long ago that the plane has forgotten it.
    return run_state(chronicle.plane, picture)


def measured_until(chronicle: Chronicle, run: RunStory, now: datetime) -> datetime:
    """Time in which a run only waits for a person is not counted."""
    standing = state_of(chronicle, run) in _STANDING
    return run.ended_at or (run.last_at if standing else now)


def find_run(chronicle: Chronicle, name: str | None) -> RunId:
    """The run of this name or of this unmistakable part of a name; the newest if none is given."""
    newest = chronicle.newest_run
    if newest is None:
        raise WrongUsage("no run is in this history yet: look at a plan with `interlock plan`")
    if name is None:
        return newest.id
    if name in chronicle.runs:
        return RunId(name)
    found = [run_id for run_id in chronicle.runs if name and name in run_id]
    if len(found) == 1:
        return found[0]
    known = ", ".join((found or list(chronicle.runs))[-_RUNS_NAMED_MAX:])
    said = f"{len(found)} runs are" if found else "no run is"
    raise WrongUsage(f"{said} called {name[:80]!r}: name one of {known}")


# --- tasks ----------------------------------------------------------------------------------------


def _task(plane: PlanePicture, story: TaskStory, now: datetime) -> TaskSeen:
    task, judging = story.picture, story.evidence
    known = task.id in plane.tasks and task.run_id in plane.runs
    waits_for = task_row(plane, task, now).waits_for if known else None
    case = story.cases.open
    if case is not None and task.status is TaskStatus.REVIEW:
        waits_for = f"a person: {case.asked}"
    return TaskSeen(
        id=task.planned.id,
        title=task.planned.title,
        state=task.status.value,
        tier=None if task.tier is None else task.tier.value,
        score=None,
        attempts=task.attempts_made,
        commit=task.commit,
        landed_at=story.landed_at,
        waits_for=waits_for,
        gates=tuple(gates_seen(story)),
        cost_usd=None if task.usage is None else task.usage.cost_usd,
        tokens=None if task.usage is None else task.usage.tokens,
        task_id=task.id,
        agent=task.planned.agent,
        reason=task.reason,
        judgement=None if judging is None else judging.fact.judgement.value,
        tries=tuple(tries_seen(story)),
        decisions=tuple(decisions_seen(story)),
        outside=() if judging is None else judging.fact.outside,
        note="" if story.landing is None else story.landing.note,
        usage=task.usage,
    )


def gates_seen(story: TaskStory) -> Iterator[GateSeen]:
    judging = story.evidence
    for verdict in () if judging is None else judging.fact.verdicts:
        yield GateSeen(
            name=verdict.gate,
            outcome=verdict.outcome.value,
            detail=verdict.detail,
            attempt=0 if judging is None else judging.fact.attempt,
            seconds=verdict.seconds,
            reused=verdict.reused,
            log=verdict.log,
        )


def decisions_seen(story: TaskStory) -> Iterator[DecisionSeen]:
    for each in story.decisions:
        yield DecisionSeen(each.at, str(each.actor), each.what, each.reason)


def tries_seen(story: TaskStory) -> Iterator[TrySeen]:
    for each in story.tries:
        yield _try(story, each)


def _try(story: TaskStory, each: Try) -> TrySeen:
    reason, log = why_not(story, each)
    ended = each.span.end
    return TrySeen(
        number=each.number,
        agent=story.picture.planned.agent,
        worker=each.worker_id,
        outcome=each.outcome,
        reason=reason,
        log=log,
        started_at=each.span.start,
        seconds=None if ended is None else each.span.seconds(ended),
        box=each.box or None,
        simulated=each.simulated,
        by_hand=each.by_hand,
        denied_hosts=tuple(host for number, host in story.denied if number == each.number),
    )


def why_not(story: TaskStory, each: Try) -> tuple[str, BlobId | None]:
    """Why the attempt did not do, with the log that shows it: sent back, or its own last words."""
    later = [other.span.start for other in story.tries if other.number > each.number]
    until = min(later, default=None)
    failed = story.picture.status is TaskStatus.FAILED
    if until is None and failed and each.span.end is not None:
        return story.picture.reason or each.summary, _last_log(story) or each.log
    for back in reversed(story.sent_back):
        in_time = until is None or back.at <= until
        if each.span.end is not None and back.at >= each.span.end and in_time:
            return back.fact.feedback or each.summary or back.fact.cause.value, back.fact.log
    return each.summary, each.log


def _last_log(story: TaskStory) -> BlobId | None:
    return story.judgings[-1].fact.log if story.judgings else None


def review_items(stories: Sequence[TaskStory]) -> Iterator[ReviewItemSeen]:
    for story in stories:
        case = story.cases.open
        if case is not None:
            task = story.picture
            yield ReviewItemSeen(
                id=f"{task.id}-{case.number}",
                short=f"{task.planned.id}-{case.number}",
                task=task.planned.id,
                kind=case.about.kind,
                reason=case.asked,
                since=case.opened_at,
            )


# --- numbers --------------------------------------------------------------------------------------


def metrics(run: RunStory, stories: Sequence[TaskStory], until: datetime) -> Metrics:
    wall = max(0.0, (until - run.started_at).total_seconds())
    sequential = sum(_work_seconds(story, until) for story in stories)
    runs = [v for story in stories for judging in story.judgings for v in judging.fact.verdicts]
    return Metrics(
        wall_seconds=wall,
        sequential_seconds=sequential,
        parallel_efficiency=sequential / wall if wall > 0 and sequential > 0 else None,
        overhead_seconds_p95=percentile(
            [o for s in stories if (o := overhead(run, s)) is not None]
        ),
        conflicts_predicted=_conflicts_predicted(run),
        conflicts_met=sum(len(story.conflicts) for story in stories),
        reworks=sum(story.reworks for story in stories),
        gate_runs=sum(not verdict.reused for verdict in runs),
        red_target_seconds=None,
    )


def _conflicts_predicted(run: RunStory) -> int | None:
    """As many as were to be expected in the mean."""
    told = run.fact.forecast
    return None if told is None or told.conflicts is None else round(told.conflicts)


def _work_seconds(story: TaskStory, until: datetime) -> float:
    """What the same work would take one after another: every attempt and every gate that ran."""
    working = sum(each.span.seconds(until) for each in story.tries)
    return working + sum(_gate_seconds(story, number) for number in range(len(story.judgings)))


def _gate_seconds(story: TaskStory, number: int) -> float:
    verdicts = story.judgings[number].fact.verdicts
    return sum(verdict.seconds for verdict in verdicts if not verdict.reused)


def overhead(run: RunStory, story: TaskStory) -> float | None:
    """What we added to a task that landed: making its places, collecting, bringing it to target.

    Waiting for a worker, a person, a group or a turn to land is not in it; waiting for room among
    the gates is, because no fact tells it apart. None where no gate told how long it took.
    """
    landing = story.landing
    if landing is None or landing.at is None or not any(j.fact.verdicts for j in story.judgings):
        return None
    added = (landing.at - landing.intended_at).total_seconds()
    for each in story.tries:
        added += (each.span.start - each.granted_at).total_seconds()
        first = next(
            (n for n, j in enumerate(story.judgings) if j.fact.attempt == each.number), None
        )
        if first is not None and each.span.end is not None:
            begun = _judging_began(run, story, each.span.end, story.judgings[first].at)
            took = (story.judgings[first].at - begun).total_seconds()
            added += max(0.0, took - _gate_seconds(story, first))
    return added


def _judging_began(run: RunStory, story: TaskStory, ended: datetime, judged: datetime) -> datetime:
    """The stages of a group are judged together, so the early ones wait for the others."""
    group = story.picture.group
    marks = (at for number, at in run.verifying if number == group and ended <= at <= judged)
    return max(marks, default=ended)


def percentile(values: Sequence[float], share: float = PERCENTILE) -> float | None:
    """The smallest value that this share of all values does not exceed."""
    if not values:
        return None
    return sorted(values)[math.ceil(share * len(values)) - 1]
