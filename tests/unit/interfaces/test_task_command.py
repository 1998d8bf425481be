"""`interlock task`: what a person types and reads."""

import json

import msgspec
import pytest

from interlock.domain.bench import Harvest
from interlock.domain.command import CancelTask, PrioritiseTask, StartRun
from interlock.domain.facts.attempt import AttemptFinished, AttemptStarted
from interlock.domain.facts.change import ChangeJudged, Judgement
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.task import Requeue, TaskRequeued
from interlock.domain.ids import LeaseId, TaskId, Token, WorkerId
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import Priority
from tests.unit.control.counters import Town, planned
from tests.unit.interfaces.terminals import NothingHere, Terminal, arranged

BY_PEOPLE = RunLimits(by_people=("default",))
EVIL = "Fix \x1b[2J\x1b]0;owned\x07 it\nnow"


async def two_tasks(town: Town) -> None:
    await town.run(
        planned(
            "cli", priority=Priority.CRITICAL, files=("a", "b", "c", "d"),
            skills=("python",), estimate_minutes=45.0,
        ),
        planned("web", "cli", priority=Priority.HIGH, estimate_minutes=180.0),
        limits=BY_PEOPLE,
    )  # fmt: skip
    await town.counter().register("ada", ("python",))
    town.given.clear()


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys, arranged(two_tasks))


def test_a_list_reads_like_this(terminal: Terminal):
    said = terminal.type("task", "list")
    assert said.code == 0
    assert said.out.splitlines() == [
        "2 tasks",
        "🔴 cli [CRITICAL] Do cli",
        "   Estimated: 45 min   Files: 4   Skills: python",
        "   Status: ready   Waits for: a person to claim it: interlock task claim cli",
        "🟠 web [HIGH] Do web",
        "   Estimated: 180 min   Files: any   Skills: any",
        "   Status: backlog   Waits for: cli, which is ready",
    ]


def test_a_list_for_programs(terminal: Terminal):
    document = json.loads(terminal.type("task", "list", "--json").out)
    assert [task["id"] for task in document["tasks"]] == ["cli", "web"]
    assert document["tasks"][0]["skills"] == ["python"]


@pytest.mark.parametrize("words", [("task", "list"), ("review", "list"), ("worker", "list")])
def test_where_nothing_ran_a_list_is_empty(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
):
    terminal = Terminal(capsys, NothingHere())
    assert terminal.type(*words).code == 0
    (listed, *_) = json.loads(terminal.type(*words, "--json").out).values()
    assert listed == []


def test_a_claim_prints_branch_and_folder(terminal: Terminal):
    said = terminal.type("task", "claim", "cli", "--worker", "human-ada")
    assert said.code == 0
    assert said.out.splitlines() == [
        "cli: human-ada works on it",
        "  Branch:   worker/human-ada/r1-cli",
        "  Worktree: /repo/.worktrees/human-ada",
        "Work there, then: interlock task submit cli",
    ]


def test_a_refused_claim_is_exit_1_with_its_reason(terminal: Terminal):
    said = terminal.type("task", "claim", "web", "--worker", "human-ada")
    assert said.code == 1
    assert said.out == "web: refused, web cannot start yet: it waits for cli, which is ready\n"
    document = json.loads(terminal.type("task", "claim", "web", "--worker", "x", "--json").out)
    assert document["reply"]["answer"] == "refused"


def test_from_the_claim_to_handing_in(terminal: Terminal):
    terminal.type("task", "claim", "cli", "--worker", "human-ada")
    shown = terminal.type("task", "show", "cli").out
    assert "   Branch: worker/human-ada/r1-cli" in shown
    assert "   Worktree: /repo/.worktrees/human-ada" in shown
    assert shown.splitlines()[-1] == "Next: when your work is done: interlock task submit cli"
    assert "human-ada" in terminal.type("task", "list", "--worker", "human-ada").out
    said = terminal.type("task", "submit", "cli", "--message", "done")
    assert (said.code, said.out) == (
        0, "cli: 1 file handed in; the gates look at it next, then it lands\n"
    )  # fmt: skip


def test_handing_in_nothing_is_exit_1(terminal: Terminal):
    terminal.type("task", "claim", "cli", "--worker", "human-ada")
    terminal.town.hands.work = Harvest(None)
    assert terminal.type("task", "submit", "cli").code == 1
    assert terminal.type("task", "submit", "cli", "--unchanged").code == 0


def test_giving_back_and_handing_over(terminal: Terminal):
    terminal.type("worker", "register", "--name", "bo", "--skills", "python")
    terminal.type("task", "claim", "cli", "--worker", "human-ada")
    said = terminal.type("task", "handoff", "cli", "--to", "human-bo")
    assert said.out.startswith("cli: human-bo works on it\n")
    assert terminal.type("task", "release", "cli", "--reason", "no time").code == 0


def test_commands_take_several_tasks_and_a_reason(terminal: Terminal):
    said = terminal.type("task", "prioritise", "cli", "web", "--priority", "low")
    assert said.out == "cli: it has priority low\nweb: it has priority low\n"
    said = terminal.type("task", "cancel", "cli", "web", "--reason", "not needed")
    assert said.code == 0
    assert terminal.town.given[-2:] == [
        CancelTask(TaskId("r1-cli"), "not needed"), CancelTask(TaskId("r1-web"), "not needed")
    ]  # fmt: skip
    assert isinstance(terminal.town.given[0], PrioritiseTask)
    again = terminal.type("task", "retry", "cli", "--json")
    assert again.code == 1
    assert json.loads(again.out)["replies"][0]["answer"] == "refused"


def test_a_command_that_nobody_answers_is_exit_1_and_says_so(terminal: Terminal):
    terminal.town.silent = True
    said = terminal.type("task", "hold", "cli")
    assert (said.code, said.out) == (
        1,
        "cli: unanswered, nobody answered in time; it stands in the log, "
        "and the next plane answers it\n",
    )


def test_a_task_is_added(terminal: Terminal):
    said = terminal.type("task", "add", "Fix it", "--files", "a/**, b", "--estimate", "15m")
    assert (said.code, said.out) == (0, "fix-it: added; `interlock run` carries it out\n")
    assert isinstance(terminal.town.given[-1], StartRun)


async def a_failed_attempt(town: Town) -> None:
    await town.run(planned("fix", prompt="do it"))
    log = await town.desk.blobs.put(b"start\n\x1b[31mE   assert 1 == 2\x1b[0m\n")
    now, worker = town.desk.clock.now(), WorkerId("agent-1")
    await town.on(
        "fix",
        LeaseGranted(LeaseId("r1-fix@1"), worker, Token(1), 1, now, 60.0),
        AttemptStarted(1, Token(1), worker, simulated=True),
        AttemptFinished(1, Token(1), Result(Outcome.UNCHANGED)),
        ChangeJudged(1, Judgement.FAILED, EVIL, log=log),
        TaskRequeued(Requeue.GATE_FAILED, feedback=f"tests failed\n{EVIL}", log=log),
    )


def test_a_task_shows_what_went_wrong_and_no_escape_is_obeyed(capsys: pytest.CaptureFixture[str]):
    terminal = Terminal(capsys, arranged(a_failed_attempt))
    shown = terminal.type("task", "show", "fix")
    assert shown.code == 0
    assert "\x1b" not in shown.out
    assert "\x07" not in shown.out
    assert "gates_failed" in shown.out
    assert "agent-1 (simulated)" in shown.out
    assert "E   assert 1 == 2" in shown.out
    assert "What the next attempt is told:\n    tests failed\n" in shown.out
    document = json.loads(terminal.type("task", "show", "fix", "--json").out)
    assert document["attempts"][0]["outcome"] == "gates_failed"
    assert document["factors"] is None


async def an_evil_title(town: Town) -> None:
    task = planned("evil")

    await town.run(msgspec.structs.replace(task, title=EVIL))


def test_titles_cannot_paint_the_terminal(capsys: pytest.CaptureFixture[str]):
    terminal = Terminal(capsys, arranged(an_evil_title))
    for words in (("task", "list"), ("task", "show", "evil")):
        out = terminal.type(*words).out
        assert "\x1b" not in out
        assert "Fix  [2J" in out


@pytest.mark.parametrize(
    "words",
    [
        ("task",),
        ("task", "claim", "cli"),
        ("task", "list", "--state", "asleep"),
        ("task", "prioritise", "cli"),
        ("task", "prioritise", "cli", "--priority", "soon"),
        ("task", "cancel"),
        ("task", "cancel", "cli", "--reason", "x" * 5000),
        ("task", "list", "--al"),
        ("review", "modify", "x"),
        ("review", "approve"),
        ("worker", "spawn", "0"),
        ("worker", "register"),
        ("pause", "a", "b"),
        ("stop", "r1"),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_wrong_words_are_exit_2_and_one_line(terminal: Terminal, words: tuple[str, ...]):
    said = terminal.type(*words)
    assert said.code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "--help" in said.err


@pytest.mark.parametrize(
    "words",
    [
        *(
            ("task", verb)
            for verb in (
                "list", "show", "add", "claim", "submit", "handoff",
                "release", "retry", "cancel", "hold", "prioritise",
            )
        ),
        *(("review", verb) for verb in ("list", "show", "approve", "reject")),
        *(("worker", verb) for verb in ("list", "register", "spawn", "stop", "run")),
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_verb_has_help_with_an_example(terminal: Terminal, words: tuple[str, ...]):
    said = terminal.type(*words, "--help")
    assert said.code == 0
    assert f"Examples:\n  interlock {' '.join(words)}" in said.out
