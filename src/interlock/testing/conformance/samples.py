"""Facts, actors and instants for the suites: every kind of field that a store might mangle."""

from datetime import UTC, datetime, timedelta, timezone

from interlock.domain.actor import Actor
from interlock.domain.change import ChangeSet
from interlock.domain.command import CancelTask
from interlock.domain.facts.attempt import AttemptFinished
from interlock.domain.facts.base import Fact
from interlock.domain.facts.command import CommandGiven
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.plane import StartsPaused
from interlock.domain.facts.task import TaskHeld, TaskMadeReady, TaskSubmitted
from interlock.domain.ids import (
    CommandId,
    CommitId,
    LeaseId,
    RepoId,
    RunId,
    TaskId,
    TaskName,
    Token,
    WorkerId,
)
from interlock.domain.result import Outcome, Result
from interlock.domain.task import Dependency, PlannedTask, Priority
from interlock.engine.ports import EventLog, NewEvent, Recorded, StreamWrite

AT = datetime(2031, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
ROUND_AT = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
FAR_EAST_AT = datetime(2031, 5, 6, 23, 8, 9, 1, tzinfo=timezone(timedelta(hours=14)))

PLANE = Actor("plane", "plane-1", "engine")
PERSON = Actor("person", "zoë@example.org", "cli")

VARIED_FACTS: tuple[Fact, ...] = (
    TaskMadeReady(),
    TaskHeld("first line\nsecond line, a quote ' and \" and \\, a NUL \x00, 𝄞 and 漢字"),
    TaskSubmitted(
        TaskId("run-1-paint"),
        RunId("run-1"),
        RepoId("repo-1"),
        PlannedTask(
            TaskName("paint"),
            "Paint the door",
            files=("src/door.py", "docs/tür.md"),
            depends_on=(Dependency(TaskName("build"), at=60),),
            priority=Priority.P0,
            estimate_minutes=12.25,
        ),
        3,
        1e-9,
    ),
    LeaseGranted(
        LeaseId("run-1-paint@7"), WorkerId("w-1"), Token(2**53 - 1), 1,
        AT + timedelta(minutes=1), 60.0,
    ),
    AttemptFinished(
        1,
        Token(7),
        Result(
            Outcome.CHANGED,
            ChangeSet(RepoId("repo-1"), TaskId("t"), CommitId("a" * 40), CommitId("b" * 40)),
        ),
    ),
    CommandGiven(CommandId("c-1"), CancelTask(TaskId("run-1-paint"), "no longer wanted")),
    StartsPaused(),
)  # fmt: skip


def events_of(*facts: Fact, actor: Actor = PLANE) -> tuple[NewEvent, ...]:
    return tuple(NewEvent(fact, actor) for fact in facts)


def held(*reasons: str) -> tuple[NewEvent, ...]:
    """The smallest facts that can be told apart."""
    return events_of(*(TaskHeld(reason) for reason in reasons))


def write(stream: str, expected: int | None, *reasons: str) -> StreamWrite:
    return StreamWrite(stream, expected, held(*reasons))


def reasons_of(recorded: "list[Recorded] | tuple[Recorded, ...]") -> list[str]:
    return [event.fact.reason for event in recorded if isinstance(event.fact, TaskHeld)]


async def everything(log: EventLog) -> list[Recorded]:
    """The whole log, read in pages."""
    events: list[Recorded] = []
    while page := await log.read(events[-1].position if events else 0):
        events.extend(page)
    return events
