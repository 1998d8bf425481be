"""Starts what the profile's `run` says, and keeps the conversation with it.

[agents.qwen]
backend = "acp"
run = ["qwen", "--acp", "--auth-type", "openai"]
provider = "openai"
variables = {OPENAI_BASE_URL = "{model.url}", OPENAI_API_KEY = "{model.key}"}
"""

import asyncio
import importlib
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from interlock.workers.agents.ports import AgentRefused, Assignment, Place, Turn
from interlock.workers.agents.variables import variables_of, words_of

INSTALL: Final = "pip install 'interlock[acp]'"

_PARTS_OF_THE_SDK: Final = frozenset({"acp", "pydantic"})


class AcpAgent:
    """Any program that speaks the Agent Client Protocol on its standard input and output."""

    simulated = False

    @asynccontextmanager
    async def start(self, assignment: Assignment, place: Place) -> AsyncIterator[Turn]:
        profile = assignment.profile
        if not profile.run or not profile.run[0]:
            raise AgentRefused(
                f"the agent profile {profile.name!r} names no program: "
                f'set run = ["..."] under [agents.{profile.name}]'
            )
        argv = words_of(profile, assignment.models)
        variables = variables_of(profile, assignment.models)
        await asyncio.to_thread(_load_the_sdk)
        # Only now: everything behind this needs the SDK.
        from interlock.adapters.acp.turn import AcpTurn, workspace_in

        cwd = await workspace_in(place, assignment.box)
        box = await place.start(argv, variables, programs=_programs((*argv, *variables.values())))
        try:
            yield AcpTurn(box, assignment, cwd, place)
        finally:
            await box.kill()


def _load_the_sdk() -> None:
    """It takes half a second, so only those wait who use it."""
    try:
        importlib.import_module("acp.schema")
    except ModuleNotFoundError as error:
        if error.name not in _PARTS_OF_THE_SDK:
            raise
        raise AgentRefused(
            f"agents of the Agent Client Protocol need its SDK, which is not installed: {INSTALL}"
        ) from error


def _programs(words: Iterable[str]) -> tuple[str, ...]:
    """What it may start in its turn: whatever its profile names by a path and can be run here."""
    paths = [word for word in words if word.startswith("/")]
    return tuple(path for path in paths if Path(path).is_file() and os.access(path, os.X_OK))
