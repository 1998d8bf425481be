"""The rule for gates that say all they have to say with their exit code."""

from interlock.domain.settings import GateSettings
from interlock.domain.verdict import GateOutcome
from interlock.gates.change import ChangeFacts
from interlock.gates.evidence import Evidence
from interlock.gates.readers.exit_code import could_not_run
from interlock.gates.rules.ruling import (
    Answer,
    bounded,
    ended,
    error,
    failed,
    nothing_known,
    passed,
    without_target,
)


def judge_exit_code(
    gate: GateSettings, candidate: Evidence, target: Evidence | None, _change: ChangeFacts
) -> Answer:
    """Red on the target too is the target's own trouble: no author can be blamed for it."""
    if could_not_run(candidate.code, candidate.stopped_for):
        return error(f"could not be judged: {ended(gate, candidate)}")
    if candidate.code == 0:
        return passed("exit code 0")
    unknown = nothing_known(target)
    if unknown:
        return error(f"{ended(gate, candidate)}; {without_target(unknown)}")
    if target is not None and target.code != 0 and not could_not_run(target.code, ""):
        return (
            GateOutcome.TARGET_RED,
            bounded(f"red on the target's own tree, too: {ended(gate, target)}"),
        )
    return failed(ended(gate, candidate))
