"""The rule for linters: no result at or above the threshold that the target does not have."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Final

from interlock.domain.settings import GateSettings
from interlock.gates.change import ChangeFacts
from interlock.gates.evidence import Evidence, Finding
from interlock.gates.readers.exit_code import could_not_run
from interlock.gates.rules.ruling import (
    Answer,
    counted,
    ended,
    error,
    failed,
    listed,
    no_report,
    nothing_known,
    passed,
    without_target,
)

LEVELS: Final = ("note", "warning", "error")
USUAL_CODE: Final = 1
"""What linters end with when they found something."""

_LINE: Final = re.compile(r"\b(lines?) \d+")


def judge_findings(
    gate: GateSettings, candidate: Evidence, target: Evidence | None, _change: ChangeFacts
) -> Answer:
    if candidate.findings is None:
        return error(no_report(gate, candidate))
    unknown = nothing_known(target)
    known = (target.findings if target is not None and not unknown else None) or ()
    new = newly_found(candidate.findings, known)
    lowest = LEVELS.index(gate.fail_on or "warning")
    counting = [finding for finding in new if LEVELS.index(finding.level) >= lowest]
    if counting and not unknown:
        return failed(
            f"{counted(counting, 'new result')} of level {gate.fail_on or 'warning'} or above: "
            f"{listed(map(_shown, counting))}"
        )
    if could_not_run(candidate.code, candidate.stopped_for):
        return error(f"could not be judged: {ended(gate, candidate)}")
    if counting:
        return error(f"{counted(counting, 'result')}; {without_target(unknown)}")
    return _exit_code_agrees(gate, candidate, target, new)


def newly_found(found: Sequence[Finding], known: Sequence[Finding]) -> list[Finding]:
    """What is left when each known result has answered for one that is the same, moved or not."""
    found_left, known_left = list(found), list(known)
    for key in (_by_fingerprint, _by_words):
        found_left, known_left = _unanswered(found_left, known_left, key)
    return found_left


def _unanswered(
    found: list[Finding], known: list[Finding], key: Callable[[Finding], Hashable]
) -> tuple[list[Finding], list[Finding]]:
    """Both lists without their pairs; a key of None pairs with nothing."""
    answers = Counter(map(key, known))
    used: Counter[Hashable] = Counter()
    found_left = []
    for finding in found:
        name = key(finding)
        if name is not None and used[name] < answers[name]:
            used[name] += 1
        else:
            found_left.append(finding)
    known_left = []
    for finding in known:
        name = key(finding)
        if name is not None and used[name] > 0:
            used[name] -= 1
        else:
            known_left.append(finding)
    return found_left, known_left


def _by_fingerprint(finding: Finding) -> Hashable:
    return (finding.rule, finding.fingerprint) if finding.fingerprint else None


def _by_words(finding: Finding) -> Hashable:
    """Messages that name another line ("defined in line 3") must survive that line's move."""
    return finding.path, finding.rule, _LINE.sub(r"\1 #", finding.message)


def _shown(finding: Finding) -> str:
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return f"{place} {finding.rule} {finding.message}".strip()


def _exit_code_agrees(
    gate: GateSettings, candidate: Evidence, target: Evidence | None, new: list[Finding]
) -> Answer:
    """Nothing new counts; a non-zero exit must be explained by what was found."""
    found = candidate.findings or ()
    old = len(found) - len(new)
    below = f", {len(new)} below {gate.fail_on or 'warning'}" if new else ""
    summary = f"no new result that counts ({old} known{below})"
    if candidate.code == 0:
        return passed(summary)
    if not found:
        return error(f"no result in the report, and yet: {ended(gate, candidate)}")
    if target is not None and target.code == candidate.code:
        return passed(f"{summary}; exit code {candidate.code} as on the target")
    if new and candidate.code == USUAL_CODE:
        return passed(summary)
    there = "unknown" if target is None else str(target.code)
    return error(
        f"{summary}, but the exit codes differ: {ended(gate, candidate)}; "
        f"on the target it is {there}"
    )
