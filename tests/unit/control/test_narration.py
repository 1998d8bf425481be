"""One plain line for each event that is worth a person's attention, and silence for the rest."""

import pytest

from interlock.control.narration import narrate
from interlock.domain.attempt import AttemptLoss
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    AttemptProgressed,
    AttemptStarted,
    HostDenied,
)
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import (
    ChangeJudged,
    ChangeLanded,
    Judgement,
    LandingRefusal,
    LandingRefused,
)
from interlock.domain.facts.plane import EmergencyStopped
from interlock.domain.facts.run import RunCompleted
from interlock.domain.facts.task import Requeue, TaskFailed, TaskHeld, TaskParked, TaskRequeued
from interlock.domain.ids import CommitId, Token, WorkerId
from interlock.domain.result import Outcome, Result
from interlock.engine.ports import Recorded
from interlock.flows.run.pictures import PlanePicture, empty
from tests.unit.control.tales import BEGIN, PLANE, REPO, Tale, passed, red, task


def named(name: str = "table") -> PlanePicture:
    """A plane that knows one task."""
    tale = Tale()
    tale.begins(task(name))
    return tale.chronicle().plane


def happened(fact: Fact, stream: str = "task/r1-table") -> Recorded:
    return Recorded(1, stream, 1, BEGIN, PLANE, fact)


def said(fact: Fact) -> str | None:
    return narrate(happened(fact), named())


ROY, ONE = WorkerId("roy"), Token(1)


@pytest.mark.parametrize(
    ("fact", "line"),
    [
        (AttemptStarted(1, ONE, ROY, box="bubblewrap"), "started by roy in bubblewrap"),
        (AttemptStarted(2, ONE, ROY, simulated=True), "started by roy (simulated), attempt 2"),
        (
            ChangeJudged(1, Judgement.FAILED, verdicts=(passed("lint"), red())),
            "failed its gates: gate tests: 2 of 9 tests failed",
        ),
        (
            ChangeJudged(1, Judgement.ERROR, "pytest is not installed"),
            "could not be judged: pytest is not installed",
        ),
        (
            ChangeJudged(1, Judgement.TARGET_RED, "main was red before"),
            "waits, the target itself is red: main was red before",
        ),
        (
            ChangeJudged(1, Judgement.CONFLICT, "app.py"),
            "collides with what has landed: app.py",
        ),
        (
            ChangeJudged(1, Judgement.PASSED, held="it changes interlock.toml"),
            "waits for a person: it changes interlock.toml",
        ),
        (
            TaskRequeued(Requeue.GATE_FAILED, feedback="\n2 of 9\nmore"),
            "sent back for another attempt: 2 of 9",
        ),
        (TaskRequeued(Requeue.WORKER_LOST), "ready again (worker lost)"),
        (ChangeLanded("k", CommitId("e" * 40)), "landed as eeeeeeeeee"),
        (ChangeLanded("k", None), "done; there was nothing to land"),
        (
            LandingRefused(None, LandingRefusal.TARGET_MOVED),
            "did not land, target moved",
        ),
        (TaskHeld("look first"), "waits for a person: look first"),
        (TaskParked("Which one?"), "waits for a person, who is asked: Which one?"),
        (TaskFailed("3 attempts"), "waits for a person, no attempt is left: 3 attempts"),
        (HostDenied(1, ("a.example", "b.example")), "its box was refused a.example, b.example"),
        (AttemptFinished(1, ONE, Result(Outcome.FAILED, summary="no")), "the attempt failed: no"),
        (
            AttemptFinished(1, ONE, Result(Outcome.INFRASTRUCTURE, summary="no key")),
            "the attempt could not run: no key",
        ),
        (AttemptAbandoned(1, ONE, AttemptLoss.LOST, "gone"), "the attempt was lost: gone"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Fact) else "",
)
def test_what_is_worth_telling_is_one_line(fact: Fact, line: str):
    assert said(fact) == f"table: {line}"


def test_what_nobody_needs_to_be_told_is_silence():
    assert said(AttemptProgressed(ONE, 40)) is None
    assert said(ChangeJudged(1, Judgement.PASSED, verdicts=(passed(),))) is None
    assert said(AttemptFinished(1, ONE, Result(Outcome.CHANGED))) is None


def test_what_concerns_everything_names_no_task():
    plane = empty(REPO)
    assert narrate(happened(RunCompleted(), "run/r1"), plane) == "the run is completed"
    stopped = narrate(happened(EmergencyStopped("smoke"), "plane/repo-1"), plane)
    assert stopped == "stopped: smoke: nothing starts or lands until a person resumes"


def test_words_of_others_are_inert_and_short():
    line = said(TaskHeld("\x1b[2J\x1b]0;owned\x07" + "x" * 5_000))
    assert line is not None
    assert "\x1b" not in line
    assert "\x07" not in line
    assert len(line) < 250
    hostile = happened(TaskHeld("a"), "task/r1-\x1b[31m")
    assert narrate(hostile, empty(REPO)) == "r1- [31m: waits for a person: a"


def test_a_whole_run_in_three_lines():
    tale = Tale()
    tale.joins("roy")
    tale.begins(task("table"))
    tale.does("roy", "table", 1)
    plane = tale.chronicle().plane
    lines = [narrate(event, plane) for event in tale.events]
    assert [line for line in lines if line is not None] == [
        "run r1 begins: Log in (1 task)",
        "table: started by roy in bubblewrap",
        "table: landed as eeeeeeeeee",
    ]
