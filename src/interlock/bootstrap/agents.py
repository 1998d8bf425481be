"""Which adapter drives which backend, and what the client behind a profile says of itself."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from interlock.config import read_environment
from interlock.domain.settings import AgentProfile, Backend
from interlock.workers.agents.ports import AgentRefused
from interlock.workers.logins import login_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interlock.workers.agents.ports import Agent

CLIENTS: Final[frozenset[Backend]] = frozenset({"claude", "codex", "acp"})
"""Backends whose program is made by somebody else, and can be asked for its version."""


def agent_of(backend: Backend) -> Agent | None:
    """Only what it needs is imported; None: no program does this work."""
    path = read_environment().variables.get("PATH", os.defpath)
    match backend:
        case "claude":
            from interlock.adapters.claude.agent import ClaudeAgent

            return ClaudeAgent(path)
        case "codex":
            from interlock.adapters.codex.agent import CodexAgent

            return CodexAgent(path)
        case "acp":
            from interlock.adapters.acp.agent import AcpAgent

            return AcpAgent()
        case "command":
            from interlock.adapters.command.agent import CommandAgent

            return CommandAgent()
        case "scripted":
            from interlock.adapters.scripted.agent import ScriptedAgent

            return ScriptedAgent()
        case "human":
            return None


async def client_says(profile: AgentProfile, environment: Mapping[str, str]) -> str:
    """Its version in a few words; raises AgentRefused with the command that installs it."""
    path = environment.get("PATH", os.defpath)
    match profile.backend:
        case "claude":
            from interlock.adapters.claude.program import CLAUDE

            command = CLAUDE.locate(profile.run, path)
            return f"{await CLAUDE.version(command)} ({command[0]})"
        case "codex":
            from interlock.adapters.codex.program import CODEX

            command = CODEX.locate(profile.run, path)
            return f"{await CODEX.version(command)} ({command[0]})"
        case _:
            found = shutil.which(profile.run[0], path=path) if profile.run else None
            if found is None:
                named = profile.run[0] if profile.run else "a program"
                raise AgentRefused(
                    f"{named} is not on PATH: install it, or correct `run` in its profile"
                )
            if find_spec("acp") is None:
                raise AgentRefused(
                    "agents of the Agent Client Protocol need its SDK, which is not installed: "
                    "pip install 'interlock[acp]'"
                )
            return f"{found}, to be spoken to by the Agent Client Protocol"


def signed_in_at(profile: AgentProfile, environment: Mapping[str, str]) -> str:
    """Where the log-in of this profile lies; raises AgentRefused where there is none."""
    login = login_of(profile.backend)
    if login is None:
        raise AgentRefused(f'the backend {profile.backend!r} has no log-in: set auth = "key"')
    place = os.path.join(environment.get("HOME", ""), login.file)  # noqa: PTH118 - a word to show
    if not os.path.isfile(place):  # noqa: PTH113 - one look
        raise AgentRefused(f"nobody is signed in ({place}): run `{login.sign_in}`")
    return place
