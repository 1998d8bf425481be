"""Who holds a task reports on it; tries are counted, and attempts stay small in the log."""

from typing import Final

from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    AttemptProgressed,
    AttemptStarted,
    QuestionAnswered,
    QuestionAsked,
)
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import ChangeJudged, Judgement
from interlock.domain.facts.lease import LeaseEnded, LeaseRenewed
from interlock.domain.facts.task import COSTLY, Requeue, TaskRequeued
from interlock.testing.simulation.books import Seen

ALL: Final = 100
FACTS_PER_ATTEMPT_MAX: Final = 200

Shown = (
    LeaseRenewed
    | LeaseEnded
    | AttemptStarted
    | AttemptProgressed
    | QuestionAsked
    | QuestionAnswered
    | AttemptFinished
    | AttemptAbandoned
)


def live_token(seen: Seen[Shown]) -> str:
    task, fact = seen.task, seen.fact
    if task.lease is None:
        return f"{type(fact).__name__} shows token {fact.token}, and no lease is live"
    if fact.token != task.lease.token:
        return f"{type(fact).__name__} shows token {fact.token}, the live one is {task.lease.token}"
    return ""


def no_lease_left(seen: Seen[Fact]) -> str:
    """Whoever leaves a worker's hands has no lease any more."""
    task, name = seen.task, type(seen.fact).__name__
    return "" if task.lease is None else f"{name} while lease {task.lease.lease_id} is live"


def begins_once(seen: Seen[AttemptStarted]) -> str:
    task, fact = seen.task, seen.fact
    if task.running:
        return "an attempt begins while another one of the same lease runs"
    if fact.number != task.attempts + 1:
        return f"attempt {fact.number} follows attempt {task.attempts}"
    lease = task.lease
    if lease is not None and (fact.number, fact.worker_id) != (lease.attempt, lease.worker_id):
        return f"attempt {fact.number} by {fact.worker_id} is not what its lease is for"
    return ""


def not_while_stopped(seen: Seen[Fact]) -> str:
    fact, stopped = seen.fact, seen.books.stopped or seen.books.part_lost
    return f"{type(fact).__name__} although everything is stopped" if stopped else ""


def ends_what_runs(seen: Seen[AttemptFinished | AttemptAbandoned]) -> str:
    task, fact = seen.task, seen.fact
    if not task.running or fact.number != task.attempts:
        return f"{type(fact).__name__} of attempt {fact.number}, which does not run"
    return ""


def nothing_runs(seen: Seen[LeaseEnded]) -> str:
    return "its claim ends, but its attempt has begun" if seen.task.running else ""


def goes_forward(seen: Seen[AttemptProgressed]) -> str:
    task, fact = seen.task, seen.fact
    if not task.running or not task.percent <= fact.percent <= ALL:
        return f"its progress goes from {task.percent} to {fact.percent}"
    return ""


def tries_remain(seen: Seen[TaskRequeued]) -> str:
    task, fact = seen.task, seen.fact
    used = task.costly + 1
    if fact.cause in COSTLY and used >= task.run.limits.max_attempts:
        return f"it is tried again after {used} of {task.run.limits.max_attempts} attempts failed"
    return ""


def losses_are_bounded(seen: Seen[LeaseEnded | TaskRequeued | ChangeJudged]) -> str:
    task, fact = seen.task, seen.fact
    if isinstance(fact, TaskRequeued) and (fact.cause in COSTLY or fact.cause is Requeue.ANSWERED):
        return ""
    if isinstance(fact, ChangeJudged) and fact.judgement is not Judgement.ERROR:
        return ""
    bound = task.run.limits.losses_in_a_row
    return f"{task.losses + 1} losses in a row, {bound} may be" if task.losses >= bound else ""


def few_facts(seen: Seen[Fact]) -> str:
    """Said once per attempt."""
    task = seen.task
    return "its attempt fills the log" if task.token and task.facts == FACTS_PER_ATTEMPT_MAX else ""
