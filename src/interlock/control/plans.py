"""A plan before it runs: read, checked as a whole, and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeAlias

from interlock.control.forecasts import Memory, expect
from interlock.control.read_models import PlanSeen
from interlock.domain.plan import Plan
from interlock.domain.run import RunLimits
from interlock.domain.settings import Settings
from interlock.planning import schema, source
from interlock.planning.document import parse_plan
from interlock.planning.faults import Fault
from interlock.planning.importers.reading import KINDS, Bundle, ImportedPlan, import_plan
from interlock.planning.importers.reading import gather as gather_in
from interlock.planning.overview import (
    overview_document,
    overview_text,
    refusal_document,
    refusal_text,
)
from interlock.planning.writing import plan_document, plan_text

Content: TypeAlias = bytes | Bundle
"""What stands behind a name: one plan file, or the documents that a plan is made of."""

BYTES_MAX: Final = source.BYTES_MAX
"""What a face asks the file system about before it opens a plan."""


def is_imported(source: str) -> bool:
    """Whether this names documents, as in `openspec:add-login`."""
    kind, colon, _ = source.partition(":")
    return bool(colon) and kind in KINDS


def gather(source: str, folder: Path) -> Bundle:
    """The documents that a source names for somebody in this folder; raises NotOnShelf."""
    around = (folder, *folder.parents)
    root = next((place for place in around if (place / ".git").exists()), folder)
    return gather_in(source, root, folder)


def read_content(
    content: Content, where: str, settings: Settings
) -> ImportedPlan | tuple[Fault, ...]:
    """The plan and what was passed over in its documents, or every fault."""
    agents, gates = settings.agent_names, settings.gate_names
    if isinstance(content, Bundle):
        return import_plan(content, known_agents=agents, known_gates=gates)
    plan = parse_plan(content, where, known_agents=agents, known_gates=gates)
    return plan if isinstance(plan, tuple) else ImportedPlan(plan, ())


def read_plan(content: bytes, where: str, settings: Settings) -> Plan | tuple[Fault, ...]:
    found = read_content(content, where, settings)
    return found if isinstance(found, tuple) else found.plan


def look(
    content: Content,
    where: str,
    settings: Settings,
    workers: int | None,
    memory: Memory | None = None,
) -> PlanSeen:
    """The dry run: what would start when, by estimates and by what is remembered; or all faults."""
    found = read_content(content, where, settings)
    if isinstance(found, tuple):
        return PlanSeen(False, refusal_document(found), refusal_text(found))
    plan = found.plan
    limits = limits_of(settings, workers)
    prospect = expect(plan, settings, limits, memory or Memory())
    shown = (plan, limits.workers, limits.parallel_stages, prospect)
    seen = PlanSeen(True, overview_document(*shown), overview_text(*shown))
    return _with_notes(seen, found) if isinstance(content, Bundle) else seen


def _with_notes(seen: PlanSeen, found: ImportedPlan) -> PlanSeen:
    """What an import passed over belongs to what is shown; and the plan file it stands for."""
    more = {"notes": list(found.notes), "plan_file": plan_document(found.plan)}
    notes = "".join(f"note: {note}\n" for note in found.notes)
    return PlanSeen(True, {**seen.document, **more}, f"{seen.text}{notes}")


def plan_file(content: Content, where: str, settings: Settings) -> str | tuple[Fault, ...]:
    """The plan as a file that reads back to it, for people who go on writing it."""
    found = read_content(content, where, settings)
    return found if isinstance(found, tuple) else plan_text(found.plan)


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
