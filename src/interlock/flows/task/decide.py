"""The life of a task on one page: where it stands and what is around it -> what happens next.

`decide` answers "look again" for one task. What news of it make true (a report of its worker, the
outcome of an act, a person's command) stand in `news` and `commands`, whether it is tried once more
in `again`. All are pure; what they return is recorded in one append, so a task never rests between
two facts that belong together.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from interlock.domain.attempt import AttemptLoss
from interlock.domain.facts.change import Judgement
from interlock.domain.facts.lease import LeaseEnded
from interlock.domain.facts.task import (
    Requeue,
    TaskFailed,
    TaskMadeReady,
    TaskResumed,
    TaskRouted,
    TaskSkipped,
)
from interlock.domain.run import RunLimits
from interlock.domain.task import TaskStatus as S
from interlock.flows.task.again import Facts, abandon, again, held_after_losses
from interlock.flows.task.picture import TaskPicture


class Around(msgspec.Struct, frozen=True):
    """What a task cannot see by itself; an empty sentence means that nothing stands in its way."""

    skip: str = ""
    waits_for: str = ""
    judging_waits_for: str = ""
    landing_waits_for: str = ""
    hopeless: str = ""
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
            return _ready(task, around, now)
        case S.CLAIMED:
            return _claimed(task, around, limits)
        case S.IN_PROGRESS:
            return _in_progress(task, around, limits, now)
        case S.PAUSED:
            return _paused(task, around, limits, now)
        case S.VERIFYING:
            return _verifying(task, around, now)
        case S.REVIEW:
            held = around.landing_waits_for or held_for_a_person(task)
            return Wait(held) if held else Prepare()
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


def _ready(task: TaskPicture, around: Around, now: datetime) -> Decision:
    if around.hopeless:
        return Record((TaskFailed(around.hopeless, "nothing_new"),))
    backing_off = task.not_before is not None and now < task.not_before
    return Wait(around.waits_for or "a free worker", task.not_before if backing_off else None)


def held_for_a_person(task: TaskPicture) -> str:
    """Why a judged change must be looked at before it lands, if it must and nobody did yet."""
    if task.judged is None or not task.judged.held or task.approved == task.attempts_made:
        return ""
    return f"a person: {task.judged.held}"


def _claimed(task: TaskPicture, around: Around, limits: RunLimits) -> Decision:
    if around.lease_over:
        held = held_after_losses(task, limits, around.lease_over)
        return Record((LeaseEnded(task.token, around.lease_over), *held))
    if around.interrupted_by:
        return Record((LeaseEnded(task.token, around.interrupted_by, lost=False),))
    return SendJob()


def _in_progress(task: TaskPicture, around: Around, limits: RunLimits, now: datetime) -> Decision:
    if around.lease_over:
        facts = abandon(task, AttemptLoss.LOST, around.lease_over)
        return Record(
            (*facts, *again(task, Requeue.WORKER_LOST, around.lease_over, None, limits, now))
        )
    if not around.interrupted_by:
        by_hand = task.lease is not None and task.lease.by_hand
        return Wait("its worker", task.lease.expires_at if by_hand and task.lease else None)
    if around.interrupt_at is not None and now < around.interrupt_at:
        return SendFreeze(around.interrupt_at)
    facts = abandon(task, AttemptLoss.INTERRUPTED, around.interrupted_by)
    return Record(
        (*facts, *again(task, Requeue.INTERRUPTED, around.interrupted_by, None, limits, now))
    )


def _paused(task: TaskPicture, around: Around, limits: RunLimits, now: datetime) -> Decision:
    if around.lease_over:
        facts = (TaskResumed(), *abandon(task, AttemptLoss.LOST, around.lease_over))
        return Record(
            (*facts, *again(task, Requeue.WORKER_LOST, around.lease_over, None, limits, now))
        )
    if around.interrupted_by and around.interrupt_at is None:
        facts = (TaskResumed(), *abandon(task, AttemptLoss.INTERRUPTED, around.interrupted_by))
        return Record(
            (*facts, *again(task, Requeue.INTERRUPTED, around.interrupted_by, None, limits, now))
        )
    standing = around.interrupted_by or around.waits_for
    return Wait(standing) if standing else Record((TaskResumed(),))


def _verifying(task: TaskPicture, around: Around, now: datetime) -> Decision:
    if around.judging_waits_for:
        return Wait(around.judging_waits_for)
    if task.not_before is not None and now < task.not_before:
        red = task.judged is not None and task.judged.judgement is Judgement.TARGET_RED
        why = "the target to be green" if red else "the gate could not run and is tried again"
        return Wait(why, task.not_before)
    return Judge()
