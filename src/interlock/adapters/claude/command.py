"""How Claude Code is started: which words, which variables, and why.

Nothing but these words and variables rules it. What the repository brings of its own (hooks,
settings, servers of tools) is left alone, and so is what an attempt before left in the home of the
task: it could have been allowed more.
"""

import re
from typing import Final

from interlock.domain.settings import AgentProfile
from interlock.workers.agents.ports import Assignment
from interlock.workers.agents.variables import variables_of

PROVIDER: Final = "anthropic"
RESUMED: Final = "interlock.resumed"
"""The type of the one document that the launcher says, and only where there is a conversation."""

LAUNCH: Final = f"""
session=$1; shift
for said in "$HOME"/.claude/projects/*/"$session".jsonl; do
  [ -s "$said" ] || continue
  echo '{{"type":"{RESUMED}"}}'
  exec "$@" --resume "$session"
done
exec "$@" --session-id "$session"
"""
"""Claude Code writes its conversation down some moments later, and one that was killed before that
cannot be resumed: it begins anew under the same name, and we must know which of both it is."""

_STREAMS: Final = (
    "-p",
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    "--verbose",
)
_NO_SETTINGS: Final = ("--setting-sources", "", "--strict-mcp-config")
_ASKS_US: Final = ("--permission-prompt-tool", "stdio")

_NOT_HERE: Final = (
    "EnterPlanMode",
    "ExitPlanMode",
    "EnterWorktree",
    "ExitWorktree",
    "ScheduleWakeup",
    "CronCreate",
    "SendMessage",
    "ListAgents",
)
"""They wait for somebody at a terminal, leave the workspace, or outlive the turn."""

_READING: Final = "Read,Grep,Glob,Bash,Write,AskUserQuestion"
"""Bash as well: it lets what only reads pass by itself and asks for the rest, which is refused; an
answer may be written to the outbox."""

_SESSION: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_QUIET: Final = {
    "IS_SANDBOX": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_CRON": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
}
"""It may be root in its box, asks no other host, and has nothing left to do after its last word."""


def is_session(text: str) -> bool:
    """Anything else, from another kind of agent maybe, is no conversation of this one."""
    return _SESSION.fullmatch(text) is not None


def arguments_of(assignment: Assignment) -> tuple[str, ...]:
    profile = assignment.profile
    model = ("--model", profile.model) if profile.model else ()
    return (*_STREAMS, *_NO_SETTINGS, *_ASKS_US, *model, *_permissions(assignment))


def environment_of(assignment: Assignment) -> dict[str, str]:
    """Its whole access to models is the door of this attempt, or a log-in of its own."""
    profile, models = assignment.profile, assignment.models
    door = {}
    if models is not None:
        door["ANTHROPIC_BASE_URL"] = models.url(profile.provider or PROVIDER)
        door["ANTHROPIC_API_KEY"] = models.secret
    return {**_QUIET, **door, **variables_of(profile, models, PROVIDER)}


def asks(profile: AgentProfile, box: str) -> bool:
    """Whether somebody has to look at what it does; a box that holds is a limit by itself."""
    return profile.allow is not None or bool(profile.deny) or box == "none"


def _permissions(assignment: Assignment) -> tuple[str, ...]:
    profile = assignment.profile
    refused = ("--disallowedTools", *_NOT_HERE, *profile.deny)
    if assignment.read_only:
        return ("--tools", _READING, "--permission-mode", "default", *refused)
    mode = "default" if asks(profile, assignment.box) else "bypassPermissions"
    return ("--permission-mode", mode, *refused)
