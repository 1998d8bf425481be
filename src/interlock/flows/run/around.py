"""What stands around one task: the sentences `flows/task/decide.py` asks for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from interlock.domain.group import GroupStatus
from interlock.domain.ids import GroupId, TaskId, task_id_of
from interlock.domain.lifecycle import SATISFIES
from interlock.domain.task import ESTIMATE_MINUTES_DEFAULT, Dependency, TaskStatus
from interlock.flows.run.before import DEAD, ON_A_PERSON
from interlock.flows.run.indexes import want_of
from interlock.flows.run.limits import room_for
from interlock.flows.run.p0 import allowed, must_make_room
from interlock.flows.run.pictures import FULL, GroupPicture, PlanePicture, RunPicture
from interlock.flows.task.decide import Around, held_for_a_person
from interlock.flows.task.picture import TaskPicture

_ITS_DEPENDENCIES: Final = "what it depends on"


def around(  # noqa: PLR0911 - one case per state
    plane: PlanePicture, task: TaskPicture, lease_over: str = ""
) -> Around:
    """Everything that could hold the task up, in its present state."""
    run = plane.runs[task.run_id]
    match task.status:
        case TaskStatus.BACKLOG:
            return Around(skip=skip_reason(run, task), waits_for=start_waits_for(plane, run, task))
        case TaskStatus.READY:
            return _around_start(plane, run, task)
        case TaskStatus.CLAIMED | TaskStatus.IN_PROGRESS | TaskStatus.PAUSED:
            return _around_work(plane, task, lease_over or worker_gone(plane, task))
        case TaskStatus.VERIFYING:
            return Around(judging_waits_for=_judging_waits_for(plane, run, task))
        case TaskStatus.REVIEW:
            return Around(landing_waits_for=_landing_waits_for(plane, run, task))
        case TaskStatus.MERGING:
            return Around(landing_waits_for=plane.stopped)
        case _:
            return Around()


def _around_start(plane: PlanePicture, run: RunPicture, task: TaskPicture) -> Around:
    waits_for = new_starts_wait_for(plane, run, task)
    if not waits_for and task.planned.agent in run.limits.by_people:
        return Around(waits_for=f"a person to claim it: interlock task claim {task.planned.id}")
    if waits_for or not task.after_move or _moved_since(plane, task):
        return Around(waits_for=waits_for)
    if nothing_else_moves(plane):
        return Around(hopeless=f"the same failure again, and nothing else moves: {task.feedback}")
    return Around(waits_for="the target to move: the same attempt would fail the same way")


def _moved_since(plane: PlanePicture, task: TaskPicture) -> bool:
    """Since the failed attempt was granted: its base was taken at some moment after that."""
    last = task.attempts[-1] if task.attempts else None
    began = task.since if last is None else last.granted_at or last.started_at
    return plane.landed_at is not None and plane.landed_at > began


def nothing_else_moves(plane: PlanePicture) -> bool:
    """Nobody works, nothing is judged or lands, and whatever is ready waits for a moving target."""
    if plane.working:
        return False
    ready = (plane.tasks[key[-1]] for keys in plane.ready.values() for key in keys)
    if any(
        not t.after_move and not new_starts_wait_for(plane, plane.runs[t.run_id], t) for t in ready
    ):
        return False
    return not any(_moves_by_itself(plane, plane.tasks[task_id]) for task_id in plane.closing)


def _moves_by_itself(plane: PlanePicture, task: TaskPicture) -> bool:
    """Whether its judging or landing waits for no other task."""
    run = plane.runs[task.run_id]
    if task.status is TaskStatus.VERIFYING:
        return not _judging_waits_for(plane, run, task)
    if task.status is TaskStatus.MERGING:
        return True
    return not _p0_first(plane, task.id) and not lands_after(plane, run, task)


def _around_work(plane: PlanePicture, task: TaskPicture, lease_over: str) -> Around:
    if task.lease is not None and task.lease.by_hand:
        return Around(lease_over=lease_over)  # Nobody takes a task out of a person's hands.
    if plane.stopped:
        return Around(lease_over=lease_over, interrupted_by=plane.stopped)
    if plane.p0_since is None or allowed(plane, task.id):
        frozen = task.status is TaskStatus.PAUSED
        full = "room to go on" if frozen and not room_for(plane, want_of(task)) else ""
        return Around(lease_over=lease_over, waits_for=full)
    reason = f"p0 task {plane.tasks[plane.p0[0]].planned.id} goes first"
    if task.status is TaskStatus.PAUSED and must_make_room(plane, task.id):
        return Around(lease_over=lease_over, interrupted_by=reason)
    grace = timedelta(seconds=plane.runs[task.run_id].limits.p0_grace_seconds)
    return Around(lease_over=lease_over, interrupted_by=reason, interrupt_at=plane.p0_since + grace)


def worker_gone(plane: PlanePicture, task: TaskPicture) -> str:
    """Why the task's worker can no longer be working on it."""
    if task.lease is None:
        return ""
    worker = plane.workers.get(task.lease.worker_id)
    if worker is None or not worker.online:
        return f"worker {task.lease.worker_id} is gone"
    if worker.session != task.lease.session:
        return f"worker {worker.id} was started anew"
    return ""


def skip_reason(run: RunPicture, task: TaskPicture) -> str:
    flag = task.planned.when
    return (
        f"its condition {flag} is false" if flag is not None and flag not in run.goal.flags else ""
    )


# --- may it start? --------------------------------------------------------------------------------


def start_waits_for(plane: PlanePicture, run: RunPicture, task: TaskPicture) -> str:
    """What must come first: the plan, its group, the tasks it depends on."""
    if not run.planned:
        return "the rest of its plan"
    if task.group is not None:
        waiting = _group_waits_for(plane, run.groups[task.group], task)
        if waiting:
            return waiting
    if plane.unmet[task.id]:
        return _ITS_DEPENDENCIES  # Known without going through them; people get the name of one.
    return "" if _only_full(task) else _first_unmet(plane, run, task)


def _first_unmet(plane: PlanePicture, run: RunPicture, task: TaskPicture) -> str:
    return next(
        (w for d in task.planned.depends_on if (w := _dependency_waits_for(plane, run, d))), ""
    )


def _only_full(task: TaskPicture) -> bool:
    return all(d.group is None and d.at >= FULL for d in task.planned.depends_on)


def _group_waits_for(plane: PlanePicture, group: GroupPicture, task: TaskPicture) -> str:
    if group.status is not GroupStatus.RUNNING:
        return f"group {group.id}, which is {group.status}"
    if group.parallel:
        return ""
    for stage in group.stages:
        if stage == task.id:
            return ""
        if plane.tasks[stage].status not in SATISFIES:
            return _named(plane.tasks[stage])
    return ""


def _dependency_waits_for(plane: PlanePicture, run: RunPicture, dependency: Dependency) -> str:
    if dependency.group is not None:
        share = group_percent(plane, run, dependency.group)
        reached = share >= dependency.at
        return (
            "" if reached else f"group {dependency.group}, landed {share:.0f} of {dependency.at} %"
        )
    if dependency.task is None:
        return ""
    other = plane.tasks[task_id_of(run.id, dependency.task)]
    if other.status in SATISFIES:
        return ""
    if dependency.at < FULL and other.status not in DEAD and other.percent >= dependency.at:
        return ""
    return _named(other)


def _named(task: TaskPicture) -> str:
    return f"{task.planned.id}, which is {task.status}"


def group_percent(plane: PlanePicture, run: RunPicture, group: GroupId) -> float:
    """The share of a group that has landed, weighed by estimate; all of it is exactly a hundred."""
    stages = [plane.tasks[stage] for stage in run.groups[group].stages]
    landed = [stage for stage in stages if stage.status in SATISFIES]
    if len(landed) == len(stages):
        return float(FULL)
    return FULL * _weight(landed) / _weight(stages)


def _weight(stages: list[TaskPicture]) -> float:
    return sum(stage.planned.estimate_minutes or ESTIMATE_MINUTES_DEFAULT for stage in stages)


def starts_held(plane: PlanePicture, run: RunPicture, group: GroupId | None) -> str:
    """Why nothing of this run and group may start now, whichever task it is."""
    held = plane.stopped or plane.lost_part or plane.paused
    if held or run.paused:
        return held or "its run is paused"
    if group is not None and run.groups[group].status is not GroupStatus.RUNNING:
        return f"group {group}, which is {run.groups[group].status}"
    return ""


def new_starts_wait_for(plane: PlanePicture, run: RunPicture, task: TaskPicture) -> str:
    """Why no lease may be granted now, apart from a free worker.

    Progress that a task waited for can be lost again with its worker, so it is asked for once more.
    """
    held = starts_held(plane, run, task.group)
    if held or (plane.p0 and not allowed(plane, task.id)):
        return held or f"p0 task {plane.tasks[plane.p0[0]].planned.id} goes first"
    return "" if _only_full(task) else start_waits_for(plane, run, task)


# --- may it be judged, may it land? ---------------------------------------------------------------


def _judging_waits_for(plane: PlanePicture, run: RunPicture, task: TaskPicture) -> str:
    held = plane.stopped or plane.lost_part or _p0_first(plane, task.id)
    if held or task.group is None:
        return held
    group = run.groups[task.group]
    if group.parallel and group.status in (GroupStatus.RUNNING, GroupStatus.INTERRUPTED):
        return f"the other stages of group {group.id}"
    return ""


def _p0_first(plane: PlanePicture, task_id: TaskId) -> str:
    return "p0 goes first" if plane.p0 and not allowed(plane, task_id) else ""


def _landing_waits_for(plane: PlanePicture, run: RunPicture, task: TaskPicture) -> str:
    held = plane.stopped or plane.lost_part or _p0_first(plane, task.id)
    if held:
        return held
    after = lands_after(plane, run, task)
    if after:
        return after
    first = next_landing(plane)
    return "" if first == task.id else "the landing before it"


def lands_after(plane: PlanePicture, run: RunPicture, task: TaskPicture) -> str:
    """A task that was allowed to start early lands only when all it depends on has landed."""
    for dependency in task.planned.depends_on:
        if dependency.group is not None and group_percent(plane, run, dependency.group) < FULL:
            return f"group {dependency.group}"
        if dependency.task is not None:
            other = plane.tasks[task_id_of(run.id, dependency.task)]
            if other.status not in SATISFIES:
                return _named(other)
    return ""


def next_landing(plane: PlanePicture) -> TaskId | None:
    """One landing at a time, in the order in which the changes were accepted."""
    if plane.merging is not None:
        return None
    return next(landable(plane), None)


def landable(plane: PlanePicture) -> Iterator[TaskId]:
    for _, task_id in plane.landing_queue:
        task = plane.tasks[task_id]
        free = not _p0_first(plane, task_id) and not held_for_a_person(task)
        if free and not lands_after(plane, plane.runs[task.run_id], task):
            yield task_id


def waits_for(plane: PlanePicture, task: TaskPicture, now: datetime) -> str | None:
    """One sentence for people: why this task does not move, if it does not."""
    found = around(plane, task)
    run = plane.runs[task.run_id]
    if found.waits_for == _ITS_DEPENDENCIES:
        return _first_unmet(plane, run, task) or None
    if task.status in ON_A_PERSON:
        return f"a person: {task.reason}"
    if (
        task.not_before is not None
        and now < task.not_before
        and task.status in (TaskStatus.READY, TaskStatus.VERIFYING)
    ):
        return f"the next try at {task.not_before:%H:%M:%S}"
    sentences = (
        held_for_a_person(task) if task.status is TaskStatus.REVIEW else "",
        found.hopeless,
        found.waits_for,
        found.judging_waits_for,
        found.landing_waits_for,
        found.interrupted_by,
    )
    return next((sentence for sentence in sentences if sentence), None)
