"""What holds a task up: its plan, its dependencies, its group, its landing, and who goes first."""

from interlock.domain.command import HoldTask, Pause, Resume, Stop
from interlock.domain.facts.change import Judgement
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.plane import EmergencyStopped, PartLost, PartRestored
from interlock.domain.result import Outcome
from interlock.domain.run import RunLimits
from interlock.domain.task import Dependency, PlannedTask
from interlock.flows.run.around import group_percent, next_landing, waits_for
from tests.unit.flows.scenes import RUN, Scene, group, planned, task_id


def sentence(scene: Scene, name: str) -> str | None:
    return waits_for(scene.plane, scene.task(name), scene.now)


def test_a_dependent_waits_until_what_it_needs_has_landed() -> None:
    scene = Scene(planned("a"), planned("b", "a")).join("w1").begin("a")
    assert sentence(scene, "b") == "a, which is in_progress"
    scene.finish("a").judge("a")
    assert sentence(scene, "b") == "a, which is review"
    assert scene.land("a").statuses("a", "b") == ["done", "claimed"]


def test_a_skipped_task_satisfies_who_depends_on_it() -> None:
    scene = Scene(planned("a", when="perf"), planned("b", "a")).join("w1")
    assert scene.statuses("a", "b") == ["skipped", "claimed"]
    scene = Scene(planned("a", when="perf"), flags=("perf",)).join("w1")
    assert scene.statuses("a") == ["claimed"]


def test_a_failed_task_satisfies_nobody_however_far_it_came() -> None:
    tasks = (planned("a"), planned("b", "a"), planned("c", "a@50"))
    scene = Scene(*tasks, limits=RunLimits(max_attempts=1)).join("w1").begin("a").progress("a", 80)
    assert scene.statuses("b", "c") == ["backlog", "ready"]
    scene.finish("a", outcome=Outcome.FAILED)
    assert scene.statuses("a", "b", "c") == ["failed", "backlog", "ready"]
    assert sentence(scene, "c") == "a, which is failed"


def test_half_of_a_dependency_is_enough_to_start_but_not_to_land() -> None:
    scene = Scene(planned("a"), planned("b", "a@50")).join("w1").join("w2")
    scene.begin("a").progress("a", 49)
    assert sentence(scene, "b") == "a, which is in_progress"
    scene.progress("a", 50).work("b").judge("b")
    assert scene.statuses("a", "b") == ["in_progress", "review"]
    assert sentence(scene, "b") == "a, which is in_progress"
    scene.finish("a").judge("a")
    assert next_landing(scene.plane) == task_id("a")
    scene.land("a")
    assert next_landing(scene.plane) == task_id("b")


def test_progress_that_was_lost_again_counts_no_longer() -> None:
    scene = Scene(planned("a"), planned("b", "a@50")).join("w1").begin("a").progress("a", 60)
    assert scene.status("b").value == "ready"
    scene.silent.add(task_id("a"))
    scene.pass_time(0, look_at=("a",))
    assert scene.statuses("a", "b") == ["ready", "ready"]
    assert len(scene.recorded(LeaseGranted)) == 1


def test_a_group_counts_by_the_estimate_of_what_landed() -> None:
    tasks = (planned("a", estimate_minutes=3.0), planned("b", estimate_minutes=1.0))
    late = PlannedTask("c", "C", depends_on=(Dependency(group=1, at=75),))  # type: ignore[arg-type]
    scene = Scene(*tasks, late, groups=(group(1, "a", "b"),)).join("w1").join("w2")
    assert sentence(scene, "c") == "group 1, landed 0 of 75 %"
    scene.work("a", "b").judge("b").land("b")
    assert group_percent(scene.plane, scene.plane.runs[RUN], 1) == 25.0  # type: ignore[arg-type]
    assert sentence(scene, "c") == "group 1, landed 25 of 75 %"
    assert scene.judge("a").land("a").status("c").value == "claimed"


def test_one_landing_at_a_time_in_the_order_of_acceptance() -> None:
    scene = Scene(planned("a"), planned("b")).join("w1").join("w2").work("a", "b")
    scene.judge("b").pass_time(1).judge("a")
    assert next_landing(scene.plane) == task_id("b")
    assert sentence(scene, "a") == "the landing before it"
    scene.intend("b")
    assert next_landing(scene.plane) is None


def test_nothing_starts_while_starts_or_the_run_are_held() -> None:
    for held, reason in ((Pause(), "paused by a person"), (Pause(RUN), "its run is paused")):
        scene = Scene(planned("a"))
        scene.ask(held)
        scene.join("w1")
        assert (scene.statuses("a"), sentence(scene, "a")) == (["ready"], reason)
        scene.ask(Resume(held.run_id))
        assert scene.statuses("a") == ["claimed"]


def test_an_emergency_stop_takes_every_lease_and_holds_every_landing() -> None:
    scene = Scene(planned("a"), planned("b"), planned("c")).join("w1", capacity=3).begin("a")
    scene.work("b").judge("b")
    scene.ask(Stop())
    assert scene.statuses("a", "b", "c") == ["ready", "review", "ready"]
    assert sentence(scene, "b") == "emergency stop"
    scene.ask(Resume())
    assert scene.statuses("a", "b", "c") == ["claimed", "review", "claimed"]


def test_a_lost_part_holds_starts_judging_and_landing() -> None:
    scene = Scene(planned("a"), planned("b"), planned("c")).join("w1", capacity=2)
    scene.work("a", "b").judge("b").on_plane(PartLost("git", "gone"))
    reason = "git is out of order: gone"
    scene.pass_time(1)
    assert [sentence(scene, name) for name in "ab"] == [reason, reason]
    scene.on_plane(PartRestored("git")).judge("a", Judgement.PASSED)
    assert scene.statuses("a", "b") == ["review", "review"]


def test_a_held_task_waits_for_a_person() -> None:
    scene = Scene(planned("a")).turn()
    scene.ask(HoldTask(task_id("a"), "let me see"))
    assert sentence(scene.join("w1"), "a") == "a person: let me see"


def test_a_task_that_backs_off_says_until_when() -> None:
    scene = Scene(planned("a")).join("w1").begin("a")
    scene.finish("a", outcome=Outcome.INFRASTRUCTURE)
    assert sentence(scene, "a") == "the next try at 07:08:05"
    assert scene.wishes.alarms[task_id("a")] == scene.task("a").not_before
    assert scene.pass_time(5).status("a").value == "claimed"


def test_stop_reasons_are_told() -> None:
    scene = Scene(planned("a")).on_plane(EmergencyStopped("smoke"))
    assert sentence(scene, "a") == "smoke"
