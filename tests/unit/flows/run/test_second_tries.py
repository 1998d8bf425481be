"""When another try makes sense, when the target must move first, and when a person must look."""

from interlock.domain.command import ApproveTask, RejectTask
from interlock.domain.facts.change import ChangeJudged, Judgement
from interlock.domain.facts.command import CommandAccepted
from interlock.domain.result import Outcome
from interlock.flows.run.motion import moves
from interlock.flows.run.pictures import task_stream
from interlock.flows.task import news
from tests.unit.flows.scenes import Scene, planned, task_id


def run_of(scene: Scene):
    return next(iter(scene.plane.runs.values()))


def fail(scene: Scene, name: str) -> None:
    scene.begin(name).finish(name, outcome=Outcome.FAILED)


def test_the_same_failure_waits_until_the_target_has_moved() -> None:
    scene = Scene(planned("a"), planned("b")).join("w1").join("w2")
    scene.begin("b")
    fail(scene, "a")
    fail(scene, "a")
    assert scene.status("a").value == "ready"
    assert scene.plane.stuck == (task_id("a"),)
    scene.pass_time(60).finish("b").judge("b").land("b")
    assert scene.status("a").value == "claimed"
    assert scene.plane.stuck == ()


def test_a_landing_between_the_grant_and_the_start_may_not_be_in_the_base() -> None:
    scene = Scene(planned("a"), planned("b")).join("w1").join("w2").work("b")
    fail(scene, "a")
    scene.pass_time(1).judge("b").land("b").pass_time(1)
    fail(scene, "a")
    assert scene.status("a").value == "claimed", "it is tried on a target that surely has b"


def test_where_nothing_else_moves_a_person_looks_at_once() -> None:
    scene = Scene(planned("a"), planned("b", "a")).join("w1")
    fail(scene, "a")
    assert scene.status("a").value == "claimed"
    fail(scene, "a")
    assert scene.status("a").value == "failed"
    assert "nothing else moves" in scene.task("a").reason
    assert not moves(scene.plane, run_of(scene))


def judged(scene: Scene, name: str, judgement: Judgement, **more: str) -> None:
    task = scene.task(name)
    evidence = ChangeJudged(task.attempts_made, judgement, "words", **more)
    facts = news.on_judged(task, evidence, scene.limits, scene.now)
    scene.record(task_stream(task.id), *facts)
    scene.turn()


def test_a_conflict_goes_back_to_its_author() -> None:
    scene = Scene(planned("a")).join("w1").work("a")
    judged(scene, "a", Judgement.CONFLICT)
    task = scene.task("a")
    assert (task.status.value, task.attempts_spent, task.feedback) == ("claimed", 1, "words")


def test_a_red_target_spends_no_attempt_and_is_looked_at_again() -> None:
    scene = Scene(planned("a")).join("w1").work("a")
    judged(scene, "a", Judgement.TARGET_RED)
    task = scene.task("a")
    assert (task.status.value, task.attempts_spent) == ("verifying", 0)
    for _ in range(3):
        scene.pass_time(400, look_at=["a"])
        assert scene.wishes.acts
        judged(scene, "a", Judgement.TARGET_RED)
    scene.pass_time(400, look_at=["a"])
    judged(scene, "a", Judgement.TARGET_RED)
    assert scene.status("a").value == "failed"
    assert scene.task("a").reason.startswith("the target itself was red 5 times in a row")


def test_a_held_change_lands_only_after_a_person_has_looked() -> None:
    scene = Scene(planned("a"), planned("b")).join("w1").join("w2").work("a", "b")
    judged(scene, "a", Judgement.PASSED, held="it changes interlock.toml")
    judged(scene, "b", Judgement.PASSED)
    assert scene.statuses("a", "b") == ["review", "review"]
    assert list(scene.wishes.acts) == [task_id("b")], "who is not held goes on"
    scene.land("b")
    assert not moves(scene.plane, run_of(scene))
    assert isinstance(scene.ask(ApproveTask(task_id("a"))), CommandAccepted)
    assert moves(scene.plane, run_of(scene))
    scene.land("a")
    assert scene.status("a").value == "done"


def test_a_held_change_can_be_refused() -> None:
    scene = Scene(planned("a")).join("w1").work("a")
    judged(scene, "a", Judgement.PASSED, held="it changes interlock.toml")
    scene.ask(RejectTask(task_id("a"), "not like this"))
    assert scene.status("a").value == "rejected"


def test_an_exhausted_task_can_be_given_up() -> None:
    scene = Scene(planned("a")).join("w1")
    for _ in range(2):
        fail(scene, "a")
    scene.ask(RejectTask(task_id("a"), "never mind"))
    assert scene.status("a").value == "rejected"
    assert run_of(scene).ended
