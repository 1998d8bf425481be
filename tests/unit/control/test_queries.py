"""What the desk answers about a store: its log, its integrity, its status."""

from dataclasses import dataclass

import msgspec
import pytest

from interlock.adapters.pretend.loop import rehearse
from interlock.control import queries
from interlock.control.errors import WrongUsage
from interlock.control.queries import LogQuestion, audit, follow, log_entries, parse_head
from interlock.control.read_models import AuditReport, Status
from interlock.domain.facts.plane import EmergencyStopped, StartsPaused
from interlock.domain.facts.task import TaskApproved, TaskHeld
from interlock.engine.chain import Head
from tests.unit.control.desks import PERSON, REPO, Desk


async def positions(desk: Desk, question: LogQuestion) -> list[int]:
    return [entry.position async for entry in log_entries(desk.log, question)]


async def test_the_log_is_told_oldest_first_and_in_full():
    desk = Desk()
    await desk.two_tasks()
    entries = [entry async for entry in log_entries(desk.log, LogQuestion())]
    assert [entry.type for entry in entries] == [
        "RunStarted", "TaskSubmitted", "TaskRouted", "TaskSubmitted", "TaskRouted", "RunPlanned",
        "TaskMadeReady",
    ]  # fmt: skip
    last = entries[-1]
    assert (last.stream, last.actor, last.via) == ("task/r1-table", "plane:p1", "plane")
    assert last.hash == desk.memory.head.hash.hex()
    assert msgspec.json.decode(last.data) == {}


@dataclass
class Case:
    """A question, and the positions that answer it."""

    question: LogQuestion
    answer: list[int]


@pytest.mark.parametrize(
    "case",
    [
        Case(LogQuestion(limit=2), [6, 7]),
        Case(LogQuestion(after=2, limit=2), [3, 4]),
        Case(LogQuestion(after=5), [6, 7]),
        Case(LogQuestion(limit=0), []),
        Case(LogQuestion(after=0, limit=0), []),
        Case(LogQuestion(after=99), []),
        Case(LogQuestion(stream="run/r1"), [1, 6]),
        Case(LogQuestion(stream="task/", limit=3), [4, 5, 7]),
        Case(LogQuestion(stream="task/r1-page", after=1, limit=1), [4]),
        Case(LogQuestion(stream="task"), []),
    ],
    ids=str,
)
async def test_a_question_gets_the_events_it_asks_for(case: Case):
    desk = Desk()
    await desk.two_tasks()
    assert await positions(desk, case.question) == case.answer


async def test_a_follower_sees_old_and_new_events_once_each():
    desk = Desk()
    await desk.two_tasks()
    following = follow(desk.log, LogQuestion(limit=1))
    assert (await anext(following)).position == 7
    await desk.record("task/r1-table", TaskHeld("look first"))
    await desk.record("task/r1-table", TaskApproved())
    seen = [await anext(following), await anext(following)]
    assert [entry.position for entry in seen] == [8, 9]
    await following.aclose()


async def test_an_audit_names_the_head_and_the_first_broken_place():
    desk = Desk()
    await desk.two_tasks()
    head = desk.memory.head
    text = f"7:{head.hash.hex()}"
    assert await audit(desk.log, parse_head(text)) == AuditReport(7, True, None, text)
    desk.memory.events[3] = msgspec.structs.replace(desk.memory.events[3], data=b"{}")
    broken = await audit(desk.log, None)
    assert not broken.ok
    assert broken.first_broken is not None
    assert broken.first_broken.startswith("position 4 (task/r1-page")


async def test_a_head_from_elsewhere_shows_that_history_was_replaced():
    desk = Desk()
    await desk.two_tasks()
    report = await audit(desk.log, Head(7, bytes(32)))
    assert not report.ok


@pytest.mark.parametrize("text", ["", "7", "7:", "x:" + "0" * 64, "7:" + "g" * 64, "7:" + "0" * 63])
def test_what_is_no_head_is_refused_with_an_example(text: str):
    with pytest.raises(WrongUsage, match="POSITION:HASH"):
        parse_head(text)


def status_after(*steps: tuple[str, object], holder: str | None = None) -> Status:
    async def ask() -> Status:
        desk = Desk(holder)
        await desk.two_tasks()
        for stream, fact in steps:
            await desk.record(stream, fact)  # type: ignore[arg-type]
        return await queries.status(desk.store, desk.clock)

    return rehearse(ask)


def test_each_task_says_what_it_waits_for():
    status = status_after()
    assert [(task.id, task.state, task.waits_for) for task in status.tasks] == [
        ("table", "ready", "a free worker for agent default with sql"),
        ("page", "backlog", "table, which is ready"),
    ]
    assert status.tasks[1].depends_on == ("table",)
    assert (status.runs[0].state, status.runs[0].counts) == ("active", {"backlog": 1, "ready": 1})
    assert status.events == 7
    assert not status.plane.running


def test_a_run_in_which_only_a_person_can_move_anything_is_waiting():
    status = status_after(("task/r1-table", TaskHeld("look first")))
    assert status.runs[0].state == "waiting"
    assert status.tasks[0].waits_for == "a person: look first"


def test_what_holds_everything_up_is_on_the_dashboard():
    status = status_after(
        (f"plane/{REPO}", StartsPaused("lunch")),
        (f"plane/{REPO}", EmergencyStopped("smoke")),
        holder="p7",
    )
    assert (status.plane.paused, status.plane.stopped) == ("lunch", "smoke")
    assert (status.plane.running, status.plane.holder) == (True, "p7")
    assert status.runs[0].state == "stopped"


def test_a_store_without_a_repository_tells_whose_it_is_itself():
    async def ask() -> Status:
        desk = Desk()
        await desk.record(f"plane/{REPO}", StartsPaused("lunch"), actor=PERSON)
        store = msgspec.structs.replace(desk.store, repo_id=None, repository=None)
        return await queries.status(store, desk.clock)

    assert rehearse(ask).plane.paused == "lunch"
