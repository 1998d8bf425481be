"""From the plane's picture to the rows that people see; pure, so that every face shows the same."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from interlock.control.read_models import GroupRow, PlaneRow, RunRow, TaskRow, WorkerRow
from interlock.domain.ids import TaskName, task_id_of
from interlock.domain.task import Dependency, Task, TaskStatus
from interlock.flows.run.around import waits_for
from interlock.flows.run.before import DEAD, ON_A_PERSON
from interlock.flows.run.motion import moves
from interlock.flows.run.pictures import GroupPicture, PlanePicture, RunPicture, WorkerPicture
from interlock.flows.task.picture import TaskPicture

_FULL: Final = 100
_STILL: Final = (*ON_A_PERSON, *DEAD, TaskStatus.DONE, TaskStatus.SKIPPED, TaskStatus.ROLLED_BACK)
"""States that nothing leaves without a person."""


def plane_row(plane: PlanePicture, holder: str | None) -> PlaneRow:
    return PlaneRow(
        running=holder is not None,
        holder=holder,
        paused=plane.paused or None,
        stopped=plane.stopped or None,
        lost=plane.lost_part or None,
        p0=tuple(plane.tasks[task_id].planned.id for task_id in plane.p0),
        unanswered_commands=len(plane.commands),
    )


def runs_in_order(plane: PlanePicture) -> list[RunPicture]:
    return sorted(plane.runs.values(), key=lambda run: (run.started_at, run.id))


def tasks_in_order(plane: PlanePicture, run: RunPicture) -> list[TaskPicture]:
    return [plane.tasks[run.task_ids[index]] for index in sorted(run.task_ids)]


def run_row(plane: PlanePicture, run: RunPicture) -> RunRow:
    return RunRow(
        run=run.id,
        goal=run.goal.text,
        state=run_state(plane, run),
        started_at=run.started_at,
        ended_at=run.ended_at,
        tasks=run.tasks,
        counts={status.value: count for status in TaskStatus if (count := run.count(status))},
        groups=tuple(_group_row(run, run.groups[group]) for group in sorted(run.groups)),
        reasons=run.reasons,
    )


def _group_row(run: RunPicture, group: GroupPicture) -> GroupRow:
    prefix = len(task_id_of(run.id, TaskName("")))
    return GroupRow(
        id=group.id,
        state=group.status.value,
        stages=tuple(TaskName(stage[prefix:]) for stage in group.stages),
        depends_on=group.depends_on,
        parallel=group.parallel,
    )


def run_state(plane: PlanePicture, run: RunPicture) -> str:
    """What its facts say, except that a run in which only a person can move anything is waiting."""
    if run.ended:
        return run.status.value
    if plane.stopped:
        return "stopped"
    held = run.paused or plane.paused or plane.lost_part
    return run.status.value if held or moves(plane, run) else "waiting"


def task_row(plane: PlanePicture, task: TaskPicture, now: datetime) -> TaskRow:
    landed = task.status is TaskStatus.DONE
    return TaskRow(
        id=task.planned.id,
        title=task.planned.title,
        state=task.status.value,
        tier=None if task.tier is None else task.tier.value,
        score=None,
        attempts=task.attempts_made,
        commit=task.commit,
        landed_at=task.completed_at if landed else None,
        waits_for=sentence(plane, task, now),
        task_id=task.id,
        run=task.run_id,
        group=task.group,
        agent=task.planned.agent,
        priority=task.priority.value,
        depends_on=tuple(dependency_text(d) for d in task.planned.depends_on),
        worker=None if task.lease is None else task.lease.worker_id,
        percent=task.percent,
        activity=None if task.activity is None else task.activity.value,
        since=task.since,
        reason=task.reason,
        cost_usd=None if task.usage is None else task.usage.cost_usd,
        tokens=None if task.usage is None else task.usage.tokens,
    )


def sentence(plane: PlanePicture, task: TaskPicture, now: datetime) -> str | None:
    """Why the task does not move; None while somebody is busy with it and when it ended well."""
    found = waits_for(plane, task, now)
    if found is not None:
        return found
    match task.status:
        case TaskStatus.READY:
            skills = ", ".join(task.planned.skills)
            return f"a free worker for agent {task.planned.agent}" + (
                f" with {skills}" if skills else ""
            )
        case TaskStatus.IN_PROGRESS if task.asking is not None and task.asking.answer is None:
            return f"an answer to: {task.asking.question}"
        case TaskStatus.IN_PROGRESS if task.trouble:
            return f"its models: {task.trouble}"
        case TaskStatus.FAILED:
            return f"a person to retry or cancel it: {task.reason or 'no attempt is left'}"
        case _:
            return None


def dependency_text(dependency: Dependency) -> str:
    """'schema', 'schema at 50 %', 'group 2'."""
    name = dependency.task if dependency.group is None else f"group {dependency.group}"
    return f"{name}" if dependency.at >= _FULL else f"{name} at {dependency.at} %"


def task_document(plane: PlanePicture, task: TaskPicture, now: datetime) -> Task:
    """The flat record of a task that registries and imports know."""
    planned = task.planned
    return Task(
        id=planned.id,
        title=planned.title,
        status=task.status,
        task_id=task.id,
        run_id=task.run_id,
        repo_id=task.repo_id,
        description=planned.prompt,
        estimated_duration=planned.estimate_minutes,
        priority=task.priority,
        required_skills=planned.skills,
        assigned_worker=None if task.lease is None else task.lease.worker_id,
        started_at=task.started_at,
        completed_at=task.completed_at,
        affected_files=planned.files,
        dependencies=tuple(dependency_text(d) for d in planned.depends_on),
        confidence=planned.confidence,
        activity=task.activity,
        attempts=task.attempts_made,
        waits_for=sentence(plane, task, now),
    )


def worker_row(plane: PlanePicture, worker: WorkerPicture) -> WorkerRow:
    held = (plane.tasks.get(task_id) for task_id in worker.holds)
    state: Literal["available", "busy", "offline"]
    state = "offline" if not worker.online else "busy" if worker.holds else "available"
    return WorkerRow(
        id=worker.id,
        name=worker.name,
        type=worker.type,
        agent=worker.agent,
        state=state,
        holds=tuple(task.planned.id for task in held if task is not None),
        capacity=worker.capacity,
        capabilities=worker.capabilities,
    )
