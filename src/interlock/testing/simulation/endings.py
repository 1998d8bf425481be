"""Which tasks should still move: read off the plan itself, without the flows' own idea of it."""

from collections.abc import Mapping

from interlock.domain.ids import RunId, TaskId, TaskName, task_id_of
from interlock.domain.plan import Plan
from interlock.domain.task import TaskStatus as S
from interlock.flows.run.pictures import PlanePicture

_OVER = frozenset({S.DONE, S.SKIPPED, S.REJECTED, S.CANCELLED})
_DEAD = frozenset({S.REJECTED, S.CANCELLED})


def unfinished(plans: Mapping[RunId, Plan], plane: PlanePicture) -> list[str]:
    """Every task that has not ended although nothing before it was rejected or cancelled."""
    open_tasks: list[str] = []
    for run_id, plan in plans.items():
        hopeless = _hopeless(run_id, plan, plane)
        for task in plan.tasks:
            found = plane.tasks.get(task_id_of(run_id, task.id))
            status = None if found is None else found.status
            if status not in _OVER and task.id not in hopeless:
                reason = "" if found is None else found.reason
                open_tasks.append(f"{run_id}-{task.id} is {status} {reason}".strip())
    return open_tasks


def _hopeless(run_id: RunId, plan: Plan, plane: PlanePicture) -> set[TaskName]:
    """What can never go on, because something before it was ended by a person."""
    hopeless = {t.id for t in plan.tasks if _status(plane, task_id_of(run_id, t.id)) in _DEAD}
    stages = {group.id: group.stages for group in plan.groups}
    before = {task.id: _before(task.id, plan) for task in plan.tasks}
    for task in plan.tasks:
        for dependency in task.depends_on:
            if dependency.group is not None:
                before[task.id] |= set(stages[dependency.group])
    grew = True
    while grew:
        late = {t for t in before if t not in hopeless and before[t] & hopeless}
        hopeless |= late
        grew = bool(late)
    return hopeless


def _before(name: TaskName, plan: Plan) -> set[TaskName]:
    """What must have ended well before the task may land."""
    task = next(t for t in plan.tasks if t.id == name)
    found = {d.task for d in task.depends_on if d.task is not None}
    groups = {group.id: group for group in plan.groups}
    for group in plan.groups:
        if name in group.stages:
            for earlier in group.depends_on:
                found |= set(groups[earlier].stages)
            if not group.parallel:
                found |= set(group.stages[: group.stages.index(name)])
    return found


def _status(plane: PlanePicture, task_id: TaskId) -> S | None:
    task = plane.tasks.get(task_id)
    return None if task is None else task.status
