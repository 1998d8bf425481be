"""What must be known before anything starts: settings, the ground it stands on, what would fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from interlock.domain.ids import CommitId
from interlock.domain.plan import Plan
from interlock.domain.settings import Backend, BoxName, Settings

DRIVEN: Final[frozenset[Backend]] = frozenset({"command", "scripted", "human"})
"""The backends that this release can drive."""


class Ground(msgspec.Struct, frozen=True):
    """Where a run would land, in which kind of box it would work, and remarks about both."""

    target: str
    base: CommitId
    box: BoxName
    remarks: tuple[str, ...] = ()


def objections(plan: Plan, settings: Settings) -> Iterator[str]:
    """Why this plan cannot run under these settings: each sentence says what to do."""
    if not settings.gates:
        yield (
            "no gate is configured, so nothing would prove a change: "
            "`interlock init` writes one, or add [gates.tests] to interlock.toml"
        )
    if settings.agents is None:
        yield (
            "no agent is configured: `interlock init` looks for one, "
            "or add [agents.default] to interlock.toml"
        )
    for name in sorted({task.agent for task in plan.tasks}):
        profile = settings.agent(name)
        if profile is None or profile.backend in DRIVEN:
            continue
        yield (
            f"agent '{name}' has the backend '{profile.backend}', which this release cannot drive "
            "yet: use command, scripted or human"
        )
    for task in plan.tasks:
        profile = settings.agent(task.agent)
        lacks = sorted(set(task.skills) - set(profile.skills)) if profile else []
        if profile is not None and profile.skills and profile.backend != "human" and lacks:
            yield (
                f"task '{task.id}' asks for the skills {', '.join(lacks)}, which agent "
                f"'{task.agent}' does not have: choose another agent, or add them to its `skills`"
            )
