"""Health in numbers: who is heard of, what is queued, what collides, how busy, what waits."""

import pytest

from interlock.control.health import HealthReport, Utilization, health_report
from interlock.domain.attempt import AttemptLoss
from interlock.domain.facts.attempt import AttemptAbandoned
from interlock.domain.facts.change import Judgement
from interlock.domain.facts.plane import StartsPaused
from interlock.domain.facts.run import RunCompleted
from interlock.domain.facts.task import TaskParked
from interlock.domain.facts.worker import WorkerCameBack, WorkerWentOffline
from interlock.domain.ids import Token, WorkerId
from tests.unit.control.tales import REPO, RUN, Tale, task


def health(tale: Tale) -> HealthReport:
    return health_report(tale.chronicle(), tale.now)


def used(tale: Tale) -> Utilization:
    found = health(tale).utilization
    assert found is not None
    return found


def test_where_nothing_happened_nothing_is_made_up():
    found = health(Tale())
    assert (found.registry.active, found.registry.stale) == (0, 0)
    assert (found.conflicts.rate, found.utilization, found.oldest_waiting) == (None, None, None)
    assert found.locks is None


def test_workers_that_are_not_heard_of_are_stale():
    tale = Tale()
    for name in ("roy", "jen", "tim"):
        tale.joins(name)
    for name in ("roy", "jen"):
        tale.record(f"worker/{name}", WorkerWentOffline(WorkerId(name), "silence"))
    tale.record("worker/jen", WorkerCameBack(WorkerId("jen")))
    found = health(tale).registry
    assert (found.active, found.stale) == (2, 1)


def busy() -> Tale:
    """Six tasks: one landed, one at work, one judged, one asks, two not begun."""
    tale = Tale()
    for name in ("roy", "jen", "tim"):
        tale.joins(name)
    tale.begins(*(task(name) for name in ("landed", "work", "judged", "ask", "one", "two")))
    tale.does("roy", "landed", 5)
    tale.takes("roy", "work")
    tale.takes("jen", "judged")
    tale.finishes("judged")
    tale.takes("tim", "ask")
    tale.of("ask", AttemptAbandoned(1, Token(1), AttemptLoss.PARKED), TaskParked("Which one?"))
    tale.wait(7)
    return tale


def test_the_queue_is_counted_by_where_tasks_stand():
    found = health(busy()).queue
    assert (found.backlog, found.in_progress, found.review, found.people) == (2, 1, 1, 1)


def test_the_oldest_waiting_item_tells_its_reason():
    tale = busy()
    oldest = health(tale).oldest_waiting
    assert oldest is not None  # "one" is ready since the beginning, before anything was asked
    assert (oldest.task, oldest.seconds) == ("one", 12 * 60)
    assert oldest.reason == "a free worker for agent default"
    for name in ("one", "two"):
        tale.takes("tim", name)
    oldest = health(tale).oldest_waiting
    assert oldest is not None
    assert (oldest.task, oldest.reason) == ("ask", "a person (decision): Which one?")


def test_the_conflict_rate_is_conflicts_per_task_that_was_worked_on():
    tale = busy()
    tale.judged("judged", how=Judgement.CONFLICT, detail="app.py")
    found = health(tale).conflicts
    assert (found.conflicts, found.tasks, found.rate) == (1, 4, 0.25)


# --- utilization ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("worked", "share", "warns"), [(13, 0.65, True), (14, 0.7, False)])
def test_utilization_below_the_target_is_marked(worked: float, share: float, warns: bool):
    tale = Tale()
    tale.joins("roy")
    tale.begins(task("a"))
    tale.does("roy", "a", worked)
    tale.wait(20 - worked)
    found = used(tale)
    assert found.share == pytest.approx(share)
    assert found.below_target is warns


def test_time_offline_and_time_between_runs_is_nobodys_idleness():
    tale = Tale()
    tale.joins("roy")
    tale.wait(600)  # a night
    tale.begins(task("a"))
    tale.does("roy", "a", 10)
    tale.record("worker/roy", WorkerWentOffline(WorkerId("roy"), "goodbye"))
    tale.wait(30)
    tale.record(f"run/{RUN}", RunCompleted())
    tale.wait(600)
    assert used(tale).share == 1.0


def test_people_are_not_measured():
    tale = Tale()
    tale.joins("human-ana", kind="human")
    tale.begins(task("a"))
    tale.takes("human-ana", "a")
    tale.wait(60)
    assert health(tale).utilization is None


def test_what_holds_everything_up_is_said_first():
    tale = busy()
    tale.record(f"plane/{REPO}", StartsPaused("lunch"))
    assert health(tale).held_up_by == "lunch"
