"""Tasks as people ask about them: found by name, listed, shown with their past, moved, added."""

import msgspec
import pytest

from interlock.control.errors import WrongUsage
from interlock.control.read_models import Reply
from interlock.control.tasks import NewTask, TaskQuestion, move, name_from
from interlock.domain.attempt import AttemptLoss
from interlock.domain.command import Pause, Resume, StartRun, Stop
from interlock.domain.facts.attempt import AttemptAbandoned, AttemptFinished, AttemptStarted
from interlock.domain.facts.change import (
    ChangeJudged,
    ChangeLanded,
    Judgement,
    LandingIntended,
    LandingRefusal,
    LandingRefused,
)
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.run import RunPlanned, RunStarted
from interlock.domain.facts.task import Requeue, TaskFailed, TaskRequeued, TaskSubmitted
from interlock.domain.goal import Goal
from interlock.domain.ids import BlobId, CommitId, LeaseId, RunId, TaskId, Token, WorkerId
from interlock.domain.plan import Plan
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.settings import AgentProfile, GateSettings, Settings
from interlock.domain.task import Priority, TaskStatus
from interlock.domain.verdict import GateOutcome, GateVerdict
from tests.unit.control.counters import BASE, Town, planned
from tests.unit.control.desks import REPO

WORKER = WorkerId("agent-1")


async def town_with(*names: str) -> Town:
    town = Town()
    await town.run(*(planned(name) for name in names))
    return town


async def attempt(town: Town, name: str, number: int, *then: object) -> None:
    now = town.desk.clock.now()
    token = Token(number)
    lease = LeaseGranted(LeaseId(f"r1-{name}@{number}"), WORKER, token, number, now, 60.0)
    begun = AttemptStarted(number, token, WORKER, BASE, "worker/x", "/w/x", "none", simulated=True)
    await town.on(name, lease, begun, *then)  # type: ignore[arg-type]


def finished(number: int, log: BlobId | None = None) -> AttemptFinished:
    return AttemptFinished(number, Token(number), Result(Outcome.UNCHANGED, log=log))


# --- which task -----------------------------------------------------------------------------------


async def test_a_task_is_found_by_name_and_by_identity():
    town = await town_with("schema", "api")
    for word in ("schema", "r1-schema"):
        assert (await town.counter().task(word)).card.task_id == "r1-schema"
    with pytest.raises(WrongUsage, match="did you mean 'schema'"):
        await town.counter().task("shema")


async def second_run(town: Town, name: str) -> None:
    run, task = RunId("r2"), TaskId(f"r2-{name}")
    await town.record("run/r2", RunStarted(run, REPO, Goal("B"), BlobId("1" * 64), 1, RunLimits()))
    await town.record(f"task/{task}", TaskSubmitted(task, run, REPO, planned(name), 0, 1.0))
    await town.record("run/r2", RunPlanned(1))
    await town.turn()


async def test_where_two_runs_have_the_name_the_choices_are_listed():
    town = await town_with("schema")
    await second_run(town, "schema")
    with pytest.raises(WrongUsage, match="several runs have a task 'schema': say which, r1-schema"):
        await town.counter().task("schema")


async def test_an_ended_run_does_not_make_a_name_ambiguous():
    town = await town_with("schema")
    await town.counter().move_tasks(["schema"], move("cancel", "old"))
    await second_run(town, "schema")
    assert (await town.counter().task("schema")).card.run == "r2"


# --- lists ----------------------------------------------------------------------------------------


async def test_a_list_shows_what_can_still_move():
    town = Town()
    await town.run(
        planned("schema", files=("a", "b"), skills=("sql",), estimate_minutes=45.0),
        planned("api", "schema"),
        planned("docs"),
    )
    await town.counter().move_tasks(["docs"], move("cancel", ""))
    found = await town.counter().tasks(TaskQuestion())
    assert [(card.id, card.state) for card in found.tasks] == [
        ("schema", "ready"), ("api", "backlog")
    ]  # fmt: skip
    assert found.hidden == 1
    first = found.tasks[0]
    assert (first.estimate_minutes, first.files, first.skills) == (45.0, ("a", "b"), ("sql",))
    every = await town.counter().tasks(TaskQuestion(ended=True))
    assert (len(every.tasks), every.hidden) == (3, 0)
    only = await town.counter().tasks(TaskQuestion(states=("cancelled",)))
    assert [card.id for card in only.tasks] == ["docs"]
    assert (await town.counter().tasks(TaskQuestion(worker="nobody"))).tasks == ()


# --- one task -------------------------------------------------------------------------------------


async def test_each_attempt_tells_what_became_of_it():
    town = await town_with("schema")
    lost = AttemptAbandoned(1, Token(1), AttemptLoss.LOST, "silence")
    await attempt(town, "schema", 1, lost, TaskRequeued(Requeue.WORKER_LOST))
    failed = ChangeJudged(2, Judgement.FAILED, "tests: 1 failed")
    await attempt(town, "schema", 2, finished(2), failed, TaskRequeued(Requeue.GATE_FAILED))
    moved = LandingRefused("k1", LandingRefusal.TARGET_MOVED)
    passed = ChangeJudged(3, Judgement.PASSED)
    intended = LandingIntended("k1", 3, Token(3), BASE, CommitId("d" * 40))
    await attempt(town, "schema", 3, finished(3), passed, intended, moved)
    waiting = await town.counter().task("schema")
    assert waiting.attempts[-1].outcome == "passed"  # A moved target is no fault of the attempt.
    await town.on("schema", passed)
    shown = await town.counter().task("schema")
    assert [(a.number, a.outcome, a.reason) for a in shown.attempts] == [
        (1, "lost", "silence"), (2, "gates_failed", "tests: 1 failed"), (3, "passed", "")
    ]  # fmt: skip
    assert (shown.branch, shown.path, shown.base) == ("worker/x", "/w/x", BASE)
    assert all(a.simulated and a.agent == "default" for a in shown.attempts)
    again = LandingIntended("k2", 3, Token(3), BASE, CommitId("d" * 40))
    await town.on("schema", again, ChangeLanded("k2", CommitId("d" * 40)))
    shown = await town.counter().task("schema")
    assert shown.attempts[-1].outcome == "landed"
    assert shown.next_step == "nothing: it is on the target"


async def test_a_running_attempt_says_so():
    town = await town_with("schema")
    await attempt(town, "schema", 1)
    (running,) = (await town.counter().task("schema")).attempts
    assert (running.outcome, running.ended_at) == ("running", None)


async def test_the_end_of_the_failing_log_is_shown():
    town = await town_with("schema")
    log = await town.desk.blobs.put(b"\n".join(b"line %d \xff" % n for n in range(40)))
    verdicts = (
        GateVerdict("lint", GateOutcome.PASSED, "t", log=BlobId("9" * 64)),
        GateVerdict("tests", GateOutcome.FAILED, "t", "1 failed", log=log),
    )
    judged = ChangeJudged(1, Judgement.FAILED, "1 failed", verdicts=verdicts)
    await attempt(town, "schema", 1, finished(1), judged, TaskFailed("3 attempts failed"))
    shown = await town.counter().task("schema")
    assert shown.log == log
    assert (shown.log_tail[0], shown.log_tail[-1]) == ("line 25 \ufffd", "line 39 \ufffd")
    assert [(gate.name, gate.outcome) for gate in shown.gates] == [
        ("lint", "passed"), ("tests", "failed")
    ]  # fmt: skip
    assert shown.review == "r1-schema-1"
    assert shown.next_step == "decide: interlock review show r1-schema-1"


async def test_a_log_that_is_gone_is_said_to_be_gone():
    town = await town_with("schema")
    judged = ChangeJudged(1, Judgement.ERROR, "no python", log=BlobId("8" * 64))
    await attempt(town, "schema", 1, finished(1), judged)
    shown = await town.counter().task("schema")
    assert shown.attempts[0].outcome == "gates_could_not_run"
    assert shown.log_tail == ("(this log is no longer kept)",)


async def test_the_log_of_what_went_well_is_not_shown_as_a_failure():
    town = await town_with("schema")
    log = await town.desk.blobs.put(b"all is well")
    await attempt(town, "schema", 1, finished(1, log), ChangeJudged(1, Judgement.PASSED))
    shown = await town.counter().task("schema")
    assert shown.attempts[0].log == log
    assert (shown.log, shown.log_tail) == (None, ())


async def test_the_document_is_the_row_of_the_run_with_the_past():
    town = await town_with("schema")
    await attempt(town, "schema", 1)
    document = msgspec.json.decode(
        msgspec.json.encode((await town.counter().task("schema")).document())
    )
    assert {"id", "title", "state", "tier", "score", "commit", "waits_for", "task_id"} <= set(
        document
    )
    assert document["factors"] is None
    assert document["gates"] is None
    (first,) = document["attempts"]
    assert {"number", "agent", "outcome", "reason", "log"} <= set(first)
    assert document["events"][0]["type"] == "TaskSubmitted"
    assert document["events"][0]["data"]["task_id"] == "r1-schema"


# --- commands -------------------------------------------------------------------------------------


async def test_a_refused_task_keeps_no_other_from_its_command():
    town = await town_with("schema", "api")
    await town.counter().move_tasks(["schema"], move("cancel", "no"))
    answers = await town.counter().move_tasks(["schema", "api"], move("cancel", "no"))
    assert [reply.answer for reply in answers.replies] == ["refused", "accepted"]
    assert answers.replies[0].sentence == (
        "cannot cancel a task that is cancelled: it has ended; add a new task instead"
    )


async def test_verbs_are_commands():
    town = await town_with("schema")
    counter = town.counter()
    held = await counter.move_tasks(["schema"], move("hold", "look"))
    assert held.replies[0].sentence == "it waits for `interlock review`"
    assert await town.state("schema") is TaskStatus.AWAITING_REVIEW
    urgent = await counter.move_tasks(["schema"], move("prioritise", "", Priority.CRITICAL))
    assert urgent.replies == (Reply("schema", "accepted", "it has priority critical"),)
    assert (await town.task("schema")).priority is Priority.CRITICAL
    retried = await counter.move_tasks(["schema"], move("retry", ""))
    assert retried.replies[0].answer == "refused"
    with pytest.raises(WrongUsage, match="--priority"):
        move("prioritise", "")


async def test_one_wrong_name_and_nothing_is_asked():
    town = await town_with("schema")
    with pytest.raises(WrongUsage):
        await town.counter().move_tasks(["schema", "nope"], move("cancel", ""))
    assert town.given == []


async def test_everything_is_paused_resumed_and_stopped():
    town = await town_with("schema")
    counter = town.counter()
    assert (await counter.pause(None, "lunch")).sentence == (
        "nothing new starts; what runs goes on"
    )
    assert (await counter.pause(None, "")).sentence == "new starts are held already"
    stopped = await counter.stop("smoke")
    assert "only `interlock resume` or a person's `interlock run` lifts it" in stopped.sentence
    assert (await counter.stop("")).sentence == "everything is stopped already"
    assert (await counter.resume(None, "")).answer == "accepted"
    assert (await counter.pause("r1", "")).of == "r1"
    assert (await counter.resume("r1", "")).answer == "accepted"
    assert [type(c) for c in town.given] == [Pause, Pause, Stop, Stop, Resume, Pause, Resume]
    with pytest.raises(WrongUsage, match="no unfinished run 'r9'; unfinished: r1"):
        await counter.pause("r9", "")


# --- a task of its own ----------------------------------------------------------------------------


async def test_a_task_that_is_added_is_a_run_of_its_own():
    gates = (GateSettings("tests", "pytest", "exit-code"),)
    agents = (AgentProfile("default", "command", ("x",)),)
    town = Town(Settings(agents=agents, gates=gates, digest="abc"))
    wish = NewTask(
        "Fix the login page!", files=("app/**",), priority="high", estimate="45m", gates=("tests",)
    )
    reply = await town.counter().add_task(wish)
    assert (reply.of, reply.answer) == ("fix-the-login-page", "accepted")
    (start,) = town.given
    assert isinstance(start, StartRun)
    assert (start.target, start.base, start.settings_digest) == ("main", BASE, "abc")
    assert start.settings is not None
    plan = msgspec.json.decode(await town.desk.blobs.get(start.plan), type=Plan)
    (task,) = plan.tasks
    assert (plan.goal, task.title) == ("Fix the login page!", "Fix the login page!")
    assert (task.priority, task.estimate_minutes, task.files) == (Priority.HIGH, 45.0, ("app/**",))
    settings = msgspec.json.decode(await town.desk.blobs.get(start.settings), type=Settings)
    assert settings.project.target == "main"


async def test_a_wrong_task_is_refused_with_every_fault():
    town = Town()
    with pytest.raises(WrongUsage) as wrong:
        await town.counter().add_task(NewTask("x", agent="nobody", estimate="soon"))
    assert "nobody" in str(wrong.value) or "soon" in str(wrong.value)
    assert town.given == []


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Fix the Login!", "fix-the-login"),
        ("\x1b[31m", "31m"),
        ("日本語", "task"),
        ("a" * 100, "a" * 40),
        ("x" * 39 + " y", "x" * 39),
        ("../../etc/passwd", "etc-passwd"),
    ],
)
def test_a_name_is_made_of_the_title(title: str, name: str):
    assert name_from(title) == name
