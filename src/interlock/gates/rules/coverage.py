"""The rule for coverage: enough of the changed lines ran."""

from interlock.domain.settings import GateSettings
from interlock.gates.change import ChangeFacts
from interlock.gates.evidence import Evidence
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


def judge_coverage(
    gate: GateSettings, candidate: Evidence, target: Evidence | None, change: ChangeFacts
) -> Answer:
    covered, minimum = candidate.covered, gate.minimum
    if minimum is None:
        return error("could not be judged: the gate has no `min`; give it one in interlock.toml")
    if covered is None:
        return error(no_report(gate, candidate))
    if obstacle := _obstacle(gate, candidate, change):
        return error(f"could not be judged: {obstacle}")
    hit, missed = _changed(change, covered)
    total = len(hit) + len(missed)
    if total and 100 * len(hit) < minimum * total:
        return failed(
            f"{_share(len(hit), total)}, {minimum:g} % are needed; not covered: "
            f"{listed(_spans(missed))}"
        )
    if candidate.code != 0 and (disagreement := _exit_codes_differ(gate, candidate, target)):
        return error(disagreement)
    summary = _share(len(hit), total) if total else "no changed line is executable"
    return passed(summary + _unmeasured(change, covered))


def _obstacle(gate: GateSettings, candidate: Evidence, change: ChangeFacts) -> str:
    if could_not_run(candidate.code, candidate.stopped_for):
        return ended(gate, candidate)
    if change.lines is None:
        return "it is not known which lines the change touches"
    return ""


Place = tuple[str, int]


def _changed(
    change: ChangeFacts, covered: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
) -> tuple[list[Place], list[Place]]:
    hit: list[Place] = []
    missed: list[Place] = []
    for path, numbers in sorted((change.lines or {}).items()):
        ran, did_not = map(frozenset, covered.get(path, ((), ())))
        hit += [(path, number) for number in numbers if number in ran]
        missed += [(path, number) for number in numbers if number in did_not]
    return hit, missed


def _share(hit: int, total: int) -> str:
    # Rounded down: 89.99 must not read as the 90 that it does not reach.
    tenths = 1000 * hit // total
    return (
        f"{tenths // 10}.{tenths % 10} % of the changed executable lines are covered "
        f"({hit} of {total})"
    )


def _spans(places: list[Place]) -> list[str]:
    """`src/a.py:3-5`: neighbours in one file are told as one."""
    spans: list[tuple[str, int, int]] = []
    for path, number in places:
        if spans and spans[-1][0] == path and spans[-1][2] == number - 1:
            spans[-1] = (path, spans[-1][1], number)
        else:
            spans.append((path, number, number))
    return [f"{path}:{a}" if a == b else f"{path}:{a}-{b}" for path, a, b in spans]


def _exit_codes_differ(gate: GateSettings, candidate: Evidence, target: Evidence | None) -> str:
    """A red suite may still measure; whether its red is old is for the target to say."""
    unknown = nothing_known(target)
    if unknown or target is None:
        return f"{ended(gate, candidate)}; {without_target(unknown)}"
    if target.code == candidate.code:
        return ""
    return f"enough lines are covered, and yet: {ended(gate, candidate)}; on the target it is " + (
        f"exit code {target.code}"
    )


def _unmeasured(
    change: ChangeFacts, covered: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
) -> str:
    absent = sorted(path for path in change.lines or {} if path not in covered)
    if not absent:
        return ""
    stand = "stands" if len(absent) == 1 else "stand"
    return f"; {counted(absent, 'changed file')} {stand} not in the report: {listed(absent)}"
