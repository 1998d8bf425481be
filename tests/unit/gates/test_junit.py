"""JUnit reports of many writers: what they say in common, and what makes them no evidence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.gates.readers.junit import read


def suite(cases: str, **attributes: object) -> bytes:
    said = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<testsuites><testsuite name="suite"{said}>{cases}</testsuite></testsuites>'.encode()


PASSED = '<testcase classname="tests.test_a" name="test_one" time="0.1"/>'
FAILED = (
    '<testcase classname="tests.test_a" name="test_two">'
    '<failure message="assert 3 == 4\n  where 3 = f()">long\ntext</failure></testcase>'
)
ERROR = '<testcase classname="tests.test_a" name="test_three"><error>boom</error></testcase>'
SKIPPED = '<testcase classname="tests.test_a" name="test_four"><skipped message="no"/></testcase>'


def test_failures_errors_and_skips_are_told_apart() -> None:
    reading = read(
        suite(PASSED + FAILED + ERROR + SKIPPED, tests=4, failures=1, errors=1, skipped=1)
    )
    assert reading.unreadable == ""
    assert reading.tests == {
        "tests.test_a::test_one": "passed",
        "tests.test_a::test_two": "failed",
        "tests.test_a::test_three": "failed",
        "tests.test_a::test_four": "skipped",
    }
    assert reading.reasons == {
        "tests.test_a::test_two": "assert 3 == 4 where 3 = f()",
        "tests.test_a::test_three": "boom",
    }


WRITERS = {
    # pytest xunit1 tells the file, so that its own names come back.
    "pytest xunit1": (
        '<testsuites><testsuite name="pytest" tests="2" failures="0" errors="0">'
        '<testcase classname="tests.test_a" file="tests/test_a.py" line="3" name="test_x[1-a]"/>'
        '<testcase classname="tests.test_a.TestB" file="tests/test_a.py" name="test_y"/>'
        "</testsuite></testsuites>",
        {"tests/test_a.py::test_x[1-a]": "passed", "tests/test_a.py::TestB::test_y": "passed"},
    ),
    # A test that fails and whose teardown errs, too, is written twice and counted once.
    "pytest, failed twice": (
        '<testsuite name="pytest" tests="1" failures="1" errors="1">'
        '<testcase classname="t" name="x"><failure message="a"/></testcase>'
        '<testcase classname="t" name="x"><error message="b"/></testcase></testsuite>',
        {"t::x": "failed"},
    ),
    "pytest, collection error": (
        '<testsuite name="pytest" tests="1" failures="0" errors="1">'
        '<testcase classname="" name="tests.test_a"><error message="collection failure"/>'
        "</testcase></testsuite>",
        {"tests.test_a": "failed"},
    ),
    "jest-junit": (
        '<testsuites name="jest tests" tests="2" failures="1" errors="0">'
        '<testsuite name="Cart" errors="0" failures="1" skipped="1" tests="2" timestamp="x">'
        '<testcase classname="Cart adds" name="Cart adds"><failure>Error: no\n at x</failure>'
        '</testcase><testcase classname="Cart skips" name="Cart skips"><skipped/></testcase>'
        '<testcase classname="Cart todo" name="Cart todo"><skipped/></testcase>'
        "</testsuite></testsuites>",
        {
            "Cart adds::Cart adds": "failed",
            "Cart skips::Cart skips": "skipped",
            "Cart todo::Cart todo": "skipped",
        },
    ),
    "vitest": (
        '<testsuites name="vitest tests" tests="1" failures="0" errors="0">'
        '<testsuite name="src/a.test.ts" tests="1" failures="0" errors="0" skipped="0">'
        '<testcase classname="src/a.test.ts" name="adds &gt; up"/></testsuite></testsuites>',
        {"src/a.test.ts::adds > up": "passed"},
    ),
    "suites that are files keep tests of one name apart": (
        '<testsuites><testsuite name="a/x.spec.ts"><testcase classname="Cart" name="adds"/>'
        '</testsuite><testsuite name="b/x.spec.ts"><testcase classname="Cart" name="adds">'
        "<failure/></testcase></testsuite></testsuites>",
        {"a/x.spec.ts::Cart::adds": "passed", "b/x.spec.ts::Cart::adds": "failed"},
    ),
    "go": (
        '<testsuites tests="2" failures="1"><testsuite tests="2" failures="1" errors="0" '
        'name="example.com/cart"><properties><property name="go.version" value="1"/></properties>'
        '<testcase classname="example.com/cart" name="TestAdd"/>'
        '<testcase classname="example.com/cart" name="TestAdd/empty">'
        '<failure message="Failed">cart_test.go:7: no</failure></testcase></testsuite>'
        "</testsuites>",
        {"example.com/cart::TestAdd": "passed", "example.com/cart::TestAdd/empty": "failed"},
    ),
    # Surefire repeats: flaky ones passed in the end; `tests` counts each of them once.
    "maven surefire": (
        '<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="app.CartTest" '
        'tests="2" errors="0" skipped="0" failures="1">'
        '<testcase name="adds" classname="app.CartTest"><flakyFailure message="x"/></testcase>'
        '<testcase name="takes" classname="app.CartTest"><failure message="y"/>'
        '<rerunFailure message="y"/></testcase></testsuite>',
        {"app.CartTest::adds": "passed", "app.CartTest::takes": "failed"},
    ),
    "gtest": (
        '<testsuites tests="2" failures="0" disabled="1" errors="0"><testsuite name="Cart" '
        'tests="2" failures="0" disabled="1" skipped="0" errors="0">'
        '<testcase name="Adds" status="run" result="completed" classname="Cart"/>'
        '<testcase name="DISABLED_Takes" status="notrun" result="suppressed" classname="Cart"/>'
        "</testsuite></testsuites>",
        {"Cart::Adds": "passed", "Cart::DISABLED_Takes": "skipped"},
    ),
    "nested suites, counted in all": (
        '<testsuites tests="2" failures="1"><testsuite name="a" tests="2" failures="1">'
        '<testsuite name="b" tests="1" failures="1"><testcase classname="b" name="x"><failure/>'
        '</testcase></testsuite><testcase classname="a" name="y"/></testsuite></testsuites>',
        {"b::x": "failed", "a::y": "passed"},
    ),
    "a namespace and a byte order mark": (
        '\ufeff<j:testsuite xmlns:j="urn:x" name="a"><j:testcase name="y"/></j:testsuite>',
        {"a::y": "passed"},
    ),
    "a suite that could not be loaded": (
        '<testsuite name="src/a.test.js" tests="0" errors="1"><error message="no module"/>'
        "</testsuite>",
        {"src/a.test.js (as a whole)": "failed"},
    ),
}


@pytest.mark.parametrize(("text", "tests"), WRITERS.values(), ids=WRITERS.keys())
def test_reports_of_known_writers(text: str, tests: dict[str, str]) -> None:
    reading = read(text.encode())
    assert (reading.unreadable, reading.tests) == ("", tests)


def test_a_report_without_tests_is_readable_and_empty() -> None:
    assert read(b"<testsuites/>").tests == {}
    assert read(suite("", tests=0, failures=0, errors=0)).tests == {}


def test_said_twice_is_there_once_and_failed_wins() -> None:
    twice = PASSED + PASSED.replace("/>", "><failure/></testcase>")
    assert read(suite(twice + PASSED)).tests == {"tests.test_a::test_one": "failed"}


UNREADABLE = {
    "empty": (b"", "empty"),
    "blank": (b" \n", "empty"),
    "truncated": (suite(PASSED)[:-20], "not well-formed"),
    "words": (b"OK (3 tests)", "not well-formed"),
    "another document": (b"<coverage/>", "begins with <coverage>"),
    "more cases said than held": (suite(PASSED, tests=5), "says 5 tests and holds 1"),
    "fewer cases said than held": (suite(PASSED + FAILED, tests=1), "says 1 tests and holds 2"),
    "failures said, none held": (
        suite(PASSED, failures=2, errors=0),
        "says 2 failures and errors and holds 0",
    ),
    "failures held, none said": (
        suite(FAILED, failures=0, errors=0),
        "says 0 failures and errors and holds 1",
    ),
    "a count that is none": (suite(PASSED, tests="many"), "tests='many', which is no count"),
    "a negative count": (suite(PASSED, tests=-1), "no count"),
    "own document type": (b'<!DOCTYPE a [<!ENTITY b "c">]><testsuite/>', "document type"),
    "fetched document type": (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><testsuite/>', "type"),
    "a bomb of entities": (
        b'<!DOCTYPE z [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><testsuite name="&b;"/>',
        "document type",
    ),
    "an encoding nobody knows": (b'<?xml version="1.0" encoding="klingon"?><a/>', "encoding"),
    "nested without end": (b"<testsuite>" * 60 + b"</testsuite>" * 60, "nested too deeply"),
}


@pytest.mark.parametrize(("data", "sentence"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_evidence_says_why(data: bytes, sentence: str) -> None:
    reading = read(data)
    assert reading.tests is None
    assert sentence in reading.unreadable


def test_names_and_reasons_are_safe_to_show() -> None:
    case = '<testcase name="a&#10;b&#x202e;c" classname="k"><failure message="m&#9;n"/></testcase>'
    reading = read(suite(case))
    assert list(reading.tests or {}) == ["k::a b\N{REPLACEMENT CHARACTER}c"]
    assert list(reading.reasons.values()) == ["m n"]


def test_long_names_that_differ_stay_different() -> None:
    one, two = ("x" * 2000 + sign for sign in "ab")
    tests = read(suite(f'<testcase name="{one}"/><testcase name="{two}"/>')).tests or {}
    assert len(tests) == 2
    assert all(len(name) <= 500 for name in tests)


def test_the_place_of_the_workspace_is_no_part_of_a_name() -> None:
    case = '<testcase classname="t.test_a" file="/workspace/t/test_a.py" name="x"/>'
    assert list(read(suite(case), ("/workspace",)).tests or {}) == ["t/test_a.py::x"]


@given(st.binary(max_size=300))
def test_no_bytes_crash_it_and_garbage_is_never_evidence(data: bytes) -> None:
    reading = read(data)
    assert reading.tests is None
    assert reading.unreadable


WHOLE = suite(PASSED + FAILED + ERROR + SKIPPED, tests=4, failures=1, errors=1, skipped=1)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_one_wrong_byte_never_loses_a_failure_in_silence(place: int, byte: int) -> None:
    damaged = WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]
    reading = read(damaged)
    assert reading.unreadable or "failed" in (reading.tests or {}).values()


@given(st.integers(0, len(WHOLE) - 1))
def test_a_cut_report_is_unreadable(length: int) -> None:
    assert read(WHOLE[:length]).unreadable


ELEMENTS = st.sampled_from(
    ["testsuite", "testsuites", "testcase", "failure", "error", "skipped", "properties"]
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["name", "classname", "file", "tests", "failures", "errors", "status"]),
    st.text(
        st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='<&"'), max_size=6
    )
    | st.integers(-1, 3).map(str),
    max_size=4,
)


@st.composite
def documents(draw: st.DrawFn, depth: int = 4) -> str:
    name = draw(ELEMENTS)
    said = "".join(f' {key}="{value}"' for key, value in draw(ATTRIBUTES).items())
    inner = "".join(draw(st.lists(documents(depth=depth - 1), max_size=3))) if depth else ""
    return f"<{name}{said}>{inner}</{name}>"


@given(documents())
def test_any_shape_of_known_elements_is_read_or_refused(text: str) -> None:
    reading = read(text.encode())
    assert bool(reading.unreadable) == (reading.tests is None)
    if reading.tests is not None and "<failure" not in text and "<error" not in text:
        assert "failed" not in reading.tests.values() or 'status="' in text


# --- subtests -------------------------------------------------------------------------------------
# pytest 9 counts them among its tests; those that passed stand in its summary only.

SUBTESTS = (
    b'<testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="6" skipped="1" '
    b'tests="19"><testcase classname="t.T" name="test_a"/>'
    b'<testcase classname="t.T" name="test_b"><failure message="1 == 1"/></testcase>'
    b'<testcase classname="t.T" name="test_c"><skipped message="x"/></testcase>'
    b'<testcase classname="t.T" name="test_d"><failure message="a"/><failure message="b"/>'
    b'<failure message="c"/></testcase>'
    b'<testcase classname="t" name="test_e"><failure message="assert 0"/>'
    b'<failure message="contains 1 failed subtest"/></testcase>'
    b'<testcase classname="t" name="test_f"/></testsuite></testsuites>'
)
"""What pytest 9.2 writes for six tests with thirteen subtests."""


@pytest.mark.parametrize("mark", [b"", b"\x1b[1m"])
def test_subtests_that_the_summary_tells_of_are_no_contradiction(mark: bytes) -> None:
    said = b"6 failed, 4 passed, 1 skipped, " + mark + b"8 subtests passed in 0.76s\n"
    reading = read(SUBTESTS, (), said)
    assert reading.unreadable == ""
    assert reading.tests is not None
    assert sorted(reading.tests.values()) == ["failed"] * 3 + ["passed"] * 2 + ["skipped"]


@pytest.mark.parametrize("said", [b"", b"6 failed, 4 passed\n", b"SUBTOTAL 8 subtests\n"])
def test_more_tests_than_cases_stay_a_contradiction_where_nobody_tells_of_subtests(
    said: bytes,
) -> None:
    assert "contradicts itself" in read(SUBTESTS, (), said).unreadable


def test_a_summary_of_few_subtests_does_not_excuse_many_lost_tests() -> None:
    half = suite(PASSED, tests=40, failures=0, errors=0)
    assert "contradicts itself" in read(half, (), b"2 passed, 8 subtests passed in 1s").unreadable


@pytest.mark.parametrize("colour", [b"", b"\x1b[31m"])
def test_subtests_that_only_failed_are_told_by_their_own_lines(colour: bytes) -> None:
    report = suite(
        '<testcase classname="t" name="d"><failure message="a"/><failure message="b"/></testcase>',
        tests=2, failures=2, errors=0,
    )  # fmt: skip
    assert read(report).unreadable != ""
    said = colour + b"SUBFAILED[x] t.py::d - AssertionError\nFAILED t.py::d\n2 failed in 0.1s"
    assert read(report, (), said).tests == {"t::d": "failed"}
