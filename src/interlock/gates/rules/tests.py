"""The rule for test reports: something ran, nothing new fails, no test is gone or newly skipped."""

from collections.abc import Mapping

from interlock.domain.settings import GateSettings
from interlock.gates.change import ChangeFacts
from interlock.gates.evidence import Evidence, TestOutcome
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

Tests = Mapping[str, TestOutcome]


def judge_tests(
    gate: GateSettings, candidate: Evidence, target: Evidence | None, change: ChangeFacts
) -> Answer:
    if candidate.tests is None:
        return error(no_report(gate, candidate))
    unknown = nothing_known(target)
    known: Tests = (target.tests if target is not None and not unknown else None) or {}
    complaints = [] if unknown else _complaints(candidate, known, change)
    if complaints and _new_failures(candidate.tests, known):
        if candidate.code == 0:
            complaints.append("the exit code is 0 all the same, which contradicts the report")
        return failed("; ".join(complaints))
    if could_not_run(candidate.code, candidate.stopped_for):
        return error(f"could not be judged: {ended(gate, candidate)}")
    if not _ran(candidate.tests):
        complaints = [_nothing_ran(candidate.tests, known)]
    elif unknown:
        return error(without_target(unknown))
    if complaints:
        return failed("; ".join(complaints))
    return _exit_code_agrees(gate, candidate, target)


def _complaints(candidate: Evidence, known: Tests, change: ChangeFacts) -> list[str]:
    """Everything that this change made worse, in the order of its weight."""
    tests = candidate.tests or {}
    complaints: list[str] = []
    if new := _new_failures(tests, known):
        fail = "test fails that does" if len(new) == 1 else "tests fail that do"
        complaints.append(
            f"{len(new)} {fail} not fail on the target: {listed(new, candidate.reasons)}"
        )
    if change.tests_may_go:
        return complaints
    ran = _ran(known)
    if gone := [test for test in ran if test not in tests]:
        complaints.append(
            f"{counted(gone, 'test')} that ran on the target {_are(gone)} gone: {listed(gone)}"
        )
    if skipped := [test for test in ran if tests.get(test) == "skipped"]:
        complaints.append(
            f"{counted(skipped, 'test')} that ran on the target {_are(skipped)} skipped now: "
            f"{listed(skipped)}"
        )
    return complaints


def _new_failures(tests: Tests, known: Tests) -> list[str]:
    return sorted(
        test
        for test, outcome in tests.items()
        if outcome == "failed" and known.get(test) != "failed"
    )


def _ran(tests: Tests) -> list[str]:
    return sorted(test for test, outcome in tests.items() if outcome != "skipped")


def _are(things: list[str]) -> str:
    return "is" if len(things) == 1 else "are"


def _nothing_ran(tests: Tests, known: Tests) -> str:
    ran = _ran(known)
    before = f"; on the target {counted(ran, 'test')} ran" if ran else ""
    if not tests:
        return f"nothing was executed: the report holds no test{before}"
    return f"nothing was executed: {counted(tests, 'test')}, all skipped{before}"


def _exit_code_agrees(gate: GateSettings, candidate: Evidence, target: Evidence | None) -> Answer:
    """Nothing got worse; what is left is whether the program says the same as its report."""
    tests = candidate.tests or {}
    failing = sorted(test for test, outcome in tests.items() if outcome == "failed")
    if not failing:
        if candidate.code != 0:
            return error(f"no test fails in the report, and yet: {ended(gate, candidate)}")
        bare = target is not None and target.tests is None
        return passed(
            _summary(tests) + ("; the target's own tree has no report to compare with" * bare)
        )
    if candidate.code == 0:
        return failed(
            f"the exit code is 0 although {counted(failing, 'test')} of the report failed, which "
            f"is a contradiction: the gate's command must not hide its exit code. "
            f"They fail on the target, too: {listed(failing)}"
        )
    if target is None or target.code != candidate.code:
        there = "none" if target is None else str(target.code)
        return error(
            f"every failing test fails on the target, too, but the exit codes differ: "
            f"{ended(gate, candidate)}; on the target it is {there}"
        )
    fail = "test fails that fails" if len(failing) == 1 else "tests fail that fail"
    return passed(
        f"{_summary(tests)}; {len(failing)} {fail} on the target, too: "
        f"{listed(failing, candidate.reasons)}"
    )


def _summary(tests: Tests) -> str:
    outcomes = list(tests.values())
    skipped = outcomes.count("skipped")
    return f"{counted(outcomes.count('passed'), 'test')} passed" + (
        f", {skipped} skipped" if skipped else ""
    )
