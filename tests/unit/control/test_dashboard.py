"""The dashboard: five teams, two questions and three numbers, each computed from facts."""

from datetime import timedelta, timezone

import pytest

from interlock.control.dashboard import Dashboard, dashboard
from interlock.domain.attempt import AttemptLoss
from interlock.domain.facts.attempt import AttemptAbandoned
from interlock.domain.facts.run import RunCompleted
from interlock.domain.facts.task import TaskAnswered, TaskHeld, TaskParked
from interlock.domain.facts.worker import WorkerWentOffline
from interlock.domain.ids import Token, WorkerId
from interlock.domain.task import Priority
from tests.unit.control.tales import ANA, BEGIN, RUN, Tale, passed, task

WORKS = ("API endpoints", "UI components", "Database schema", "Testing", "Documentation")
PERCENTS = (80, 70, 100, 50, 85)


def seen(tale: Tale, holder: str | None = "p1") -> Dashboard:
    return dashboard(tale.chronicle(), tale.now, BEGIN.tzinfo, holder)


def five_teams() -> Tale:
    """At work for an hour; two questions came ten and five minutes ago."""
    tale = Tale()
    for number in range(1, 6):
        tale.joins(f"w{number}", f"Team {number}")
    works = [task(f"t{number}", title) for number, title in enumerate(WORKS, start=1)]
    tale.begins(
        *works,
        task("split", "Microservices split", Priority.MEDIUM),
        task("oauth", "OAuth integration", Priority.HIGH),
    )
    for number in range(1, 6):
        tale.takes(f"w{number}", f"t{number}")
    tale.wait(50)
    tale.of("split", TaskHeld("is it worth it?"))
    tale.wait(5)
    tale.of("oauth", TaskHeld("which provider?"))
    for number, percent in enumerate(PERCENTS, start=1):
        tale.comes(f"t{number}", min(percent, 99))
    tale.finishes("t3")
    tale.judged("t3", passed())
    tale.lands("t3")
    tale.wait(5)
    return tale


def test_each_team_shows_its_work_and_how_far_it_is():
    board = seen(five_teams())
    assert [(t.name, t.work, t.percent) for t in board.teams] == [
        (f"Team {number}", work, percent)
        for number, work, percent in zip(range(1, 6), WORKS, PERCENTS, strict=True)
    ]


def test_the_most_urgent_question_comes_first_with_its_waiting_time():
    board = seen(five_teams())
    assert [(r.title, r.priority, r.waiting_seconds) for r in board.queue] == [
        ("OAuth integration", "high", 300.0),
        ("Microservices split", "medium", 600.0),
    ]


def test_the_three_numbers_are_computed():
    board = seen(five_teams())
    assert board.completed_today == 1
    assert board.average_wait_seconds == 450.0
    # Four attempts of an hour and one of 55 minutes, half a minute of gates, in one hour.
    assert board.parallel_efficiency == pytest.approx((4 * 60 + 55 + 0.5) / 60)


def test_only_what_landed_is_at_a_hundred_percent():
    tale = five_teams()
    tale.comes("t1", 100)
    tale.finishes("t1")
    board = seen(tale)
    assert [(t.percent, t.state) for t in board.teams][:3:2] == [(99, "verifying"), (100, "done")]


def test_teams_of_ended_runs_and_lost_teams_are_not_active():
    tale = five_teams()
    tale.record("worker/w3", WorkerWentOffline(WorkerId("w3"), "goodbye"))
    assert "Team 3" not in [team.name for team in seen(tale).teams]
    quiet = Tale()
    quiet.joins("w1", "Team 1")
    quiet.begins(task("a"))
    quiet.does("w1", "a", 1)
    quiet.record(f"run/{RUN}", RunCompleted())
    assert seen(quiet).teams == ()


def test_team_10_comes_after_team_2():
    tale = Tale()
    tale.begins(task("a"), task("b"), task("c"))
    for worker, name in (("x", "Team 10"), ("y", "Team 2"), ("z", "Ops")):
        tale.joins(worker, name)
    for worker, name in (("x", "a"), ("y", "b"), ("z", "c")):
        tale.takes(worker, name)
    assert [team.name for team in seen(tale).teams] == ["Ops", "Team 2", "Team 10"]


def test_today_begins_where_the_person_is():
    tale = Tale()
    tale.joins("w1")
    tale.begins(task("a"), task("b"))
    tale.does("w1", "a", 1)  # 09:01 UTC
    tale.wait(12 * 60)
    tale.does("w1", "b", 1)
    tokyo = timezone(timedelta(hours=9))
    assert dashboard(tale.chronicle(), tale.now, tokyo, None).completed_today == 1
    assert seen(tale).completed_today == 2


def test_waiting_counts_what_was_decided_today_and_what_still_waits():
    tale = Tale()
    tale.joins("w1")
    tale.begins(task("a"), task("b"))
    tale.takes("w1", "a")
    tale.of("a", AttemptAbandoned(1, Token(1), AttemptLoss.PARKED), TaskParked("which?"))
    tale.wait(4)
    tale.of("a", TaskAnswered("that one"), actor=ANA)
    tale.of("b", TaskHeld("look"))
    tale.wait(2)
    assert seen(tale).average_wait_seconds == 3 * 60


def test_where_nothing_ran_no_number_is_made_up():
    board = seen(Tale(), holder=None)
    assert (board.run, board.average_wait_seconds, board.parallel_efficiency) == (None, None, None)
    assert (board.teams, board.queue, board.completed_today) == ((), (), 0)
