"""Who makes a plan of a goal, and the run that asks for it: one task, whose attempts only read."""

from typing import Final

from interlock.domain.ids import RunId, TaskName
from interlock.domain.plan import Plan
from interlock.domain.settings import AgentProfile, Settings
from interlock.domain.task import PlannedTask, TaskKind
from interlock.planning.asking import Hand, question

CHIEF: Final = "chief"
"""The profile that is asked, and the name by which people speak to it."""

OTHERWISE: Final = "default"
"""The profile that is asked where nobody is called chief."""

ATTEMPTS_MAX: Final = 3
"""So often a document may come; after that a person mends the last one."""

TO_LOOK: Final = "goal:plan"
TO_RUN: Final = "goal:run"
"""The source of a run that asks: whether its plan is only looked at, or carried out afterwards."""

_TITLE_CHARACTERS_MAX: Final = 120


def source_of(asking: RunId) -> str:
    """The source of the run that carries out the plan which this run asked for."""
    return f"goal:{asking}"


def planner(settings: Settings) -> AgentProfile | None:
    return settings.agent(CHIEF) or settings.agent(OTHERWISE)


def order(goal: str, profile: AgentProfile, settings: Settings) -> Plan:
    """The plan of the run that asks this profile for a plan."""
    first_line = goal.strip().splitlines()[0]
    task = PlannedTask(
        id=TaskName("plan"),
        title=f"Make a plan: {first_line}"[:_TITLE_CHARACTERS_MAX],
        prompt=question(goal, _hands(profile, settings)),
        kind=TaskKind.ARCHITECTURE,
        agent=profile.name,
        yields="plan",
    )
    return Plan(goal, (task,))


def asks_for_a_plan(task: PlannedTask) -> bool:
    return task.yields == "plan"


def _hands(asked: AgentProfile, settings: Settings) -> list[Hand]:
    """Everybody but the chief, unless nobody else is there; the usual one first."""
    known = settings.agents or (asked,)
    others = [each for each in known if each.name != CHIEF] or [asked]
    others.sort(key=lambda each: each.name != OTHERWISE)
    return [Hand(each.name, each.skills, each.backend == "human") for each in others]
