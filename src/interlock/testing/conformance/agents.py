"""The contract of an agent, as tests that every kind passes in a real box.

    class TestMyAgent(AgentSuite):
        @pytest.fixture
        def house(self, tmp_path: Path) -> AgentHouse: ...

A house turns a play (`EDIT`, `FAIL`, ...) into an agent and an assignment that make it do so. No
test sleeps for luck: a wait ends with an event or, after `PATIENCE_SECONDS`, with a failure.
"""

import asyncio
import contextlib
import os
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import pytest

from interlock.sandbox.ports import HOME, OUTBOX, WORKSPACE, BoxOrder, Mount, Relay, Sandbox
from interlock.workers.agents.ports import (
    Agent,
    AgentEvent,
    AgentRefused,
    Assignment,
    Ended,
    Said,
    Turn,
)
from interlock.workers.boxes import GIVEN
from interlock.workers.models.ports import Access
from interlock.workers.place import BoxPlace

PATIENCE_SECONDS: Final = 60.0
SLEEP_SECONDS: Final = 86_400
"""How long a hanging play and its children would stay."""


class Play(StrEnum):
    """What an agent can be made to do. All but NOTHING and REFUSED begin by writing `begun.txt`.

    The last two are for agents that talk: ASK may not write it without asking, STEPS waits behind
    it for ever unless it waited there before, and then writes `ended.txt`.
    """

    EDIT = "edit"
    NOTHING = "nothing"
    FAIL = "fail"
    CRASH = "crash"
    HANG = "hang"
    FLOOD = "flood"
    NONSENSE = "nonsense"
    REFUSED = "refused"
    ASK = "ask"
    STEPS = "steps"


class AgentHouse(Protocol):
    """One kind of agent, its box and its folders."""

    folder: Path
    sandbox: Sandbox

    def play(self, play: Play) -> tuple[Agent, Assignment]:
        """An agent that will do so, and what it is told."""
        ...


class AgentSuite:
    """What holds for every kind of agent."""

    @pytest.fixture
    def house(self) -> AgentHouse:
        raise NotImplementedError("give the suite a house")

    async def test_an_edit_is_in_the_workspace_when_it_ends(self, house: AgentHouse) -> None:
        events = await all_events(house, Play.EDIT)
        end = end_of(events)
        assert not end.failed
        assert not end.broken
        assert (house.folder / "workspace" / "begun.txt").exists()

    async def test_one_that_does_nothing_ends_well(self, house: AgentHouse) -> None:
        end = end_of(await all_events(house, Play.NOTHING))
        assert not end.failed
        assert not end.broken
        assert not list((house.folder / "workspace").iterdir())

    async def test_a_failure_is_its_own_and_has_a_reason(self, house: AgentHouse) -> None:
        end = end_of(await all_events(house, Play.FAIL))
        assert "cannot go on" in end.failed
        assert not end.broken

    async def test_a_crash_is_no_success(self, house: AgentHouse) -> None:
        end = end_of(await all_events(house, Play.CRASH))
        assert end.failed
        assert (house.folder / "workspace" / "begun.txt").exists()

    async def test_an_interrupted_one_ends_with_all_it_started(self, house: AgentHouse) -> None:
        async with begun(house, Play.HANG) as turn, asyncio.timeout(PATIENCE_SECONDS):
            listening = asyncio.create_task(_heard(turn))
            await until_there(house.folder / "workspace" / "begun.txt")
            assert sleepers(house.folder)
            await turn.interrupt()
            await turn.box.kill()
            end = end_of(await listening)
        assert end.failed or end.broken
        assert not sleepers(house.folder)

    async def test_leaving_the_context_ends_it_as_well(self, house: AgentHouse) -> None:
        async with begun(house, Play.HANG) as turn:
            listening = asyncio.create_task(_heard(turn))
            await until_there(house.folder / "workspace" / "begun.txt")
            assert sleepers(house.folder)
        assert not sleepers(house.folder)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await listening

    async def test_a_flood_ends_at_a_limit_and_not_in_memory(self, house: AgentHouse) -> None:
        events = await all_events(house, Play.FLOOD)
        assert end_of(events).failed
        longest = max(len(event.text) for event in events if isinstance(event, Said))
        assert longest < 1_000_000

    async def test_nonsense_is_text_for_people_and_no_more(self, house: AgentHouse) -> None:
        events = await all_events(house, Play.NONSENSE)
        assert any(isinstance(event, Said) for event in events)
        assert not end_of(events).failed

    async def test_a_wrong_profile_is_refused_with_a_sentence(self, house: AgentHouse) -> None:
        with pytest.raises(AgentRefused, match=r"\[agents\."):
            async with begun(house, Play.REFUSED):
                raise AssertionError("it was started")


async def all_events(house: AgentHouse, play: Play) -> list[AgentEvent]:
    async with begun(house, play) as turn, asyncio.timeout(PATIENCE_SECONDS):
        return await _heard(turn)


async def _heard(turn: Turn) -> list[AgentEvent]:
    return [event async for event in turn.events()]


def end_of(events: list[AgentEvent]) -> Ended:
    """The last event, and no other, is the end."""
    assert [type(event) for event in events].count(Ended) == 1
    end = events[-1]
    assert isinstance(end, Ended)
    return end


@asynccontextmanager
async def begun(house: AgentHouse, play: Play) -> AsyncIterator[Turn]:
    agent, assignment = house.play(play)
    async with agent.start(assignment, place_in(house, assignment.models)) as turn:
        yield turn


class Room(Protocol):
    """A box and its folders, without what is played in it."""

    @property
    def folder(self) -> Path: ...

    @property
    def sandbox(self) -> Sandbox: ...


def place_in(house: Room, models: Access | None = None) -> BoxPlace:
    """With the door to its models, where it has one."""
    folders = {name: house.folder / name for name in ("workspace", "home", "outbox", "given")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    mounts = (
        Mount(folders["workspace"], WORKSPACE, writable=True),
        Mount(folders["home"], HOME, writable=True),
        Mount(folders["outbox"], OUTBOX, writable=True),
        Mount(folders["given"], GIVEN),
    )
    env = {"PATH": os.environ["PATH"], "HOME": HOME, "INTERLOCK_MARK": _mark(house.folder)}
    relays = () if models is None else (Relay(models.socket, models.port),)
    order = BoxOrder((), mounts, env=env, relays=relays)
    return BoxPlace(house.sandbox, order, folders["given"])


async def until_there(path: Path) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not path.exists():  # noqa: ASYNC110, ASYNC240 - nothing else tells from outside
            await asyncio.sleep(0.02)


def _mark(folder: Path) -> str:
    return f"agents-suite-{zlib.crc32(str(folder).encode())}"


def sleepers(folder: Path) -> list[str]:
    """Processes of this test's box, by the mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"INTERLOCK_MARK={_mark(folder)}".encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
    return found
