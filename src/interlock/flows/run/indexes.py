"""What follows from the tasks of a picture: who is ready, free, leased, waited for, next to land.

Every index changes with the one task that moved, never by going through all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import timedelta
from typing import Final, TypeVar

from msgspec.structs import replace
from rpds import HashTrieMap

from interlock.domain.ids import (
    TaskId,
    WorkerId,
    task_id_of,
)
from interlock.domain.lifecycle import SATISFIES, WORKING
from interlock.domain.task import Priority, TaskStatus
from interlock.flows.run.pictures import (
    FULL,
    NO_GROUP,
    PlanePicture,
    ReadyKey,
    RunPicture,
    Want,
    WorkerPicture,
)
from interlock.flows.task.picture import TaskPicture

CLOSING: Final = frozenset({TaskStatus.VERIFYING, TaskStatus.REVIEW, TaskStatus.MERGING})
"""Its work is done and its dependents may be unlocked any moment."""

AGEING: Final = timedelta(hours=24)
"""Waiting this long is worth one step of priority, so nothing waits for ever."""

_STEPS: Final = {
    Priority.P0: -1000,
    Priority.CRITICAL: 1,
    Priority.HIGH: 2,
    Priority.MEDIUM: 3,
    Priority.LOW: 4,
}

_Id = TypeVar("_Id", bound=str)
_Key = TypeVar("_Key")


def admit(plane: PlanePicture, task: TaskPicture) -> PlanePicture:
    run = plane.runs[task.run_id]
    full = 0
    dependents, group_dependents = run.dependents, run.group_dependents
    full_dependents = run.full_dependents
    for dependency in task.planned.depends_on:
        if dependency.task is not None:
            other = task_id_of(run.id, dependency.task)
            dependents = dependents.insert(other, (*dependents.get(other, ()), task.id))
            if dependency.at >= FULL:
                full += 1
                full_dependents = full_dependents.insert(
                    other, (*full_dependents.get(other, ()), task.id)
                )
        if dependency.group is not None:
            others = group_dependents.get(dependency.group, ())
            group_dependents = group_dependents.insert(dependency.group, (*others, task.id))
    run = replace(
        run,
        dependents=dependents,
        full_dependents=full_dependents,
        group_dependents=group_dependents,
        task_ids=run.task_ids.insert(task.index, task.id),
        counts=_counted(run.counts, task.status, 1),
    )
    plane = replace(
        plane,
        tasks=plane.tasks.insert(task.id, task),
        unmet=plane.unmet.insert(task.id, full),
        runs=plane.runs.insert(run.id, run),
    )
    return p0_moved(plane, task)


def lease_moved(plane: PlanePicture, before: TaskPicture, after: TaskPicture) -> PlanePicture:
    """Keep what each worker holds, who is free, and the list of leased tasks."""
    if before.lease is not None and (after.lease is None or after.lease.id != before.lease.id):
        plane = _holds(plane, before.lease.worker_id, before.id, held=False)
        plane = replace(plane, leased=without_item(plane.leased, before.id))
    if after.lease is not None and (before.lease is None or before.lease.id != after.lease.id):
        plane = _holds(plane, after.lease.worker_id, after.id, held=True)
        plane = replace(plane, leased=with_item(plane.leased, after.id))
    return plane


def _holds(
    plane: PlanePicture, worker_id: WorkerId, task_id: TaskId, *, held: bool
) -> PlanePicture:
    worker = plane.workers.get(worker_id)
    if worker is None:
        return plane
    holds = with_item(worker.holds, task_id) if held else without_item(worker.holds, task_id)
    return put_worker(plane, replace(worker, holds=holds))


def put_worker(plane: PlanePicture, worker: WorkerPicture) -> PlanePicture:
    free = with_item(plane.free, worker.id) if worker.free else without_item(plane.free, worker.id)
    return replace(plane, workers=plane.workers.insert(worker.id, worker), free=free)


def status_moved(plane: PlanePicture, before: TaskPicture, after: TaskPicture) -> PlanePicture:
    """Keep every index that follows from the status of a task."""
    run = plane.runs[after.run_id]
    counts = _counted(_counted(run.counts, before.status, -1), after.status, 1)
    run = replace(run, counts=counts)
    was, works = before.status in WORKING, after.status in WORKING
    if was != works:
        delta = 1 if works else -1
        agent = after.planned.agent
        run = replace(
            run,
            working_agents=_counted(run.working_agents, agent, delta),
            working_stages=run.working_stages + (delta if after.group is not None else 0),
        )
        plane = replace(plane, working=plane.working + delta)
    plane = replace(plane, runs=plane.runs.insert(run.id, run))
    plane = _satisfaction_moved(plane, run, before, after)
    plane = _queues_moved(plane, before, after)
    return p0_moved(plane, after) if before.ended != after.ended else plane


def p0_moved(plane: PlanePicture, task: TaskPicture) -> PlanePicture:
    """Keep the unfinished tasks of the highest priority."""
    urgent = task.priority is Priority.P0 and not task.ended
    waiting = (
        with_item(plane.p0_waiting, task.id) if urgent else without_item(plane.p0_waiting, task.id)
    )
    return plane if waiting is plane.p0_waiting else replace(plane, p0_waiting=waiting)


def _counted(counts: HashTrieMap[_Key, int], key: _Key, delta: int) -> HashTrieMap[_Key, int]:
    """Counts without zeros, so that the same situation is always the same picture."""
    count = counts.get(key, 0) + delta
    return counts.insert(key, count) if count else counts.discard(key)


def _satisfaction_moved(
    plane: PlanePicture, run: RunPicture, before: TaskPicture, after: TaskPicture
) -> PlanePicture:
    was, satisfied = before.status in SATISFIES, after.status in SATISFIES
    if was == satisfied:
        return plane
    delta = -1 if satisfied else 1
    unmet = plane.unmet
    for dependent in run.full_dependents.get(after.id, ()):
        unmet = unmet.insert(dependent, unmet[dependent] + delta)
    return replace(plane, unmet=unmet)


def _queues_moved(plane: PlanePicture, before: TaskPicture, after: TaskPicture) -> PlanePicture:
    if before.status is TaskStatus.READY:
        plane = unqueued(plane, before)
    if after.status is TaskStatus.READY:
        plane = queued(plane, after)
    if (before.status is TaskStatus.READY and before.after_move) or after.after_move:
        moved = with_item if after.status is TaskStatus.READY and after.after_move else without_item
        plane = replace(plane, stuck=moved(plane.stuck, after.id))
    if before.status is TaskStatus.REVIEW:
        entry = (before.since, before.id)
        plane = replace(plane, landing_queue=tuple(e for e in plane.landing_queue if e != entry))
    if after.status is TaskStatus.REVIEW:
        plane = replace(
            plane, landing_queue=tuple(sorted((*plane.landing_queue, (after.since, after.id))))
        )
    if TaskStatus.PAUSED in (before.status, after.status):
        moved = with_item if after.status is TaskStatus.PAUSED else without_item
        plane = replace(plane, frozen=moved(plane.frozen, after.id))
    if (before.status in CLOSING) is not (after.status in CLOSING):
        moved = with_item if after.status in CLOSING else without_item
        plane = replace(plane, closing=moved(plane.closing, after.id))
    if before.status is TaskStatus.MERGING:
        plane = replace(plane, merging=None)
    if after.status is TaskStatus.MERGING:
        plane = replace(plane, merging=after.id)
    return plane


def want_of(task: TaskPicture) -> Want:
    group = NO_GROUP if task.group is None else task.group
    return Want(task.run_id, task.planned.agent, task.planned.skills, group)


def ready_key(task: TaskPicture, run: RunPicture) -> ReadyKey:
    """Where the task stands among the ready ones.

    A task ready one ageing step earlier counts as one priority higher. Both sides of a comparison
    age alike, so the key needs no clock and never has to be computed again.
    """
    ready_at = task.ready_at or task.since
    rank = _STEPS[task.priority] + (ready_at - run.started_at) // AGEING
    return (rank, -task.remaining_minutes, ready_at, task.index, task.id)


def queued(plane: PlanePicture, task: TaskPicture) -> PlanePicture:
    want, key = want_of(task), ready_key(task, plane.runs[task.run_id])
    keys = plane.ready.get(want, ())
    at = bisect_left(keys, key)
    return replace(plane, ready=plane.ready.insert(want, (*keys[:at], key, *keys[at:])))


def unqueued(plane: PlanePicture, task: TaskPicture) -> PlanePicture:
    want, key = want_of(task), ready_key(task, plane.runs[task.run_id])
    keys = plane.ready.get(want, ())
    at = bisect_left(keys, key)
    if at == len(keys) or keys[at] != key:
        return plane
    rest = (*keys[:at], *keys[at + 1 :])
    return replace(
        plane, ready=plane.ready.insert(want, rest) if rest else plane.ready.remove(want)
    )


def rebuilt(plane: PlanePicture) -> PlanePicture:
    """Every index from the tasks alone; for the rare change that touches many of them at once."""
    blank = PlanePicture(plane.repo_id)
    bare = {run.id: _without_indexes(run) for run in plane.runs.values()}
    workers = {w.id: replace(w, holds=()) for w in plane.workers.values()}
    cleared = replace(
        plane,
        runs=HashTrieMap(bare),
        workers=HashTrieMap(workers),
        free=tuple(sorted(w.id for w in workers.values() if w.free)),
        **{name: getattr(blank, name) for name in _FROM_TASKS},
    )
    return reindexed(cleared, plane.tasks.values())


_FROM_TASKS: Final = (
    "tasks", "unmet", "ready", "leased", "frozen", "closing", "stuck", "working",
    "landing_queue", "merging", "p0_waiting",
)  # fmt: skip


def _without_indexes(run: RunPicture) -> RunPicture:
    return replace(
        run,
        task_ids=HashTrieMap(),
        dependents=HashTrieMap(),
        full_dependents=HashTrieMap(),
        group_dependents=HashTrieMap(),
        counts=HashTrieMap(),
        working_agents=HashTrieMap(),
        working_stages=0,
    )


def with_item(items: tuple[_Id, ...], item: _Id) -> tuple[_Id, ...]:
    at = bisect_left(items, item)
    if at < len(items) and items[at] == item:
        return items
    return (*items[:at], item, *items[at:])


def without_item(items: tuple[_Id, ...], item: _Id) -> tuple[_Id, ...]:
    at = bisect_left(items, item)
    if at == len(items) or items[at] != item:
        return items
    return (*items[:at], *items[at + 1 :])


def reindexed(plane: PlanePicture, tasks: Iterable[TaskPicture]) -> PlanePicture:
    """The picture with these tasks and every index that follows from them, built anew."""
    tasks = sorted(tasks, key=lambda task: (task.run_id, task.index))
    blank = [replace(t, status=TaskStatus.PROPOSED, lease=None) for t in tasks]
    for task in blank:
        plane = admit(plane, task)
    for before, after in zip(blank, tasks, strict=True):
        plane = replace(plane, tasks=plane.tasks.insert(after.id, after))
        plane = lease_moved(plane, before, after)
        if after.status is not before.status:
            plane = status_moved(plane, before, after)
    return plane
