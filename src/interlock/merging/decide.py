"""What a change is to the target, and what its judging means for its landing. Pure.

weigh        which paths it touches, which lie outside its task, which a person must look at
commit_text  what its commit says
gates_of     which gates prove it, or which of them nobody has defined
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from interlock.domain.ids import RunId
from interlock.domain.settings import GateSettings, Settings
from interlock.domain.task import PlannedTask
from interlock.merging.boundary import outside
from interlock.merging.holding import why_held
from interlock.merging.message import Label, commit_message, plain

FILES_KEPT: Final = 60
OUTSIDE_KEPT: Final = 20
NAMED_MAX: Final = 10


class Weighed(msgspec.Struct, frozen=True):
    """What a change does, before any gate has run. `refused`: it must not land like this."""

    files: tuple[str, ...]
    outside: tuple[str, ...]
    held: str
    refused: str = ""


class Unknown(msgspec.Struct, frozen=True):
    """The plan names gates that the settings of the run do not define."""

    why: str


def weigh(paths: Iterable[str], planned: PlannedTask, settings: Settings) -> Weighed:
    """Facts are small: of many paths the first are kept."""
    touched = tuple(sorted(paths))
    beyond = outside(touched, planned.files)
    refuses = settings.project.boundary == "refuse" and beyond
    return Weighed(
        touched[:FILES_KEPT],
        beyond[:OUTSIDE_KEPT],
        why_held(touched, settings),
        _refusal(beyond, planned) if refuses else "",
    )


def _refusal(beyond: tuple[str, ...], planned: PlannedTask) -> str:
    return (
        f"The change touches {named(beyond)}, outside the files of its task "
        f"({', '.join(planned.files)}). Leave these as they are on the target, or widen `files` "
        "in the plan."
    )


def named(paths: tuple[str, ...]) -> str:
    """Some paths for a sentence: all of a few, the first of many."""
    shown = ", ".join(map(plain, paths[:NAMED_MAX]))
    return shown if len(paths) <= NAMED_MAX else f"{shown} and {len(paths) - NAMED_MAX} more"


def gates_of(planned: PlannedTask, settings: Settings) -> tuple[GateSettings, ...] | Unknown:
    """The task's own gates, or else all of them."""
    if not planned.gates:
        return settings.gates or ()
    found = tuple(settings.gate(name) for name in planned.gates)
    missing = [name for name, gate in zip(planned.gates, found, strict=True) if gate is None]
    if missing:
        return Unknown(
            f"The plan asks for the gate {', '.join(missing)}, which the settings of this run do "
            "not define. Add [gates.…] to interlock.toml and start the run anew."
        )
    return tuple(gate for gate in found if gate is not None)


def commit_text(planned: PlannedTask, run_id: RunId, goal: str, audit: str) -> str:
    body = planned.prompt.strip()
    if goal and goal.strip() not in (body, planned.title.strip()):
        body = f"{body}\n\nGoal: {goal}" if body else f"Goal: {goal}"
    return commit_message(Label(planned.title, body, planned.id, run_id, planned.agent, audit))


def conflict_sentence(paths: tuple[str, ...], others: tuple[str, ...], target: str) -> str:
    """For the next attempt: where both sides met, and whose work is already there."""
    who = f" by {', '.join(others)}" if others else ""
    return (
        f"Both this change and the target changed {named(paths)}. What landed on {target or 'it'}"
        f"{who} stays: begin from there and make the change fit."
    )
