"""What a run demands before anything is made of it; whoever hands it in is told what is missing."""

from __future__ import annotations

from interlock.control.errors import WrongUsage
from interlock.control.goals import demand_planner
from interlock.control.ground import Ground, objections, objections_to_agents, objections_to_keys
from interlock.control.plans import Content, read_content
from interlock.domain.plan import Plan
from interlock.domain.settings import Settings
from interlock.flows.goal.order import order
from interlock.planning.faults import Fault
from interlock.planning.importers.reading import ImportedPlan


class WrongPlan(WrongUsage):
    """The plan is refused whole; every fault is listed."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(f"{f.where}: {f.what}; {f.mend}" for f in faults))
        self.faults = faults


def demand_plan(content: bytes, where: str, settings: Settings) -> Plan:
    return demand_content(content, where, settings).plan


def demand_content(content: Content, where: str, settings: Settings) -> ImportedPlan:
    found = read_content(content, where, settings)
    if isinstance(found, tuple):
        raise WrongPlan(found)
    against = list(objections(found.plan, settings))
    if against:
        raise WrongUsage("\n".join(against))
    return found


def demand_keys(plan: Plan, settings: Settings, ground: Ground) -> None:
    against = list(objections_to_keys(plan, settings, ground.unset))
    if against:
        raise WrongUsage("\n".join(against))


def demand_asking(goal: str, settings: Settings, *, looks_only: bool = False) -> Plan:
    """The run that asks for a plan; raises WrongUsage where nobody can be asked.

    What would be in the way of carrying it out is said before anybody has paid for a plan.
    """
    plan = order(goal, demand_planner(settings), settings)
    against = list((objections_to_agents if looks_only else objections)(plan, settings))
    if against:
        raise WrongUsage("\n".join(against))
    return plan
