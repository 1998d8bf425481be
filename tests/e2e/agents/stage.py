"""A repository, a scripted model behind the gateway, and the real clients in real boxes.

The key that the provider wants is in the environment of `interlock run` and nowhere else; what the
boxes hold instead opens the gateway's door for one attempt.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from interlock.domain.settings import AgentProfile
from interlock.testing.models import ScriptedModels, Step, Tokens
from tests.e2e.run_stage import Place, Running, Said, place

KEY: Final = "sk-the-real-one-4711"
"""What no box may ever hold."""

PRICES: Final = {"input": 2.0, "cached": 0.5, "cache_write": 4.0, "output": 10.0}
MODELS: Final = {"claude": "claude-opus-4-5", "codex": "scripted"}

SETTINGS: Final = """
[project]
target = "main"
[limits]
workers = 4
{limits}
[sandbox]
read = ["{signals}"]
[agents.default]
backend = "command"
run = ["true"]
{agents}
[models.anthropic]
base_url = "{url}"
key_env = "PROVIDER_KEY"
[models.openai]
base_url = "{url}/v1"
key_env = "PROVIDER_KEY"
[prices."claude-opus-4-5"]
{prices}
[prices.scripted]
{prices}
[gates.tests]
run = "sh check.sh"
reads = "exit-code"
"""


@dataclass(frozen=True)
class Studio:
    """One repository of one person, and the model that answers there."""

    place: Place
    models: ScriptedModels

    def begin(self, *words: str | Path) -> Running:
        return self.place.begin(*map(str, words), PROVIDER_KEY=KEY)

    async def end(self, running: Running) -> Said:
        """The server answers meanwhile: it lives in this process."""
        return await asyncio.to_thread(running.end)

    async def interlock(self, *words: str | Path) -> Said:
        return await self.end(self.begin(*words))

    async def run(self, *tasks: Mapping[str, object], **more: object) -> Said:
        return await self.interlock("run", "--json", self.place.plan(*tasks, **more))

    async def clean(self) -> None:
        await asyncio.to_thread(self.place.demand_clean)

    def waits(self) -> dict[str, object]:
        """The one thing that waits for a person."""
        (item,) = self.place.interlock("review", "list", "--json").document["items"]
        return item


@asynccontextmanager
async def studio(
    folder: Path,
    scripts: Mapping[str, tuple[Step, ...]],
    agents: str,
    *,
    limits: str = "",
) -> AsyncIterator[Studio]:
    async with ScriptedModels(scripts, key=KEY) as models:
        with place(folder) as stage:
            prices = "\n".join(f"{name} = {price}" for name, price in PRICES.items())
            text = SETTINGS.format(
                url=models.url, signals=stage.signals, agents=agents, prices=prices, limits=limits
            )
            stage.commit({"interlock.toml": text}, "Settings")
            yield Studio(stage, models)


def profile(backend: str, more: str = "") -> str:
    return f'[agents.{backend}]\nbackend = "{backend}"\nmodel = "{MODELS[backend]}"\n{more}\n'


def table_of(name: str, agent: AgentProfile) -> str:
    """A profile as it stands in the file."""
    variables = ", ".join(f"{key} = {json.dumps(value)}" for key, value in agent.variables)
    lines = (
        f"[agents.{name}]",
        f'backend = "{agent.backend}"',
        f"run = {json.dumps(agent.run)}",
        f'model = "{agent.model}"',
        f'provider = "{agent.provider}"',
        f"variables = {{{variables}}}",
    )
    return "\n".join(lines) + "\n"


def task(name: str, agent: str, script: str = "", **more: object) -> dict[str, object]:
    prompt = f"Do what is to be done. [[script:{script or name}]]"
    return {"id": name, "title": f"Do {name}", "prompt": prompt, "agent": agent, **more}


def costs(tokens: Tokens) -> float:
    counted = (
        tokens.input * PRICES["input"]
        + tokens.cached * PRICES["cached"]
        + tokens.cache_write * PRICES["cache_write"]
        + tokens.output * PRICES["output"]
    )
    return counted / 1_000_000


def told_of(usage: Mapping[str, int]) -> Tokens:
    """The usage of record in the words of the server."""
    return Tokens(
        usage["input_tokens"],
        usage["cached_tokens"],
        usage["cache_write_tokens"],
        usage["output_tokens"],
        usage["reasoning_tokens"],
    )
