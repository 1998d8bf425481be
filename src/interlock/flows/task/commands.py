"""What people ask of a task, and whether it can be."""

from typing import assert_never

from interlock.domain.attempt import AttemptLoss
from interlock.domain.command import (
    AnswerTask,
    ApproveTask,
    CancelTask,
    HoldTask,
    PrioritiseTask,
    RejectTask,
    ReleaseTask,
    RetryTask,
)
from interlock.domain.facts.attempt import AttemptAbandoned, QuestionAnswered
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import ChangeApproved
from interlock.domain.facts.lease import LeaseEnded
from interlock.domain.facts.task import (
    BudgetRaised,
    Requeue,
    TaskAnswered,
    TaskApproved,
    TaskCancelled,
    TaskHeld,
    TaskPrioritised,
    TaskRejected,
    TaskRequeued,
    TaskRetried,
)
from interlock.domain.lifecycle import Hand, Refusal, Trigger, allowed_from, step
from interlock.domain.task import TaskStatus as S
from interlock.flows.task.again import FEEDBACK_CHARACTERS_MAX, Facts
from interlock.flows.task.decide import held_for_a_person
from interlock.flows.task.picture import TaskPicture

Decision = (
    CancelTask
    | HoldTask
    | ApproveTask
    | RejectTask
    | RetryTask
    | AnswerTask
    | PrioritiseTask
    | ReleaseTask
)
"""The commands that need to know nothing but the task."""


def on_command(  # noqa: PLR0911 - one case per command
    task: TaskPicture, command: Decision
) -> Facts | Refusal:
    """What a person asked for, or why it cannot be."""
    match command:
        case CancelTask():
            return _if_allowed(task, Trigger.CANCEL, TaskCancelled(command.reason))
        case HoldTask():
            return _if_allowed(task, Trigger.HOLD, TaskHeld(command.reason or "held by a person"))
        case ApproveTask():
            return _approve(task, command)
        case RejectTask():
            return _if_allowed(task, Trigger.REJECT, TaskRejected(command.reason))
        case RetryTask():
            return _if_allowed(task, Trigger.RETRY, TaskRetried(command.reason))
        case AnswerTask():
            return _answer(task, command.answer[:FEEDBACK_CHARACTERS_MAX])
        case ReleaseTask():
            return _release(task, command)
        case PrioritiseTask():
            if task.ended:
                return Refusal(task.status, "prioritise", allowed_from(task.status), "it has ended")
            return (TaskPrioritised(command.priority),)
        case _:
            assert_never(command)


def _if_allowed(task: TaskPicture, trigger: Trigger, *facts: Fact) -> Facts | Refusal:
    outcome = step(task.status, trigger, Hand.HUMAN, task.previous)
    return outcome if isinstance(outcome, Refusal) else facts


def _answer(task: TaskPicture, answer: str) -> Facts | Refusal:
    """Of an agent that still waits at its work, or of a task that was parked for it."""
    asking = task.asking
    if asking is not None and asking.answer is None and task.status in (S.IN_PROGRESS, S.PAUSED):
        return (QuestionAnswered(task.token, asking.id, answer),)
    raised = (BudgetRaised(task.parked_for),) if task.parked_for else ()
    requeued = TaskRequeued(Requeue.ANSWERED, feedback=answer)
    return _if_allowed(task, Trigger.ANSWER, *raised, TaskAnswered(answer), requeued)


def _approve(task: TaskPicture, command: ApproveTask) -> Facts | Refusal:
    """Of a task that is held before its start, or of a change that is held before its landing."""
    if task.status is S.REVIEW and held_for_a_person(task):
        return (ChangeApproved(task.attempts_made, command.reason),)
    approved = TaskApproved(command.reason, command.modifications)
    return _if_allowed(task, Trigger.APPROVE, approved)


def _release(task: TaskPicture, command: ReleaseTask) -> Facts | Refusal:
    """Only a person's claim is given back by command; agents are told to by the plane."""
    if task.lease is None or not task.lease.by_hand:
        return Refusal(
            task.status, "release", allowed_from(task.status), "no person holds this task"
        )
    reason = command.reason or f"{task.lease.worker_id} gave it back"
    if task.status is S.CLAIMED:
        return (LeaseEnded(task.token, reason, lost=False),)
    return (
        AttemptAbandoned(task.attempts_made, task.token, AttemptLoss.INTERRUPTED, reason),
        TaskRequeued(Requeue.RELEASED),
    )
