"""Where Codex lies on this machine, and which one it is."""

from typing import Final

from interlock.workers.agents.clients import Client

CODEX: Final = Client(
    title="Codex",
    program="codex",
    install="npm install -g @openai/codex, or pip install openai-codex-cli-bin",
    bundle="codex_cli_bin",
    inside="bin/codex",
)
