"""A catastrophe goes first: who may go on while one is there, when it begins and ends."""

from __future__ import annotations

from interlock.domain.facts.base import Fact
from interlock.domain.facts.plane import P0Began, P0Ended
from interlock.domain.ids import TaskId
from interlock.domain.lifecycle import SATISFIES
from interlock.domain.task import Priority
from interlock.domain.task import TaskStatus as S
from interlock.flows.run.before import blockers
from interlock.flows.run.pictures import PlanePicture, can_do

_STUCK = frozenset(
    {S.FAILED, S.REJECTED, S.CANCELLED, S.AWAITING_REVIEW, S.BLOCKED_ON_HUMAN, S.ROLLED_BACK}
)
"""A catastrophe that waits for a person holds nobody else up."""

_NOT_THERE = SATISFIES | {S.PROPOSED}


def allowed(plane: PlanePicture, task_id: TaskId) -> bool:
    """May the task go on while the catastrophes have the plane?"""
    return any(task_id == p0 or task_id in blockers(plane, plane.tasks[p0]) for p0 in plane.p0)


def must_make_room(plane: PlanePicture, task_id: TaskId) -> bool:
    """A frozen task gives up its worker when a p0 task is ready and nobody free fits it."""
    lease = plane.tasks[task_id].lease
    if lease is None:
        return False
    worker = plane.workers.get(lease.worker_id)
    if worker is None:
        return False
    for want, keys in plane.ready.items():
        wanted = any(allowed(plane, key[-1]) for key in keys)
        fits = can_do(worker, want.agent, want.skills)
        if wanted and fits and not _anyone_free(plane, want.agent, want.skills):
            return True
    return False


def _anyone_free(plane: PlanePicture, agent: str, skills: tuple[str, ...]) -> bool:
    free = (plane.workers[worker_id] for worker_id in plane.free)
    return any(can_do(worker, agent, skills) for worker in free)


def decide(plane: PlanePicture) -> tuple[Fact, ...]:
    """Begin for every catastrophe that can move now, end for every one that no longer can."""
    if not plane.p0 and not plane.p0_waiting:
        return ()
    began = [P0Began(t) for t in plane.p0_waiting if t not in plane.p0 and _can_move(plane, t)]
    ended = [P0Ended(t) for t in plane.p0 if not _can_move(plane, t)]
    return (*ended, *began)


def _can_move(plane: PlanePicture, task_id: TaskId) -> bool:
    task = plane.tasks.get(task_id)
    if task is None or task.priority is not Priority.P0 or task.status in _STUCK | _NOT_THERE:
        return False
    run = plane.runs[task.run_id]
    if not run.planned or run.paused or plane.stopped:
        return False
    return all(plane.tasks[b].status not in _STUCK for b in blockers(plane, task))
