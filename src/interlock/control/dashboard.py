"""The dashboard: which team works on what, what waits for a person, and today in three numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, tzinfo

import msgspec

from interlock.control.chronicle import Chronicle
from interlock.control.health import is_online
from interlock.control.read_models import RestForecast
from interlock.control.reports import measured_until, metrics
from interlock.control.stories import RunStory, TaskStory, WorkerStory
from interlock.domain.ids import RunId, TaskName, WorkerId
from interlock.domain.lifecycle import ENDED
from interlock.domain.task import Priority, TaskStatus

_FULL = 100
_ORDER = tuple(Priority)


class TeamRow(msgspec.Struct, frozen=True):
    """One team and what it works on; only what has landed is at 100 percent."""

    name: str
    work: str
    percent: int
    state: str
    simulated: bool


class QueueRow(msgspec.Struct, frozen=True):
    """Something that waits for a person."""

    task: TaskName
    title: str
    priority: str
    kind: str
    waiting_seconds: float


class Dashboard(msgspec.Struct, frozen=True):
    """Everything at one moment; numbers that nobody can know yet are null."""

    at: datetime
    teams: tuple[TeamRow, ...]
    queue: tuple[QueueRow, ...]
    completed_today: int
    average_wait_seconds: float | None
    parallel_efficiency: float | None
    run: RunId | None
    goal: str | None
    unfinished: int
    held_up_by: str | None
    holder: str | None
    forecast: RestForecast | None = None


def dashboard(
    chronicle: Chronicle, now: datetime, zone: tzinfo | None, holder: str | None
) -> Dashboard:
    """`zone` says where today began; None is the zone of this machine."""
    plane, run = chronicle.plane, chronicle.newest_run
    return Dashboard(
        at=now,
        teams=tuple(_teams(chronicle)),
        queue=tuple(_queue(chronicle, now)),
        completed_today=sum(_landed_on(story, now, zone) for story in chronicle.tasks.values()),
        average_wait_seconds=average_wait(chronicle, now, zone),
        parallel_efficiency=None if run is None else _efficiency(chronicle, run, now),
        run=None if run is None else run.id,
        goal=None if run is None else run.fact.goal.text,
        unfinished=sum(s.picture.status not in ENDED for s in chronicle.tasks.values()),
        held_up_by=plane.stopped or plane.lost_part or plane.paused or None,
        holder=holder,
    )


def _efficiency(chronicle: Chronicle, run: RunStory, now: datetime) -> float | None:
    until = measured_until(chronicle, run, now)
    return metrics(run, chronicle.tasks_of(run.id), until).parallel_efficiency


# --- teams ----------------------------------------------------------------------------------------


def _teams(chronicle: Chronicle) -> Iterator[TeamRow]:
    workers = sorted(chronicle.workers.values(), key=lambda worker: _natural(worker.fact.name))
    under_way = {run.id for run in chronicle.runs.values() if run.ended_at is None}
    latest = _latest_by_worker(chronicle, under_way)
    for worker in workers:
        for story in latest.get(worker.fact.worker_id, []):
            yield _team(worker, story)


def _natural(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Team 10 comes after Team 2."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts)


def _latest_by_worker(
    chronicle: Chronicle, under_way: set[RunId]
) -> dict[WorkerId, list[TaskStory]]:
    """What each has in hand now, else what it did last in a run that goes on."""
    held: dict[WorkerId, list[TaskStory]] = {}
    last: dict[WorkerId, TaskStory] = {}
    for story in chronicle.tasks.values():
        if story.picture.lease is not None:
            held.setdefault(story.picture.lease.worker_id, []).append(story)
        if not story.tries or story.picture.run_id not in under_way:
            continue
        worker = story.tries[-1].worker_id
        before = last.get(worker)
        if before is None or before.tries[-1].span.start <= story.tries[-1].span.start:
            last[worker] = story
    shown = {w: [s] for w, s in last.items() if _is_current(chronicle.workers.get(w), s)}
    return {**shown, **held}


def _is_current(worker: WorkerStory | None, story: TaskStory) -> bool:
    """Landed or on its way there, by a worker who is still around."""
    status = story.picture.status
    on_its_way = (TaskStatus.VERIFYING, TaskStatus.REVIEW, TaskStatus.MERGING, TaskStatus.DONE)
    return worker is not None and is_online(worker) and status in on_its_way


def _team(worker: WorkerStory, story: TaskStory) -> TeamRow:
    task = story.picture
    done = task.status is TaskStatus.DONE
    percent = _FULL if done else min(task.percent, _FULL - 1)
    simulated = bool(story.tries) and story.tries[-1].simulated
    return TeamRow(worker.fact.name, task.planned.title, percent, task.status.value, simulated)


# --- people ---------------------------------------------------------------------------------------


def _queue(chronicle: Chronicle, now: datetime) -> list[QueueRow]:
    rows = [
        QueueRow(
            task=story.picture.planned.id,
            title=story.picture.planned.title,
            priority=story.picture.priority.value,
            kind=case.about.kind,
            waiting_seconds=max(0.0, (now - case.opened_at).total_seconds()),
        )
        for story in chronicle.tasks.values()
        if (case := story.cases.open) is not None
    ]
    return sorted(
        rows, key=lambda row: (_ORDER.index(Priority(row.priority)), -row.waiting_seconds)
    )


def average_wait(chronicle: Chronicle, now: datetime, zone: tzinfo | None) -> float | None:
    """How long work waited for a person: what waits now, and what was decided today."""
    today = now.astimezone(zone).date()
    waits = [
        ((case.ended.at if case.ended is not None else now) - case.opened_at).total_seconds()
        for story in chronicle.tasks.values()
        for case in story.cases.all
        if case.ended is None or case.ended.at.astimezone(zone).date() == today
    ]
    return sum(waits) / len(waits) if waits else None


def _landed_on(story: TaskStory, day: datetime, zone: tzinfo | None) -> bool:
    at = story.landed_at
    return at is not None and at.astimezone(zone).date() == day.astimezone(zone).date()
