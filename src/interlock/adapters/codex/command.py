"""How Codex is started: which words, which variables, and why.

It keeps its conversations in the home of the task, and nothing else: settings, rules, hooks and
skills in there were written by an attempt before, which could have been allowed more, and they
would go before ours or beside them. Of the settings that a repository brings it reads none: see
`THREAD`.
"""

import json
from typing import Final

from interlock.domain.settings import AgentProfile
from interlock.workers.agents.json_lines import Document
from interlock.workers.agents.ports import AgentRefused, Assignment
from interlock.workers.agents.variables import variables_of

PROVIDER: Final = "openai"
KEY: Final = "INTERLOCK_MODEL_KEY"

LAUNCH: Final = """
login=$1; shift
own="$HOME/.codex"
chmod u+rwx "$HOME" 2>/dev/null
if [ -L "$own" ] || [ ! -d "$own" ]; then rm -f "$own" || exit 1; fi
for left in "$own"/* "$own"/.[!.]* "$own"/..?* "$HOME/.agents"; do
  [ -e "$left" ] || [ -L "$left" ] || continue
  if [ ! -L "$left" ]; then
    case ${left##*/} in
      sessions) continue ;;
      auth.json) [ "$login" = login ] && continue ;;
    esac
    chmod -R u+rwx "$own" "$left"
  fi
  rm -rf "$left" || { echo "cannot remove $left, which an attempt before has left" >&2; exit 1; }
done
exec "$@"
"""
"""Removes what an attempt before left for this one, except for what was said, and a log-in that was
lent just now. What cannot be removed rules nobody: Codex is not started then."""

_HOMES: Final = frozenset({"CODEX_HOME", "HOME"})

_OURS: Final = "interlock"

_OFF: Final = (
    "apps",
    "goals",  # would begin turns of its own behind the last one
    "hooks",
    "multi_agent",  # one attempt is one agent; dividing the work is done outside
    "plugins",
    "remote_plugin",
    "skill_mcp_dependency_install",
)

_SWITCHES: Final[tuple[tuple[str, object], ...]] = (
    *((f"features.{name}", False) for name in _OFF),
    ("features.default_mode_request_user_input", True),  # it can ask a person
    ("suppress_unstable_features_warning", True),
    ("analytics.enabled", False),
    ("check_for_update_on_startup", False),
    ("skills.bundled.enabled", False),
    ("web_search", "disabled"),  # it would leave the box through its provider
    ("shell_environment_policy.exclude", [KEY]),
)

THREAD: Final[Document] = {"sandbox": "read-only"}
"""What a conversation begins under. Whoever begins one that may write is taken to trust its
folder: the settings in there would be read, and the programs that they name be run."""

TURN: Final[Document] = {
    "sandboxPolicy": {"type": "externalSandbox", "networkAccess": "enabled"},
}
"""What a turn then goes on under: our box is the sandbox, and no other one works inside of it."""


def arguments_of(assignment: Assignment) -> tuple[str, ...]:
    """Everything beats what stands in the settings of its home."""
    switches = dict(_SWITCHES) | _models(assignment)
    if assignment.profile.model:
        switches["model"] = assignment.profile.model
    words = (("-c", f"{name}={_toml(value)}") for name, value in switches.items())
    return ("app-server", *(word for pair in words for word in pair))


def launched(assignment: Assignment, command: tuple[str, ...]) -> tuple[str, ...]:
    """The whole command line."""
    words = (*command, *arguments_of(assignment))
    return ("sh", "-c", LAUNCH, "sh", assignment.profile.auth, *words)


def environment_of(assignment: Assignment) -> dict[str, str]:
    """Its whole access to models is the door of this attempt, or a log-in of its own."""
    profile, models = assignment.profile, assignment.models
    for name, _ in profile.variables:
        if name in _HOMES:
            raise AgentRefused(
                f"Codex works in the home of its task, which is tidied before it starts: take "
                f"{name} out of `variables` under [agents.{profile.name}]"
            )
    door = {} if models is None else {KEY: models.secret}
    return {"NO_COLOR": "1", **door, **variables_of(profile, models, PROVIDER)}


def approvals(assignment: Assignment) -> str:
    """When it asks: never, or before everything that it does not know to be harmless."""
    asks = assignment.read_only or asks_for_commands(assignment)
    return "untrusted" if asks else "never"


def asks_for_commands(assignment: Assignment) -> bool:
    """Whether somebody has to look at what it does; a box that holds is a limit by itself."""
    profile = assignment.profile
    return profile.allow is not None or bool(profile.deny) or assignment.box == "none"


def _models(assignment: Assignment) -> dict[str, object]:
    profile, models = assignment.profile, assignment.models
    if models is None:
        _must_be_logged_in(profile)
        return {}
    ours = f"model_providers.{_OURS}"
    return {
        "model_provider": _OURS,
        f"{ours}.name": "Interlock",
        f"{ours}.base_url": models.url(profile.provider or PROVIDER),
        f"{ours}.wire_api": "responses",
        f"{ours}.env_key": KEY,
    }


def _must_be_logged_in(profile: AgentProfile) -> None:
    if profile.auth != "login":
        raise AgentRefused(
            f"the agent profile {profile.name!r} was given no way to its models: set "
            f'auth = "login" under [agents.{profile.name}] if Codex shall use its own log-in'
        )


def _toml(value: object) -> str:
    """Texts, lists of texts and truths read the same in both notations, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
