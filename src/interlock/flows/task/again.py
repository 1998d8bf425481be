"""Another try, or not: what costs a task one of its attempts, and when repeating makes no sense."""

from datetime import datetime, timedelta
from typing import Final

from interlock.domain.attempt import AttemptLoss
from interlock.domain.facts.attempt import AttemptAbandoned
from interlock.domain.facts.base import Fact
from interlock.domain.facts.task import COSTLY, Requeue, TaskFailed, TaskHeld, TaskRequeued
from interlock.domain.ids import BlobId
from interlock.domain.run import RunLimits
from interlock.flows.task.picture import TaskPicture

FEEDBACK_CHARACTERS_MAX: Final = 4_000
_BACKOFF_FIRST_SECONDS: Final = 5
_BACKOFF_MAX_SECONDS: Final = 300

Facts = tuple[Fact, ...]


def again(
    task: TaskPicture,
    cause: Requeue,
    why: str,
    log: BlobId | None,
    limits: RunLimits,
    now: datetime,
) -> Facts:
    """Back to ready with what the next attempt should know, unless its tries are used up."""
    if cause in COSTLY:
        return _costly(task, cause, why[:FEEDBACK_CHARACTERS_MAX], log, limits)
    if task.losses_in_a_row + 1 >= limits.losses_in_a_row:
        reason = f"interrupted {limits.losses_in_a_row} times in a row, the last: {why}"
        return (TaskFailed(reason, cause.value, log),)
    not_before = None if cause is Requeue.INTERRUPTED else later(task, now)
    return (TaskRequeued(cause, not_before=not_before, log=log),)


def _costly(
    task: TaskPicture, cause: Requeue, why: str, log: BlobId | None, limits: RunLimits
) -> Facts:
    """The same failure with the same feedback would only repeat: wait for the target to move."""
    if task.attempts_spent + 1 >= limits.max_attempts:
        many = f"{limits.max_attempts} attempts failed, the last"
        reason = f"{'the only attempt failed' if limits.max_attempts == 1 else many}: {why}"
        return (TaskFailed(reason, cause.value, log),)
    nothing_new = task.attempts_spent > 0 and cause is task.last_cause and why == task.feedback
    if nothing_new and task.planned.yields == "plan":  # No move of the target mends a document.
        return (TaskFailed(f"the same failure again: {why}", cause.value, log),)
    return (TaskRequeued(cause, feedback=why, log=log, after_move=nothing_new),)


def later(task: TaskPicture, now: datetime) -> datetime:
    seconds = min(_BACKOFF_FIRST_SECONDS * 2**task.losses_in_a_row, _BACKOFF_MAX_SECONDS)
    return now + timedelta(seconds=seconds)


def held_after_losses(task: TaskPicture, limits: RunLimits, reason: str) -> Facts:
    """A task that no worker ever begins must not circle for ever: a person looks at it."""
    if task.losses_in_a_row + 1 < limits.losses_in_a_row:
        return ()
    return (TaskHeld(f"{limits.losses_in_a_row} workers in a row did not begin: {reason}"),)


def abandon(task: TaskPicture, loss: AttemptLoss, detail: str) -> Facts:
    return (AttemptAbandoned(task.attempts_made, task.token, loss, detail),)
