"""A catastrophe goes first: others freeze, what blocks it goes on, and afterwards all goes on."""

from interlock.domain.command import HoldTask, PrioritiseTask
from interlock.domain.facts.plane import P0Began, P0Ended
from interlock.domain.facts.task import TaskRequeued
from interlock.domain.run import RunLimits
from interlock.domain.task import Priority
from interlock.engine.dispatch import Frozen, Thaw
from interlock.flows.run.p0 import allowed
from tests.unit.flows.scenes import Scene, group, planned, task_id


def fire(*after: str) -> object:
    return planned("fire", *after, priority=Priority.P0)


def test_what_runs_is_asked_to_hold_still_and_thaws_afterwards() -> None:
    scene = Scene(planned("a"), planned("fire"), planned("c")).join("w1", capacity=2)
    scene.begin("a")
    scene.ask(PrioritiseTask(task_id("fire"), Priority.P0))
    scene.progress("a", 10).pass_time(1, look_at=("a",))
    assert scene.wishes.freezes == [task_id("a")]
    scene.turn(scene.about(Frozen, "a"))
    assert scene.status("a").value == "paused"
    scene.done("fire")
    assert scene.recorded(P0Ended)
    assert scene.status("a").value == "in_progress"


def test_a_p0_task_of_the_plan_begins_with_it() -> None:
    scene = Scene(planned("a"), fire()).join("w1")  # type: ignore[arg-type]
    assert len(scene.recorded(P0Began)) == 1
    assert scene.statuses("a", "fire") == ["ready", "claimed"]


def test_whoever_does_not_hold_still_is_interrupted_after_the_grace() -> None:
    limits = RunLimits(p0_grace_seconds=30)
    scene = Scene(planned("a"), planned("fire"), limits=limits).join("w1").begin("a")
    scene.ask(PrioritiseTask(task_id("fire"), Priority.P0))
    scene.progress("a", 10)
    scene.pass_time(29, look_at=("a",))
    assert scene.status("a").value == "in_progress"
    scene.pass_time(1, look_at=("a",))
    assert scene.recorded(TaskRequeued)
    assert scene.statuses("a", "fire") == ["ready", "claimed"]


def test_a_frozen_task_makes_room_when_nobody_else_fits() -> None:
    scene = Scene(planned("a"), planned("fire")).join("w1").begin("a")
    scene.ask(PrioritiseTask(task_id("fire"), Priority.P0))
    scene.progress("a", 10)
    scene.turn(scene.about(Frozen, "a"))
    scene.pass_time(0, look_at=("a",))
    assert scene.statuses("a", "fire") == ["ready", "claimed"]


def test_what_blocks_it_goes_on() -> None:
    tasks = (planned("a"), planned("b", "a"), planned("c"), fire("b"))
    scene = Scene(*tasks).join("w1")  # type: ignore[arg-type]
    assert [allowed(scene.plane, task_id(n)) for n in ("a", "b", "c", "fire")] == [
        True,
        True,
        False,
        True,
    ]
    assert scene.statuses("a", "c") == ["claimed", "ready"]


def test_the_groups_before_it_block_it() -> None:
    tasks = (planned("a"), planned("b"), planned("c"), fire())
    groups = (group(1, "a"), group(2, "b", after=(1,)), group(3, "fire", after=(2,)))
    scene = Scene(*tasks, groups=groups).turn()  # type: ignore[arg-type]
    assert [allowed(scene.plane, task_id(n)) for n in ("a", "b", "c")] == [True, True, False]


def test_a_catastrophe_that_waits_for_a_person_holds_nobody_up() -> None:
    scene = Scene(planned("a"), fire()).join("w1")  # type: ignore[arg-type]
    scene.begin("fire").park("fire")
    assert len(scene.recorded(P0Ended)) == 1
    assert scene.status("a").value == "claimed"


def test_one_behind_something_held_has_not_begun() -> None:
    scene = Scene(planned("a"), fire("a"), planned("c")).turn()  # type: ignore[arg-type]
    scene.ask(HoldTask(task_id("a")))
    scene.join("w1")
    assert scene.status("c").value == "claimed"


def test_the_thaw_is_told() -> None:
    scene = Scene(planned("a"), planned("fire")).join("w1").join("w2").begin("a")
    scene.ask(PrioritiseTask(task_id("fire"), Priority.P0))
    scene.progress("a", 10)
    scene.turn(scene.about(Frozen, "a"))
    lease = scene.task("a").lease
    assert lease is not None
    scene.done("fire")
    assert (lease.worker_id, Thaw(lease.id)) in scene.told
