"""Each sentence of what a verdict means, as a row: candidate, target, and what must be said."""

from typing import NamedTuple

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interlock.domain.facts.change import Judgement
from interlock.domain.settings import GateSettings
from interlock.domain.verdict import GateOutcome
from interlock.gates.change import ChangeFacts
from interlock.gates.decide import is_clean, is_conclusive, judge, overall
from interlock.gates.evidence import Evidence, Finding
from interlock.gates.rules.ruling import Ruling

TESTS = GateSettings("tests", "pytest --junitxml={report}", "junit")
LINT = GateSettings("lint", "lint -o {report}", "sarif", fail_on="warning")
COVER = GateSettings("cover", "cov -o {report}", "coverage-xml", minimum=90.0)
CHECK = GateSettings("check", "make check", "exit-code", timeout_minutes=2.5)

PASSED, FAILED, ERROR, TARGET_RED = (
    GateOutcome.PASSED,
    GateOutcome.FAILED,
    GateOutcome.ERROR,
    GateOutcome.TARGET_RED,
)
NO_CHANGE = ChangeFacts()


def ran(code: int = 0, **more: object) -> Evidence:
    return msgspec.convert({"code": code, **more}, Evidence)


def report(code: int, names: str = "", **more: object) -> Evidence:
    """`a b- c~`: a passed, b failed, c was skipped."""
    outcomes = {"-": "failed", "~": "skipped"}
    known = {word.rstrip("-~"): outcomes.get(word[-1], "passed") for word in names.split()}
    return msgspec.convert({"code": code, "tests": known, **more}, Evidence)


GREEN = report(0, "a b c")
MISSING = "the report is missing"


class Row(NamedTuple):
    """One sentence."""

    candidate: Evidence
    target: Evidence | None
    outcome: GateOutcome
    says: str
    change: ChangeFacts = NO_CHANGE
    broken: bool = False


JUNIT = {
    "all passed, as on the target": Row(GREEN, GREEN, PASSED, "3 tests passed"),
    "something new passed, something is skipped as before": Row(
        report(0, "a b c~"), report(0, "a c~"), PASSED, "2 tests passed, 1 skipped"
    ),
    "a new failure fails": Row(
        report(1, "a b- c", reasons={"b": "assert 3 == 4"}),
        GREEN,
        FAILED,
        "1 test fails that does not fail on the target: b (assert 3 == 4)",
    ),
    "a failure of a test that the target lacks fails, too": Row(
        report(1, "a b c new-"), GREEN, FAILED, "1 test fails that does not fail on the target: new"
    ),
    "a new failure fails whatever the exit code": Row(
        report(0, "a b- c-"), GREEN, FAILED, "2 tests fail that do not fail on the target: b, c; "
        "the exit code is 0 all the same, which contradicts the report"
    ),
    "a new failure fails, also with a strange exit code": Row(
        report(137, "a b- c"), GREEN, FAILED, "1 test fails"
    ),
    "a new failure fails, also where time was up afterwards": Row(
        report(137, "a b- c", stopped_for="time"), GREEN, FAILED, "1 test fails"
    ),
    "pre-existing failures are named and do not fail": Row(
        report(1, "a b- c-", reasons={"b": "old"}),
        report(1, "a b- c-"),
        PASSED,
        "1 test passed; 2 tests fail that fail on the target, too: b (old), c",
    ),
    "a repaired failure passes": Row(report(0, "a b"), report(1, "a b-"), PASSED, "2 tests passed"),
    "one repaired, one left": Row(
        report(1, "a b c-"), report(1, "a b- c-"), PASSED, "1 test fails that fails on the target"
    ),
    "a new failure beside an old one": Row(
        report(1, "a- b-"), report(1, "a b-"), FAILED,
        "1 test fails that does not fail on the target: a",
    ),
    "exit code 0 with old failures is a contradiction": Row(
        report(0, "a b-"), report(0, "a b-"), FAILED, "which is a contradiction"
    ),
    "old failures under another exit code than the target's": Row(
        report(3, "a b-"), report(1, "a b-"), ERROR, "the exit codes differ: exit code 3",
        broken=True,
    ),
    "nothing in the report": Row(
        report(5, ""), GREEN, FAILED,
        "nothing was executed: the report holds no test; on the target 3 tests ran",
    ),
    "nothing in the report, nor on the target": Row(
        report(0, ""), report(0, ""), FAILED, "nothing was executed"
    ),
    "everything skipped": Row(
        report(0, "a~ b~"), GREEN, FAILED, "nothing was executed: 2 tests, all skipped"
    ),
    "everything skipped, though the task may": Row(
        report(0, "a~"), GREEN, FAILED, "nothing was executed", ChangeFacts(tests_may_go=True)
    ),
    "a test is gone": Row(
        report(0, "a b"), GREEN, FAILED, "1 test that ran on the target is gone: c"
    ),
    "a failing test is gone": Row(
        report(0, "a"), report(1, "a b-"), FAILED, "1 test that ran on the target is gone: b"
    ),
    "a test is newly skipped": Row(
        report(0, "a b~ c~"), GREEN, FAILED, "2 tests that ran on the target are skipped now: b, c"
    ),
    "a failing test is newly skipped": Row(
        report(0, "a b~"), report(1, "a b-"), FAILED, "is skipped now: b"
    ),
    "a test that was skipped on the target may go": Row(
        report(0, "a"), report(0, "a b~"), PASSED, "1 test passed"
    ),
    "a task that may remove tests": Row(
        report(0, "a"), GREEN, PASSED, "1 test passed", ChangeFacts(tests_may_go=True)
    ),
    "a task that may remove tests may not break them": Row(
        report(1, "a-"), GREEN, FAILED, "1 test fails", ChangeFacts(tests_may_go=True)
    ),
    "everything that got worse is said at once": Row(
        report(1, "a- b~"), GREEN, FAILED,
        "1 test fails that does not fail on the target: a; 1 test that ran on the target is gone: "
        "c; 1 test that ran on the target is skipped now: b",
    ),
    "no failure but a non-zero exit": Row(
        report(2, "a b c", said="INTERNALERROR"),
        GREEN,
        ERROR,
        "no test fails in the report, and yet: exit code 2; it said: INTERNALERROR",
        broken=True,
    ),
    "the report is missing": Row(
        ran(1, unreadable=MISSING), GREEN, ERROR, f"could not be judged: {MISSING} (exit code 1)",
        broken=True,
    ),
    "the report is missing though all seems well": Row(
        ran(0, unreadable=MISSING), GREEN, ERROR, MISSING, broken=True
    ),
    "the report is missing on the target, too": Row(
        ran(4, unreadable=MISSING), ran(4, unreadable=MISSING), ERROR, MISSING
    ),
    "unreadable": Row(
        ran(0, unreadable="the report is empty"), GREEN, ERROR, "the report is empty", broken=True
    ),
    "a missing tool is named as one": Row(
        ran(127, unreadable=MISSING, said="sh: 1: pytest: not found"),
        ran(127, unreadable=MISSING),
        ERROR,
        "exit code 127: a program of its command is missing in the box; its command is: "
        "pytest --junitxml={report}; it said: sh: 1: pytest: not found",
    ),
    "a tool that the change took away": Row(
        ran(127, unreadable=MISSING), GREEN, ERROR, "exit code 127", broken=True
    ),
    "time is up": Row(
        ran(137, unreadable=MISSING, stopped_for="time"), GREEN, ERROR,
        "it did not end within 10 minutes", broken=True,
    ),
    "time is up behind a report without new failures": Row(
        report(0, "a b c", stopped_for="time"), GREEN, ERROR, "did not end within", broken=True
    ),
    "killed for memory": Row(
        ran(137, unreadable=MISSING, stopped_for="memory"), GREEN, ERROR, "too much memory",
        broken=True,
    ),
    "killed by a signal": Row(
        report(139, "a b c"), GREEN, ERROR, "exit code 139: it was ended by SIGSEGV", broken=True
    ),
    "no box": Row(
        ran(-1, refused="No box starts"), GREEN, ERROR, "it could not be started: No box starts"
    ),
    "no environment": Row(
        ran(-1, unprepared="pip failed"), GREEN, ERROR,
        "its environment could not be built: pip failed", broken=True,
    ),
    "no box for the target": Row(
        GREEN, ran(-1, refused="No box starts"), ERROR,
        "cannot be compared with the target's own tree: it could not be started",
    ),
    "failures, and no box for the target": Row(
        report(1, "a-"), ran(-1, refused="No box"), ERROR, "cannot be compared"
    ),
    "the target ran out of time": Row(
        GREEN, ran(137, stopped_for="time", unreadable=MISSING), ERROR, "cannot be compared"
    ),
    "the target claims to be well without a report": Row(
        GREEN, ran(0, unreadable=MISSING), ERROR, "exit code 0, but the report is missing"
    ),
    "the target was not judged": Row(GREEN, None, ERROR, "it was not judged"),
    "no test could run on the target, which the change repairs": Row(
        GREEN, ran(4, unreadable=MISSING), PASSED,
        "3 tests passed; the target's own tree has no report to compare with",
    ),
    "no test could run on the target, but one fails now": Row(
        report(1, "a-"), ran(127, unreadable=MISSING), FAILED, "1 test fails that does not fail"
    ),
    "the first tests of a project": Row(report(0, "a"), report(5, ""), PASSED, "1 test passed"),
}  # fmt: skip

EXIT_CODE = {
    "zero": Row(ran(0), None, PASSED, "exit code 0"),
    "red": Row(ran(1, said="E: no"), ran(0), FAILED, "exit code 1; it said: E: no"),
    "red on the target, too": Row(
        ran(1), ran(2, said="broken"), TARGET_RED,
        "red on the target's own tree, too: exit code 2; it said: broken",
    ),
    "repaired": Row(ran(0), ran(1), PASSED, "exit code 0"),
    "a missing tool": Row(ran(127), ran(127), ERROR, "is missing in the box; its command is: make"),
    "a tool that the change took away": Row(ran(127), ran(0), ERROR, "127", broken=True),
    "a tool that the change took away from a red target": Row(
        ran(127), ran(1), ERROR, "127", broken=True
    ),
    "a program that may not run": Row(ran(126), ran(126), ERROR, "cannot be executed"),
    "time is up": Row(
        ran(0, stopped_for="time"), ran(0), ERROR, "did not end within 2.5 minutes", broken=True
    ),
    "killed": Row(ran(143), ran(143), ERROR, "exit code 143: it was ended by SIGTERM"),
    "a program's own high code": Row(ran(255), ran(0), FAILED, "exit code 255"),
    "red, and no box for the target": Row(
        ran(1), ran(-1, refused="No box"), ERROR, "cannot be compared"
    ),
    "red, and nobody judged the target": Row(ran(1), None, ERROR, "it was not judged"),
    "red, and the tool was missing on the target": Row(ran(1), ran(127), FAILED, "exit code 1"),
    "no box": Row(ran(-1, refused="No box"), ran(0), ERROR, "it could not be started: No box"),
}  # fmt: skip


def found(*names: str, code: int = 0, **more: object) -> Evidence:
    """`path:rule[:level[:fingerprint]]`, a warning by default."""
    findings = []
    for line, name in enumerate(names, start=1):
        path, rule, *rest = name.split(":")
        level, mark = [*rest, *["warning", ""][len(rest) :]]
        findings.append({"path": path, "rule": rule, "level": level, "fingerprint": mark,
                         "message": "bad", "line": line})  # fmt: skip
    return msgspec.convert({"code": code, "findings": findings, **more}, Evidence)


SARIF = {
    "nothing": Row(found(), found(), PASSED, "no new result that counts (0 known)"),
    "a new result": Row(
        found("a:X", code=1), found(), FAILED, "1 new result of level warning or above: a:1 X bad"
    ),
    "a new result under exit code 0": Row(found("a:X"), found(), FAILED, "1 new result"),
    "a second one of the same kind": Row(
        found("a:X", "a:X", code=1), found("a:X", code=1), FAILED, "1 new result"
    ),
    "the same in another file": Row(found("b:X", code=1), found("a:X", code=1), FAILED, "b:1 X"),
    "only old results, the exit code as on the target": Row(
        found("a:X", code=1), found("a:X", code=1), PASSED,
        "(1 known); exit code 1 as on the target",
    ),
    "an old result that moved into another file, by its fingerprint": Row(
        found("b:X:warning:f1", code=1), found("a:X:warning:f1", code=1), PASSED, "1 known"
    ),
    "a fingerprint answers for one result only": Row(
        found("b:X:warning:f1", "c:X:warning:f1", code=1), found("a:X:warning:f1", code=1), FAILED,
        "1 new result",
    ),
    "a known result that answered by its fingerprint does not answer by its words, too": Row(
        found("a:X:warning:f1", "a:X:warning:f2", code=1), found("a:X:warning:f1", code=1), FAILED,
        "1 new result",
    ),
    "a fingerprint that changed, but the words did not": Row(
        found("a:X:warning:f2", code=1), found("a:X:warning:f1", code=1), PASSED, "1 known"
    ),
    "new below the threshold": Row(
        found("a:X:note", code=1), found(), PASSED, "(0 known, 1 below warning)"
    ),
    "worse levels count": Row(found("a:X:error", code=1), found(), FAILED, "1 new result"),
    "fewer than before": Row(found("a:X", code=1), found("a:X", "b:X", code=1), PASSED, "1 known"),
    "only old results, but another exit code": Row(
        found("a:X", code=2), found("a:X", code=0), ERROR, "the exit codes differ", broken=True
    ),
    "no result but a non-zero exit": Row(
        found(code=2), found(), ERROR, "no result in the report, and yet: exit code 2", broken=True
    ),
    "killed behind a clean report": Row(
        found(stopped_for="memory", code=137), found(), ERROR, "too much memory", broken=True
    ),
    "no report": Row(ran(2, unreadable=MISSING), found(), ERROR, MISSING, broken=True),
    "no report on the target, which ended by itself": Row(
        found("a:X", code=1), ran(2, unreadable=MISSING), FAILED, "1 new result"
    ),
    "no box for the target": Row(
        found("a:X", code=1), ran(-1, refused="No box"), ERROR, "cannot be compared"
    ),
    "clean, whatever the target": Row(found(), ran(-1, refused="No box"), PASSED, "no new result"),
}  # fmt: skip

LINES = ChangeFacts(lines={"a.py": (1, 2, 3, 4, 9), "README.md": (1,)})


def covered(
    hit: tuple[int, ...], missed: tuple[int, ...], code: int = 0, **more: object
) -> Evidence:
    files = {"a.py": (hit, missed), "b.py": ((), (1, 2))}
    return msgspec.convert({"code": code, "covered": files, **more}, Evidence)


COVERAGE = {
    "enough": Row(
        covered((1, 2, 3, 4), ()), None, PASSED,
        "100.0 % of the changed executable lines are covered (4 of 4); 1 changed file stands not "
        "in the report: README.md", LINES,
    ),
    "too little": Row(
        covered((1,), (2, 3, 4, 9)), None, FAILED,
        "20.0 % of the changed executable lines are covered (1 of 5), 90 % are needed; not "
        "covered: a.py:2-4, a.py:9", LINES,
    ),
    "nothing executable was changed": Row(
        covered((50,), (51,)), None, PASSED, "no changed line is executable", LINES
    ),
    "no line was changed": Row(
        covered((), ()), None, PASSED, "no changed line is executable", ChangeFacts(lines={})
    ),
    "just not enough is not rounded up": Row(
        Evidence(0, covered={"a.py": (tuple(range(8999)), tuple(range(8999, 10000)))}), None,
        FAILED, "89.9 % of", ChangeFacts(lines={"a.py": tuple(range(10000))}),
    ),
    "exactly enough": Row(
        covered(tuple(range(9)), (9,)), None, PASSED, "90.0 %",
        ChangeFacts(lines={"a.py": tuple(range(10))}),
    ),
    "no minimum": Row(covered((), ()), None, ERROR, "has no `min`", LINES),
    "nobody knows the lines": Row(covered((), ()), None, ERROR, "not known which lines"),
    "no report": Row(ran(0, unreadable=MISSING), None, ERROR, MISSING, LINES),
    "a suite that is red as on the target still measures": Row(
        covered((1, 2, 3, 4), (), code=1), covered((), (), code=1), PASSED, "100.0 %", LINES
    ),
    "a suite that is red here only": Row(
        covered((1, 2, 3, 4), (), code=1), covered((), ()), ERROR,
        "enough lines are covered, and yet: exit code 1; on the target it is exit code 0", LINES,
        broken=True,
    ),
    "too little in a red suite": Row(
        covered((1,), (2, 3, 4), code=1), None, FAILED, "25.0 %", LINES
    ),
    "time is up": Row(
        covered((1, 2), (), stopped_for="time"), None, ERROR, "did not end within", LINES
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("gate", "row"),
    [
        pytest.param(gate, row, id=f"{gate.name}: {name}")
        for gate, rows in ((TESTS, JUNIT), (CHECK, EXIT_CODE), (LINT, SARIF), (COVER, COVERAGE))
        for name, row in rows.items()
    ],
)
def test_the_sentence_holds(gate: GateSettings, row: Row, request: pytest.FixtureRequest) -> None:
    if "no minimum" in request.node.name:
        gate = msgspec.structs.replace(gate, minimum=None)
    ruling = judge(gate, row.candidate, row.target, row.change)
    assert (ruling.outcome, ruling.broken) == (row.outcome, row.broken), ruling.detail
    assert row.says in ruling.detail
    assert len(ruling.detail) <= 500


def test_a_message_that_names_another_line_survives_its_move() -> None:
    def at(line: int) -> Evidence:
        found = Finding("a.py", "F811", "error", f"`x` was first defined on line {line}", line)
        return Evidence(1, findings=(found,))

    assert judge(LINT, at(9), at(4), NO_CHANGE).outcome is PASSED


def test_long_lists_are_cut_with_their_count() -> None:
    many = " ".join(f"tests/unit/module_{number}.py::test_{number}-" for number in range(900))
    ruling = judge(TESTS, report(1, many), report(0, "x"), ChangeFacts(tests_may_go=True))
    assert ruling.detail.startswith("900 tests fail that do not fail on the target: tests/unit/")
    assert " more" in ruling.detail
    assert len(ruling.detail) <= 500


OVERALL: dict[str, tuple[list[Ruling], Judgement, str, str]] = {
    "all passed": (
        [Ruling("a", PASSED, "x"), Ruling("b", PASSED, "y")], Judgement.PASSED, "a: x; b: y", "",
    ),
    "none asked": ([], Judgement.PASSED, "no gate was asked", ""),
    "one failed": (
        [Ruling("a", PASSED, "x"), Ruling("b", FAILED, "y")], Judgement.FAILED, "b: y", "b",
    ),
    "failed goes before all": (
        [Ruling("a", ERROR, "e"), Ruling("b", TARGET_RED, "r"), Ruling("c", FAILED, "f")],
        Judgement.FAILED, "c: f", "c",
    ),
    "broken by the change goes back to its author": (
        [Ruling("a", ERROR, "e", broken=True), Ruling("b", TARGET_RED, "r")],
        Judgement.FAILED, "a: e (it can be judged on the target, so the change broke it)", "a",
    ),
    "the target's own trouble": (
        [Ruling("a", PASSED, "x"), Ruling("b", TARGET_RED, "r")], Judgement.TARGET_RED, "b: r", "b",
    ),
    "nobody's trouble": (
        [Ruling("a", PASSED, "x"), Ruling("b", ERROR, "e")], Judgement.ERROR, "b: e", "b",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("rulings", "judgement", "detail", "decisive"), OVERALL.values(), ids=OVERALL.keys()
)
def test_all_gates_together(
    rulings: list[Ruling], judgement: Judgement, detail: str, decisive: str
) -> None:
    whole = overall(rulings)
    assert (whole.judgement, whole.detail, whole.decisive) == (judgement, detail, decisive)


OUTCOMES = st.sampled_from(["passed", "failed", "skipped"])
EVIDENCE = st.builds(
    Evidence,
    code=st.sampled_from([0, 1, 2, 5, 126, 127, 137, 255]),
    stopped_for=st.sampled_from(["", "", "", "time", "memory", "killed", "whim"]),
    refused=st.sampled_from(["", "", "", "No box"]),
    unreadable=st.just(""),
    tests=st.none() | st.dictionaries(st.sampled_from("abcd"), OUTCOMES),
    findings=st.none()
    | st.lists(
        st.builds(
            Finding, st.sampled_from("ab"), st.just("X"),
            st.sampled_from(["note", "warning", "error"]), st.sampled_from("mn"), st.just(1),
            st.sampled_from(["", "f"]),
        ),
        max_size=4,
    ).map(tuple),
    covered=st.none()
    | st.dictionaries(
        st.sampled_from(["a.py"]),
        st.just((1, 2)).flatmap(lambda hit: st.tuples(st.just(hit), st.just((3,)))),
    ),
)  # fmt: skip
GATES = st.sampled_from([TESTS, LINT, COVER, CHECK])
CHANGES = st.sampled_from([NO_CHANGE, LINES, ChangeFacts(lines={}, tests_may_go=True)])


@given(GATES, EVIDENCE, st.none() | EVIDENCE, CHANGES)
@example(TESTS, GREEN, GREEN, NO_CHANGE)
def test_passed_is_never_said_of_what_did_not_run(
    gate: GateSettings, candidate: Evidence, target: Evidence | None, change: ChangeFacts
) -> None:
    ruling = judge(gate, candidate, target, change)
    assert ruling == judge(gate, candidate, target, change)
    assert ruling.detail
    assert not ruling.broken or ruling.outcome is ERROR
    if ruling.outcome is not PASSED:
        return
    assert (candidate.refused, candidate.stopped_for) == ("", "")
    assert candidate.code not in {126, 127, 137}
    if gate is TESTS:
        seen, known = candidate.tests or {}, (target.tests if target else None) or {}
        assert {"passed", "failed"} & set(seen.values())
        new = {name for name in seen if seen[name] == "failed" and known.get(name) != "failed"}
        assert not new
        assert (candidate.code == 0) == ("failed" not in seen.values())
        if not change.tests_may_go:
            live = {name for name in known if known[name] != "skipped"}
            assert all(seen.get(name) in {"passed", "failed"} for name in live)


@given(GATES, EVIDENCE, st.none() | EVIDENCE, CHANGES)
def test_where_the_target_is_not_asked_it_could_not_have_changed_the_answer(
    gate: GateSettings, candidate: Evidence, target: Evidence | None, change: ChangeFacts
) -> None:
    if is_clean(gate, candidate, change):
        asked = judge(gate, candidate, target, change)
        assert asked == judge(gate, candidate, None, change)


@given(st.lists(st.builds(
    Ruling, st.sampled_from("abc"), st.sampled_from(GateOutcome), st.just("x"), st.just(value=False)
)))  # fmt: skip
def test_together_they_pass_only_if_each_does(rulings: list[Ruling]) -> None:
    whole = overall(rulings)
    assert (whole.judgement is Judgement.PASSED) == all(
        ruling.outcome is PASSED for ruling in rulings
    )


@pytest.mark.parametrize(
    ("evidence", "kept"),
    [
        (GREEN, True),
        (report(1, "a-"), True),
        (ran(1), True),
        (ran(127), False),
        (ran(137), False),
        (ran(0, stopped_for="time"), False),
        (ran(1, unreadable=MISSING), False),
        (ran(-1, refused="No box"), False),
        (ran(-1, unprepared="pip failed"), False),
    ],
)
def test_only_what_would_show_again_is_worth_keeping(evidence: Evidence, kept: bool) -> None:
    assert is_conclusive(evidence) is kept
