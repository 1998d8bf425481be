"""Agents of the Agent Client Protocol keep the contract of agents that talk: two real ones.

One of our own shows what a real one does not do on request.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock.adapters.acp import files
from interlock.adapters.acp.agent import AcpAgent
from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.plain.sandbox import PlainSandbox
from interlock.adapters.proxy.door import ProxyDoor
from interlock.domain.ids import CommitId, TaskId, TaskName
from interlock.domain.settings import AgentProfile
from interlock.domain.task import PlannedTask
from interlock.sandbox.ports import Sandbox
from interlock.testing.conformance import agents, talking_agents
from interlock.testing.conformance.agents import (
    Play,
    end_of,
    place_in,
    sleepers,
    until_there,
)
from interlock.testing.conformance.talking_agents import (
    MODEL_PLAYS,
    TalkingAgentSuite,
    TalkingHouse,
    door_to,
)
from interlock.testing.models import ScriptedModels
from interlock.workers.agents.ports import AgentEvent, Assignment, Said, Touched, Turn
from tests.conformance.acp_clients import FAKE, claude_profile, qwen_profile
from tools.test_clients import Clients, clients

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(600)]  # the first one installs them


PATIENT = 120.0
"""Seconds: on a machine with much to do these agents start slowly."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for suite in (agents, talking_agents):
        monkeypatch.setattr(suite, "PATIENCE_SECONDS", PATIENT)


@pytest.fixture(scope="session")
def installed() -> Clients:
    return clients()


@pytest.fixture
def fake(tmp_path: Path) -> tuple[str, ...]:
    """The program of an agent that does what its first word says."""
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "fake.py").write_text(FAKE)
    return (sys.executable, "-I", "-S", "/given/fake.py")


@pytest.fixture
def fakes(fake: tuple[str, ...]) -> dict[Play, tuple[str, ...]]:
    return {play: (*fake, play) for play in (Play.FAIL, Play.FLOOD, Play.NONSENSE)}


class RealAgentSuite(TalkingAgentSuite):
    """What holds for every real agent of the protocol, in a box with scripted models."""

    @pytest.fixture
    def profile(self, installed: Clients) -> AgentProfile:
        raise NotImplementedError("give the suite the profile of an agent")

    @pytest.fixture
    async def house(
        self,
        profile: AgentProfile,
        tmp_path: Path,
        short_path: Path,
        fakes: dict[Play, tuple[str, ...]],
    ) -> AsyncIterator[TalkingHouse]:
        async with ScriptedModels(MODEL_PLAYS) as models, door_to(models, short_path) as door:
            yield TalkingHouse(
                tmp_path, BubblewrapSandbox(ProxyDoor()), AcpAgent(), profile, door, fakes
            )


class TestClaude(RealAgentSuite):
    @pytest.fixture
    def profile(self, installed: Clients) -> AgentProfile:
        return claude_profile(installed)

    @pytest.mark.parametrize("session", ["", "2b1f0f4e-5d0f-4d3a-9d57-0d8c35f4a001"])
    async def test_hooks_that_the_repository_brings_are_left_alone(
        self, house: TalkingHouse, session: str
    ):
        assert not await hooked(house, ".claude", session)


class TestQwen(RealAgentSuite):
    @pytest.fixture
    def profile(self, installed: Clients) -> AgentProfile:
        return qwen_profile(installed)

    async def test_hooks_that_the_repository_brings_are_left_alone(self, house: TalkingHouse):
        assert not await hooked(house, ".qwen")


async def hooked(house: TalkingHouse, settings: str, session: str = "") -> bool:
    """Whether a command ran that a file of the repository names."""
    hook = {"type": "command", "command": "touch /workspace/hooked", "name": "hook"}
    folder = house.folder / "workspace" / settings
    folder.mkdir(parents=True)
    told = {"hooks": {"SessionStart": [{"hooks": [hook]}]}}
    (folder / "settings.json").write_text(json.dumps(told))
    agent, task = house.play(Play.NOTHING)
    async with agent.start(replace(task, session=session), place_in(house, task.models)) as turn:
        assert not end_of(await _all(turn)).failed
    return (house.folder / "workspace" / "hooked").exists()


@dataclass
class Room:
    """Where an agent of our own misbehaves."""

    folder: Path
    sandbox: Sandbox
    fake: tuple[str, ...]

    @asynccontextmanager
    async def begun(self, *play: str) -> AsyncIterator[Turn]:
        task = Assignment(
            TaskId("R1-t"),
            PlannedTask(TaskName("t"), "Title"),
            1,
            CommitId("0" * 40),
            "Do it.",
            AgentProfile("default", "acp", run=(*self.fake, *play), allow=("Read", "Edit")),
            timedelta(minutes=1),
        )
        async with AcpAgent().start(task, place_in(self)) as turn:
            async with asyncio.timeout(PATIENT):
                yield turn


class TestOneThatMisbehaves:
    @pytest.fixture
    def room(self, tmp_path: Path, fake: tuple[str, ...]) -> Room:
        return Room(tmp_path, BubblewrapSandbox(), fake)

    async def test_files_are_read_and_written_in_its_box_and_nowhere_else(
        self, room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(files, "SECONDS_MAX", 0.5)
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "secret").write_text("nobody's business")
        async with room.begun("files", str(outside)) as turn:
            events = await _all(turn)
        assert not end_of(events).failed
        assert Touched("/workspace/deep/a.txt") in events
        answers = json.loads((tmp_path / "workspace" / "answers.json").read_text())
        wrote, some, secret, planted, elsewhere, pipe = answers
        assert wrote == {}
        assert some == {"content": "two\n"}
        assert "No such file" in secret
        assert "nobody's business" not in str(answers)
        assert isinstance(planted, str)
        assert not (outside / "planted").exists()
        assert "outside of /workspace" in elsewhere
        assert "took longer" in pipe

    async def test_it_is_told_where_its_workspace_really_is(self, room: Room, tmp_path: Path):
        async with room.begun("where") as turn:
            assert end_of(await _all(turn)).summary == "/workspace"
        room.sandbox = PlainSandbox()
        room.fake = (*room.fake[:-1], str(tmp_path / "given" / "fake.py"))
        async with room.begun("where") as turn:
            assert end_of(await _all(turn)).summary == str(tmp_path / "workspace")

    async def test_of_giant_lines_a_request_is_refused_and_the_rest_is_heard(self, room: Room):
        async with room.begun("giant") as turn:
            events = await _all(turn)
        assert end_of(events).summary == "I am still here."
        assert max(len(event.text) for event in events if isinstance(event, Said)) < 100_000

    async def test_one_that_stays_after_its_turn_is_ended(self, room: Room):
        async with room.begun("stays") as turn:
            events = await _all(turn)
            assert not sleepers(room.folder)
        assert not end_of(events).failed
        assert not end_of(events).broken

    async def test_one_that_does_not_heed_an_interruption_is_ended_from_outside(self, room: Room):
        async with room.begun("deaf") as turn:
            telling = asyncio.create_task(_all(turn))
            await until_there(room.folder / "workspace" / "begun.txt")
            await turn.interrupt()
            await turn.box.kill()
            events = await telling
        assert end_of(events).broken
        assert not sleepers(room.folder)


async def _all(turn: Turn) -> list[AgentEvent]:
    return [event async for event in turn.events()]
