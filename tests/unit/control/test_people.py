"""People take tasks, hand in and give back; each refusal is a sentence, nothing half happens."""

from typing import get_args

import pytest

from interlock.control.commands import Answer
from interlock.control.counter import Counter
from interlock.control.errors import NotAllowed, WrongUsage
from interlock.control.people import person_id
from interlock.control.read_models import Reply
from interlock.control.tasks import UNANSWERED, NewTask, TaskQuestion, move
from interlock.domain.actor import Actor
from interlock.domain.attempt import AttemptLoss
from interlock.domain.bench import Harvest
from interlock.domain.command import (
    AmendRun,
    AnswerTask,
    ApproveTask,
    BeginTask,
    CancelTask,
    ClaimTask,
    Command,
    HoldTask,
    Pause,
    PrioritiseTask,
    RegisterWorker,
    RejectTask,
    ReleaseTask,
    Resume,
    RetryTask,
    StartRun,
    Stop,
    SubmitTask,
)
from interlock.domain.facts.attempt import AttemptAbandoned, AttemptFinished, AttemptStarted
from interlock.domain.facts.change import ChangeJudged, Judgement
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.plane import StartsPaused
from interlock.domain.facts.task import Requeue, TaskRequeued
from interlock.domain.facts.worker import WorkerRegistered, WorkerWentOffline
from interlock.domain.goal import Goal
from interlock.domain.ids import BlobId, LeaseId, TaskId, Token, WorkerId
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import PlannedTask, Priority, TaskStatus
from interlock.engine.errors import PartLost
from tests.unit.control.counters import AGENT, BASE, Town, planned
from tests.unit.control.desks import PERSON, REPO, RUN

ADA = "human-ada"
BY_PEOPLE = RunLimits(by_people=("default",))


async def town_with(*tasks: PlannedTask, skills: tuple[str, ...] = ("python",)) -> Town:
    town = Town()
    await town.run(*tasks, limits=BY_PEOPLE)
    await town.counter().register("ada", skills)
    return town


async def held_by_an_agent(town: Town, name: str) -> None:
    lease = LeaseId(f"r1-{name}@1")
    await town.on(
        name,
        LeaseGranted(lease, WorkerId("agent-1"), Token(1), 1, town.desk.clock.now(), 60.0),
        AttemptStarted(1, Token(1), WorkerId("agent-1")),
    )


# --- registering ----------------------------------------------------------------------------------


async def test_a_person_becomes_a_worker_with_what_they_can_do():
    town = Town()
    reply = await town.counter().register("ada", ("python", "sql", "python"))
    assert reply == Reply(ADA, "accepted", "registered, who can python, sql")
    assert town.given == [RegisterWorker(WorkerId(ADA), "ada", ("python", "sql"))]
    (card,) = (await town.counter().workers()).workers
    assert (card.id, card.type, card.state) == (ADA, "human", "available")
    assert card.capabilities == ("python", "sql")
    assert card.last_heartbeat is not None


async def test_an_agents_worker_cannot_be_registered_over():
    town = Town()
    taken = WorkerRegistered(WorkerId(ADA), "agent", "ada")
    await town.record(f"worker/{ADA}", taken)
    reply = await town.counter().register("ada", ())
    assert (reply.answer, reply.sentence) == ("refused", f"{ADA} is an agent's worker already")


@pytest.mark.parametrize("name", ["", "Ada", "a/b", "../x", "-a", "a" * 41, "a b", "\x1b[31m"])
def test_what_cannot_stand_in_a_branch_is_no_name(name: str):
    with pytest.raises(WrongUsage, match="small letters, digits and hyphens"):
        person_id(name)


def test_the_id_of_a_person_is_taken_for_their_name():
    assert person_id("ada") == person_id("human-ada") == "human-ada"


# --- claiming -------------------------------------------------------------------------------------


async def test_a_claim_makes_the_folder_and_begins():
    town = await town_with(planned("schema", skills=("python",)))
    claimed = await town.counter().claim("schema", ADA)
    assert claimed.reply == Reply("schema", "accepted", f"{ADA} works on it")
    assert claimed.branch == f"worker/{ADA}/r1-schema"
    assert (claimed.path, claimed.base) == (f"/repo/.worktrees/{ADA}", BASE)
    assert town.hands.made == [("r1-schema", "main")]
    assert [type(command) for command in town.given] == [RegisterWorker, ClaimTask, BeginTask]
    assert await town.state("schema") is TaskStatus.IN_PROGRESS
    (card,) = (await town.counter().workers()).workers
    assert (card.state, card.current_task) == ("busy", "schema")


async def refused(town: Town, name: str, worker: str = ADA, **how: bool) -> str:
    before = len(town.given)
    claimed = await town.counter().claim(name, worker, **how)
    assert claimed.reply.answer == "refused"
    assert claimed.path == ""
    assert town.given[before:] == []
    assert town.hands.made == [] or claimed.reply.of not in dict(town.hands.made)
    return claimed.reply.sentence


async def test_nobody_unknown_claims():
    town = await town_with(planned("schema"))
    assert await refused(town, "schema", "human-bo") == (
        "no worker human-bo is known: interlock worker register --type human --name bo"
    )


async def test_an_agents_worker_gets_its_tasks_from_the_plane():
    town = await town_with(planned("schema"))
    await town.record("worker/agent-1", WorkerRegistered(WorkerId("agent-1"), "agent", "1"))
    assert "the plane hands agents their tasks" in await refused(town, "schema", "agent-1")


async def test_whoever_works_on_something_claims_nothing_else():
    town = await town_with(planned("schema"), planned("docs"))
    await town.counter().claim("schema", ADA)
    sentence = f"{ADA} works on schema already: submit or release that first"
    assert await refused(town, "docs") == sentence


async def test_a_task_is_claimed_only_after_what_it_depends_on():
    town = await town_with(planned("phase-1"), planned("phase-2", "phase-1"))
    assert await refused(town, "phase-2") == (
        "phase-2 cannot start yet: it waits for phase-1, which is ready"
    )
    claimed = await town.counter().claim("phase-1", ADA)
    town.hands.work = Harvest(None)
    await town.counter().submit("phase-1", unchanged=True)
    await town.on("phase-1", ChangeJudged(1, Judgement.PASSED))
    assert claimed.reply.answer == "accepted"
    assert "phase-2 cannot start yet" in await refused(town, "phase-2")


async def test_a_worker_must_have_the_skills():
    town = await town_with(planned("schema", skills=("sql", "python", "css")))
    assert await refused(town, "schema") == f"schema asks for css, sql, which {ADA} does not list"


async def test_a_pause_holds_claims_too():
    town = await town_with(planned("schema"))
    await town.record(f"plane/{REPO}", StartsPaused("lunch"))
    assert await refused(town, "schema") == "schema cannot start yet: it waits for lunch"


async def test_nobody_claims_what_somebody_holds():
    town = await town_with(planned("schema"))
    await held_by_an_agent(town, "schema")
    assert await refused(town, "schema") == "agent-1 holds schema"


async def test_files_that_somebody_changes_now_are_a_reason_to_wait():
    town = await town_with(
        planned("schema", files=("app/models/**",)), planned("user", files=("app/*/user.py", "x"))
    )
    await held_by_an_agent(town, "schema")
    assert (await refused(town, "user")).startswith("app/*/user.py being modified by schema. Wait")
    claimed = await town.counter().claim("user", ADA, anyway=True)
    assert claimed.reply.answer == "accepted"


async def test_every_obstacle_is_named_at_once():
    town = await town_with(
        planned("schema", files=("app/**",)),
        planned("user", "schema", files=("app/user.py",), skills=("css",)),
    )
    await town.counter().claim("schema", ADA)
    sentence = await refused(town, "user")
    assert [part.split(" ")[0] for part in sentence.split("; ")] == [
        "user", ADA, "user", "app/user.py"
    ]  # fmt: skip


async def test_a_claim_without_a_folder_is_given_back():
    town = await town_with(planned("schema"))
    town.hands.broken = PartLost("disk", "it is full", "free some space")
    with pytest.raises(PartLost):
        await town.counter().claim("schema", ADA)
    assert await town.state("schema") is TaskStatus.READY
    town.hands.broken = None
    assert (await town.counter().claim("schema", ADA)).reply.answer == "accepted"


async def test_a_claim_that_was_cut_off_goes_on():
    town = await town_with(planned("schema"))
    await town.give(PERSON, ClaimTask(TaskId("r1-schema"), WorkerId(ADA)))
    assert await town.state("schema") is TaskStatus.CLAIMED
    claimed = await town.counter().claim("schema", ADA)
    assert claimed.path
    assert await town.state("schema") is TaskStatus.IN_PROGRESS
    again = await town.counter().claim("schema", ADA)
    assert (again.path, again.reply.sentence) == (claimed.path, "you hold it already; go on")


async def test_without_an_answer_there_is_no_folder():
    town = await town_with(planned("schema"))
    town.silent = True
    claimed = await town.counter().claim("schema", ADA)
    assert claimed.reply == Reply("schema", "unanswered", UNANSWERED)
    assert town.hands.made == []


async def test_whoever_claims_reads_why_it_was_sent_back():
    town = await town_with(planned("schema"))
    await town.counter().claim("schema", ADA)
    await town.counter().submit("schema")
    failed = ChangeJudged(1, Judgement.FAILED, "tests: 2 failed")
    again = TaskRequeued(Requeue.GATE_FAILED, feedback="tests: 2 failed")
    await town.on("schema", failed, again)
    claimed = await town.counter().claim("schema", ADA)
    assert claimed.feedback == "tests: 2 failed"
    (card,) = (await town.counter().workers()).workers
    assert [past.result for past in card.history] == ["failed", None]


# --- handing in -----------------------------------------------------------------------------------


async def test_what_is_handed_in_goes_the_way_of_every_change():
    town = await town_with(planned("schema"))
    await town.counter().claim("schema", ADA)
    reply = await town.counter().submit("schema", "users and sessions")
    assert reply.sentence == "1 file handed in; the gates look at it next, then it lands"
    task = await town.task("schema")
    assert task.status is TaskStatus.VERIFYING
    assert task.result is not None
    assert task.result.summary == "users and sessions"
    change = task.result.change
    assert change is not None
    assert (change.base, change.head, change.files) == (BASE, "c" * 40, ("app/x.py",))
    assert change.patch is not None
    assert await town.desk.blobs.get(change.patch) == b"PACK"
    (card,) = (await town.counter().workers()).workers
    assert card.times("success") == 1


async def test_nothing_changed_is_not_taken_for_done():
    town = await town_with(planned("schema"))
    await town.counter().claim("schema", ADA)
    town.hands.work = Harvest(None)
    reply = await town.counter().submit("schema")
    assert reply.answer == "refused"
    assert "nothing differs" in reply.sentence
    assert await town.state("schema") is TaskStatus.IN_PROGRESS
    assert (await town.counter().submit("schema", unchanged=True)).answer == "accepted"
    submitted = town.given[-1]
    assert isinstance(submitted, SubmitTask)
    assert submitted.result == Result(Outcome.UNCHANGED, summary="it needed no change")


async def test_only_what_a_person_holds_can_be_handed_in():
    town = await town_with(planned("schema"), planned("docs"))
    await held_by_an_agent(town, "docs")
    for name, holder in (("schema", "nobody"), ("docs", "agent-1")):
        reply = await town.counter().submit(name)
        assert reply.answer == "refused"
        assert f"({holder} holds it)" in reply.sentence
    assert town.hands.made == []


async def test_what_has_no_folder_yet_cannot_be_handed_in():
    town = await town_with(planned("schema"))
    await town.give(PERSON, ClaimTask(TaskId("r1-schema"), WorkerId(ADA)))
    reply = await town.counter().submit("schema")
    assert reply.sentence == f"it has no workspace yet: interlock task claim schema --worker {ADA}"


# --- giving back, handing over --------------------------------------------------------------------


async def test_a_task_that_is_given_back_is_ready_for_anybody():
    town = await town_with(planned("schema"))
    await town.counter().claim("schema", ADA)
    answers = await town.counter().move_tasks(["schema"], move("release", "no time"))
    assert answers.all_accepted
    assert await town.state("schema") is TaskStatus.READY
    (card,) = (await town.counter().workers()).workers
    assert [past.result for past in card.history] == ["abandoned"]
    nobody = await town.counter().move_tasks(["schema"], move("release", ""))
    assert "no person holds this task" in nobody.replies[0].sentence


async def test_a_task_goes_to_another_person():
    town = await town_with(planned("schema"))
    await town.counter().register("bo", ())
    await town.counter().claim("schema", ADA)
    claimed = await town.counter().handoff("schema", "human-bo", "holiday")
    assert claimed.reply == Reply("schema", "accepted", "human-bo works on it")
    assert ReleaseTask(TaskId("r1-schema"), "holiday") in town.given
    lease = (await town.task("schema")).lease
    assert lease is not None
    assert lease.worker_id == "human-bo"


@pytest.mark.parametrize(
    ("worker", "said"),
    [
        ("human-cy", "no worker human-cy is known"),
        ("human-ada", "human-ada holds schema already"),
        ("human-bo", "schema asks for python, which human-bo does not list"),
    ],
)
async def test_nothing_is_given_back_for_somebody_who_cannot_take_it(worker: str, said: str):
    town = await town_with(planned("schema", skills=("python",)))
    await town.counter().register("bo", ())
    await town.counter().claim("schema", ADA)
    claimed = await town.counter().handoff("schema", worker, "")
    assert claimed.reply.answer == "refused"
    assert said in claimed.reply.sentence
    lease = (await town.task("schema")).lease
    assert lease is not None
    assert lease.worker_id == ADA


async def test_an_agent_that_is_faster_is_named():
    town = await town_with(planned("schema"))
    await town.counter().register("bo", ())
    await town.counter().claim("schema", ADA)
    answered = town.give

    async def give(actor: Actor, command: Command) -> Answer:
        answer = await answered(actor, command)
        if isinstance(command, ReleaseTask):
            now = town.desk.clock.now()
            lease = LeaseId("r1-schema@2")
            await town.on(
                "schema", LeaseGranted(lease, WorkerId("agent-1"), Token(2), 2, now, 60.0)
            )
        return answer

    town.give = give  # type: ignore[method-assign]
    claimed = await town.counter().handoff("schema", "human-bo", "")
    assert claimed.reply.answer == "refused"
    assert claimed.reply.sentence == (
        "it was given back, and then not claimed: agent-1 holds schema"
    )


async def test_what_nobody_holds_is_claimed_not_handed_over():
    town = await town_with(planned("schema"))
    claimed = await town.counter().handoff("schema", ADA, "")
    assert claimed.reply.sentence == f"no person holds schema: claim it for {ADA} instead"


# --- what workers did -----------------------------------------------------------------------------


async def test_the_past_of_a_worker_tells_well_failed_and_left():
    town = await town_with(planned("a"), planned("b"), planned("c"))
    await town.record("worker/agent-1", WorkerRegistered(WorkerId("agent-1"), "agent", "1"))
    for name in ("a", "b", "c"):
        await held_by_an_agent(town, name)
    await town.on("a", AttemptFinished(1, Token(1), Result(Outcome.UNCHANGED)))
    await town.on(
        "b",
        AttemptFinished(1, Token(1), Result(Outcome.FAILED)),
        TaskRequeued(Requeue.ATTEMPT_FAILED),
    )
    await town.on(
        "c", AttemptAbandoned(1, Token(1), AttemptLoss.LOST), TaskRequeued(Requeue.WORKER_LOST)
    )
    await town.record("worker/agent-1", WorkerWentOffline(WorkerId("agent-1"), "silence"))
    cards = {card.id: card for card in (await town.counter().workers()).workers}
    agent = cards[WorkerId("agent-1")]
    assert agent.state == "offline"
    assert [(past.task_id, past.result) for past in agent.history] == [
        ("r1-a", "success"), ("r1-b", "failed"), ("r1-c", "abandoned")
    ]  # fmt: skip
    assert cards[WorkerId(ADA)].history == ()


# --- agents decide nothing ------------------------------------------------------------------------


def wishes(counter: Counter | None):
    return {
        "pause": lambda: counter.pause(None, ""),
        "resume": lambda: counter.resume(None, ""),
        "stop": lambda: counter.stop(""),
        "add": lambda: counter.add_task(NewTask("Fix it")),
        "claim": lambda: counter.claim("schema", ADA),
        "submit": lambda: counter.submit("schema"),
        "handoff": lambda: counter.handoff("schema", ADA, ""),
        "register": lambda: counter.register("roy", ()),
        "approve": lambda: counter.decide(["schema"], "approve", "yes"),
        "reject": lambda: counter.decide(["schema"], "reject", "no"),
        **{
            verb: lambda verb=verb: counter.move_tasks(["schema"], move(verb, ""))
            for verb in ("cancel", "retry", "hold", "release")
        },
    }


@pytest.mark.parametrize("wish", list(wishes(None)))
async def test_an_agent_decides_nothing(wish: str):
    town = await town_with(planned("schema"))
    await town.counter().claim("schema", ADA)
    before = town.desk.memory.head
    with pytest.raises(NotAllowed, match="agents decide nothing"):
        await wishes(town.counter(AGENT))[wish]()
    assert town.desk.memory.head == before
    assert len(town.hands.made) == 1


TASK, ONE = TaskId("r1-schema"), WorkerId(ADA)
EVERY_COMMAND = (
    StartRun(RUN, Goal("g"), BlobId("0" * 64), RunLimits()),
    AmendRun(RUN, BlobId("0" * 64)),
    Pause(),
    Resume(),
    Stop(),
    RegisterWorker(ONE, "ada"),
    CancelTask(TASK),
    HoldTask(TASK),
    ApproveTask(TASK),
    RejectTask(TASK),
    RetryTask(TASK),
    AnswerTask(TASK, "yes"),
    PrioritiseTask(TASK, Priority.P0),
    ClaimTask(TASK, ONE),
    BeginTask(TASK, ONE, BASE, "b", "/p"),
    SubmitTask(TASK, ONE, Result(Outcome.UNCHANGED)),
    ReleaseTask(TASK),
)


def test_no_command_is_forgotten_here():
    assert {type(command) for command in EVERY_COMMAND} == set(get_args(Command))


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=lambda command: type(command).__name__)
async def test_an_agent_gives_no_command(command: Command):
    town = Town()
    with pytest.raises(NotAllowed, match="agents give no commands"):
        await town.desk.commands.give(AGENT, command)
    assert town.desk.memory.head.position == 0


async def test_an_agent_may_look():
    town = await town_with(planned("schema"))
    assert len((await town.counter(AGENT).tasks(TaskQuestion())).tasks) == 1
