"""The real clients, started as a person would: with a home of their own and nobody's settings."""

import asyncio
import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from interlock.testing.models import ScriptedModels

KEY = "sk-real-client"


class Run(msgspec.Struct, frozen=True):
    """How a client ended, and the JSON documents that it said."""

    code: int | None
    said: list[dict[str, object]]
    errors: str


def bundled(package: str, *path: str) -> str:
    """The program inside a Python package; nothing of the package is imported."""
    found = importlib.util.find_spec(package)
    assert found is not None, f"pip install {package.replace('_', '-')}"
    assert found.origin is not None
    return str(Path(found.origin).with_name(path[0]).joinpath(*path[1:]))


async def claude(models: ScriptedModels, folder: Path, prompt: str, *words: str) -> Run:
    options = ("--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions")
    command = (bundled("claude_agent_sdk", "_bundled", "claude"), "-p", prompt, *options)
    env = {
        "IS_SANDBOX": "1",
        "ANTHROPIC_BASE_URL": models.url,
        "ANTHROPIC_API_KEY": KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    return await _run((*command, "--setting-sources", "user", *words), folder, env)


async def codex(models: ScriptedModels, folder: Path, prompt: str, *words: str) -> Run:
    settings = {
        "model": '"scripted"',
        "model_provider": '"loop"',
        "model_providers.loop.name": '"loop"',
        "model_providers.loop.base_url": f'"{models.url}/v1"',
        "model_providers.loop.wire_api": '"responses"',
        "model_providers.loop.env_key": '"LOOP_KEY"',
        "check_for_update_on_startup": "false",
        "analytics.enabled": "false",
        "features.apps": "false",
        "features.plugins": "false",
        "features.remote_plugin": "false",
    }
    flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = (bundled("codex_cli_bin", "bin", "codex"), "exec", *words, "--json", *flags)
    words = ("--dangerously-bypass-approvals-and-sandbox", "--skip-git-repo-check", prompt)
    return await _run((*command, *words), folder, {"LOOP_KEY": KEY})


async def _run(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Run:
    home = folder.with_name("home")
    home.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = [line for line in said.splitlines() if line.startswith(b"{")]
    return Run(process.returncode, [msgspec.json.decode(line) for line in lines], errors.decode())
