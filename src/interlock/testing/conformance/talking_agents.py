"""The contract of agents that talk: they ask, are answered, stop when told to, and are resumed.

    class TestMyAgent(TalkingAgentSuite):
        @pytest.fixture
        async def house(self, tmp_path: Path, short_path: Path) -> AsyncIterator[TalkingHouse]:
            async with ScriptedModels(MODEL_PLAYS) as models, door_to(models, short_path) as door:
                sandbox = BubblewrapSandbox(ProxyDoor())
                yield TalkingHouse(tmp_path, sandbox, MyAgent(), PROFILE, door, FAKES)

The real program plays what its model says (`MODEL_PLAYS`); what no real one does on request, to
talk nonsense above all, is a program of the test's own, which `FAKES` names for a play.
"""

import asyncio
import contextlib
import pickle
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from interlock.domain.ids import CommitId, TaskId, TaskName
from interlock.domain.settings import AgentProfile
from interlock.domain.task import PlannedTask
from interlock.sandbox.ports import Sandbox
from interlock.testing.conformance.agents import (
    PATIENCE_SECONDS,
    SLEEP_SECONDS,
    AgentSuite,
    Play,
    begun,
    end_of,
    place_in,
    sleepers,
    until_there,
)
from interlock.testing.conformance.driving import Drive
from interlock.testing.models import ScriptedModels, Shell, Step, Write
from interlock.workers.agents.ports import (
    Agent,
    AgentEvent,
    AgentRefused,
    Assignment,
    Turn,
    Used,
    Wanted,
)
from interlock.workers.models.ports import Access

BEGIN: Final = Step(do=(Write("begun.txt", "x"),))
AGAIN: Final = Step(do=(Write("begun.txt", "y"),))
DONE: Final = Step(say="Done.")
OTHER_TASK: Final = f"Somebody else's task. [[script:{Play.NOTHING}]]"
"""Whoever goes on is not told its task again; were it told this one, it would do nothing more."""

WAIT_ONCE: Final = f"test -e waited || {{ touch waited; sleep {SLEEP_SECONDS}; }}"

MODEL_PLAYS: Final[Mapping[str, tuple[Step, ...]]] = {
    Play.EDIT: (BEGIN, DONE),
    Play.NOTHING: (Step(say="There is nothing to do."),),
    Play.CRASH: (BEGIN, Step(do=(Shell("kill -9 $PPID"),)), DONE),
    Play.HANG: (
        Step(
            do=(Shell(f"setsid sleep {SLEEP_SECONDS} & echo x > begun.txt; sleep {SLEEP_SECONDS}"),)
        ),
        DONE,
    ),
    Play.ASK: (BEGIN, AGAIN, DONE),
    Play.STEPS: (
        BEGIN,
        Step(do=(Shell(WAIT_ONCE),)),
        Step(do=(Write("ended.txt", "x"),)),
        DONE,
    ),
}


@dataclass
class TalkingHouse:
    """One kind of agent, its box, its door to the scripted models, and who plays the rest."""

    folder: Path
    sandbox: Sandbox
    agent: Agent
    profile: AgentProfile
    door: Access
    fakes: Mapping[Play, tuple[str, ...]] = field(default_factory=dict)

    def play(self, play: Play) -> tuple[Agent, Assignment]:
        profile = self.profile
        if play in self.fakes:
            profile = replace(profile, run=self.fakes[play])
        if play is Play.ASK:
            profile = replace(profile, allow=())
        if play is Play.REFUSED:
            profile = replace(profile, model="", variables=(("MODEL", "{model}"),))
        assignment = Assignment(
            TaskId("R1-t"),
            PlannedTask(TaskName("t"), "Title"),
            1,
            CommitId("0" * 40),
            f"Do it. [[script:{play}]]",
            profile,
            timedelta(minutes=1),
            models=self.door,
            box="bubblewrap",
        )
        return self.agent, assignment


@asynccontextmanager
async def door_to(
    models: ScriptedModels, folder: Path, port: int = 18_080
) -> AsyncIterator[Access]:
    """The scripted models behind a socket, as a box reaches its models; `folder` is a short one."""
    host, _, outside = models.url.removeprefix("http://").partition(":")

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await asyncio.open_connection(host, int(outside))
            async with asyncio.TaskGroup() as group:
                group.create_task(_pour(reader, forth))
                group.create_task(_pour(back, writer))
        except OSError:
            writer.close()

    socket = folder / "models.sock"
    server = await asyncio.start_unix_server(carry, socket)
    try:
        yield Access(socket, port, "secret-of-this-attempt")
    finally:
        server.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


class TalkingAgentSuite(AgentSuite):
    """What holds for every kind of agent that talks, beside what holds for all."""

    @pytest.fixture
    def house(self) -> TalkingHouse:
        raise NotImplementedError("give the suite a house")

    async def test_it_does_what_a_person_allowed(self, house: TalkingHouse) -> None:
        there = house.folder / "workspace" / "begun.txt"
        async with begun(house, Play.ASK) as turn:
            wanted, events = await answering(turn, "allow")
        assert wanted
        assert wanted[0].tool
        assert wanted[0].detail
        assert there.exists()
        assert not end_of(events).failed

    async def test_it_goes_on_without_what_a_person_refused(self, house: TalkingHouse) -> None:
        there = house.folder / "workspace" / "begun.txt"
        async with begun(house, Play.ASK) as turn:
            wanted, events = await answering(turn, "deny: not in this project")
        assert wanted
        assert not there.exists()
        assert not end_of(events).failed
        assert not end_of(events).broken

    async def test_nothing_happens_before_the_answer(self, house: TalkingHouse) -> None:
        async with begun(house, Play.ASK) as turn, asyncio.timeout(PATIENCE_SECONDS):
            async for event in turn.events():
                if isinstance(event, Wanted):
                    break
            assert not (house.folder / "workspace" / "begun.txt").exists()

    async def test_it_is_parked_while_it_asks_and_goes_on_with_the_answer(
        self, house: TalkingHouse
    ) -> None:
        agent, assignment = house.play(Play.ASK)
        async with begun(house, Play.ASK) as turn, asyncio.timeout(PATIENCE_SECONDS):
            events = []
            async for event in turn.events():
                events.append(event)
                if isinstance(event, Wanted):
                    await turn.interrupt()
        end = end_of(events)
        assert end.failed or end.broken
        assert not (house.folder / "workspace" / "begun.txt").exists()
        parked = replace(assignment, session=end.session, answer="Do it.", prompt=OTHER_TASK)
        async with agent.start(parked, place_in(house, assignment.models)) as turn:
            wanted, events = await answering(turn, "allow")
        assert wanted
        assert (house.folder / "workspace" / "begun.txt").exists()
        assert end_of(events).session == end.session

    async def test_what_it_did_not_ask_cannot_be_answered(self, house: TalkingHouse) -> None:
        async with begun(house, Play.NOTHING) as turn:
            with pytest.raises(AgentRefused, match="did not ask"):
                await turn.answer("no-such-question", "allow")

    async def test_a_read_only_one_writes_nothing(self, house: TalkingHouse) -> None:
        agent, assignment = house.play(Play.EDIT)
        read_only = replace(assignment, read_only=True)
        async with agent.start(read_only, place_in(house, assignment.models)) as turn:
            _, events = await answering(turn, "allow")
        assert not (house.folder / "workspace" / "begun.txt").exists()
        assert not end_of(events).failed

    async def test_it_says_what_it_used(self, house: TalkingHouse) -> None:
        async with begun(house, Play.EDIT) as turn:
            _, events = await answering(turn, "allow")
        used = [event for event in events if isinstance(event, Used)]
        assert sum(event.input_tokens + event.cached_tokens for event in used) >= 2_000
        assert sum(event.output_tokens for event in used) >= 100

    async def test_it_stops_by_itself_when_interrupted(self, house: TalkingHouse) -> None:
        async with begun(house, Play.HANG) as turn, asyncio.timeout(PATIENCE_SECONDS):
            stopping = asyncio.create_task(_interrupted_at(turn, house))
            events = [event async for event in turn.events()]
            await stopping
            await turn.box.wait()
            assert not sleepers(house.folder)
        end = end_of(events)
        assert end.failed or end.broken

    async def test_it_is_resumed_after_whoever_drove_it_was_killed(
        self, house: TalkingHouse
    ) -> None:
        agent, assignment = house.play(Play.STEPS)
        order = Drive(agent, assignment, house.folder, house.sandbox)
        session = await _killed_in_the_middle(order)
        await _until_none_is_left(house.folder)
        resumed = replace(assignment, session=session, prompt=OTHER_TASK)
        async with agent.start(resumed, place_in(house, assignment.models)) as turn:
            _, events = await answering(turn, "allow")
        assert (house.folder / "workspace" / "ended.txt").exists()
        assert end_of(events).session == session
        assert not end_of(events).failed

    async def test_one_that_talks_nonsense_only_is_broken(self, house: TalkingHouse) -> None:
        async with begun(house, Play.NONSENSE) as turn:
            _, events = await answering(turn, "allow")
        assert "understood" in end_of(events).broken


async def answering(turn: Turn, answer: str) -> tuple[list[Wanted], list[AgentEvent]]:
    """Everything it asked, each answered like this, and everything that happened."""
    events: list[AgentEvent] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in turn.events():
            events.append(event)
            if isinstance(event, Wanted):
                await turn.answer(event.id, answer)
    return [event for event in events if isinstance(event, Wanted)], events


async def _interrupted_at(turn: Turn, house: TalkingHouse) -> None:
    await until_there(house.folder / "workspace" / "begun.txt")
    assert sleepers(house.folder)
    await turn.interrupt()


async def _killed_in_the_middle(order: Drive) -> str:
    """Its session; it had begun, waited, and written down that it had begun."""
    driver = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "interlock.testing.conformance.driving",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert driver.stdin is not None
    assert driver.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            driver.stdin.write(pickle.dumps(order))
            driver.stdin.close()
            session = (await driver.stdout.readline()).decode().strip()
            assert session, "it ended without having begun"
            await until_there(order.folder / "workspace" / "waited")
            while not _remembers(order.folder / "home"):  # noqa: ASYNC110 - it writes when it likes
                await asyncio.sleep(0.05)
    finally:
        with contextlib.suppress(ProcessLookupError):
            driver.kill()
        await driver.wait()
    return session


def _remembers(home: Path) -> bool:
    """Whether the conversation until the wait is written down somewhere."""
    for path in home.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and WAIT_ONCE.encode()[:20] in path.read_bytes():
                return True
    return False


async def _until_none_is_left(folder: Path) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while sleepers(folder):  # noqa: ASYNC110 - nothing else tells from outside
            await asyncio.sleep(0.05)
