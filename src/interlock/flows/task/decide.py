"""The life of a task on one page: where it stands and what is around it -> what happens next.

`decide` answers "look again" for one task. The `on_...` functions answer news about it: a report of
its worker, the outcome of an act, a person's command. All are pure; what they return is recorded in
one append, so a task never rests between two facts that belong together.
"""

from datetime import datetime, timedelta
from typing import Final, assert_never

import msgspec

from interlock.domain.attempt import AttemptLoss
from interlock.domain.command import (
    AnswerTask,
    ApproveTask,
    CancelTask,
    HoldTask,
    PrioritiseTask,
    RejectTask,
    RetryTask,
    TaskCommand,
)
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    AttemptProgressed,
    AttemptStarted,
)
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import (
    ChangeJudged,
    ChangeLanded,
    Judgement,
    LandingIntended,
    LandingRefusal,
    LandingRefused,
)
from interlock.domain.facts.lease import LeaseEnded
from interlock.domain.facts.task import (
    COSTLY,
    Requeue,
    TaskAnswered,
    TaskApproved,
    TaskCancelled,
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
)
from interlock.domain.ids import BlobId, CommitId
from interlock.domain.lifecycle import Hand, Refusal, Trigger, allowed_from, step
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import Activity
from interlock.domain.task import TaskStatus as S
from interlock.flows.task.state import TaskPicture

FACTS_PER_ATTEMPT_MAX: Final = 150
"""Progress beyond this many facts is not recorded: the log holds facts, not chatter."""

FEEDBACK_CHARACTERS_MAX: Final = 4_000
_BACKOFF_FIRST_SECONDS: Final = 5
_BACKOFF_MAX_SECONDS: Final = 300

Facts = tuple[Fact, ...]


class Around(msgspec.Struct, frozen=True):
    """What a task cannot see by itself; an empty sentence means that nothing stands in its way."""

    skip: str = ""
    waits_for: str = ""
    judging_waits_for: str = ""
    landing_waits_for: str = ""
    lease_over: str = ""
    interrupted_by: str = ""
    interrupt_at: datetime | None = None


class Wait(msgspec.Struct, frozen=True):
    """Nothing to do before something else happens, or before that instant."""

    reason: str
    until: datetime | None = None


class Record(msgspec.Struct, frozen=True):
    """These facts are true now."""

    facts: Facts


class SendJob(msgspec.Struct, frozen=True):
    """The worker should have the job by now; send it (again)."""


class SendFreeze(msgspec.Struct, frozen=True):
    """The worker should hold still; ask it (again), and look once more at that instant."""

    until: datetime


class Judge(msgspec.Struct, frozen=True):
    """Collect evidence for the change."""


class Prepare(msgspec.Struct, frozen=True):
    """Put the change on the target of now, without showing it to anybody yet."""


class Land(msgspec.Struct, frozen=True):
    """The landing is intended: see whether it happened, else do it."""


Decision = Wait | Record | SendJob | SendFreeze | Judge | Prepare | Land


def decide(  # noqa: C901, PLR0911 - one case per state is the point of this page
    task: TaskPicture, around: Around, limits: RunLimits, now: datetime
) -> Decision:
    """What happens next to this task, as far as it depends on time and on what is around it."""
    match task.status:
        case S.PROPOSED:
            return Record((TaskRouted("nothing scores tasks in this release"),))
        case S.BACKLOG:
            return _in_backlog(around)
        case S.READY:
            backing_off = task.not_before is not None and now < task.not_before
            return Wait(
                around.waits_for or "a free worker", task.not_before if backing_off else None
            )
        case S.CLAIMED:
            return _claimed(task, around, limits)
        case S.IN_PROGRESS:
            return _in_progress(task, around, limits, now)
        case S.PAUSED:
            return _paused(task, around, limits, now)
        case S.VERIFYING:
            return _verifying(task, around, now)
        case S.REVIEW:
            return Wait(around.landing_waits_for) if around.landing_waits_for else Prepare()
        case S.MERGING:
            return Wait(around.landing_waits_for) if around.landing_waits_for else Land()
        case S.AWAITING_REVIEW | S.BLOCKED_ON_HUMAN:
            return Wait(f"a person: {task.reason}")
        case S.DONE | S.FAILED | S.REJECTED | S.CANCELLED | S.SKIPPED | S.ROLLED_BACK:
            return Wait(task.reason)
        case _:
            assert_never(task.status)


def _in_backlog(around: Around) -> Decision:
    if around.skip:
        return Record((TaskSkipped(around.skip),))
    if around.waits_for:
        return Wait(around.waits_for)
    return Record((TaskMadeReady(),))


def _claimed(task: TaskPicture, around: Around, limits: RunLimits) -> Decision:
    if around.lease_over:
        held = held_after_losses(task, limits, around.lease_over)
        return Record((LeaseEnded(task.token, around.lease_over), *held))
    if around.interrupted_by:
        return Record((LeaseEnded(task.token, around.interrupted_by, lost=False),))
    return SendJob()


def _in_progress(task: TaskPicture, around: Around, limits: RunLimits, now: datetime) -> Decision:
    if around.lease_over:
        facts = _abandon(task, AttemptLoss.LOST, around.lease_over)
        return Record(
            (*facts, *_again(task, Requeue.WORKER_LOST, around.lease_over, None, limits, now))
        )
    if not around.interrupted_by:
        return Wait("its worker")
    if around.interrupt_at is not None and now < around.interrupt_at:
        return SendFreeze(around.interrupt_at)
    facts = _abandon(task, AttemptLoss.INTERRUPTED, around.interrupted_by)
    return Record(
        (*facts, *_again(task, Requeue.INTERRUPTED, around.interrupted_by, None, limits, now))
    )


def _paused(task: TaskPicture, around: Around, limits: RunLimits, now: datetime) -> Decision:
    if around.lease_over:
        facts = (TaskResumed(), *_abandon(task, AttemptLoss.LOST, around.lease_over))
        return Record(
            (*facts, *_again(task, Requeue.WORKER_LOST, around.lease_over, None, limits, now))
        )
    if around.interrupted_by and around.interrupt_at is None:
        facts = (TaskResumed(), *_abandon(task, AttemptLoss.INTERRUPTED, around.interrupted_by))
        return Record(
            (*facts, *_again(task, Requeue.INTERRUPTED, around.interrupted_by, None, limits, now))
        )
    standing = around.interrupted_by or around.waits_for
    return Wait(standing) if standing else Record((TaskResumed(),))


def _verifying(task: TaskPicture, around: Around, now: datetime) -> Decision:
    if around.judging_waits_for:
        return Wait(around.judging_waits_for)
    if task.not_before is not None and now < task.not_before:
        return Wait("the gate could not run and is tried again", task.not_before)
    return Judge()


# --- news from its worker -------------------------------------------------------------------------


def on_started(task: TaskPicture) -> Facts:
    if task.status is not S.CLAIMED or task.lease is None:
        return ()
    return (AttemptStarted(task.attempts_made + 1, task.lease.token, task.lease.worker_id),)


def on_declined(task: TaskPicture, reason: str, limits: RunLimits) -> Facts:
    if task.status is not S.CLAIMED:
        return ()
    return (LeaseEnded(task.token, f"declined: {reason}"), *held_after_losses(task, limits, reason))


def held_after_losses(task: TaskPicture, limits: RunLimits, reason: str) -> Facts:
    """A task that no worker ever begins must not circle for ever: a person looks at it."""
    if task.losses_in_a_row + 1 < limits.losses_in_a_row:
        return ()
    return (TaskHeld(f"{limits.losses_in_a_row} workers in a row did not begin: {reason}"),)


def on_progress(task: TaskPicture, percent: int, activity: Activity | None) -> Facts:
    started = on_started(task)
    if not started and task.status is not S.IN_PROGRESS:
        return ()
    percent = max(0, min(100, percent))
    news = percent > task.percent or (activity is not None and activity is not task.activity)
    if not news or task.version - task.started_version > FACTS_PER_ATTEMPT_MAX:
        return started
    return (*started, AttemptProgressed(task.token, max(percent, task.percent), activity))


def on_frozen(task: TaskPicture, around: Around) -> Facts:
    if task.status is not S.IN_PROGRESS or not around.interrupted_by or around.interrupt_at is None:
        return ()
    return (TaskPaused(around.interrupted_by),)


def on_asked(task: TaskPicture, question: str) -> Facts:
    begun = _working_again(task)
    if begun is None:
        return ()
    parked = TaskParked(question[:FEEDBACK_CHARACTERS_MAX])
    return (*begun, AttemptAbandoned(_number(task), task.token, AttemptLoss.PARKED), parked)


def on_finished(task: TaskPicture, result: Result, limits: RunLimits, now: datetime) -> Facts:
    begun = _working_again(task)
    if begun is None:
        return ()
    if result.outcome is Outcome.CHANGED and result.change is None:
        summary = f"it reported a change and brought none: {result.summary}"
        result = msgspec.structs.replace(result, outcome=Outcome.FAILED, summary=summary)
    facts = (*begun, AttemptFinished(_number(task), task.token, result))
    match result.outcome:
        case Outcome.CHANGED | Outcome.UNCHANGED:
            return facts
        case Outcome.FAILED:
            cause = Requeue.ATTEMPT_FAILED
        case Outcome.INFRASTRUCTURE:
            cause = Requeue.INFRASTRUCTURE
        case _:
            assert_never(result.outcome)
    return (*facts, *_again(task, cause, result.summary, result.log, limits, now))


def _working_again(task: TaskPicture) -> Facts | None:
    """What must be recorded first when the end overtook the news of the start or of the thaw."""
    match task.status:
        case S.CLAIMED:
            return on_started(task)
        case S.PAUSED:
            return (TaskResumed(),)
        case S.IN_PROGRESS:
            return ()
        case _:
            return None


def _number(task: TaskPicture) -> int:
    return task.attempts_made + (task.status is S.CLAIMED)


def _abandon(task: TaskPicture, loss: AttemptLoss, detail: str) -> Facts:
    return (AttemptAbandoned(task.attempts_made, task.token, loss, detail),)


# --- outcomes of acts -----------------------------------------------------------------------------


class Evidence(msgspec.Struct, frozen=True):
    """What a judging found out about one attempt's change."""

    attempt: int
    judgement: Judgement
    detail: str = ""
    log: BlobId | None = None


def on_judged(task: TaskPicture, evidence: Evidence, limits: RunLimits, now: datetime) -> Facts:
    if task.status is not S.VERIFYING or evidence.attempt != task.attempts_made:
        return ()
    judged = ChangeJudged(evidence.attempt, evidence.judgement, evidence.detail, evidence.log)
    match evidence.judgement:
        case Judgement.PASSED:
            return (judged,)
        case Judgement.FAILED:
            detail = evidence.detail
            return (judged, *_again(task, Requeue.GATE_FAILED, detail, evidence.log, limits, now))
        case Judgement.ERROR:
            return _could_not_judge(task, judged, limits, now)
        case _:
            assert_never(evidence.judgement)


def _could_not_judge(
    task: TaskPicture, judged: ChangeJudged, limits: RunLimits, now: datetime
) -> Facts:
    """The work is kept and judged again later: a broken gate is not the worker's fault."""
    if task.losses_in_a_row + 1 < limits.losses_in_a_row:
        return (msgspec.structs.replace(judged, retry_at=_later(task, now)),)
    reason = f"the gates could not run {limits.losses_in_a_row} times in a row: {judged.detail}"
    return (judged, TaskFailed(reason, "gate_error", judged.log))


def on_prepared(task: TaskPicture, base: CommitId, prepared: CommitId | None) -> Facts:
    if task.status is not S.REVIEW:
        return ()
    key = f"{task.id}#{task.landings + 1}"
    return (LandingIntended(key, task.attempts_made, task.token, base, prepared),)


def on_landed(task: TaskPicture, key: str, commit: CommitId | None) -> Facts:
    if task.landing is None or task.landing.key != key:
        return ()
    return (ChangeLanded(key, commit),)


def on_not_landed(
    task: TaskPicture, refused: LandingRefused, limits: RunLimits, now: datetime
) -> Facts:
    expected = None if task.landing is None else task.landing.key
    if task.status not in (S.REVIEW, S.MERGING) or refused.key != expected:
        return ()
    if refused.refusal is LandingRefusal.TARGET_MOVED:
        return (refused,)
    return (
        refused,
        *_again(task, Requeue.LANDING_REFUSED, refused.detail, refused.log, limits, now),
    )


# --- commands -------------------------------------------------------------------------------------


def on_command(  # noqa: PLR0911 - one case per command
    task: TaskPicture, command: TaskCommand
) -> Facts | Refusal:
    """What a person asked for, or why it cannot be."""
    match command:
        case CancelTask():
            return _if_allowed(task, Trigger.CANCEL, TaskCancelled(command.reason))
        case HoldTask():
            return _if_allowed(task, Trigger.HOLD, TaskHeld(command.reason or "held by a person"))
        case ApproveTask():
            approved = TaskApproved(command.reason, command.modifications)
            return _if_allowed(task, Trigger.APPROVE, approved)
        case RejectTask():
            return _if_allowed(task, Trigger.REJECT, TaskRejected(command.reason))
        case RetryTask():
            return _if_allowed(task, Trigger.RETRY, TaskRetried(command.reason))
        case AnswerTask():
            requeued = TaskRequeued(
                Requeue.ANSWERED, feedback=command.answer[:FEEDBACK_CHARACTERS_MAX]
            )
            return _if_allowed(task, Trigger.ANSWER, TaskAnswered(command.answer), requeued)
        case PrioritiseTask():
            if task.ended:
                return Refusal(task.status, "prioritise", allowed_from(task.status), "it has ended")
            return (TaskPrioritised(command.priority),)
        case _:
            assert_never(command)


def _if_allowed(task: TaskPicture, trigger: Trigger, *facts: Fact) -> Facts | Refusal:
    outcome = step(task.status, trigger, Hand.HUMAN, task.previous)
    return outcome if isinstance(outcome, Refusal) else facts


# --- another try, or not --------------------------------------------------------------------------


def _again(
    task: TaskPicture,
    cause: Requeue,
    why: str,
    log: BlobId | None,
    limits: RunLimits,
    now: datetime,
) -> Facts:
    """Back to ready with what the next attempt should know, unless its tries are used up."""
    if cause in COSTLY:
        if task.attempts_spent + 1 >= limits.max_attempts:
            return (
                TaskFailed(
                    f"{limits.max_attempts} attempts failed, the last: {why}", cause.value, log
                ),
            )
        return (TaskRequeued(cause, feedback=why[:FEEDBACK_CHARACTERS_MAX], log=log),)
    if task.losses_in_a_row + 1 >= limits.losses_in_a_row:
        reason = f"interrupted {limits.losses_in_a_row} times in a row, the last: {why}"
        return (TaskFailed(reason, cause.value, log),)
    not_before = None if cause is Requeue.INTERRUPTED else _later(task, now)
    return (TaskRequeued(cause, not_before=not_before, log=log),)


def _later(task: TaskPicture, now: datetime) -> datetime:
    seconds = min(_BACKOFF_FIRST_SECONDS * 2**task.losses_in_a_row, _BACKOFF_MAX_SECONDS)
    return now + timedelta(seconds=seconds)
