"""Where Claude Code lies on this machine, and which one it is."""

from typing import Final

from interlock.workers.agents.clients import Client

CLAUDE: Final = Client(
    title="Claude Code",
    program="claude",
    install="npm install -g @anthropic-ai/claude-code, or pip install claude-agent-sdk",
    bundle="claude_agent_sdk",
    inside="_bundled/claude",
)
