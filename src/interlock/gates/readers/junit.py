"""JUnit reports, of pytest (both families), jest, vitest, go, maven, gtest and their like.

There is no standard, so identities are made of what all of them give: the file where there is
one, the class, the name. What a report says twice counts once, and a failure wins. Counts in
attributes must fit what is there: a report that lost half of itself must not look whole.

pytest counts each subtest among its tests and writes those that passed nowhere; how many they
were stands in its summary alone. So its output is asked as a second witness.
"""

import re
from typing import Final

from interlock.gates.evidence import Reading, TestOutcome
from interlock.gates.readers.words import first_words, identity, inside
from interlock.gates.readers.xml_text import Element, Unreadable, parse

REASONS_MAX: Final = 1000
_BAD: Final = ("failure", "error")
_SKIPPED_WORDS: Final = frozenset({"disabled", "ignored", "notrun", "skipped", "suppressed"})
_FAILED_WORDS: Final = frozenset({"broken", "error", "errored", "failed", "failure"})


_SUBTESTS_PASSED: Final = re.compile(rb"(?:\b|(?<=m))(\d{1,9}) subtests passed\b")
_SUBTEST_TOLD: Final = re.compile(
    rb"^(?:\x1b\[[\d;]*m)*SUB(?:FAILED|FAIL|SKIPPED|SKIP)\b", re.MULTILINE
)


def read(data: bytes, roots: tuple[str, ...] = (), output: bytes = b"") -> Reading:
    """`output` is what the program said beside its report."""
    try:
        gathered = _Gathered(roots, _subtests(output))
        gathered.visit(_report(data), "", "")
    except Unreadable as fault:
        return Reading(unreadable=str(fault))
    return Reading(tests=gathered.tests, reasons=gathered.reasons)


def _report(data: bytes) -> Element:
    root = parse(data)
    if root.name not in {"testsuites", "testsuite"}:
        raise Unreadable(f"the report is no JUnit report: it begins with <{root.name}>")
    return root


def _subtests(output: bytes) -> int | None:
    """How many subtests passed, as the last summary tells; nothing where none is spoken of."""
    passed = _SUBTESTS_PASSED.findall(output)
    if passed:
        return int(passed[-1])
    return 0 if _SUBTEST_TOLD.search(output) else None


class _Counts:
    """What one suite holds, with the suites inside it."""

    def __init__(self) -> None:
        self.cases = 0
        self.skipped = 0
        self.skips = 0
        self.bad_elements = 0
        self.names: set[str] = set()
        self.failed: set[str] = set()

    def add(self, other: "_Counts") -> None:
        self.cases += other.cases
        self.skipped += other.skipped
        self.skips += other.skips
        self.bad_elements += other.bad_elements
        self.names |= other.names
        self.failed |= other.failed


class _Gathered:
    """The tests of a whole report."""

    def __init__(self, roots: tuple[str, ...], subtests: int | None) -> None:
        self.tests: dict[str, TestOutcome] = {}
        self.reasons: dict[str, str] = {}
        self._roots = roots
        self._subtests = subtests

    def visit(self, suite: Element, file: str, outer: str) -> _Counts:
        file = suite.get("file") or suite.get("filepath") or file
        name = suite.get("name") or outer
        own, nested = _Counts(), _Counts()
        for child in suite.children:
            if child.name in {"testsuite", "testsuites"}:
                nested.add(self.visit(child, file, name))
            elif child.name == "testcase":
                own.cases += 1
                self._case(child, file, name, own)
            elif child.name in _BAD:
                self._suite_failed(suite, child, own)
        whole = _Counts()
        whole.add(own)
        whole.add(nested)
        _demand_counts(suite, own, whole, self._subtests)
        return whole

    def _case(self, case: Element, file: str, suite: str, counts: _Counts) -> None:
        test = identity(_name_of(case, inside(case.get("file") or file, self._roots), suite))
        outcome = _outcome_of(case)
        bad = case.named(*_BAD)
        counts.names.add(test)
        counts.skipped += outcome == "skipped"
        counts.skips += len(case.named("skipped"))
        counts.bad_elements += len(bad)
        if outcome == "failed":
            counts.failed.add(test)
            counts.bad_elements += not bad
            self._explain(test, bad)
        self._note(test, outcome)

    def _suite_failed(self, suite: Element, bad: Element, counts: _Counts) -> None:
        """Some writers report a suite that could not be loaded beside its cases, as none of them.

        Whether they count it among their failures differs, so both are taken.
        """
        test = identity(f"{suite.get('name') or 'the suite'} (as a whole)")
        counts.bad_elements += 1
        self._note(test, "failed")
        self._explain(test, [bad])

    def _note(self, test: str, outcome: TestOutcome) -> None:
        """Twice the same name: failed before passed before skipped."""
        rank = ("skipped", "passed", "failed")
        before = self.tests.get(test)
        if before is None or rank.index(outcome) > rank.index(before):
            self.tests[test] = outcome

    def _explain(self, test: str, bad: list[Element]) -> None:
        if test in self.reasons or len(self.reasons) >= REASONS_MAX:
            return
        for element in bad:
            reason = first_words(element.get("message")) or first_words(element.text)
            if reason:
                self.reasons[test] = reason
                return


def _name_of(case: Element, file: str, suite: str) -> str:
    """`tests/test_cart.py::TestTotal::test_sum`, or as near to it as the report allows."""
    name, group = case.get("name"), case.get("classname")
    if not file:
        # Suites that are files tell tests of the same name apart; other suites only repeat.
        place = suite if "/" in suite and suite != group else ""
        outer = group or ("" if place or suite == "pytest" else suite)
        return "::".join(part for part in (place, outer, name) if part)
    dotted = file.rpartition(".")[0].replace("/", ".")
    if group in {dotted, file}:
        group = ""
    elif group.startswith(dotted + "."):
        group = group[len(dotted) + 1 :].replace(".", "::")
    return "::".join(part for part in (file, group, name) if part)


def _outcome_of(case: Element) -> TestOutcome:
    said = {case.get("status").lower(), case.get("result").lower()}
    if case.named(*_BAD) or said & _FAILED_WORDS:
        return "failed"
    if case.named("skipped") or said & _SKIPPED_WORDS:
        return "skipped"
    return "passed"


def _demand_counts(suite: Element, own: _Counts, whole: _Counts, subtests: int | None) -> None:
    """Writers differ in what they count (skipped, repeated, nested), so each count is a range."""
    tests = _count(suite, "tests")
    if tests is not None:
        most = whole.cases
        if subtests is not None:
            # Those that failed or were skipped are elements of their test, one each.
            most += subtests + whole.bad_elements + whole.skips
        _demand(suite, "tests", tests, len(own.names) - own.skipped, most)
    failures, errors = _count(suite, "failures"), _count(suite, "errors")
    if failures is not None:
        said = failures + (errors or 0)
        _demand(suite, "failures and errors", said, len(own.failed), whole.bad_elements)


def _demand(suite: Element, what: str, said: int, least: int, most: int) -> None:
    if said < least or said > most:
        name = first_words(suite.get("name"), 80) or suite.name
        held = str(most) if least == most else f"{max(0, least)} to {most}"
        raise Unreadable(
            f"the report contradicts itself: {name} says {said} {what} and holds {held}"
        )


def _count(suite: Element, attribute: str) -> int | None:
    text = suite.get(attribute).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 9:  # noqa: PLR2004 - a billion tests
        raise Unreadable(f"the report has {attribute}={first_words(text, 40)!r}, which is no count")
    return int(text)
