"""The fold of one task: how each fact changes its picture; the lifecycle table has the status."""

from datetime import datetime
from functools import singledispatch
from typing import Final, assert_never

from msgspec.structs import replace

from interlock.domain.attempt import Answered, Attempt, AttemptLoss
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    AttemptProgressed,
    AttemptStarted,
    HostDenied,
    QuestionAnswered,
    QuestionAsked,
    UsageCounted,
)
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import (
    ChangeApproved,
    ChangeJudged,
    ChangeLanded,
    Judgement,
    LandingIntended,
    LandingRefusal,
    LandingRefused,
)
from interlock.domain.facts.lease import LeaseEnded, LeaseGranted, LeaseRenewed
from interlock.domain.facts.task import (
    COSTLY,
    BudgetRaised,
    Requeue,
    TaskAnswered,
    TaskApproved,
    TaskCancelled,
    TaskEdited,
    TaskFailed,
    TaskHeld,
    TaskMadeReady,
    TaskParked,
    TaskPaused,
    TaskPrioritised,
    TaskRejected,
    TaskRequeued,
    TaskResumed,
    TaskRetried,
    TaskRouted,
    TaskSkipped,
    TaskSubmitted,
)
from interlock.domain.lease import Lease
from interlock.domain.lifecycle import ENDED, Hand, Refusal, Trigger, step
from interlock.domain.result import Outcome, Result
from interlock.domain.task import TaskStatus
from interlock.domain.usage import Usage
from interlock.flows.task.picture import Asking, TaskPicture

ATTEMPTS_KEPT: Final = 12
"""The picture remembers the latest attempts; the log has all of them."""


class ImpossibleHistory(Exception):
    """A fact that the lifecycle does not allow here: a bug, or a store tampered with."""


def submitted(fact: TaskSubmitted, at: datetime) -> TaskPicture:
    """The first picture of a task."""
    status = step(None, Trigger.SUBMIT, Hand.INTAKE)
    if isinstance(status, Refusal):
        raise ImpossibleHistory(str(status))
    return TaskPicture(
        id=fact.task_id,
        run_id=fact.run_id,
        repo_id=fact.repo_id,
        planned=fact.planned,
        index=fact.index,
        remaining_minutes=fact.remaining_minutes,
        group=fact.group,
        priority=fact.planned.priority,
        status=status,
        since=at,
    )


def fold(task: TaskPicture, fact: Fact, at: datetime) -> TaskPicture:
    """The picture after one more fact of its stream."""
    return replace(_on(fact, task, at), version=task.version + 1)


@singledispatch
def _on(fact: Fact, task: TaskPicture, at: datetime) -> TaskPicture:
    raise ImpossibleHistory(f"{type(fact).__name__} does not belong to task {task.id} at {at}")


def _moved(task: TaskPicture, trigger: Trigger, by: Hand, at: datetime) -> TaskPicture:
    """The status after a trigger; entering `ready` and the ended states leaves a time mark."""
    status = step(task.status, trigger, by, task.previous)
    if isinstance(status, Refusal):
        raise ImpossibleHistory(f"{task.id}: {status}")
    if status == task.status:
        return task
    ready_at = at if status is TaskStatus.READY else task.ready_at
    completed_at = at if status in ENDED else None
    return replace(task, status=status, since=at, ready_at=ready_at, completed_at=completed_at)


@_on.register
def _routed(fact: TaskRouted, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(_moved(task, Trigger.ROUTE, Hand.ROUTER, at), tier=fact.tier)


@_on.register
def _edited(fact: TaskEdited, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(
        task,
        planned=fact.planned,
        priority=fact.planned.priority,
        remaining_minutes=fact.remaining_minutes,
    )


@_on.register
def _made_ready(fact: TaskMadeReady, task: TaskPicture, at: datetime) -> TaskPicture:
    return _moved(task, Trigger.RELEASE, Hand.SCHEDULER, at)


@_on.register
def _skipped(fact: TaskSkipped, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(_moved(task, Trigger.SKIP, Hand.SCHEDULER, at), reason=fact.reason)


@_on.register
def _held(fact: TaskHeld, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(_moved(task, Trigger.HOLD, Hand.HUMAN, at), reason=fact.reason)


@_on.register
def _approved(fact: TaskApproved, task: TaskPicture, at: datetime) -> TaskPicture:
    feedback = fact.modifications or task.feedback
    moved = _moved(task, Trigger.APPROVE, Hand.HUMAN, at)
    return replace(moved, reason="", feedback=feedback, losses_in_a_row=0)


@_on.register
def _rejected(fact: TaskRejected, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(_moved(task, Trigger.REJECT, Hand.HUMAN, at), reason=fact.reason)


@_on.register
def _granted(fact: LeaseGranted, task: TaskPicture, at: datetime) -> TaskPicture:
    lease = Lease(
        fact.lease_id,
        fact.worker_id,
        fact.token,
        fact.attempt,
        fact.expires_at,
        fact.seconds,
        fact.session,
        fact.by_hand,
    )
    moved = _moved(task, Trigger.CLAIM, Hand.SCHEDULER, at)
    return replace(
        moved,
        lease=lease,
        token=fact.token,
        percent=0,
        activity=None,
        not_before=None,
        after_move=False,
        asking=None,
        trouble="",
    )


@_on.register
def _renewed(fact: LeaseRenewed, task: TaskPicture, at: datetime) -> TaskPicture:
    if task.lease is None:
        raise ImpossibleHistory(f"{task.id}: a lease was renewed that nobody holds")
    return replace(task, lease=replace(task.lease, expires_at=fact.expires_at))


@_on.register
def _lease_ended(fact: LeaseEnded, task: TaskPicture, at: datetime) -> TaskPicture:
    moved = _moved(task, Trigger.GIVE_UP_LEASE, Hand.SUPERVISOR, at)
    return replace(
        moved, lease=None, reason=fact.reason, losses_in_a_row=task.losses_in_a_row + fact.lost
    )


@_on.register
def _started(fact: AttemptStarted, task: TaskPicture, at: datetime) -> TaskPicture:
    moved = _moved(task, Trigger.START, Hand.GATEWAY, at)
    attempt = Attempt(
        fact.number,
        fact.token,
        fact.worker_id,
        at,
        granted_at=task.since,
        base=fact.base,
        branch=fact.branch,
        path=fact.path,
        box=fact.box,
        simulated=fact.simulated,
    )
    return replace(
        moved,
        attempts_made=fact.number,
        last_worker=fact.worker_id,
        started_version=task.version,
        started_at=task.started_at or at,
        attempts=(*task.attempts, attempt)[-ATTEMPTS_KEPT:],
        used_before=_used_by_dropped(task),
    )


def _used_by_dropped(task: TaskPicture) -> Usage | None:
    """The oldest attempt leaves the picture when one more begins, and its use must not."""
    if len(task.attempts) < ATTEMPTS_KEPT or task.attempts[0].usage is None:
        return task.used_before
    oldest = task.attempts[0].usage
    return oldest if task.used_before is None else task.used_before + oldest


@_on.register
def _progressed(fact: AttemptProgressed, task: TaskPicture, at: datetime) -> TaskPicture:
    moved = _moved(task, Trigger.PROGRESS, Hand.GATEWAY, at)
    return replace(moved, percent=fact.percent, activity=fact.activity)


@_on.register
def _questioned(fact: QuestionAsked, task: TaskPicture, at: datetime) -> TaskPicture:
    asking = Asking(fact.question_id, fact.question, None, fact.tool, fact.detail)
    return replace(task, asking=asking)


@_on.register
def _question_answered(fact: QuestionAnswered, task: TaskPicture, at: datetime) -> TaskPicture:
    if task.asking is None:
        raise ImpossibleHistory(f"{task.id}: an answer came to what nobody asks")
    return replace(task, asking=replace(task.asking, answer=fact.answer))


@_on.register
def _counted(fact: UsageCounted, task: TaskPicture, at: datetime) -> TaskPicture:
    attempts = tuple(
        replace(attempt, usage=fact.usage) if attempt.token == fact.token else attempt
        for attempt in task.attempts
    )
    live = task.lease is not None and task.lease.token == fact.token
    return replace(task, attempts=attempts, trouble=fact.trouble if live else task.trouble)


@_on.register
def _raised(fact: BudgetRaised, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(task, grants=(*task.grants, fact.cap))


@_on.register
def _finished(fact: AttemptFinished, task: TaskPicture, at: datetime) -> TaskPicture:
    ended = replace(_attempt_over(task, at, result=fact.result), result=fact.result)
    if fact.result.outcome in (Outcome.CHANGED, Outcome.UNCHANGED):
        return replace(
            _moved(ended, Trigger.FINISH, Hand.GATEWAY, at), losses_in_a_row=0, judged=None
        )
    return ended


@_on.register
def _abandoned(fact: AttemptAbandoned, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(_attempt_over(task, at, loss=fact.loss), percent=0)


def _attempt_over(
    task: TaskPicture, at: datetime, result: Result | None = None, loss: AttemptLoss | None = None
) -> TaskPicture:
    """The lease is gone and the last attempt has its ending."""
    if task.lease is None:
        raise ImpossibleHistory(f"{task.id}: an attempt ended that holds no lease")
    *before, last = task.attempts
    counted = last.usage if result is None or result.usage is None else result.usage
    closed = replace(last, ended_at=at, result=result, loss=loss, usage=counted)
    return replace(
        task,
        lease=None,
        activity=None,
        asking=None,
        answered=_answered_in(task, result),
        trouble="",
        attempts=(*before, closed),
    )


def _answered_in(task: TaskPicture, result: Result | None) -> Answered | None:
    """What a person said is kept for the next attempt, unless this one needed no other."""
    if result is not None and result.outcome in (Outcome.CHANGED, Outcome.UNCHANGED):
        return None
    asking = task.asking
    if asking is None or asking.answer is None:
        return task.answered
    return Answered(asking.question, asking.answer, asking.tool, asking.detail)


@_on.register
def _parked(fact: TaskParked, task: TaskPicture, at: datetime) -> TaskPicture:
    moved = _moved(task, Trigger.PARK, Hand.GATEWAY, at)
    return replace(moved, reason=fact.question, parked_for=fact.cap)


@_on.register
def _answered(fact: TaskAnswered, task: TaskPicture, at: datetime) -> TaskPicture:
    moved = _moved(task, Trigger.ANSWER, Hand.HUMAN, at)
    return replace(moved, reason="", feedback=fact.answer, parked_for="")


@_on.register
def _requeued(fact: TaskRequeued, task: TaskPicture, at: datetime) -> TaskPicture:
    costs = fact.cause in COSTLY
    lost = not costs and fact.cause not in (Requeue.ANSWERED, Requeue.RELEASED)
    moved = _moved(task, Trigger.REQUEUE, Hand.SUPERVISOR, at)
    return replace(
        moved,
        lease=None,
        previous=None,
        not_before=fact.not_before,
        last_cause=fact.cause,
        feedback=fact.feedback or task.feedback,
        feedback_log=fact.log if fact.feedback else task.feedback_log,
        after_move=fact.after_move,
        attempts_spent=task.attempts_spent + costs,
        losses_in_a_row=task.losses_in_a_row + 1 if lost else task.losses_in_a_row if costs else 0,
        percent=0,
    )


@_on.register
def _failed(fact: TaskFailed, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(
        _moved(task, Trigger.EXHAUST, Hand.SUPERVISOR, at), reason=fact.reason, lease=None
    )


@_on.register
def _retried(fact: TaskRetried, task: TaskPicture, at: datetime) -> TaskPicture:
    moved = _moved(task, Trigger.RETRY, Hand.HUMAN, at)
    return replace(
        moved,
        attempts_spent=0,
        losses_in_a_row=0,
        reason="",
        not_before=None,
        after_move=False,
        percent=0,
    )


@_on.register
def _paused(fact: TaskPaused, task: TaskPicture, at: datetime) -> TaskPicture:
    moved = _moved(task, Trigger.PAUSE, Hand.SCHEDULER, at)
    return replace(moved, previous=task.status, reason=fact.reason)


@_on.register
def _resumed(fact: TaskResumed, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(_moved(task, Trigger.RESUME, Hand.SCHEDULER, at), previous=None, reason="")


@_on.register
def _cancelled(fact: TaskCancelled, task: TaskPicture, at: datetime) -> TaskPicture:
    moved = _moved(task, Trigger.CANCEL, Hand.HUMAN, at)
    ended = _attempt_over(moved, at, loss=AttemptLoss.INTERRUPTED) if _runs(task) else moved
    return replace(ended, lease=None, reason=fact.reason)


def _runs(task: TaskPicture) -> bool:
    """An attempt was started under the live lease and has not ended."""
    return (
        task.lease is not None
        and bool(task.attempts)
        and task.attempts[-1].token == task.lease.token
    )


@_on.register
def _prioritised(fact: TaskPrioritised, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(task, priority=fact.priority)


@_on.register
def _judged(fact: ChangeJudged, task: TaskPicture, at: datetime) -> TaskPicture:
    if task.status is TaskStatus.REVIEW:  # The target had moved: judged anew for its landing.
        return replace(task, judged=fact)
    match fact.judgement:
        case Judgement.PASSED:
            moved = replace(
                _moved(task, Trigger.PASS_GATES, Hand.GATES, at), losses_in_a_row=0, not_before=None
            )
        case Judgement.FAILED | Judgement.CONFLICT:
            moved = _moved(task, Trigger.FAIL_GATES, Hand.GATES, at)
        case Judgement.ERROR | Judgement.TARGET_RED:
            moved = replace(
                task, losses_in_a_row=task.losses_in_a_row + 1, not_before=fact.retry_at
            )
        case _:
            assert_never(fact.judgement)
    return replace(moved, judged=fact)


@_on.register
def _change_approved(fact: ChangeApproved, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(task, approved=fact.attempt)


@_on.register
def _denied(fact: HostDenied, task: TaskPicture, at: datetime) -> TaskPicture:
    return task


@_on.register
def _intended(fact: LandingIntended, task: TaskPicture, at: datetime) -> TaskPicture:
    moved = _moved(task, Trigger.ACCEPT, Hand.MERGE_QUEUE, at)
    return replace(moved, landing=fact, landings=task.landings + 1)


@_on.register
def _landed(fact: ChangeLanded, task: TaskPicture, at: datetime) -> TaskPicture:
    return replace(
        _moved(task, Trigger.LAND, Hand.MERGE_QUEUE, at),
        landing=None,
        commit=fact.commit,
        percent=100,
        feedback="",
        reason="",
    )


@_on.register
def _bounced(fact: LandingRefused, task: TaskPicture, at: datetime) -> TaskPicture:
    again = fact.refusal is LandingRefusal.TARGET_MOVED
    trigger = Trigger.JUDGE_AGAIN if again else Trigger.BOUNCE
    return replace(_moved(task, trigger, Hand.MERGE_QUEUE, at), landing=None, judged=None)
