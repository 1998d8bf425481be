"""Stage groups as stories: released together, judged together, one report, restarted in part."""

from interlock.domain.command import AnswerTask, CancelTask, PrioritiseTask, RetryTask
from interlock.domain.facts.change import Judgement
from interlock.domain.facts.group import (
    GroupBlocked,
    GroupInterrupted,
    GroupPassed,
    GroupRecovered,
    GroupRestarted,
    GroupStarted,
)
from interlock.domain.facts.plane import PartLost, PartRestored
from interlock.domain.facts.run import RunCompleted
from interlock.domain.group import GroupStatus
from interlock.domain.result import Outcome
from interlock.domain.run import RunLimits
from interlock.domain.task import Priority
from interlock.flows.task.decide import Judge
from tests.unit.flows.scenes import Scene, group, planned, task_id


def staffed(scene: Scene, workers: int = 3) -> Scene:
    for number in range(workers):
        scene.join(f"w{number}")
    return scene


def test_stages_are_judged_when_all_have_settled() -> None:
    scene = staffed(Scene(planned("a"), planned("b"), groups=(group(1, "a", "b"),)))
    scene.work("a")
    assert (scene.group(1), scene.wishes.acts) == (GroupStatus.RUNNING, {})
    scene.work("b")
    assert scene.group(1) is GroupStatus.VERIFYING
    assert set(scene.wishes.acts) == {task_id("a"), task_id("b")}
    assert set(map(type, scene.wishes.acts.values())) == {Judge}
    scene.judge("a").judge("b").land("a").land("b")
    assert scene.group(1) is GroupStatus.PASSED
    assert scene.recorded(RunCompleted)


def test_a_group_starts_when_those_before_it_have_passed() -> None:
    tasks = (planned("a"), planned("b"), planned("c"))
    groups = (group(1, "a"), group(2, "b"), group(3, "c", after=(1, 2)))
    scene = staffed(Scene(*tasks, groups=groups)).done("a")
    assert [scene.group(n).value for n in (1, 2, 3)] == ["passed", "running", "planned"]
    assert scene.status("c").value == "backlog"
    assert scene.done("b").status("c").value == "claimed"


def test_a_blocked_group_reports_all_that_failed_and_restarts_only_that() -> None:
    scene = staffed(Scene(planned("a"), planned("b"), groups=(group(1, "a", "b"),)))
    scene.work("a", "b").judge("a").land("a").judge("b", Judgement.FAILED)
    (blocked,) = scene.recorded(GroupBlocked)
    assert isinstance(blocked, GroupBlocked)
    (line,) = blocked.report
    assert (line.stage, line.error_class, line.detail) == ("b", "gate_failed", "the gate's words")
    assert scene.recorded(GroupRestarted) == [GroupRestarted(blocked.group, (line.stage,))]
    assert scene.statuses("a", "b") == ["done", "claimed"]
    scene.done("b")
    assert scene.group(1) is GroupStatus.PASSED


def test_a_stage_that_used_up_its_tries_blocks_until_a_person_retries() -> None:
    limits = RunLimits(max_attempts=1)
    scene = staffed(Scene(planned("a"), planned("b"), groups=(group(1, "a", "b"),), limits=limits))
    scene.begin("a", "b").finish("a", outcome=Outcome.FAILED).finish("b").judge("b").land("b")
    assert (scene.group(1), scene.status("a").value) == (GroupStatus.BLOCKED, "failed")
    assert not scene.recorded(GroupRestarted)
    scene.ask(RetryTask(task_id("a")))
    assert scene.group(1) is GroupStatus.RUNNING
    assert scene.done("a").group(1) is GroupStatus.PASSED


def test_a_parked_stage_does_not_hold_up_the_judging_of_the_others() -> None:
    scene = staffed(Scene(planned("a"), planned("b"), groups=(group(1, "a", "b"),)))
    scene.begin("a", "b").park("a").finish("b")
    assert scene.group(1) is GroupStatus.VERIFYING
    scene.judge("b").land("b")
    assert scene.group(1) is GroupStatus.BLOCKED
    scene.ask(AnswerTask(task_id("a"), "this"))
    assert (scene.group(1), scene.task("a").feedback) == (GroupStatus.RUNNING, "this")


def test_a_sequential_group_goes_stage_by_stage() -> None:
    stages = group(1, "a", "b", parallel=False)
    scene = staffed(Scene(planned("a"), planned("b"), groups=(stages,)))
    assert scene.statuses("a", "b") == ["claimed", "backlog"]
    scene.work("a")
    assert set(scene.wishes.acts) == {task_id("a")}
    scene.judge("a").land("a")
    assert scene.statuses("a", "b") == ["done", "claimed"]
    assert scene.done("b").group(1) is GroupStatus.PASSED


def test_a_failed_stage_settles_the_sequential_ones_after_it() -> None:
    stages, limits = group(1, "a", "b", parallel=False), RunLimits(max_attempts=1)
    scene = staffed(Scene(planned("a"), planned("b"), groups=(stages,), limits=limits))
    scene.begin("a").finish("a", outcome=Outcome.FAILED)
    (blocked,) = scene.recorded(GroupBlocked)
    assert isinstance(blocked, GroupBlocked)
    assert [line.stage for line in blocked.report] == ["a", "b"]


def test_a_group_of_skipped_stages_passes_at_once() -> None:
    scene = Scene(planned("a", when="perf"), groups=(group(1, "a"),)).turn()
    assert scene.recorded(GroupPassed)
    assert scene.recorded(RunCompleted)


def test_a_cancelled_stage_blocks_its_group_for_good() -> None:
    scene = staffed(Scene(planned("a"), planned("b"), groups=(group(1, "a", "b"),)))
    scene.ask(CancelTask(task_id("a")))
    scene.work("b").judge("b").land("b")
    assert scene.group(1) is GroupStatus.BLOCKED
    assert scene.turn().group(1) is GroupStatus.BLOCKED


def test_p0_interrupts_a_group_and_gives_it_back() -> None:
    tasks = (planned("a"), planned("b"), planned("fire"))
    scene = staffed(Scene(*tasks, groups=(group(1, "a", "b"),)), 2).begin("a")
    scene.ask(PrioritiseTask(task_id("fire"), Priority.P0))
    scene.progress("a", 10)
    (interrupted,) = scene.recorded(GroupInterrupted)
    assert isinstance(interrupted, GroupInterrupted)
    assert interrupted.p0 == task_id("fire")
    assert scene.group(1) is GroupStatus.INTERRUPTED
    scene.done("fire")
    assert scene.recorded(GroupRecovered)
    assert scene.group(1) is GroupStatus.RUNNING


def test_a_lost_part_interrupts_a_group() -> None:
    scene = staffed(Scene(planned("a"), groups=(group(1, "a"),)))
    scene.on_plane(PartLost("broker", "gone"))
    assert scene.group(1) is GroupStatus.INFRASTRUCTURE_FAILURE
    assert scene.on_plane(PartRestored("broker")).group(1) is GroupStatus.RUNNING


def test_a_group_starts_once() -> None:
    scene = staffed(Scene(planned("a"), groups=(group(1, "a"),))).turn().turn()
    assert len(scene.recorded(GroupStarted)) == 1
