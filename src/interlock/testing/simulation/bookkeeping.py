"""How each fact is written into the referee's books; the rules have judged it before."""

from __future__ import annotations

from typing import Final

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
    LandingRefused,
)
from interlock.domain.facts.lease import LeaseEnded, LeaseGranted
from interlock.domain.facts.task import (
    COSTLY,
    Requeue,
    TaskApproved,
    TaskCancelled,
    TaskFailed,
    TaskRejected,
    TaskRequeued,
    TaskRetried,
)
from interlock.domain.ids import WorkerId
from interlock.testing.simulation.books import (
    GOOD,
    Books,
    Intent,
    Seen,
    TaskEntry,
    trigger_of,
)
from interlock.testing.simulation.housekeeping import HOUSE_WRITERS, Writers


def write(seen: Seen[Fact]) -> None:
    """Write one more fact down."""
    if isinstance(seen.subject, TaskEntry):
        _write_task(seen)
        return
    writer = HOUSE_WRITERS.get(type(seen.fact))
    if writer is not None:
        writer(seen)


def _write_task(seen: Seen[Fact]) -> None:
    task, worked = seen.task, seen.task.works
    task.facts += 1
    trigger = trigger_of(seen.fact)
    if trigger is not None:
        task.pull(trigger)
    writer = _TASK_WRITERS.get(type(seen.fact))
    if writer is not None:
        writer(seen)
    if task.works is not worked:
        _count(seen.books, task, 1 if task.works else -1)


def _count(books: Books, task: TaskEntry, delta: int) -> None:
    run, agent = task.run, task.planned.agent
    books.working += delta
    run.working_agents[agent] = run.working_agents.get(agent, 0) + delta
    run.working_stages += delta if task.group is not None else 0


# --- leases and attempts --------------------------------------------------------------------------


def _granted(seen: Seen[LeaseGranted]) -> None:
    _give_back(seen.books, seen.task)
    seen.task.lease, seen.task.token = seen.fact, seen.fact.token
    seen.task.percent, seen.task.facts = 0, 1
    seen.books.leases.add(seen.fact.lease_id)
    _hold(seen.books, seen.fact.worker_id, 1)


def _give_back(books: Books, task: TaskEntry) -> None:
    if task.lease is not None:
        _hold(books, task.lease.worker_id, -1)
    task.lease, task.running = None, False


def _hold(books: Books, worker_id: WorkerId, delta: int) -> None:
    worker = books.workers.get(worker_id)
    if worker is not None:
        worker.holds += delta


def _lease_ended(seen: Seen[LeaseEnded]) -> None:
    _give_back(seen.books, seen.task)
    seen.task.losses += 1


def _started(seen: Seen[AttemptStarted]) -> None:
    seen.task.attempts, seen.task.running = seen.fact.number, True


def _progressed(seen: Seen[AttemptProgressed]) -> None:
    seen.task.percent = seen.fact.percent


def _finished(seen: Seen[AttemptFinished]) -> None:
    _give_back(seen.books, seen.task)
    if seen.fact.result.outcome in GOOD:
        seen.task.losses = 0


def _over(seen: Seen[Fact]) -> None:
    """An attempt was abandoned or the task ended: what it had reached counts no longer."""
    _give_back(seen.books, seen.task)
    seen.task.percent = 0


def _requeued(seen: Seen[TaskRequeued]) -> None:
    seen.task.percent = 0
    if seen.fact.cause in COSTLY:
        seen.task.costly += 1
    elif seen.fact.cause is Requeue.ANSWERED:
        seen.task.losses = 0
    else:
        seen.task.losses += 1


def _retried(seen: Seen[TaskRetried]) -> None:
    seen.task.costly = seen.task.losses = seen.task.percent = 0


def _approved(seen: Seen[TaskApproved]) -> None:
    seen.task.losses = 0


# --- landings -------------------------------------------------------------------------------------


def _judged(seen: Seen[ChangeJudged]) -> None:
    seen.task.losses += seen.fact.judgement is Judgement.ERROR


def _intended(seen: Seen[LandingIntended]) -> None:
    seen.task.intent = seen.fact
    seen.books.intents[seen.fact.key] = Intent(seen.task, seen.fact)
    seen.books.open_intents.add(seen.fact.key)


def _landed(seen: Seen[ChangeLanded]) -> None:
    seen.task.landed, seen.task.intent = seen.fact, None
    seen.books.open_intents.discard(seen.fact.key)


def _landing_refused(seen: Seen[LandingRefused]) -> None:
    seen.task.intent = None
    if seen.fact.key is not None:
        seen.books.open_intents.discard(seen.fact.key)
        seen.books.refused.add(seen.fact.key)


_TASK_WRITERS: Final[Writers] = {
    LeaseGranted: _granted,
    LeaseEnded: _lease_ended,
    AttemptStarted: _started,
    AttemptProgressed: _progressed,
    AttemptFinished: _finished,
    AttemptAbandoned: _over,
    TaskCancelled: _over,
    TaskFailed: _over,
    TaskRejected: _over,
    TaskRequeued: _requeued,
    TaskRetried: _retried,
    TaskApproved: _approved,
    ChangeJudged: _judged,
    LandingIntended: _intended,
    ChangeLanded: _landed,
    LandingRefused: _landing_refused,
}
