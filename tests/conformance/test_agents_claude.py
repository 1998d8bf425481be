"""Claude Code keeps the contract of agents that talk: the real one, and one that misbehaves."""

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.claude.agent import ClaudeAgent
from interlock.adapters.proxy.door import ProxyDoor
from interlock.domain.settings import AgentProfile
from interlock.testing.conformance.agents import PATIENCE_SECONDS, Play, end_of, place_in
from interlock.testing.conformance.talking_agents import (
    BEGIN,
    DONE,
    MODEL_PLAYS,
    TalkingAgentSuite,
    TalkingHouse,
    answering,
    door_to,
)
from interlock.testing.models import (
    Call,
    Fault,
    Refuse,
    ScriptedModels,
    Scripts,
    Shell,
    Silent,
    Step,
    Write,
)
from interlock.workers.agents.ports import AgentEvent, Ended, Said, Wanted

pytestmark = pytest.mark.loopback

FAKE = """
import json, os, sys

def say(**fields):
    sys.stdout.write(json.dumps(fields) + "\\n")
    sys.stdout.flush()

open("begun.txt", "w").close()
match sys.argv[1]:
    case "fail":
        sys.stdin.readline()
        say(type="result", subtype="error_during_execution", is_error=True, errors=["cannot go on"])
        sys.exit(1)
    case "flood":
        text = "x" * 100_000
        while True:
            say(type="assistant", message={"content": [{"type": "text", "text": text}]})
    case "nonsense":
        for _ in range(50):
            sys.stdout.buffer.write(os.urandom(80) + b"\\n{\\"type\\":\\n[1]\\n")
"""


QUESTION = {
    "question": "Which?",
    "header": "Colour",
    "multiSelect": False,
    "options": [{"label": name, "description": name} for name in ("red", "blue")],
}


@pytest.fixture
def fakes(tmp_path: Path) -> dict[Play, tuple[str, ...]]:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "fake.py").write_text(FAKE)
    plays = (Play.FAIL, Play.FLOOD, Play.NONSENSE)
    return {play: (sys.executable, "-I", "-S", "/given/fake.py", play) for play in plays}


PLAYS = {
    **MODEL_PLAYS,
    "person": (
        Step(do=(Call("AskUserQuestion", {"questions": [QUESTION]}),)),
        Step(say="Blue it is."),
    ),
    "outbox": (
        Step(do=(Write("/outbox/plan.yaml", "goal: x"),)),
        Step(do=(Shell("echo $OUTBOX > /outbox/told.txt"),)),
        DONE,
    ),
    "touch": (Step(do=(Shell("true && touch begun.txt"),)), DONE),
    "refused": (BEGIN, Step(say="x", faults=(Fault(Refuse(400), times=None),))),
    "silent": (Step(say="x", faults=(Fault(Silent(), times=None),)),),
    "down": (BEGIN, Step(say="x", faults=(Fault(Refuse(529), times=None),))),
    "once": (BEGIN, Step(say="Done.", faults=(Fault(Refuse(529)),))),
}


@pytest.fixture
async def models() -> AsyncIterator[ScriptedModels]:
    async with ScriptedModels(Scripts(PLAYS, default=Play.NOTHING)) as models:
        yield models


@pytest.fixture
async def house(
    models: ScriptedModels, tmp_path: Path, short_path: Path, fakes: dict[Play, tuple[str, ...]]
) -> AsyncIterator[TalkingHouse]:
    profile = AgentProfile("default", "claude", model="claude-opus-4-5")
    sandbox = BubblewrapSandbox(ProxyDoor())
    async with door_to(models, short_path) as door:
        yield TalkingHouse(tmp_path, sandbox, ClaudeAgent(), profile, door, fakes)


class TestClaude(TalkingAgentSuite):
    @pytest.fixture
    def house(self, house: TalkingHouse) -> TalkingHouse:
        return house


async def test_its_key_and_its_address_are_those_of_its_door(
    house: TalkingHouse, models: ScriptedModels
):
    await ends_of(house, "edit")
    asked = [each for each in models.exchanges if each.protocol]
    assert {each.key for each in asked} == {house.door.secret}
    assert {each.path.partition("?")[0] for each in asked} == {"/anthropic/v1/messages"}
    assert {each.model for each in asked} == {"claude-opus-4-5"}


async def test_what_lies_there_for_it_neither_runs_nor_allows(house: TalkingHouse):
    hooked = {"hooks": [{"type": "command", "command": "touch /workspace/HOOKED"}]}
    allowed = {"allow": ["Write", "Bash"], "defaultMode": "bypassPermissions"}
    settings = {"hooks": {"SessionStart": [hooked], "PreToolUse": [hooked]}, "permissions": allowed}
    server = {"command": "touch", "args": ["/workspace/SERVED"]}
    planted = {
        "workspace/.claude/settings.json": settings,
        "workspace/.claude/settings.local.json": settings,
        "workspace/.mcp.json": {"mcpServers": {"planted": server}},
        "home/.claude/settings.json": settings,
        "home/.claude.json": {"mcpServers": {"planted": server}},
    }
    for name, content in planted.items():
        path = house.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    profile = replace(house.profile, allow=())
    _, events = await ends_of(house, "edit", profile=profile)
    assert [event for event in events if isinstance(event, Wanted)]
    found = {path.name for path in (house.folder / "workspace").iterdir()}
    assert found == {".claude", ".mcp.json", "begun.txt"}


async def test_a_prompt_that_looks_like_a_command_is_a_prompt(
    house: TalkingHouse, models: ScriptedModels
):
    end, _ = await ends_of(house, "nothing", prompt="/help [[script:nothing]]")
    assert end.summary == "There is nothing to do."
    assert models.exchanges


async def test_a_person_is_asked_and_heard(house: TalkingHouse):
    end, events = await ends_of(house, "person", answer="blue")
    (wanted,) = [event for event in events if isinstance(event, Wanted)]
    assert (wanted.question, wanted.options, wanted.tool) == ("Which?", ("red", "blue"), "")
    assert end.summary == "Blue it is."


async def test_what_the_profile_denies_is_denied_without_a_question(house: TalkingHouse):
    profile = replace(house.profile, deny=("Bash(touch *)",))
    end, events = await ends_of(house, "touch", profile=profile)
    assert not [event for event in events if isinstance(event, Wanted)]
    assert not (house.folder / "workspace" / "begun.txt").exists()
    assert not end.failed


async def test_a_reader_leaves_its_answer_in_the_outbox(house: TalkingHouse):
    end, events = await ends_of(house, "outbox", read_only=True)
    assert not [event for event in events if isinstance(event, Wanted)]
    assert [path.name for path in (house.folder / "outbox").iterdir()] == ["plan.yaml"]
    assert "It was denied: Bash" in end.summary


async def test_a_lost_conversation_begins_anew_under_its_name(house: TalkingHouse):
    session = str(uuid.uuid4())
    end, _ = await ends_of(house, "edit", session=session, answer="Yes.")
    assert end.session == session
    assert (house.folder / "workspace" / "begun.txt").exists()


async def test_a_model_that_is_down_is_nobodys_fault(house: TalkingHouse):
    profile = replace(house.profile, variables=(("CLAUDE_CODE_MAX_RETRIES", "1"),))
    end, events = await ends_of(house, "down", profile=profile)
    assert "could not be reached" in end.broken
    assert any("it tries again" in event.text for event in events if isinstance(event, Said))


async def test_a_model_that_is_back_is_no_news_at_the_end(house: TalkingHouse):
    end, _ = await ends_of(house, "once")
    assert end.summary == "Done."


async def test_a_refused_request_is_its_own_failure(house: TalkingHouse):
    end, _ = await ends_of(house, "refused")
    assert "the model refused the request" in end.failed


async def test_one_whose_model_never_answers_can_be_interrupted(
    house: TalkingHouse, models: ScriptedModels
):
    agent, assignment = house.play(Play.EDIT)
    assignment = replace(assignment, prompt="Do it. [[script:silent]]")
    async with agent.start(assignment, place_in(house, assignment.models)) as turn:
        async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
            listening = group.create_task(answering(turn, "allow"))
            await models.reached("silent", 0)
            await turn.interrupt()
        end = end_of(listening.result()[1])
    assert end.broken == "claude was interrupted"


async def test_a_program_that_is_not_there_is_nobodys_failure(house: TalkingHouse):
    profile = replace(house.profile, run=("/no/such/claude",))
    end, _ = await ends_of(house, "edit", profile=profile)
    assert "cannot be run in the box" in end.broken


async def ends_of(
    house: TalkingHouse, script: str, answer: str = "allow", **changes: object
) -> tuple[Ended, list[AgentEvent]]:
    """`answer` is for what it asks at its work, and for what it had asked before."""
    agent, assignment = house.play(Play.EDIT)
    told = {"prompt": f"Do it. [[script:{script}]]", "answer": answer, **changes}
    assignment = replace(assignment, **told)
    async with agent.start(assignment, place_in(house, assignment.models)) as turn:
        _, events = await answering(turn, answer)
    return end_of(events), events
