"""What people and programs may ask of a plane; other processes append these, the plane answers."""

import msgspec

from interlock.domain.goal import Goal
from interlock.domain.ids import BlobId, RunId, TaskId
from interlock.domain.run import RunLimits
from interlock.domain.task import Priority


class _Command(msgspec.Struct, frozen=True, tag_field="do", omit_defaults=True):
    """A tagged wish."""


class StartRun(_Command, frozen=True, tag="start_run"):
    """Carry out the plan in this blob."""

    run_id: RunId
    goal: Goal
    plan: BlobId
    limits: RunLimits


class Pause(_Command, frozen=True, tag="pause"):
    """Hold new starts, of one run or everywhere."""

    run_id: RunId | None = None
    reason: str = ""


class Resume(_Command, frozen=True, tag="resume"):
    """Go on after a pause or an emergency stop."""

    run_id: RunId | None = None
    reason: str = ""


class Stop(_Command, frozen=True, tag="stop"):
    """Emergency stop of everything, now."""

    reason: str = ""


class CancelTask(_Command, frozen=True, tag="cancel_task"):
    """End a task, unless its landing has begun."""

    task_id: TaskId
    reason: str = ""


class HoldTask(_Command, frozen=True, tag="hold_task"):
    """Queue a task for review before it starts."""

    task_id: TaskId
    reason: str = ""


class ApproveTask(_Command, frozen=True, tag="approve_task"):
    """Let a held task go on."""

    task_id: TaskId
    reason: str = ""
    modifications: str = ""


class RejectTask(_Command, frozen=True, tag="reject_task"):
    """Decide against a held task."""

    task_id: TaskId
    reason: str = ""


class RetryTask(_Command, frozen=True, tag="retry_task"):
    """Give a failed task a fresh set of attempts."""

    task_id: TaskId
    reason: str = ""


class AnswerTask(_Command, frozen=True, tag="answer_task"):
    """Answer the question a task is parked on."""

    task_id: TaskId
    answer: str


class PrioritiseTask(_Command, frozen=True, tag="prioritise_task"):
    """Change how urgent a task is."""

    task_id: TaskId
    priority: Priority


TaskCommand = (
    CancelTask | HoldTask | ApproveTask | RejectTask | RetryTask | AnswerTask | PrioritiseTask
)
Command = StartRun | Pause | Resume | Stop | TaskCommand
