"""From evidence to an outcome: each gate by the rule of its reader, then all of them together.

    ruling = judge(gate, candidate, target, change)
    verdict = overall([ruling, ...])

Could-not-run is never passed. Whoever is to blame is part of the answer: a gate that cannot run on
the candidate although it can on the target's own tree was broken by the change, one that cannot run
on either is nobody's fault, one that is red on both is the target's.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from interlock.domain.facts.change import Judgement
from interlock.domain.settings import GateReader, GateSettings
from interlock.domain.verdict import GateOutcome
from interlock.gates.change import ChangeFacts
from interlock.gates.evidence import Evidence
from interlock.gates.readers.exit_code import could_not_run
from interlock.gates.rules.coverage import judge_coverage
from interlock.gates.rules.exit_code import judge_exit_code
from interlock.gates.rules.findings import judge_findings
from interlock.gates.rules.ruling import Answer, Ruling, bounded, error, not_started
from interlock.gates.rules.tests import judge_tests

_Rule = Callable[[GateSettings, Evidence, Evidence | None, ChangeFacts], Answer]

RULES: Final[Mapping[GateReader, _Rule]] = {
    "junit": judge_tests,
    "sarif": judge_findings,
    "coverage-xml": judge_coverage,
    "exit-code": judge_exit_code,
}


class Overall(msgspec.Struct, frozen=True):
    """What all gates say together. `decisive` is the gate whose log explains it, if one does."""

    judgement: Judgement
    detail: str
    decisive: str = ""


def judge(
    gate: GateSettings, candidate: Evidence, target: Evidence | None, change: ChangeFacts
) -> Ruling:
    """What the evidence of the candidate's tree says, measured against the target's own tree."""
    outcome, detail = _answer(gate, candidate, target, change)
    broken = (
        outcome is GateOutcome.ERROR and not candidate.refused and _speaks(gate, target, change)
    )
    return Ruling(gate.name, outcome, detail, broken)


def compares(gate: GateSettings) -> bool:
    """Whether the target's own evidence is needed even when all is well on the candidate."""
    return gate.reads in {"junit", "sarif"}


def is_clean(gate: GateSettings, candidate: Evidence, change: ChangeFacts) -> bool:
    """Whether the target's own evidence cannot change the answer."""
    if compares(gate):
        return False
    return _answer(gate, candidate, None, change)[0] in {GateOutcome.PASSED, GateOutcome.FAILED}


def is_conclusive(evidence: Evidence) -> bool:
    """Whether the same would show again: only such evidence is worth keeping.

    A time-out, a missing tool or a refused box may be gone tomorrow; remembering them would make
    a passing trouble a lasting one.
    """
    return not (
        not_started(evidence)
        or evidence.unreadable
        or could_not_run(evidence.code, evidence.stopped_for)
    )


def overall(rulings: Sequence[Ruling]) -> Overall:
    """Failed before target_red before error before passed."""
    bad = [each for each in rulings if each.outcome is GateOutcome.FAILED or each.broken]
    red = [each for each in rulings if each.outcome is GateOutcome.TARGET_RED]
    unjudged = [each for each in rulings if each.outcome is GateOutcome.ERROR]
    if bad:
        return _because(Judgement.FAILED, bad)
    if red:
        return _because(Judgement.TARGET_RED, red)
    if unjudged:
        return _because(Judgement.ERROR, unjudged)
    if not rulings:
        return Overall(Judgement.PASSED, "no gate was asked")
    return Overall(Judgement.PASSED, bounded("; ".join(map(_told, rulings))))


def _answer(
    gate: GateSettings, candidate: Evidence, target: Evidence | None, change: ChangeFacts
) -> Answer:
    if reason := not_started(candidate):
        return error(f"could not be judged: {reason}")
    return RULES[gate.reads](gate, candidate, target, change)


def _speaks(gate: GateSettings, target: Evidence | None, change: ChangeFacts) -> bool:
    """Whether the gate has something to say about the target's own tree by itself."""
    if target is None:
        return False
    return _answer(gate, target, target, change)[0] is not GateOutcome.ERROR


def _because(judgement: Judgement, rulings: Sequence[Ruling]) -> Overall:
    return Overall(judgement, bounded("; ".join(map(_told, rulings))), rulings[0].gate)


def _told(ruling: Ruling) -> str:
    broken = " (it can be judged on the target, so the change broke it)" if ruling.broken else ""
    return f"{ruling.gate}: {ruling.detail}{broken}"
