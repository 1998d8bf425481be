"""Who works next on what: priority with ageing, the longest path, limits, skills, old friends."""

from datetime import timedelta

import pytest

from interlock.domain.command import Pause, Resume
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.plan import AffinityRule
from interlock.domain.result import Outcome
from interlock.domain.run import RunLimits
from interlock.domain.task import PlannedTask, Priority
from interlock.flows.run.assign import HOLD
from interlock.flows.run.indexes import AGEING
from tests.unit.flows.scenes import Scene, group, planned, task_id


def order(scene: Scene) -> list[str]:
    """In which order one worker after another is given the ready tasks."""
    for number in range(len(scene.plane.tasks)):
        scene.join(f"w{number}")
    leases = [e for e in scene.history if isinstance(e.fact, LeaseGranted)]
    return [event.stream.rpartition("-")[2] for event in leases]


def test_priority_then_the_longest_path_then_the_place_in_the_plan() -> None:
    scene = Scene(
        planned("a", priority=Priority.LOW),
        planned("b"),
        planned("c", estimate_minutes=90.0),
        planned("d", priority=Priority.CRITICAL),
        planned("e"),
    ).turn()
    assert order(scene) == ["d", "c", "b", "e", "a"]


def old_and_new(age: timedelta) -> Scene:
    """A task of low priority that waited so long, and one of medium priority that is new."""
    old, new = planned("old", priority=Priority.LOW), planned("new", "first")
    scene = Scene(old, planned("first"), new, limits=RunLimits(workers=1)).turn()
    scene.pass_time(age.total_seconds()).join("w1").begin("first")
    scene.ask(Pause())
    scene.finish("first").judge("first").land("first")
    assert scene.statuses("old", "new") == ["ready", "ready"]
    scene.ask(Resume())
    return scene


def test_waiting_long_enough_is_worth_a_step_of_priority() -> None:
    assert old_and_new(AGEING).statuses("old", "new") == ["claimed", "ready"]
    almost = AGEING - timedelta(seconds=1)
    assert old_and_new(almost).statuses("old", "new") == ["ready", "claimed"]


@pytest.mark.parametrize(
    ("limits", "affinity", "granted"),
    [
        (RunLimits(workers=2), (), 2),
        (RunLimits(parallel_stages=1), (), 1),
        (RunLimits(), (AffinityRule(("default",), 1, "cpu"),), 1),
        (RunLimits(), (AffinityRule(("default",), 2, "cpu"), AffinityRule(("x",), 1, "io")), 2),
        (RunLimits(), (), 4),
    ],
)
def test_limits(limits: RunLimits, affinity: tuple[AffinityRule, ...], granted: int) -> None:
    tasks = [planned(name) for name in "abcd"]
    scene = Scene(*tasks, limits=limits, affinity=affinity, groups=(group(1, *"abcd"),)).turn()
    assert len(order(scene)) == granted


def test_a_place_that_is_given_back_is_filled_again() -> None:
    scene = Scene(planned("a"), planned("b"), limits=RunLimits(workers=1)).turn()
    assert order(scene) == ["a"]
    assert scene.work("a").statuses("a", "b") == ["verifying", "claimed"]


def test_an_agent_and_its_skills_must_fit() -> None:
    scene = Scene(planned("a", agent="liz"), planned("b", skills=("sql",)), planned("c")).turn()
    scene.join("w1")
    assert scene.statuses("a", "b", "c") == ["ready", "ready", "claimed"]
    scene.join("w2", agent="liz").join("w3", capabilities=("sql", "python"))
    assert scene.statuses("a", "b", "c") == ["claimed", "claimed", "claimed"]


def test_capacity_is_filled_and_not_exceeded() -> None:
    scene = Scene(*(planned(name) for name in "abc")).join("w1", capacity=2)
    assert len(scene.recorded(LeaseGranted)) == 2


def test_whoever_knows_the_task_gets_it_again() -> None:
    scene = Scene(planned("a")).join("w2").join("w1").begin("a")
    scene.finish("a", outcome=Outcome.FAILED)
    first, second = scene.recorded(LeaseGranted)
    assert isinstance(first, LeaseGranted)
    assert isinstance(second, LeaseGranted)
    assert (first.worker_id, first.token) == ("w2", 1)
    assert (second.worker_id, second.token, second.attempt) == ("w2", 2, 2)


def test_a_task_that_backs_off_lets_others_pass() -> None:
    scene = Scene(planned("a"), planned("b"), limits=RunLimits(workers=1)).join("w1")
    scene.begin("a").finish("a", outcome=Outcome.INFRASTRUCTURE)
    assert scene.statuses("a", "b") == ["ready", "claimed"]
    assert scene.task("a").id == task_id("a")


def test_nobody_free_nothing_granted() -> None:
    plan: tuple[PlannedTask, ...] = (planned("a"),)
    assert Scene(*plan).turn().status("a").value == "ready"


def finished_before_a_long_one() -> Scene:
    tasks = [
        planned("first", estimate_minutes=50.0),
        planned("long", "first", estimate_minutes=90.0),
        planned("short", estimate_minutes=1.0),
    ]
    return Scene(*tasks).join("w1").begin("first").finish("first")


def test_a_worker_waits_a_moment_for_a_better_task_about_to_be_unlocked() -> None:
    scene = finished_before_a_long_one()
    assert scene.statuses("first", "long", "short") == ["verifying", "backlog", "ready"]
    scene.judge("first").intend("first").land("first")
    assert scene.statuses("first", "long", "short") == ["done", "claimed", "ready"]


def test_a_worker_waits_no_longer_than_a_moment() -> None:
    scene = finished_before_a_long_one()
    assert scene.wishes.alarms[task_id("first")] == scene.now + HOLD
    scene.pass_time(HOLD.total_seconds(), look_at=["first"])
    assert scene.statuses("first", "long", "short") == ["verifying", "backlog", "claimed"]


def test_a_second_free_worker_takes_what_is_ready() -> None:
    scene = finished_before_a_long_one().join("w2")
    assert scene.statuses("first", "long", "short") == ["verifying", "backlog", "claimed"]
