"""A plan before it runs: read, checked as a whole, and shown."""

from __future__ import annotations

from typing import Final

from interlock.control.read_models import PlanSeen
from interlock.domain.plan import Plan
from interlock.domain.run import RunLimits
from interlock.domain.settings import Settings
from interlock.planning import schema, source
from interlock.planning.document import parse_plan
from interlock.planning.faults import Fault
from interlock.planning.overview import (
    overview_document,
    overview_text,
    refusal_document,
    refusal_text,
)

BYTES_MAX: Final = source.BYTES_MAX
"""What a face asks the file system about before it opens a plan."""


def read_plan(content: bytes, where: str, settings: Settings) -> Plan | tuple[Fault, ...]:
    return parse_plan(
        content, where, known_agents=settings.agent_names, known_gates=settings.gate_names
    )


def look(content: bytes, where: str, settings: Settings, workers: int | None) -> PlanSeen:
    """The dry run: what would start when; or every fault."""
    plan = read_plan(content, where, settings)
    if isinstance(plan, tuple):
        return PlanSeen(False, refusal_document(plan), refusal_text(plan))
    limits = settings.limits
    at_once = (workers or limits.workers, limits.parallel_stages)
    return PlanSeen(True, overview_document(plan, *at_once), overview_text(plan, *at_once))


def limits_of(settings: Settings, workers: int | None = None) -> RunLimits:
    """The limits that a run started now is bound by."""
    limits = settings.limits
    return RunLimits(
        workers=workers or limits.workers,
        parallel_stages=limits.parallel_stages,
        max_attempts=limits.max_attempts,
        by_people=tuple(a.name for a in settings.agents or () if a.backend == "human"),
    )


def plan_schema() -> dict[str, object]:
    """The JSON Schema of a plan file."""
    return dict(schema.plan_schema())
