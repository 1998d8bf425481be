"""Does anything still move by itself, and how many workers would that keep busy?"""

from __future__ import annotations

from typing import Final

from interlock.domain.ids import WorkerId
from interlock.domain.task import TaskStatus as S
from interlock.flows.run.around import around
from interlock.flows.run.pictures import PlanePicture, RunPicture
from interlock.flows.task.decide import held_for_a_person
from interlock.flows.task.picture import TaskPicture

_UNDER_WAY: Final = (S.CLAIMED, S.IN_PROGRESS, S.VERIFYING, S.REVIEW, S.MERGING)


def moves(plane: PlanePicture, run: RunPicture) -> bool:
    """False when nothing of the run can go on before a person does something."""
    if run.ended or plane.stopped:
        return False
    if not run.planned:
        return True
    tasks = [plane.tasks[run.task_ids[index]] for index in range(run.tasks)]
    if any(_moves(plane, task) for task in tasks):
        return True
    return any(_may_wait_for_others(plane, task) for task in tasks) and any(
        _moves(plane, plane.tasks[other.task_ids[index]])
        for other in (plane.runs[run_id] for run_id in plane.active_runs if run_id != run.id)
        for index in range(other.tasks if other.planned else 0)
    )


def _may_wait_for_others(plane: PlanePicture, task: TaskPicture) -> bool:
    """For its turn to land, for room or for a file: other runs take those, and give them back."""
    if task.status is S.READY:
        run = plane.runs[task.run_id]
        on_a_person = plane.paused or run.paused or task.planned.agent in run.limits.by_people
        return not on_a_person
    turn = task.status in (S.READY, S.VERIFYING, S.REVIEW)
    return turn and not (task.status is S.REVIEW and held_for_a_person(task))


def is_under_way(plane: PlanePicture) -> bool:
    """Whether agents work or changes are proved and landed, for whichever run, and will end it."""
    if plane.stopped:
        return False
    runs = (plane.runs[run_id] for run_id in plane.active_runs)
    tasks = (
        plane.tasks[run.task_ids[index]]
        for run in runs
        if run.planned and run.count(*_UNDER_WAY)
        for index in range(run.tasks)
    )
    return any(task.status in _UNDER_WAY and _moves(plane, task) for task in tasks)


def _moves(  # noqa: PLR0911 - one case per state
    plane: PlanePicture, task: TaskPicture
) -> bool:
    match task.status:
        case S.PROPOSED | S.MERGING:
            return True
        case S.BACKLOG:
            found = around(plane, task)
            return bool(found.skip) or not found.waits_for
        case S.READY:
            return _may_be_started(plane, task)
        case S.CLAIMED | S.IN_PROGRESS | S.PAUSED:
            return task.lease is None or not task.lease.by_hand
        case S.VERIFYING:
            return not around(plane, task).judging_waits_for
        case S.REVIEW:
            first = around(plane, task).landing_waits_for
            return not held_for_a_person(task) and not first
        case _:
            return False


def _may_be_started(plane: PlanePicture, task: TaskPicture) -> bool:
    found = around(plane, task)
    return bool(found.hopeless) or not found.waits_for


def wanted_workers(plane: PlanePicture) -> int:
    """As many as there is work for agents now, and no more than the limits of the runs allow."""
    runs = [plane.runs[run_id] for run_id in plane.active_runs]
    limit = max((run.limits.workers for run in runs), default=0)
    working = sum(not _by_hand(plane.tasks[task_id]) for task_id in plane.leased)
    wanted = working
    for keys in plane.ready.values():
        for key in keys:
            if wanted >= limit:
                return limit
            wanted += _may_be_started(plane, plane.tasks[key[-1]])
    return min(wanted, limit)


def lease_holders(plane: PlanePicture) -> frozenset[WorkerId]:
    """The agents' processes that somebody believes to be at work."""
    leases = (plane.tasks[task_id].lease for task_id in plane.leased)
    return frozenset(lease.worker_id for lease in leases if lease is not None and not lease.by_hand)


def _by_hand(task: TaskPicture) -> bool:
    return task.lease is not None and task.lease.by_hand
