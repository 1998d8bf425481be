"""What came of the story, read off its log: nothing here is known from anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec

from interlock.demo.story import Kill, Played
from interlock.domain.facts.attempt import AttemptAbandoned
from interlock.domain.facts.lease import LeaseEnded
from interlock.domain.facts.task import TaskRequeued
from interlock.domain.ids import GroupId, TaskName
from interlock.domain.run import RunLimits, RunStatus
from interlock.engine.chain import Head, Verification
from interlock.flows.task.state import TaskPicture
from interlock.planning.forecast import forecast

LABEL: Final = (
    "simulated: a pretend clock, pretend workers and a pretend target; "
    "no agent ran and no code was touched"
)
_LOST: Final = (AttemptAbandoned, LeaseEnded, TaskRequeued)
"""Facts that would say that the kill cost somebody's work."""


class StageRow(msgspec.Struct, frozen=True):
    """One stage: from when to when in pretend minutes, and in how many attempts."""

    id: TaskName
    group: GroupId | None
    agent: str
    state: str
    start_minutes: float | None
    finish_minutes: float | None
    attempts: int


class MinutesRow(msgspec.Struct, frozen=True):
    """The run as it went, beside the sum of all stages and the plan's forecast."""

    run: float | None
    sequential: float
    forecast: float
    saved_percent: float | None


class KillRow(msgspec.Struct, frozen=True):
    """What the kill met and what it cost."""

    at_minutes: float
    down_minutes: float
    under_way: tuple[TaskName, ...]
    events_before: int
    events_lost: int
    attempts_lost: int
    minutes_lost: float | None


class AuditRow(msgspec.Struct, frozen=True):
    """The tamper check on the real store that the history was copied to."""

    events: int
    ok: bool
    first_broken: str | None
    head: str


class Report(msgspec.Struct, frozen=True):
    """The whole outcome; `as_told` is False when the story did not end as it should."""

    simulated: str
    as_told: bool
    run: str | None
    goal: str
    state: str
    minutes: MinutesRow
    stages: tuple[StageRow, ...]
    kill: KillRow
    events: int
    audit: AuditRow
    store: str
    next: tuple[str, ...]


def report_of(played: Played, audit: Verification, continues: bool, store: str) -> Report:
    """`continues`: the end of the log at the kill is part of the history as it is now."""
    run = None if played.run_id is None else played.picture.runs[played.run_id]
    began = None if run is None else run.started_at
    limits = RunLimits()
    expected = forecast(played.plan, limits.workers, limits.parallel_stages).minutes
    took = _minutes_between(began, None if run is None else run.ended_at)
    stages = tuple(_stage(task, began) for task in _in_order(played))
    kill = _kill_row(played, continues, took, expected.parallel)
    completed = run is not None and run.status is RunStatus.COMPLETED
    nothing_lost = kill.events_lost == 0 and kill.attempts_lost == 0 and kill.minutes_lost == 0
    return Report(
        simulated=LABEL,
        as_told=completed and nothing_lost and audit.ok and audit.head == played.head,
        run=None if run is None else run.id,
        goal=played.plan.goal,
        state="never started" if run is None else run.status.value,
        minutes=MinutesRow(
            run=took,
            sequential=expected.sequential,
            forecast=expected.parallel,
            saved_percent=_saved(took, expected.sequential),
        ),
        stages=stages,
        kill=kill,
        events=len(played.events),
        audit=AuditRow(audit.events, audit.ok, audit.first_broken, _text_of(audit.head)),
        store=store,
        next=(
            f"interlock status --store {store}",
            f"interlock log --store {store} --limit 20",
            f"interlock audit verify --store {store}",
        ),
    )


def _kill_row(
    played: Played, continues: bool, took: float | None, forecast_minutes: float
) -> KillRow:
    kill: Kill = played.kill
    after = (event.fact for event in played.events[kill.head.position :])
    return KillRow(
        at_minutes=kill.at_minutes,
        down_minutes=kill.down_minutes,
        under_way=kill.under_way,
        events_before=kill.head.position,
        events_lost=0 if continues else kill.head.position,
        attempts_lost=sum(isinstance(fact, _LOST) for fact in after),
        minutes_lost=None if took is None else round(took - forecast_minutes, 3),
    )


def _in_order(played: Played) -> Iterator[TaskPicture]:
    return iter(sorted(played.picture.tasks.values(), key=lambda task: task.index))


def _stage(task: TaskPicture, began: datetime | None) -> StageRow:
    return StageRow(
        id=task.planned.id,
        group=task.group,
        agent=task.planned.agent,
        state=task.status.value,
        start_minutes=_minutes_between(began, task.started_at),
        finish_minutes=_minutes_between(began, task.completed_at),
        attempts=task.attempts_made,
    )


def _minutes_between(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return round((end - start).total_seconds() / 60, 3)


def _saved(took: float | None, sequential: float) -> float | None:
    return None if took is None else round(100 * (1 - took / sequential), 1)


def _text_of(head: Head) -> str:
    return f"{head.position}:{head.hash.hex()}"
