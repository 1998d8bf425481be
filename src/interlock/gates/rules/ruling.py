"""What a rule answers, and the sentences that all rules share."""

from collections.abc import Iterable, Mapping, Sized
from typing import Final

import msgspec

from interlock.domain.settings import GateSettings
from interlock.domain.verdict import GateOutcome
from interlock.gates.evidence import Evidence
from interlock.gates.readers.exit_code import NOT_FOUND, could_not_run, was_killed

DETAIL_CHARACTERS_MAX: Final = 500
NAMES_ROOM: Final = 220


class Ruling(msgspec.Struct, frozen=True):
    """One gate's outcome and why.

    `broken`: it could not be judged on the candidate, although it can on the target's own tree,
    so the change must have broken it.
    """

    gate: str
    outcome: GateOutcome
    detail: str
    broken: bool = False


Answer = tuple[GateOutcome, str]


def passed(detail: str) -> Answer:
    return GateOutcome.PASSED, bounded(detail)


def failed(detail: str) -> Answer:
    return GateOutcome.FAILED, bounded(detail)


def error(detail: str) -> Answer:
    return GateOutcome.ERROR, bounded(detail)


def bounded(text: str, room: int = DETAIL_CHARACTERS_MAX) -> str:
    return text if len(text) <= room else text[: room - 1].rstrip() + "…"


def counted(things: Sized | int, one: str, many: str = "") -> str:
    number = things if isinstance(things, int) else len(things)
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(
    names: Iterable[str], reasons: Mapping[str, str] | None = None, room: int = NAMES_ROOM
) -> str:
    """As many as there is room for, at least one, and how many more there are."""
    shown: list[str] = []
    rest = 0
    for name in names:
        reason = (reasons or {}).get(name, "")
        entry = f"{name} ({reason})" if reason else name
        if not shown or (rest == 0 and sum(map(len, shown)) + len(entry) <= room):
            shown.append(bounded(entry, room))
        else:
            rest += 1
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def ended(gate: GateSettings, evidence: Evidence) -> str:
    """How the program ended, with its last words; for sentences that begin with it."""
    reason = could_not_run(evidence.code, evidence.stopped_for)
    if evidence.stopped_for == "time":
        reason = f"it did not end within {_span(gate.timeout_minutes)}"
    elif evidence.code == NOT_FOUND and not evidence.stopped_for:
        reason += f"; its command is: {bounded(gate.run, 100)}"
    words = f"; it said: {bounded(evidence.said, 200)}" if evidence.said else ""
    return (reason or f"exit code {evidence.code}") + words


def _span(minutes: float) -> str:
    return f"{minutes:g} minutes" if minutes >= 1 else f"{minutes * 60:g} seconds"


def not_started(evidence: Evidence) -> str:
    """Why nothing was run at all; empty where something was."""
    if evidence.refused:
        return f"it could not be started: {evidence.refused}"
    if evidence.unprepared:
        return f"its environment could not be built: {evidence.unprepared}"
    return ""


def no_report(gate: GateSettings, evidence: Evidence) -> str:
    """There is no report to go by: why, and what to look at."""
    why = evidence.unreadable or "there is no report"
    return f"could not be judged: {why} ({ended(gate, evidence)})"


def nothing_known(evidence: Evidence | None) -> str:
    """Why the target's own tree tells nothing to compare with; empty where it does.

    A program that ended by itself without a report tells something: no test ran there. One that
    never ran, was stopped, or claims to be well without a report leaves it open.
    """
    if evidence is None:
        return "it was not judged"
    if (reason := not_started(evidence)) or (
        reason := was_killed(evidence.code, evidence.stopped_for)
    ):
        return reason
    if evidence.code == 0 and evidence.unreadable:
        return f"exit code 0, but {evidence.unreadable}"
    return ""


def without_target(reason: str) -> str:
    return f"cannot be compared with the target's own tree: {reason}"
