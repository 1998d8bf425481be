"""A goal in words: what a person says, who is asked for its plan, and what they are shown of it."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from interlock.control.asked import Planned, Unplanned
from interlock.control.errors import WrongUsage
from interlock.control.forecasts import Memory
from interlock.control.plans import look
from interlock.control.read_models import PlanSeen
from interlock.domain.goal import GOAL_CHARACTERS_MAX
from interlock.domain.settings import AgentProfile, Settings
from interlock.flows.goal.order import CHIEF, OTHERWISE, planner

_PLAN_SUFFIXES: Final = (".yaml", ".yml", ".json", ".md")
_SHOWN_MAX: Final = 60
_SPOKEN_TO: Final = re.compile(r"@(\S*)\s*(.*)", re.DOTALL)

_MEND: Final = (
    "add [agents.chief] to interlock.toml, with a backend that answers, for example "
    'backend = "claude", "codex", "acp" or "command"'
)


# --- what a person says ---------------------------------------------------------------------------


def is_goal(source: str) -> bool:
    """It reads like a wish and not like a place: several words, or somebody is addressed."""
    if source.startswith("@"):
        return True
    return len(source.split()) > 1 and not source.strip().lower().endswith(_PLAN_SUFFIXES)


def goal_of(source: str) -> str:
    """The wish itself. `@chief` before it is who is asked anyway; nobody else makes plans."""
    text = source.encode("utf-8", "replace").decode().strip()
    if spoken_to := _SPOKEN_TO.fullmatch(text):
        name, text = spoken_to.groups()
        if name.rstrip(":,").lower() != CHIEF:
            raise WrongUsage(
                f"nobody here is called {'@' + name[:_SHOWN_MAX]!r}: only @{CHIEF} is spoken to, "
                "and makes a plan of a goal. What agent works on a task stands in its plan"
            )
    if not text.strip():
        raise WrongUsage(f'say what the goal is, for example "@{CHIEF} add rate limiting"')
    if len(text) > GOAL_CHARACTERS_MAX:
        raise WrongUsage(
            f"the goal has {len(text):,} characters, {GOAL_CHARACTERS_MAX:,} are allowed: put the "
            "details into a file of the repository and name it"
        )
    return text.strip()


def to_chief(goal: str) -> str:
    """The goal as a source that cannot be taken for a place."""
    return f"@{CHIEF} {goal}"


def demand_planner(settings: Settings) -> AgentProfile:
    """Who is asked for the plan; raises WrongUsage that says what to configure."""
    asked = planner(settings)
    if not settings.agents:
        raise WrongUsage(
            "a goal in words needs an agent that makes a plan of it, and none is configured: "
            f"`interlock init` looks for one, or {_MEND}"
        )
    if asked is None:
        names = ", ".join(agent.name for agent in settings.agents[:10])
        raise WrongUsage(
            f"interlock.toml has the agents {names}, but neither '{CHIEF}' nor '{OTHERWISE}' to "
            f"make a plan of a goal: {_MEND}"
        )
    if asked.backend == "human":
        raise WrongUsage(
            f"agent '{asked.name}' stands for people, and a goal in words needs an agent that "
            f"answers: {_MEND}. Or write the plan yourself (`interlock plan --schema`)"
        )
    return asked


# --- what a person is shown -----------------------------------------------------------------------


class GoalSeen(msgspec.Struct, frozen=True):
    """The dry run of a goal, or why there is no plan of it, and what to do next in a sentence.

    No `plan`: the person left before it was made. `content` is its document.
    """

    plan: PlanSeen | None
    sentence: str
    content: str = ""


def goal_seen(
    outcome: Planned | Unplanned | None, settings: Settings, workers: int | None, memory: Memory
) -> GoalSeen:
    match outcome:
        case None:
            left = "you left before the plan was made; the same words again go on with it"
            return GoalSeen(None, left)
        case Unplanned(what=what, mend=mend, path=path):
            fault = {"where": path or outcome.run, "what": what, "mend": mend}
            return GoalSeen(PlanSeen(False, {"faults": [fault]}, ""), str(outcome))
        case Planned():
            seen = look(outcome.content, outcome.path, settings, workers, memory)
            asked = {
                "run": outcome.run,
                "attempts": outcome.attempts,
                "tokens": outcome.tokens,
                "cost_usd": outcome.cost_usd,
            }
            document = {**seen.document, "plan": outcome.path, "asked": asked}
            sentence = (
                f"Made in {outcome.run}: {outcome.cost}. Run it with the same words, or change "
                f"its copy first and run that: interlock run {outcome.path}"
            )
            shown = msgspec.structs.replace(seen, document=document)
            return GoalSeen(shown, sentence, outcome.content.decode(errors="replace"))
