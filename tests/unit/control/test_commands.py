"""Commands are recorded under an identity, and answered or not answered in time."""

import asyncio

import msgspec
import pytest

from interlock.adapters.pretend.loop import rehearse
from interlock.control.commands import Accepted, Answer, Refused, Unanswered
from interlock.control.errors import NotAllowed
from interlock.domain.actor import Actor
from interlock.domain.command import ApproveTask, Stop
from interlock.domain.facts.base import Fact
from interlock.domain.facts.command import CommandAccepted, CommandGiven, CommandRefused
from interlock.domain.ids import CommandId, TaskId, TaskName
from interlock.domain.lifecycle import Refusal
from interlock.domain.plan import Plan
from interlock.domain.run import RunLimits
from interlock.domain.task import PlannedTask
from tests.unit.control.desks import PERSON, REPO, Desk

STOP = Stop("smoke")
REFUSAL = Refusal(None, "stop", (), "everything is stopped already")


async def test_a_command_stands_in_the_log_under_the_name_of_who_gave_it():
    desk = Desk()
    given = await rehearsed(desk)
    (event,) = await desk.log.read(0)
    assert event.stream == f"command/{REPO}"
    assert event.actor == PERSON
    assert event.fact == CommandGiven(given, STOP)


async def rehearsed(desk: Desk) -> CommandId:
    return (await desk.commands.give(PERSON, STOP)).command_id


async def test_an_agent_gives_no_commands():
    desk = Desk()
    with pytest.raises(NotAllowed, match="agents give no commands"):
        await desk.commands.give(Actor("agent", "roy", "mcp"), ApproveTask(TaskId("r1-a")))
    assert desk.memory.head.position == 0


def asked(*answers: Fact, after_seconds: float = 5.0) -> tuple[Answer, float]:
    """Ask for a stop and wait a minute; the answers come when they come."""

    async def ask() -> tuple[Answer, float]:
        desk = Desk()
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(desk.commands.ask(PERSON, STOP, 60.0))
            await desk.clock.sleep(after_seconds)
            for answer in answers:
                await desk.record(f"answer/{REPO}", answer)
        return asking.result(), desk.clock.monotonic()

    return rehearse(ask)


FIRST = CommandId("command-000001")


def test_the_answer_comes_as_soon_as_it_is_recorded():
    assert asked(CommandAccepted(FIRST)) == (Accepted(FIRST), 5.0)
    assert asked(CommandRefused(FIRST, REFUSAL)) == (Refused(FIRST, REFUSAL), 5.0)


def test_the_answer_to_another_command_is_not_taken_for_ones_own():
    answer, _ = asked(CommandAccepted(CommandId("other")), CommandAccepted(FIRST))
    assert answer == Accepted(FIRST)


def test_nobody_waits_longer_than_they_said():
    assert asked() == (Unanswered(FIRST), 60.0)
    answer, seconds = asked(CommandAccepted(CommandId("other")))
    assert (answer, seconds) == (Unanswered(FIRST), 60.0)


async def test_a_start_keeps_the_plan_and_its_true_flags():
    desk = Desk()
    task = PlannedTask(TaskName("a"), "A")
    plan = Plan("Log in", (task,), flags={"fast": True, "slow": False})
    start = await desk.commands.start_run(plan, RunLimits(workers=2))
    assert start.goal.flags == ("fast",)
    assert start.limits.workers == 2
    assert msgspec.json.decode(await desk.blobs.get(start.plan), type=Plan) == plan
    assert desk.memory.head.position == 0
