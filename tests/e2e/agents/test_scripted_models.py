"""Real clients believe the scripted model: they edit files, try again, and go on with a session."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interlock.testing.models import (
    Drop,
    Edit,
    Fault,
    Refuse,
    ScriptedModels,
    Shell,
    Silent,
    Step,
    Tokens,
    Write,
)
from tests.e2e.agents.clients import KEY, Run, claude, codex

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(120)]

Client = Callable[..., Awaitable[Run]]

FIRST = Tokens(input=1200, cached=800, cache_write=30, output=60, reasoning=10)
MENDS = (
    Step("I look first.", (Shell("cat app.py"),), FIRST),
    Step(do=(Edit("app.py", "a - b", "a + b"),)),
    Step(do=(Shell("echo one > one.txt"), Shell("echo two > two.txt"))),
    Step(do=(Write("docs/new.md", "It's new.\n"),)),
    Step("All mended."),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    (made / "app.py").write_text("def add(a, b):\n    return a - b\n")
    return made


def mended(folder: Path) -> bool:
    assert (folder / "one.txt").read_text() + (folder / "two.txt").read_text() == "one\ntwo\n"
    assert (folder / "docs" / "new.md").read_text() == "It's new.\n"
    return (folder / "app.py").read_text() == "def add(a, b):\n    return a + b\n"


def last(run: Run, kind: str) -> dict[str, object]:
    return [each for each in run.said if each.get("type") == kind][-1]


async def test_claude_code_edits_and_counts_what_it_was_told(folder: Path):
    async with ScriptedModels({"mend": MENDS}, key=KEY) as models:
        run = await claude(models, folder, "Mend add. [[script:mend]]")
        assert run.code == 0, run.errors
        assert mended(folder)
        result = last(run, "result")
        assert (result["result"], result["is_error"]) == ("All mended.", False)
        told, usage = models.told(), result["usage"]
        assert isinstance(usage, dict)
        assert told == Tokens(input=5200, cached=800, cache_write=30, output=260)
        assert told == Tokens(
            usage["input_tokens"],
            usage["cache_read_input_tokens"],
            usage["cache_creation_input_tokens"],
            usage["output_tokens"],
        )
        steps = [each for each in models.exchanges if each.script]
        assert [each.step for each in steps] == [0, 1, 2, 3, 4]
        assert [each.tools for each in steps] == [
            ("Bash",), ("Edit",), ("Bash", "Bash"), ("Write",), ()
        ]  # fmt: skip
        assert "return a - b" in steps[1].returned
        assert {(each.key, each.key_header) for each in steps} == {(KEY, "x-api-key")}


async def test_codex_edits_and_counts_what_it_was_told(folder: Path):
    async with ScriptedModels({"mend": MENDS}, key=KEY) as models:
        run = await codex(models, folder, "Mend add. [[script:mend]]")
        assert run.code == 0, run.errors
        assert mended(folder)
        told = models.told()
        assert told == Tokens(input=5200, cached=800, cache_write=30, output=260, reasoning=10)
        assert last(run, "turn.completed")["usage"] == {
            "input_tokens": told.all_input,
            "cached_input_tokens": told.cached,
            "cache_write_input_tokens": told.cache_write,
            "output_tokens": told.output,
            "reasoning_output_tokens": told.reasoning,
        }
        steps = [each for each in models.exchanges if each.script]
        assert [each.step for each in steps] == [0, 1, 2, 3, 4]
        assert {(each.key, each.key_header) for each in steps} == {(KEY, "authorization")}


FAULTS = (Fault(Refuse(429, retry_after=0)), Fault(Drop(2)))


@pytest.mark.parametrize("client", [claude, codex])
async def test_a_client_gets_over_a_refusal_and_a_cut_stream(folder: Path, client: Client):
    scripts = {"mend": (Step(do=(Write("new.txt", "x"),), faults=FAULTS), Step("Done."))}
    async with ScriptedModels(scripts) as models:
        run = await client(models, folder, "[[script:mend]]")
        assert run.code == 0, run.errors
        assert (folder / "new.txt").read_text() == "x"
        met = [(each.step, each.trouble) for each in models.exchanges if each.script]
        assert met == [(0, "refuse"), (0, "drop"), (0, ""), (1, "")]


@pytest.mark.parametrize("client", [claude, codex])
async def test_a_session_that_was_killed_goes_on_with_its_next_step(folder: Path, client: Client):
    """The second step is never answered; whoever resumes gets it, with another prompt."""
    second = Step(do=(Write("two.txt", "2"),), faults=(Fault(Silent()),))
    scripts = {"two": (Step(do=(Write("one.txt", "1"),)), second, Step("Done."))}
    async with ScriptedModels(scripts) as models:
        session = await killed_at(models, client, folder)
        resume = {claude: ("--resume", session), codex: ("resume", session)}[client]
        run = await client(models, folder, "Go on.", *resume)
        assert run.code == 0, run.errors
        assert (folder / "two.txt").read_text() == "2"
        assert [each.step for each in models.exchanges if each.script] == [0, 1, 1, 2]


async def killed_at(models: ScriptedModels, client: Client, folder: Path) -> str:
    """Killed once it waits for the second step and has written the first one down."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(client(models, folder, "Do both. [[script:two]]"))
        await models.reached("two", 1)
        while (session := _written(folder.with_name("home"))) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        running.cancel()
    return session


def _written(home: Path) -> str | None:
    """The session whose conversation holds what the first tool returned."""
    for path in home.rglob("*.jsonl"):
        text = path.read_text()
        if '"tool_result"' in text or '"function_call_output"' in text:
            return path.stem[-36:]
    return None
