"""People at random instants: first they meddle, later one of them clears up what waits."""

import random

from interlock.domain.actor import Actor
from interlock.domain.command import (
    AnswerTask,
    ApproveTask,
    CancelTask,
    Command,
    HoldTask,
    Pause,
    PrioritiseTask,
    RejectTask,
    Resume,
    RetryTask,
    Stop,
)
from interlock.domain.ids import TaskId
from interlock.domain.task import Priority
from interlock.domain.task import TaskStatus as S
from interlock.flows.run.pictures import PlanePicture
from interlock.flows.task.picture import TaskPicture

PERSON = Actor("person", "somebody", "rehearsal")


def meddle(plane: PlanePicture, dice: random.Random) -> Command | None:
    """Some command about something, sensible or not."""
    run_ids, task_ids = sorted(plane.runs), sorted(plane.tasks)
    if not task_ids or not run_ids:
        return None
    task_id, run_id = TaskId(dice.choice(task_ids)), dice.choice(run_ids)
    some: list[Command] = [
        Pause(),
        Resume(),
        Pause(run_id),
        Resume(run_id),
        Stop(),
        Resume(),
        HoldTask(task_id),
        ApproveTask(task_id, modifications="mind the tests"),
        RetryTask(task_id),
        AnswerTask(task_id, "yes"),
        PrioritiseTask(task_id, dice.choice(list(Priority))),
        PrioritiseTask(task_id, Priority.P0),
        CancelTask(task_id),
        RejectTask(task_id),
    ]
    weights = [2, 3, 2, 3, 2, 3, 3, 3, 3, 3, 2, 4, 1, 1]
    return dice.choices(some, weights)[0]


def clear_up(plane: PlanePicture) -> list[Command]:
    """Resume what is held, approve, answer and retry what waits for a person."""
    wanted: list[Command] = []
    if plane.paused or plane.stopped:
        wanted.append(Resume())
    wanted.extend(Resume(run_id) for run_id in plane.active_runs if plane.runs[run_id].paused)
    for task_id in sorted(plane.tasks):
        wanted.extend(_help(plane.tasks[task_id]))
    return wanted


def _help(task: TaskPicture) -> list[Command]:
    match task.status:
        case S.AWAITING_REVIEW:
            return [ApproveTask(task.id)]
        case S.BLOCKED_ON_HUMAN:
            return [AnswerTask(task.id, "go on")]
        case S.FAILED:
            return [RetryTask(task.id)]
        case S.IN_PROGRESS if task.asking is not None and task.asking.answer is None:
            return [AnswerTask(task.id, "go on")]
        case _:
            return []
