"""The health of the house in a few numbers: who works, what is queued, collides and waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from interlock.control.chronicle import Chronicle
from interlock.control.pictures import sentence
from interlock.control.stories import Span, TaskStory, WorkerStory
from interlock.domain.ids import RunId, TaskName, WorkerId
from interlock.domain.lifecycle import ENDED
from interlock.domain.task import TaskStatus

UTILIZATION_TARGET: Final = 0.70

_BACKLOG: Final = frozenset({TaskStatus.PROPOSED, TaskStatus.BACKLOG, TaskStatus.READY})
_AT_WORK: Final = frozenset({TaskStatus.CLAIMED, TaskStatus.IN_PROGRESS, TaskStatus.PAUSED})
_BEING_PROVED: Final = frozenset({TaskStatus.VERIFYING, TaskStatus.REVIEW, TaskStatus.MERGING})


class Registry(msgspec.Struct, frozen=True):
    """Workers that are heard of, and those that are not any more."""

    active: int
    stale: int


class Queue(msgspec.Struct, frozen=True):
    """Unfinished tasks: not begun, in the hands of a worker, being proved; `people` wait for us."""

    backlog: int
    in_progress: int
    review: int
    people: int


class Locks(msgspec.Struct, frozen=True):
    """Who holds which files."""

    active: int
    expired: int


class Conflicts(msgspec.Struct, frozen=True):
    """How many changes collided among the tasks that were worked on; no task: no rate."""

    conflicts: int
    tasks: int
    rate: float | None


class Utilization(msgspec.Struct, frozen=True):
    """The share of the time of agents between `since` and `until` in which they had work."""

    share: float
    target: float
    below_target: bool
    since: datetime
    until: datetime


class Waiting(msgspec.Struct, frozen=True):
    """The task that has stood still the longest, and for what."""

    task: TaskName
    run: RunId
    title: str
    state: str
    since: datetime
    seconds: float
    reason: str


class HealthReport(msgspec.Struct, frozen=True):
    """All of it; what nobody computes yet, or what cannot be computed now, is null."""

    at: datetime
    registry: Registry
    queue: Queue
    locks: Locks | None
    conflicts: Conflicts
    utilization: Utilization | None
    oldest_waiting: Waiting | None
    held_up_by: str | None


def health_report(chronicle: Chronicle, now: datetime) -> HealthReport:
    stories = list(chronicle.tasks.values())
    plane = chronicle.plane
    return HealthReport(
        at=now,
        registry=registry(chronicle),
        queue=queue(stories),
        locks=None,
        conflicts=conflicts(stories),
        utilization=utilization(chronicle, now),
        oldest_waiting=max(_waiting(chronicle, now), key=lambda one: one.seconds, default=None),
        held_up_by=plane.stopped or plane.lost_part or plane.paused or None,
    )


def registry(chronicle: Chronicle) -> Registry:
    active = sum(is_online(worker) for worker in chronicle.workers.values())
    return Registry(active, len(chronicle.workers) - active)


def is_online(worker: WorkerStory) -> bool:
    return bool(worker.online) and worker.online[-1].end is None


def queue(stories: Sequence[TaskStory]) -> Queue:
    def count(states: frozenset[TaskStatus]) -> int:
        return sum(story.picture.status in states for story in stories)

    people = sum(story.cases.open is not None for story in stories)
    return Queue(count(_BACKLOG), count(_AT_WORK), count(_BEING_PROVED), people)


def conflicts(stories: Sequence[TaskStory]) -> Conflicts:
    worked_on = sum(bool(story.tries) for story in stories)
    met = sum(len(story.conflicts) for story in stories)
    return Conflicts(met, worked_on, met / worked_on if worked_on else None)


# --- how busy are they? ---------------------------------------------------------------------------


def utilization(chronicle: Chronicle, now: datetime) -> Utilization | None:
    """Over the runs that are under way, or over the newest one when all have ended.

    A night without a run is nobody's idleness, and people are not measured at all.
    """
    window = _window(chronicle, now)
    if window is None:
        return None
    since, until = window
    agents = {name: w for name, w in chronicle.workers.items() if w.fact.type == "agent"}
    there = sum(
        _overlap(span, since, until) * worker.fact.capacity
        for worker in agents.values()
        for span in worker.online
    )
    if there <= 0:
        return None
    busy = sum(_overlap(span, since, until) for span in _work_of(chronicle, agents))
    share = min(1.0, busy / there)
    return Utilization(share, UTILIZATION_TARGET, share < UTILIZATION_TARGET, since, until)


def _window(chronicle: Chronicle, now: datetime) -> tuple[datetime, datetime] | None:
    under_way = [run.started_at for run in chronicle.runs.values() if run.ended_at is None]
    if under_way:
        return min(under_way), now
    newest = chronicle.newest_run
    return None if newest is None else (newest.started_at, newest.ended_at or now)


def _work_of(chronicle: Chronicle, agents: dict[WorkerId, WorkerStory]) -> Iterator[Span]:
    for story in chronicle.tasks.values():
        for each in story.tries:
            if each.worker_id in agents:
                yield each.span


def _overlap(span: Span, since: datetime, until: datetime) -> float:
    end = min(span.end or until, until)
    return max(0.0, (end - max(span.start, since)).total_seconds())


# --- what waits? ----------------------------------------------------------------------------------


def _waiting(chronicle: Chronicle, now: datetime) -> Iterator[Waiting]:
    for story in chronicle.tasks.values():
        task, case = story.picture, story.cases.open
        if case is not None:
            reason: str | None = f"a person ({case.about.kind}): {case.asked}"
        elif task.status in ENDED or task.id not in chronicle.plane.tasks:
            continue
        else:
            reason = sentence(chronicle.plane, task, now)
        if reason is not None:
            since = task.since if case is None else case.opened_at
            seconds = max(0.0, (now - since).total_seconds())
            state = task.status.value
            name, title = task.planned.id, task.planned.title
            yield Waiting(name, task.run_id, title, state, since, seconds, reason)
