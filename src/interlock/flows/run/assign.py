"""Who works next on what: the best ready task for each free worker, within every limit.

Tasks that want the same stand in one sorted queue, so a look costs one step per kind of want and
per grant, however many tasks are ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from interlock.domain.ids import TaskId, WorkerId
from interlock.domain.task import TaskStatus
from interlock.flows.run.around import around, starts_held
from interlock.flows.run.indexes import ready_key
from interlock.flows.run.limits import room_for
from interlock.flows.run.pictures import (
    NO_GROUP,
    PlanePicture,
    ReadyKey,
    Want,
    WorkerPicture,
    can_do,
)
from interlock.flows.task.picture import TaskPicture


class Grant(msgspec.Struct, frozen=True):
    """This worker gets this task."""

    task_id: TaskId
    worker_id: WorkerId


class Hold(msgspec.Struct, frozen=True):
    """Wait for this task until then: its landing unlocks something more urgent."""

    task_id: TaskId
    until: datetime


HOLD: Final = timedelta(milliseconds=50)
"""What judging and landing take where they take no time; gates that run are not waited for."""


def assign(plane: PlanePicture, now: datetime) -> Grant | Hold | None:
    """The next grant, or none; the caller records it and asks again."""
    if not plane.free or not plane.ready:
        return None
    heads = sorted(
        head for want in sorted(plane.ready) if (head := _head(plane, want, now)) is not None
    )
    for key in heads:
        task = plane.tasks[key[-1]]
        worker = _fitting(plane, task)
        if worker is not None:
            return _about_to_be_bettered(plane, key, worker, now) or Grant(task.id, worker)
    return None


def _about_to_be_bettered(
    plane: PlanePicture, key: ReadyKey, worker_id: WorkerId, now: datetime
) -> Hold | None:
    """A worker that just finished is free a moment before its task has landed.

    Given away at once it would miss the successor on the longest path, which is ready an instant
    later. So many workers are kept as there are better tasks about to be unlocked.
    """
    worker, better, hold = plane.workers[worker_id], 0, None
    for task_id in plane.closing:
        task = plane.tasks[task_id]
        if now >= task.since + HOLD:
            continue
        run = plane.runs[task.run_id]
        waiting = (plane.tasks[other] for other in run.full_dependents.get(task_id, ()))
        found = sum(
            _unlocked(plane, w) and ready_key(w, run) < key
            for w in waiting
            if can_do(worker, w.planned.agent, w.planned.skills)
        )
        if found:
            better, hold = better + found, Hold(task_id, task.since + HOLD)
    return hold if better >= len(plane.free) else None


def _unlocked(plane: PlanePicture, task: TaskPicture) -> bool:
    return task.status is TaskStatus.BACKLOG and plane.unmet[task.id] == 1


def _head(plane: PlanePicture, want: Want, now: datetime) -> ReadyKey | None:
    """The first task of one queue that may start now, if its limits have room."""
    run = plane.runs[want.run_id]
    group = None if want.group == NO_GROUP else want.group
    if starts_held(plane, run, group) or not room_for(plane, want):
        return None
    for key in plane.ready[want]:
        task = plane.tasks[key[-1]]
        if task.not_before is not None and now < task.not_before:
            continue
        found = around(plane, task)
        if not found.waits_for and not found.hopeless:
            return key
    return None


def _fitting(plane: PlanePicture, task: TaskPicture) -> WorkerId | None:
    """The worker that knows the task already if it is free, else the first that fits."""
    fitting = [w.id for w in _free(plane) if can_do(w, task.planned.agent, task.planned.skills)]
    if task.last_worker in fitting:
        return task.last_worker
    return fitting[0] if fitting else None


def _free(plane: PlanePicture) -> Iterator[WorkerPicture]:
    return (plane.workers[worker_id] for worker_id in plane.free)
