"""How a session is opened: a new one or an earlier one, and the mode in which the agent works."""

from collections.abc import Mapping
from typing import Final

from acp.schema import (
    LoadSessionRequest,
    NewSessionRequest,
    ResumeSessionRequest,
    SessionModeState,
)

ASKING_MODES: Final = ("default",)
READING_MODES: Final = ("read-only", "default")
"""Names of modes in which agents ask before they change anything, the most careful first."""

ONLY_ITS_HOME: Final[Mapping[str, object]] = {
    "claudeCode": {"options": {"settingSources": ["user"], "strictMcpConfig": True}}
}
"""Told with every session: hooks, settings and tools that the repository brings are not for us.

Agents that do not know it leave it alone, as the protocol says.
"""


def new_session(cwd: str) -> NewSessionRequest:
    return NewSessionRequest(cwd=cwd, mcp_servers=[], field_meta=dict(ONLY_ITS_HOME))


def resumed_session(session: str, cwd: str) -> ResumeSessionRequest:
    return ResumeSessionRequest(
        session_id=session, cwd=cwd, mcp_servers=[], field_meta=dict(ONLY_ITS_HOME)
    )


def loaded_session(session: str, cwd: str) -> LoadSessionRequest:
    """Its whole history is told again before it is answered."""
    return LoadSessionRequest(
        session_id=session, cwd=cwd, mcp_servers=[], field_meta=dict(ONLY_ITS_HOME)
    )


def mode_to_take(modes: SessionModeState | None, *, read_only: bool) -> str | None:
    """One in which it asks; what the settings allow is answered at once. None: it may stay."""
    if modes is None:
        return None
    there = {mode.id for mode in modes.available_modes}
    wanted = READING_MODES if read_only else ASKING_MODES
    mode = next((name for name in wanted if name in there), None)
    return None if mode == modes.current_mode_id else mode
