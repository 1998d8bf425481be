"""Codex keeps the contract of agents that talk: the real one, and one that misbehaves."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.codex.agent import CodexAgent
from interlock.adapters.proxy.door import ProxyDoor
from interlock.domain.settings import AgentProfile
from interlock.testing.conformance.agents import PATIENCE_SECONDS, Play, end_of, place_in
from interlock.testing.conformance.talking_agents import (
    DONE,
    MODEL_PLAYS,
    TalkingAgentSuite,
    TalkingHouse,
    door_to,
)
from interlock.testing.models import (
    Call,
    Exchange,
    Fault,
    Refuse,
    ScriptedModels,
    Shell,
    Step,
    Tokens,
)
from interlock.workers.agents.permissions import rule_for
from interlock.workers.agents.ports import AgentEvent, Assignment, Said, Touched, Used, Wanted

pytestmark = pytest.mark.loopback

FAKE = """
import json, os, sys

def say(**fields):
    sys.stdout.write(json.dumps(fields) + "\\n")
    sys.stdout.flush()

def hear():
    return json.loads(sys.stdin.readline())

def begin_turn():
    say(id=hear()["id"], result={})
    hear()
    say(id=hear()["id"], result={"thread": {"id": "t"}})
    say(id=hear()["id"], result={"turn": {"id": "u"}})

open("begun.txt", "w").close()
match sys.argv[1]:
    case "fail":
        begin_turn()
        error = {"message": "cannot go on", "codexErrorInfo": "contextWindowExceeded"}
        turn = {"id": "u", "status": "failed", "error": error}
        say(method="turn/completed", params={"threadId": "t", "turn": turn})
        sys.stdin.read()
    case "flood":
        begin_turn()
        item = {"type": "agentMessage", "text": "x" * 100_000}
        while True:
            say(method="item/completed", params={"threadId": "t", "item": item})
    case "nonsense":
        for _ in range(50):
            sys.stdout.buffer.write(os.urandom(80) + b"\\n{\\"method\\":\\n[1]\\n")
"""


@pytest.fixture
def fakes(tmp_path: Path) -> dict[Play, tuple[str, ...]]:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "fake.py").write_text(FAKE)
    plays = (Play.FAIL, Play.FLOOD, Play.NONSENSE)
    return {play: (sys.executable, "-I", "-S", "/given/fake.py", play) for play in plays}


class TestCodex(TalkingAgentSuite):
    @pytest.fixture
    async def house(
        self, tmp_path: Path, short_path: Path, fakes: dict[Play, tuple[str, ...]]
    ) -> AsyncIterator[TalkingHouse]:
        profile = AgentProfile("default", "codex", model="scripted")
        sandbox = BubblewrapSandbox(ProxyDoor())
        async with ScriptedModels(MODEL_PLAYS) as models, door_to(models, short_path) as door:
            yield TalkingHouse(tmp_path, sandbox, CodexAgent(), profile, door, fakes)


# --- what only Codex does ------------------------------------------------------------------------


@dataclass
class Stage:
    """A house whose model plays scripts of one test."""

    house: TalkingHouse
    models: ScriptedModels

    @property
    def workspace(self) -> Path:
        path = self.house.folder / "workspace"
        path.mkdir(exist_ok=True)
        return path

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return self.models.exchanges

    def told(self, script: str = "story", **changed: object) -> Assignment:
        _, assignment = self.house.play(Play.EDIT)
        return replace(assignment, prompt=f"Do it. [[script:{script}]]", **changed)

    async def play(self, assignment: Assignment, answer: str = "") -> list[AgentEvent]:
        """Questions are answered by the profile's rules, and what they leave open by `answer`."""
        events: list[AgentEvent] = []
        place = place_in(self.house, assignment.models)
        async with (
            self.house.agent.start(assignment, place) as turn,
            asyncio.timeout(PATIENCE_SECONDS),
        ):
            async for event in turn.events():
                events.append(event)
                if isinstance(event, Wanted):
                    rule = rule_for(assignment.profile, assignment.box, event)
                    await turn.answer(event.id, rule or answer)
        return events


@asynccontextmanager
async def stage(
    folder: Path, short: Path, scripts: Mapping[str, tuple[Step, ...]], model: str = "scripted"
) -> AsyncIterator[Stage]:
    profile = AgentProfile("default", "codex", model=model)
    sandbox = BubblewrapSandbox(ProxyDoor())
    async with ScriptedModels(scripts) as models:
        port = int(models.url.rpartition(":")[2])
        async with door_to(models, short, port) as door:
            yield Stage(TalkingHouse(folder, sandbox, CodexAgent(), profile, door), models)


def patch(*files: str) -> str:
    added = "".join(f"*** Add File: {name}\n+x\n" for name in files)
    return f"*** Begin Patch\n{added}*** End Patch\n"


def shell_patch(*files: str) -> Step:
    return Step(do=(Shell(f"apply_patch <<'EOF'\n{patch(*files)}EOF\n"),))


def plant(workspace: Path) -> None:
    """Everything in a repository that could make Codex start a program, and words for it."""
    leave = "touch /workspace/planted-{}"
    events = ("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop")
    hooks = {
        event: [{"hooks": [{"type": "command", "command": leave.format(event)}]}]
        for event in events
    }
    (workspace / ".codex").mkdir()
    (workspace / ".codex" / "hooks.json").write_text(json.dumps({"hooks": hooks}))
    (workspace / ".codex" / "config.toml").write_text(
        f"""
        notify = ["sh", "-c", "{leave.format("notify")}"]
        [mcp_servers.planted]
        command = "sh"
        args = ["-c", "{leave.format("mcp")}; sleep 5"]
        [[hooks.SessionStart]]
        [[hooks.SessionStart.hooks]]
        type = "command"
        command = "{leave.format("toml-hook")}"
        """
    )
    (workspace / "AGENTS.md").write_text("Words of the repository.")


async def test_what_a_repository_brings_is_read_and_never_run(tmp_path: Path, short_path: Path):
    story = {"story": (Step(do=(Shell("echo x > begun.txt"),)), DONE)}
    async with stage(tmp_path, short_path, story) as on:
        plant(on.workspace)
        events = await on.play(on.told())
        assert end_of(events).summary == "Done."
        assert (on.workspace / "begun.txt").exists()
        assert not list(on.workspace.glob("planted-*"))
    assert "Words of the repository." in remembered(tmp_path)


async def test_its_tokens_are_those_of_this_attempt(tmp_path: Path, short_path: Path):
    tokens = Tokens(input=700, cached=300, output=50, reasoning=10)
    story = {"story": (Step(do=(Shell("true"),), tokens=tokens), Step(say="Done.", tokens=tokens))}
    async with stage(tmp_path, short_path, story) as on:
        first = await on.play(on.told())
        second = await on.play(on.told(session=end_of(first).session, answer="And now?"))
        calls = sum(each.script == "story" for each in on.exchanges)
    assert calls == 3
    assert spent(first) == Used(1400, 100, 600)
    assert spent(second) == Used(700, 50, 300)


async def test_a_refusal_reaches_the_model_with_its_reason(tmp_path: Path, short_path: Path):
    story = {"story": (Step(do=(Shell("echo x > begun.txt"),)), DONE)}
    async with stage(tmp_path, short_path, story) as on:
        profile = replace(on.house.profile, allow=())
        events = await on.play(on.told(profile=profile), "deny: nothing is written today")
        assert end_of(events).summary == "Done."
        assert not (on.workspace / "begun.txt").exists()
    assert "nothing is written today" in remembered(tmp_path)


async def test_one_denied_file_denies_its_whole_patch(tmp_path: Path, short_path: Path):
    story = {"story": (shell_patch("a.txt", ".env"), shell_patch("b.txt", "c.txt"), DONE)}
    async with stage(tmp_path, short_path, story) as on:
        profile = replace(on.house.profile, deny=("Edit(.env*)",))
        events = await on.play(on.told(profile=profile))
        assert sorted(path.name for path in on.workspace.iterdir()) == ["b.txt", "c.txt"]
    asked = [event.detail for event in events if isinstance(event, Wanted)]
    assert asked == [".env", "b.txt"]
    assert [event for event in events if isinstance(event, Touched)] == [
        Touched("b.txt"),
        Touched("c.txt"),
    ]


async def test_a_patch_of_a_model_that_has_the_tool(tmp_path: Path, short_path: Path):
    story = {"story": (Step(do=(Call("apply_patch", patch("a.txt")),)), DONE)}
    async with stage(tmp_path, short_path, story, "gpt-5.5") as on:
        events = await on.play(on.told())
        assert (on.workspace / "a.txt").read_text() == "x\n"
    assert Touched("a.txt") in events


async def test_a_read_only_one_may_leave_its_answer(tmp_path: Path, short_path: Path):
    steps = (
        Step(do=(Shell("ls; cat AGENTS.md"),)),
        shell_patch("begun.txt"),
        shell_patch("/outbox/plan.yaml"),
        DONE,
    )
    async with stage(tmp_path, short_path, {"story": steps}) as on:
        plant(on.workspace)
        events = await on.play(on.told(read_only=True))
        assert not (on.workspace / "begun.txt").exists()
        returned = [each.returned for each in on.exchanges]
    assert (tmp_path / "outbox" / "plan.yaml").read_text() == "x\n"
    assert any("Words of the repository." in said for said in returned)
    assert not [event for event in events if isinstance(event, Wanted)]


async def test_it_asks_a_person_and_hears_the_answer(tmp_path: Path, short_path: Path):
    options = [{"label": name, "description": name} for name in ("red", "blue")]
    question = {"id": "q", "header": "Colour", "question": "Which one?", "options": options}
    ask = Step(do=(Call("request_user_input", {"questions": [question]}),))
    async with stage(tmp_path, short_path, {"story": (ask, DONE)}) as on:
        events = await on.play(on.told(), "blue")
        returned = [each.returned for each in on.exchanges]
    (wanted,) = (event for event in events if isinstance(event, Wanted))
    assert (wanted.question, wanted.tool, wanted.options) == ("Which one?", "", ("red", "blue"))
    assert any("blue" in said for said in returned)


async def test_a_refused_request_is_its_own_failure(tmp_path: Path, short_path: Path):
    refused = Step(say="never", faults=(Fault(Refuse(400), times=None),))
    async with stage(tmp_path, short_path, {"story": (refused,)}) as on:
        end = end_of(await on.play(on.told()))
    assert end.failed.startswith("the model refused the request: ")
    assert "{" not in end.failed


async def test_a_conversation_that_is_gone_begins_anew(tmp_path: Path, short_path: Path):
    gone = "01a1fef9-5191-71e0-ba18-1570794126fc"
    async with stage(tmp_path, short_path, MODEL_PLAYS) as on:
        events = await on.play(on.told(Play.EDIT, session=gone, answer="Yes."))
        assert (on.workspace / "begun.txt").exists()
    assert "begins anew" in next(event.text for event in events if isinstance(event, Said))
    assert end_of(events).session not in {"", gone}


async def test_its_secret_is_all_it_has_and_its_tools_do_not_show_it(
    tmp_path: Path, short_path: Path
):
    story = {"story": (Step(do=(Shell("env"),)), DONE)}
    async with stage(tmp_path, short_path, story) as on:
        await on.play(on.told())
        assert {each.key for each in on.exchanges} == {on.house.door.secret}
        assert not any(on.house.door.secret in each.returned for each in on.exchanges)
        assert any("INTERLOCK_MARK" in each.returned for each in on.exchanges)


async def test_it_asks_for_no_other_host(tmp_path: Path, short_path: Path):
    """A way out leads to its model alone, so that whatever else it asks for is noted."""
    async with stage(tmp_path, short_path, MODEL_PLAYS) as on:
        assignment = on.told(Play.EDIT)
        place = place_in(on.house, assignment.models)
        network = (f"127.0.0.1:{on.house.door.port}",)
        place._order = replace(place._order, network=network)
        async with on.house.agent.start(assignment, place) as turn:
            events = [event async for event in turn.events()]
            ended = await turn.box.wait()
    assert end_of(events).summary == "Done."
    assert ended.denied == ()


def spent(events: list[AgentEvent]) -> Used:
    used = [event for event in events if isinstance(event, Used)]
    return Used(
        sum(each.input_tokens for each in used),
        sum(each.output_tokens for each in used),
        sum(each.cached_tokens for each in used),
    )


def remembered(folder: Path) -> str:
    """What it has written down of its conversations."""
    logs = (folder / "home" / ".codex" / "sessions").rglob("*.jsonl")
    return "".join(log.read_text() for log in logs)
