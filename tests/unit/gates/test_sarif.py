"""SARIF of linters: levels by default, suppressions, places, and what is no report to go by."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.gates.evidence import Finding
from interlock.gates.readers.sarif import read

ROOTS = ("/workspace",)


def log(*results: dict[str, Any], **run: object) -> bytes:
    tool = {"driver": {"name": "lint", "rules": RULES}}
    return msgspec.json.encode(
        {"version": "2.1.0", "runs": [{"tool": tool, "results": list(results), **run}]}
    )


RULES = [
    {"id": "E1", "defaultConfiguration": {"level": "error"}},
    {"id": "N1", "defaultConfiguration": {"level": "note"}},
    {"id": "X0", "defaultConfiguration": {"level": "none"}},
    {"id": "M1", "messageStrings": {"default": {"text": "do not use {0} here"}}},
]


def result(**said: object) -> dict[str, Any]:
    place = {
        "physicalLocation": {
            "artifactLocation": {"uri": "src/a%20b.py"},
            "region": {"startLine": 7},
        }
    }
    return {"ruleId": "W1", "message": {"text": "bad"}, "locations": [place], **said}


def one(data: bytes) -> Finding:
    reading = read(data, ROOTS)
    assert reading.unreadable == ""
    assert reading.findings is not None
    (finding,) = reading.findings
    return finding


def test_a_result_says_where_and_what() -> None:
    finding = one(log(result(level="error", partialFingerprints={"b/v1": "2", "a/v1": "1"})))
    assert finding == Finding("src/a b.py", "W1", "error", "bad", 7, "a/v1=1 b/v1=2")


LEVELS = {
    "its own": ({"level": "note", "ruleId": "E1"}, "note"),
    "of its rule, by id": ({"ruleId": "E1"}, "error"),
    "of its rule, by place": ({"ruleId": None, "ruleIndex": 1}, "note"),
    "of its rule, by reference": ({"ruleId": None, "rule": {"id": "E1"}}, "error"),
    "of the kind above": ({"ruleId": "E1/sub"}, "error"),
    "of nobody": ({"ruleId": "unknown"}, "warning"),
}


@pytest.mark.parametrize(("said", "level"), LEVELS.values(), ids=LEVELS.keys())
def test_the_level_is(said: dict[str, Any], level: str) -> None:
    assert one(log(result(**said))).level == level


NO_COMPLAINT = {
    "a pass": {"kind": "pass"},
    "information": {"kind": "informational"},
    "level none": {"level": "none"},
    "level none of its rule": {"ruleId": "X0"},
    "suppressed": {"suppressions": [{"kind": "inSource"}]},
    "gone since the tool's own baseline": {"baselineState": "absent"},
}


@pytest.mark.parametrize("said", NO_COMPLAINT.values(), ids=NO_COMPLAINT.keys())
def test_what_is_no_complaint_is_left_out(said: dict[str, Any]) -> None:
    assert read(log(result(**said))).findings == ()


@pytest.mark.parametrize("status", ["underReview", "rejected"])
def test_a_suppression_that_nobody_accepted_counts_for_nothing(status: str) -> None:
    both = [{"kind": "inSource"}, {"kind": "external", "status": status}]
    assert one(log(result(suppressions=both))).rule == "W1"


URIS = {
    "src/a.py": "src/a.py",
    "file:///workspace/src/a.py": "src/a.py",
    "/workspace/src/a.py": "src/a.py",
    "./src/./a.py": "src/a.py",
    "src/x/../a.py": "src/a.py",
    "file:///workspace/src/a%20b.py": "src/a b.py",
    "src\\a.py": "src/a.py",
    "file:///usr/lib/a.py": "/usr/lib/a.py",
    "/workspaces/a.py": "/workspaces/a.py",
}


@pytest.mark.parametrize(("uri", "path"), URIS.items())
def test_paths_are_told_from_the_root_of_the_workspace(uri: str, path: str) -> None:
    place = {"physicalLocation": {"artifactLocation": {"uri": uri}}}
    assert one(log(result(locations=[place]))).path == path


def test_a_file_may_be_named_by_its_place_in_a_list() -> None:
    place = {"physicalLocation": {"artifactLocation": {"index": 1}}}
    listed = [{"location": {"uri": "a.py"}}, {"location": {"uri": "b.py"}}]
    assert one(log(result(locations=[place]), artifacts=listed)).path == "b.py"
    assert one(log(result(locations=[place]))).path == ""


def test_a_message_may_be_named_in_the_rule_and_never_holds_the_workspace() -> None:
    message = {"id": "default", "arguments": ["eval"]}
    assert one(log(result(ruleId="M1", message=message))).message == "do not use eval here"
    text = {"text": "see /workspace/src/a.py"}
    assert one(log(result(message=text))).message == "see src/a.py"


def test_no_result_is_an_empty_list() -> None:
    assert read(log()).findings == ()


UNREADABLE = {
    "empty": (b" ", "empty"),
    "truncated": (log(result())[:-9], "no SARIF"),
    "another document": (b'{"results": []}', "no SARIF"),
    "a list": (b"[]", "no SARIF"),
    "another version": (b'{"version": "1.0.0", "runs": []}', "SARIF '1.0.0'; 2.1 is read"),
    "no run": (b'{"version": "2.1.0", "runs": []}', "no run"),
    "an unknown level": (log(result(level="fatal")), "no SARIF"),
    "results left out": (
        b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "lint"}}}]}',
        "does not say what lint found",
    ),
    "a tool that broke off": (
        log(invocations=[{"executionSuccessful": False}]),
        "lint says in its report that it did not run through",
    ),
}


@pytest.mark.parametrize(("data", "sentence"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_evidence_says_why(data: bytes, sentence: str) -> None:
    reading = read(data)
    assert reading.findings is None
    assert sentence in reading.unreadable


@given(st.binary(max_size=200))
def test_no_bytes_crash_it_and_garbage_is_never_evidence(data: bytes) -> None:
    reading = read(data)
    assert reading.findings is None
    assert reading.unreadable


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["level", "message", "text", "ruleId", "ruleIndex", "kind", "locations", "rule",
                 "suppressions", "fingerprints", "physicalLocation", "artifactLocation", "uri"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(JSON, st.integers(0, 400))
def test_any_result_is_read_or_refused(odd: object, cut: int) -> None:
    odd_log = msgspec.json.encode(
        {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "l"}}, "results": [odd]}]}
    )
    for data in (odd_log, odd_log[:cut] if cut < len(odd_log) else b""):
        reading = read(data)
        assert bool(reading.unreadable) == (reading.findings is None)
