"""What must come before a task, near and far: dependencies, their groups, the groups before."""

from __future__ import annotations

from typing import Final

from interlock.domain.group import GroupStatus
from interlock.domain.ids import GroupId, TaskId, task_id_of
from interlock.domain.lifecycle import SATISFIES
from interlock.domain.task import TaskStatus
from interlock.flows.run.pictures import PlanePicture, RunPicture
from interlock.flows.task.picture import TaskPicture

DEAD: Final = frozenset({TaskStatus.FAILED, TaskStatus.REJECTED, TaskStatus.CANCELLED})
"""States that never satisfy a dependent, unless a person retries."""

ON_A_PERSON: Final = frozenset({TaskStatus.AWAITING_REVIEW, TaskStatus.BLOCKED_ON_HUMAN})


def before_starting(plane: PlanePicture, task: TaskPicture) -> frozenset[TaskId]:
    """Everything unfinished that must be done or skipped before the task may start."""
    return _all_before(plane, task, siblings=False)


def blockers(plane: PlanePicture, task: TaskPicture) -> frozenset[TaskId]:
    """Everything unfinished that must be over before the task can land.

    The stages of a parallel group settle together, so its siblings belong to it.
    """
    return _all_before(plane, task, siblings=True)


def hopeless(plane: PlanePicture, task: TaskPicture) -> bool:
    """Something before it failed, was ended, or waits for a person itself."""
    others = (plane.tasks[other].status for other in before_starting(plane, task))
    return any(status in DEAD | ON_A_PERSON for status in others)


def _all_before(plane: PlanePicture, task: TaskPicture, *, siblings: bool) -> frozenset[TaskId]:
    run, found, todo = plane.runs[task.run_id], set[TaskId](), [task]
    while todo:
        for other_id in _directly_before(run, todo.pop(), siblings=siblings):
            other = plane.tasks.get(other_id)
            if other is not None and other_id not in found and other.status not in SATISFIES:
                found.add(other_id)
                todo.append(other)
    return frozenset(found)


def _directly_before(run: RunPicture, task: TaskPicture, *, siblings: bool) -> list[TaskId]:
    before = [task_id_of(run.id, d.task) for d in task.planned.depends_on if d.task is not None]
    groups = [d.group for d in task.planned.depends_on if d.group is not None]
    if task.group is not None:
        own = run.groups[task.group]
        groups.extend(own.depends_on)
        if not own.parallel:
            before.extend(own.stages[: own.stages.index(task.id)])
        elif siblings:
            before.extend(stage for stage in own.stages if stage != task.id)
    for group in _not_passed(run, groups):
        before.extend(run.groups[group].stages)
    return before


def _not_passed(run: RunPicture, groups: list[GroupId]) -> list[GroupId]:
    """These groups and all before them: each must pass before the next may start."""
    found: dict[GroupId, None] = {}
    todo = list(groups)
    while todo:
        group = todo.pop()
        if group not in found and run.groups[group].status is not GroupStatus.PASSED:
            found[group] = None
            todo.extend(run.groups[group].depends_on)
    return list(found)
