"""What people ask: answered once, in the append that carries it out, under their own name."""

import pytest

from interlock.domain.command import (
    AnswerTask,
    ApproveTask,
    CancelTask,
    Command,
    HoldTask,
    Pause,
    PrioritiseTask,
    RejectTask,
    Resume,
    RetryTask,
    Stop,
)
from interlock.domain.facts.command import CommandAccepted, CommandRefused
from interlock.domain.facts.plane import EmergencyStopped, StartsPaused, StartsResumed
from interlock.domain.facts.run import RunCompleted, RunFailed, RunPaused
from interlock.domain.facts.task import TaskCancelled, TaskRejected
from interlock.domain.ids import LeaseId, RunId, WorkerId
from interlock.domain.task import Priority
from interlock.engine.dispatch import Interrupt
from tests.unit.flows.scenes import PERSON, RUN, Scene, planned, task_id

A = task_id("a")


def test_the_facts_of_a_command_are_its_givers() -> None:
    scene = Scene(planned("a")).turn()
    scene.ask(CancelTask(A, "not needed"))
    event = next(e for e in scene.history if isinstance(e.fact, TaskCancelled))
    assert (event.actor, event.fact) == (PERSON, TaskCancelled("not needed"))
    assert isinstance(scene.recorded(CommandAccepted)[-1], CommandAccepted)
    assert not scene.plane.commands


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (Resume(), "nothing is paused or stopped"),
        (Resume(RUN), "the run is not paused"),
        (Pause(RunId("x")), "there is no such unfinished run"),
        (CancelTask(task_id("x")), "no task r-x is known here"),
        (ApproveTask(A), "possible now"),
        (RetryTask(A), "possible now"),
        (AnswerTask(A, "this"), "possible now"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_refusal_is_a_sentence_and_changes_nothing(command: Command, sentence: str) -> None:
    scene = Scene(planned("a")).turn()
    before = scene.plane.tasks
    refused = scene.ask(command)
    assert isinstance(refused, CommandRefused)
    assert sentence in str(refused.refusal)
    assert scene.plane.tasks == before
    assert not scene.plane.commands


@pytest.mark.parametrize(
    ("once", "kind"),
    [(Pause(), StartsPaused), (Stop(), EmergencyStopped), (Pause(RUN), RunPaused)],
    ids=["pause", "stop", "pause the run"],
)
def test_asking_twice_is_refused(once: Command, kind: type) -> None:
    scene = Scene(planned("a")).turn()
    assert isinstance(scene.ask(once), CommandAccepted)
    assert isinstance(scene.ask(once), CommandRefused)
    assert len(scene.recorded(kind)) == 1


def test_resume_lifts_a_pause_and_a_stop_at_once() -> None:
    scene = Scene(planned("a")).turn()
    scene.ask(Pause())
    scene.ask(Stop())
    scene.ask(Resume())
    assert (scene.plane.paused, scene.plane.stopped) == ("", "")
    assert len(scene.recorded(StartsResumed)) == 1


def test_cancelling_what_is_under_way_tells_its_worker() -> None:
    scene = Scene(planned("a")).join("w1").begin("a")
    scene.ask(CancelTask(A))
    assert scene.told == [(WorkerId("w1"), Interrupt(LeaseId("r-a@1")))]
    assert isinstance(scene.recorded(RunFailed)[-1], RunFailed)


def test_it_is_too_late_to_cancel_a_landing() -> None:
    scene = Scene(planned("a")).join("w1").work("a").judge("a").intend("a")
    refused = scene.ask(CancelTask(A))
    assert isinstance(refused, CommandRefused)
    assert "its landing has begun" in refused.refusal.hint


def test_a_held_task_is_approved_with_modifications_or_rejected() -> None:
    scene = Scene(planned("a"), planned("b")).turn()
    scene.ask(HoldTask(A))
    scene.ask(HoldTask(task_id("b")))
    scene.ask(ApproveTask(A, modifications="mind the tests"))
    scene.ask(RejectTask(task_id("b"), "no"))
    assert scene.statuses("a", "b") == ["ready", "rejected"]
    assert scene.task("a").feedback == "mind the tests"
    assert scene.recorded(TaskRejected) == [TaskRejected("no")]


def test_a_parked_task_is_answered_and_goes_on() -> None:
    scene = Scene(planned("a")).join("w1").begin("a").park("a")
    assert scene.status("a").value == "blocked_on_human"
    scene.ask(AnswerTask(A, "this one"))
    task = scene.task("a")
    assert (task.status.value, task.feedback, task.attempts_spent) == ("claimed", "this one", 0)


def test_what_is_more_urgent_goes_first() -> None:
    scene = Scene(planned("a"), planned("b")).turn()
    scene.ask(PrioritiseTask(task_id("b"), Priority.CRITICAL))
    assert scene.join("w1").statuses("a", "b") == ["ready", "claimed"]


def test_a_run_ends_complete_or_with_reasons() -> None:
    assert Scene(planned("a")).join("w1").done("a").recorded(RunCompleted)
    scene = Scene(planned("a"), planned("b")).join("w1").done("a")
    scene.ask(CancelTask(task_id("b"), "not needed"))
    assert scene.recorded(RunFailed) == [RunFailed(("b was cancelled: not needed",))]
    refused = scene.ask(RetryTask(task_id("b")))
    assert isinstance(refused, CommandRefused)
    assert "its run has ended" in refused.refusal.hint
