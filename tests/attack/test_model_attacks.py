"""What a hostile program tries at the door to its models, and with a log-in that was lent to it.

Its aim is to spend more than it may, to learn the real key, or to leave something behind that
rules whoever comes next. The provider here says what a test wants, and counts what reaches it.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interlock.adapters.memory.ledger import MemoryLedger
from interlock.adapters.modelgateway.gateway import LoopbackModels
from interlock.adapters.system.clock import SystemClock
from interlock.domain.ids import RunId, TaskId
from interlock.domain.settings import AgentProfile, Limits, ModelUpstream, Settings
from interlock.sandbox.ports import HOME
from interlock.testing.models import Shell, Step
from interlock.workers.logins import Lender, lent
from interlock.workers.models.ports import Caps, Charge, Meter, caps_of
from tests.conformance.model_peers import (
    Asked,
    Client,
    Provider,
    Script,
    ask,
    provider,
    saying,
)
from tests.e2e.agents.stage import profile, studio, task

pytestmark = pytest.mark.loopback

KEY = "sk-the-real-one"
PATIENCE_SECONDS = 3.0
"""Only so that a test ends that would not; nothing here measures time."""

CHARGE = Charge(RunId("run"), TaskId("task"), 1, "lease")
USUAL = caps_of(Limits(), ())
MUCH = 100_000
DEAR = {"model": "gpt-6-astra", "input": "x", "max_output_tokens": MUCH}
"""Five dollars come back for each of these: as much as a task may cost."""


@asynccontextmanager
async def door(
    folder: Path, script: Script, caps: Caps = USUAL
) -> AsyncIterator[tuple[Meter, Provider]]:
    async with provider(script) as upstream:
        models = (
            ModelUpstream("anthropic", upstream.url, "SOME_KEY"),
            ModelUpstream("openai", f"{upstream.url}/v1", "SOME_KEY"),
        )
        ledger = MemoryLedger(SystemClock())
        gateway = LoopbackModels({"SOME_KEY": KEY}, ledger, SystemClock(), folder / "doors", 2.0)
        async with gateway.opened(CHARGE, Settings(models=models), caps) as meter:
            yield meter, upstream


def used(sent: int, came: int, **more: object) -> Script:
    usage = {"input_tokens": sent, "output_tokens": came, **more}
    return saying(json.dumps({"usage": usage}).encode())


def chatted(sent: int, came: int) -> Script:
    usage = {"prompt_tokens": sent, "completion_tokens": came}
    return saying(json.dumps({"usage": usage}).encode())


async def echo(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """A provider in front of which somebody debugs: it repeats what it was sent."""
    shown = json.dumps({"error": {"message": json.dumps(asked.headers)}}).encode()
    key = asked.headers.get("x-api-key", "") or asked.headers.get("authorization", "")
    head = f"HTTP/1.1 400 Bad\r\nX-Seen: {key}\r\nContent-Length: {len(shown)}\r\n\r\n"
    writer.write(head.encode() + shown)


# --- money ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "evasion",
    [
        {"service_tier": "priority"},
        {"service_tier": "nonsense"},
        {"model": "a-model-that-nobody-has-priced"},
        {"model": "gpt-6-astra-2026-11-20-preview"},
    ],
    ids=["tier", "nonsense-tier", "unknown", "respelled"],
)
async def test_no_name_takes_a_request_past_the_caps_on_money(
    short_path: Path, evasion: dict[str, str]
):
    async with door(short_path, used(1_000, MUCH)) as (meter, upstream):
        for _ in range(5):
            await ask(meter.access, "responses", {**DEAR, **evasion})
        assert len(upstream.asked) <= 1


async def test_what_has_a_price_is_held_to_it(short_path: Path):
    """The control of the one above."""
    caps = Caps(cost_usd_per_task=6.0)
    async with door(short_path, used(1_000, MUCH), caps) as (meter, upstream):
        answers = [await ask(meter.access, "responses", DEAR) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 400, 400]
        assert len(upstream.asked) == 1


@pytest.mark.parametrize("count", [8, 8.0])
async def test_many_answers_at_once_are_many(short_path: Path, count: float):
    """JSON knows no whole numbers: 8.0 is 8 to whoever pays for it."""
    wish = {"model": "gpt-6-astra", "messages": [], "max_tokens": MUCH, "n": count}
    caps = Caps(cost_usd_per_task=6.0)
    async with door(short_path, chatted(1_000, 8 * MUCH), caps) as (meter, upstream):
        assert (await ask(meter.access, "chat", wish)).status == 400
        assert upstream.asked == []


@pytest.mark.parametrize(
    ("more", "tools"),
    [
        (
            {"iterations": [{"type": "advisor_message", "input_tokens": 900_000}]},
            [{"type": "advisor_20260301", "name": "advisor", "model": "claude-fable-5"}],
        ),
        (
            {"server_tool_use": {"web_search_requests": 1_000}},
            [{"type": "web_search_20250305", "name": "web_search"}],
        ),
    ],
    ids=["another-model-inside", "a-fee-per-search"],
)
async def test_tools_of_the_provider_do_not_spend_beside_the_book(
    short_path: Path, more: dict[str, object], tools: list[dict[str, str]]
):
    wish = {"model": "claude-haiku-5-5", "messages": [], "max_tokens": 100, "tools": tools}
    async with door(short_path, used(10, 10, **more)) as (meter, upstream):
        await ask(meter.access, "anthropic", wish)
        usage = meter.usage()
        dollar = (usage.cost_usd or 0.0) + usage.unknown_usd
        assert upstream.asked == [] or dollar > 1.0


async def test_another_model_than_the_one_named_is_not_paid_at_its_price(short_path: Path):
    usage = {"prompt_tokens": 100_000, "completion_tokens": MUCH}
    answer = saying(json.dumps({"model": "gpt-6-astra", "usage": usage}).encode())
    wish = {"model": "gpt-6-luna", "models": ["gpt-6-astra"], "messages": [], "max_tokens": MUCH}
    async with door(short_path, answer) as (meter, upstream):
        await ask(meter.access, "chat", wish)
        assert upstream.asked == [] or (meter.usage().cost_usd or 0.0) > 5.0


# --- the key --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_provider_that_repeats_the_key_does_not_get_it_into_the_box(
    short_path: Path, method: str
):
    async with door(short_path, echo) as (meter, upstream):
        client = await Client.to(meter.access.socket)
        shown = {"x-api-key": meter.access.secret}
        body = json.dumps({"model": "claude-opus-5", "max_tokens": 1}).encode()
        asked = (body,) if method == "POST" else ()
        path = "messages" if method == "POST" else "models"
        answer = await client.ask(method, f"/anthropic/v1/{path}", shown, *asked)
        client.close()
        assert upstream.asked[0].headers["x-api-key"] == KEY
        assert KEY not in str(answer.headers)
        assert KEY.encode() not in answer.body


async def test_nor_in_an_answer_that_nobody_counts(short_path: Path):
    shown = saying(json.dumps({"data": [{"id": f"yours is {KEY}"}]}).encode(), framing="chunks")
    async with door(short_path, shown) as (meter, _):
        client = await Client.to(meter.access.socket)
        answer = await client.ask("GET", "/openai/models", {"x-api-key": meter.access.secret})
        client.close()
        assert answer.status == 200
        assert KEY.encode() not in answer.body
        assert b"yours is ****" in answer.body


async def test_a_redirect_takes_the_key_nowhere(short_path: Path):
    async with provider(saying(b"{}")) as elsewhere:

        async def away(asked: Asked, writer: asyncio.StreamWriter) -> None:
            writer.write(f"HTTP/1.1 307 Go\r\nLocation: {elsewhere.url}/x\r\n".encode())
            writer.write(b"Content-Length: 0\r\n\r\n")

        async with door(short_path, away) as (meter, _):
            wish = {"model": "claude-opus-5", "messages": [], "max_tokens": 10}
            answer = await ask(meter.access, "anthropic", wish)
            assert answer.status == 307
            assert meter.usage().unknown_tokens > 0
        assert elsewhere.asked == []


async def test_no_word_of_a_request_commands_a_terminal(short_path: Path):
    async with door(short_path, used(1, 1)) as (meter, _):
        await ask(meter.access, "responses", {**DEAR, "model": "\x1b[2Jevil\x07"})
        assert "".join(meter.troubles()).isprintable()


# --- what is left in the home of a task -----------------------------------------------------------


def adds(path: str, text: str) -> Step:
    """By the tool that Codex has for it, which a rule may allow where it allows no command."""
    lines = "".join(f"+{line}\n" for line in text.splitlines())
    patch = f"*** Begin Patch\n*** Add File: {path}\n{lines}*** End Patch"
    return Step(do=(Shell(f"apply_patch <<'EOF'\n{patch}\nEOF"),))


OWN_SETTINGS = """notify = ["sh", "-c", "touch /workspace/NOTIFIED"]
[mcp_servers.own]
command = "sh"
args = ["-c", "touch /workspace/SERVED; sleep 1"]
"""
OWN_RULES = 'prefix_rule(pattern = ["touch"], decision = "allow")\n'


@pytest.mark.timeout(120)
async def test_no_attempt_gives_the_next_one_rights_that_nobody_gave_it(tmp_path: Path):
    """Its profile allows no command; its edits reach the settings of its own client, by a rule."""
    home = f"{HOME}/.codex"
    steps = (
        adds(f"{home}/config.toml", OWN_SETTINGS),
        adds(f"{home}/rules/default.rules", OWN_RULES),
        adds("red.txt", "x"),
        Step(do=(Shell("touch COMMANDED"),)),
        Step("Done."),
    )
    allow = f'["Edit", "Edit({HOME}/*)"]'
    agents = profile("codex", f'allow = {allow}\ndeny = ["Bash"]')
    limits = "max_attempts = 2"
    async with studio(tmp_path / "e", {"own": steps}, agents, limits=limits) as shop:
        shop.place.commit({"check.sh": "test ! -e red.txt"}, "Red when it is there")
        said = await shop.run(task("own", "codex"))

        assert said.task("own")["attempts"] == 2, said.err
        refs = shop.place.git("for-each-ref", "--format=%(refname)", "refs/interlock/changes")
        found = {
            name
            for ref in refs.split()
            for name in shop.place.git("ls-tree", "--name-only", ref).split()
        }
        assert "red.txt" in found
        assert found.isdisjoint({"NOTIFIED", "SERVED", "COMMANDED"})


# --- a log-in -------------------------------------------------------------------------------------

LOGIN = {
    "claudeAiOauth": {
        "accessToken": "hers",
        "refreshToken": "hers",
        "expiresAt": 4_000_000_000_000,
        "scopes": ["x"],
    }
}
Left = Callable[[Path], None]


def a_pipe(copy: Path) -> None:
    copy.unlink()
    os.mkfifo(copy)


def a_huge_number(copy: Path) -> None:
    document = json.loads(copy.read_text())
    document["claudeAiOauth"]["expiresAt"] = 10**400
    copy.write_text(json.dumps(document))


def a_folder(copy: Path) -> None:
    copy.unlink()
    copy.mkdir()


def a_folder_beside(copy: Path) -> None:
    copy.with_name(f"{copy.name}.new").mkdir()


def no_folder(copy: Path) -> None:
    shutil.rmtree(copy.parent)
    copy.parent.write_text("x")


def a_link_out(copy: Path) -> None:
    shutil.rmtree(copy.parent)
    copy.parent.symlink_to("/")


@pytest.mark.parametrize(
    "left",
    [a_pipe, a_huge_number, a_folder, a_folder_beside, no_folder, a_link_out],
)
async def test_whatever_a_box_leaves_there_the_log_in_is_lent_again(tmp_path: Path, left: Left):
    person, home = tmp_path / "person", tmp_path / "home"
    source = person / ".claude" / ".credentials.json"
    source.parent.mkdir(parents=True)
    source.write_text(json.dumps(LOGIN))
    home.mkdir()
    copy = home / ".claude" / ".credentials.json"
    lender = Lender(person, tmp_path / "locks", SystemClock())
    signed_in = AgentProfile(name="p", backend="claude", auth="login")

    async with asyncio.TaskGroup() as tasks:
        async with lent(signed_in, lender, home):
            left(copy)
            released = tasks.create_task(let_go_of(copy))
        released.cancel()
    assert released.cancelled(), "whoever took the log-in back was held up by what lay there"
    async with lent(signed_in, lender, home):
        assert json.loads(copy.read_text()) == LOGIN
    assert json.loads(source.read_text()) == LOGIN


async def let_go_of(copy: Path) -> None:
    """A thread that waits at a pipe is let go after a while, so that a broken test ends."""
    await SystemClock().sleep(PATIENCE_SECONDS)
    if copy.is_fifo():
        os.close(os.open(copy, os.O_RDWR | os.O_NONBLOCK))
