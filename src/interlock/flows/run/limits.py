"""How many may work at once: workers, stages of explicit groups, agents that want one resource."""

from __future__ import annotations

from interlock.flows.run.pictures import NO_GROUP, PlanePicture, Want


def room_for(plane: PlanePicture, want: Want) -> bool:
    """Room for one more of this kind. What is frozen for a p0 task does not count as working."""
    run = plane.runs[want.run_id]
    if plane.working >= run.limits.workers:
        return False
    if want.group != NO_GROUP and run.working_stages >= run.limits.parallel_stages:
        return False
    return all(
        sum(run.working_agents.get(agent, 0) for agent in rule.agents) < rule.max_concurrent
        for rule in run.affinity
        if want.agent in rule.agents
    )
