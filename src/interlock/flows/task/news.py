"""What news make true of a task: a report of its worker, the outcome of an act on the world."""

from datetime import datetime
from typing import Final, assert_never

import msgspec

from interlock.domain.attempt import AttemptLoss
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    AttemptProgressed,
    AttemptStarted,
    HostDenied,
    QuestionAsked,
    UsageCounted,
)
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
    Requeue,
    TaskFailed,
    TaskParked,
    TaskPaused,
    TaskRequeued,
    TaskResumed,
)
from interlock.domain.ids import CommitId, Token
from interlock.domain.result import INTERRUPTED, REFUSED, Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import Activity
from interlock.domain.task import TaskStatus as S
from interlock.domain.usage import Usage
from interlock.flows.task.again import (
    FEEDBACK_CHARACTERS_MAX,
    Facts,
    again,
    held_after_losses,
    later,
)
from interlock.flows.task.decide import Around
from interlock.flows.task.picture import TaskPicture

FACTS_PER_ATTEMPT_MAX: Final = 150
"""Progress beyond this many facts is not recorded: the log holds facts, not chatter."""

HOSTS_PER_ATTEMPT_MAX: Final = 20
TROUBLE_MAX: Final = 300


class Beginning(msgspec.Struct, frozen=True):
    """Where a worker began: from this commit, on this branch, in this folder and kind of box."""

    base: CommitId | None = None
    branch: str = ""
    path: str = ""
    box: str = ""
    simulated: bool = False


# --- from its worker -----------------------------------------------------------------------------


def on_started(task: TaskPicture, begun: Beginning | None = None) -> Facts:
    if task.status is not S.CLAIMED or task.lease is None:
        return ()
    number, lease = task.attempts_made + 1, task.lease
    if begun is None:
        return (AttemptStarted(number, lease.token, lease.worker_id),)
    return (
        AttemptStarted(
            number,
            lease.token,
            lease.worker_id,
            begun.base,
            begun.branch,
            begun.path,
            begun.box,
            begun.simulated,
        ),
    )


def on_denied(task: TaskPicture, hosts: tuple[str, ...]) -> Facts:
    if task.status not in (S.CLAIMED, S.IN_PROGRESS, S.PAUSED) or not hosts:
        return ()
    return (HostDenied(_number(task), hosts[:HOSTS_PER_ATTEMPT_MAX]),)


def on_declined(task: TaskPicture, reason: str, limits: RunLimits) -> Facts:
    if task.status is not S.CLAIMED:
        return ()
    return (LeaseEnded(task.token, f"declined: {reason}"), *held_after_losses(task, limits, reason))


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


def on_questioned(task: TaskPicture, asked: QuestionAsked) -> Facts:
    started = on_started(task)
    known = task.asking is not None and task.asking.id == asked.question_id
    if known or (not started and task.status not in (S.IN_PROGRESS, S.PAUSED)):
        return ()
    if task.version - task.started_version > FACTS_PER_ATTEMPT_MAX:
        return ()  # An agent that asks without end is parked by its worker's patience.
    return (*started, asked)


def on_metered(task: TaskPicture, token: Token, usage: Usage, trouble: str = "") -> Facts:
    """Counts of ended attempts come late: their worker was killed, another read the book."""
    for attempt in task.attempts:
        if attempt.token == token:
            before = attempt.usage
            news = before is None or (usage != before and usage.requests >= before.requests)
            news = news or (bool(trouble) and trouble != task.trouble)
            return (UsageCounted(token, usage, trouble[:TROUBLE_MAX]),) if news else ()
    return ()


def on_asked(task: TaskPicture, question: str, tool: str = "", cap: str = "") -> Facts:
    begun = _workingagain(task)
    if begun is None:
        return ()
    asked = question[:FEEDBACK_CHARACTERS_MAX]
    over = (*begun, AttemptAbandoned(_number(task), task.token, AttemptLoss.PARKED, asked))
    answer = None if task.asking is None or cap else task.asking.answer
    if answer is not None:  # It was on its way when the worker's patience ended.
        return (*over, TaskRequeued(Requeue.ANSWERED, feedback=answer))
    return (*over, TaskParked(asked, tool, cap))


def on_finished(task: TaskPicture, result: Result, limits: RunLimits, now: datetime) -> Facts:
    begun = _workingagain(task)
    if begun is None:
        return ()
    if result.outcome is Outcome.CHANGED and result.change is None:
        summary = f"it reported a change and brought none: {result.summary}"
        result = msgspec.structs.replace(result, outcome=Outcome.FAILED, summary=summary)
    facts = (*begun, AttemptFinished(_number(task), task.token, result))
    match result.outcome:
        case Outcome.CHANGED | Outcome.UNCHANGED:
            return facts
        case Outcome.FAILED if result.error_class == REFUSED:
            return (*facts, TaskFailed(result.summary, REFUSED, result.log))
        case Outcome.FAILED:
            cause = Requeue.ATTEMPT_FAILED
        case Outcome.INFRASTRUCTURE:
            # Who was asked to put the work down was not out of order: nothing needs to recover.
            asked = result.error_class == INTERRUPTED
            cause = Requeue.INTERRUPTED if asked else Requeue.INFRASTRUCTURE
        case _:
            assert_never(result.outcome)
    return (*facts, *again(task, cause, result.summary, result.log, limits, now))


def _workingagain(task: TaskPicture) -> Facts | None:
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


# --- outcomes of acts -----------------------------------------------------------------------------


def on_judged(task: TaskPicture, judged: ChangeJudged, limits: RunLimits, now: datetime) -> Facts:
    if task.status is not S.VERIFYING or judged.attempt != task.attempts_made:
        return ()
    match judged.judgement:
        case Judgement.PASSED:
            return (judged,)
        case Judgement.FAILED | Judgement.CONFLICT:
            conflict = judged.judgement is Judgement.CONFLICT
            cause = Requeue.LANDING_REFUSED if conflict else Requeue.GATE_FAILED
            return (judged, *again(task, cause, judged.detail, judged.log, limits, now))
        case Judgement.ERROR | Judgement.TARGET_RED:
            return _could_not_judge(task, judged, limits, now)
        case _:
            assert_never(judged.judgement)


def _could_not_judge(
    task: TaskPicture, judged: ChangeJudged, limits: RunLimits, now: datetime
) -> Facts:
    """The work is kept and judged again later: a broken gate is not the worker's fault."""
    if task.losses_in_a_row + 1 < limits.losses_in_a_row:
        return (msgspec.structs.replace(judged, retry_at=later(task, now)),)
    times = f"{limits.losses_in_a_row} times in a row"
    if judged.judgement is Judgement.TARGET_RED:
        reason = f"the target itself was red {times}: {judged.detail}"
        return (judged, TaskFailed(reason, "target_red", judged.log))
    reason = f"the gates could not run {times}: {judged.detail}"
    return (judged, TaskFailed(reason, "gate_error", judged.log))


def on_prepared(task: TaskPicture, base: CommitId, prepared: CommitId | None) -> Facts:
    if task.status is not S.REVIEW:
        return ()
    key = f"{task.id}#{task.landings + 1}"
    return (LandingIntended(key, task.attempts_made, task.token, base, prepared),)


def on_landed(task: TaskPicture, key: str, commit: CommitId | None, note: str = "") -> Facts:
    if task.landing is None or task.landing.key != key:
        return ()
    return (ChangeLanded(key, commit, note),)


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
        *again(task, Requeue.LANDING_REFUSED, refused.detail, refused.log, limits, now),
    )
