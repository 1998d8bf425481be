"""Scripts of scripted agents: read exactly as they are; what is wrong is named with its line."""

import string

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from interlock.domain.ids import TaskName
from interlock.domain.task import Activity
from interlock.workers.agents.script import (
    Append,
    Ask,
    Commit,
    Crash,
    Delete,
    Fail,
    Flood,
    Hang,
    Progress,
    Replace,
    Run,
    Say,
    Script,
    ScriptFaults,
    Sleep,
    Write,
    read_script,
)

EVERYTHING = """
tasks:
  schema:
    - steps:
        - write: {path: app/a.py, text: "x = 1\\n"}
        - append: {path: app/a.py, text: "y = 2\\n"}
        - replace: {path: app/a.py, old: x, new: z}
        - delete: app/b.py
        - run: make
        - run: {command: make test, expect: 2}
        - run: {command: make lint, expect: any}
        - sleep: 0.5
        - progress: 40
        - progress: {percent: 60, activity: green}
        - say: hello
        - ask: Which one?
        - ask: {question: Which?, options: [a, b]}
        - commit: A message
    - steps:
        - fail: no more
        - hang: for ever
        - crash: now
        - flood: 1000
any:
  - steps: [{say: nothing}]
"""


def test_every_step_is_read_as_it_is_written():
    script = read_script(EVERYTHING, "s.yaml")
    first, second = script.tasks["schema"]
    assert first == (
        Write("app/a.py", "x = 1\n"),
        Append("app/a.py", "y = 2\n"),
        Replace("app/a.py", "x", "z"),
        Delete("app/b.py"),
        Run("make"),
        Run("make test", 2),
        Run("make lint", None),
        Sleep(0.5),
        Progress(40),
        Progress(60, Activity.GREEN),
        Say("hello"),
        Ask("Which one?"),
        Ask("Which?", ("a", "b")),
        Commit("A message"),
    )
    assert second == (Fail("no more"), Hang(), Crash(), Flood(1000))


def test_the_last_attempt_stands_for_all_after_it():
    script = read_script(EVERYTHING, "s.yaml")
    task = TaskName("schema")
    assert script.steps_for(task, 1) == script.tasks["schema"][0]
    assert script.steps_for(task, 2) == script.steps_for(task, 9) == script.tasks["schema"][1]
    assert script.steps_for(TaskName("other"), 1) == (Say("nothing"),)
    assert Script().steps_for(task, 1) is None


def test_json_is_read_as_well():
    script = read_script('{"tasks": {"a": [{"steps": [{"say": "x"}]}]}}', "s.json")
    assert script.steps_for(TaskName("a"), 1) == (Say("x"),)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "s.yaml:1: it is empty"),
        ("tasks: [", "s.yaml:2: this is not YAML"),
        ("task: {}", "s.yaml:1: `task` is not known here; known: tasks, any"),
        ("tasks:\n  a:\n    - say: x", "s.yaml:3: `say` is not known here; known: steps"),
        ("tasks:\n  a: []", "s.yaml:2: here must be a list of attempts"),
        ("tasks:\n  a:\n    - {}", "s.yaml:3: this attempt has no `steps`"),
        ("any:\n- steps:\n  - wriet: x", "s.yaml:3: `wriet` is not known"),
        ("any:\n- steps:\n  - {say: x, run: y}", "s.yaml:3: a step is one verb"),
        ("any:\n- steps:\n  - write: x", "s.yaml:3: `write` wants {path, text}"),
        ("any:\n- steps:\n  - write: {path: /etc/x, text: x}", "a path inside the workspace"),
        ("any:\n- steps:\n  - delete: a/../../b", "a path inside the workspace"),
        ("any:\n- steps:\n  - progress: 101", "`progress` wants a percentage, 100 at most"),
        ("any:\n- steps:\n  - sleep: long", "`sleep` wants seconds"),
        ("any:\n- steps:\n  - progress: {percent: 1, activity: idle}", "an activity out of"),
        ("any:\n- steps:\n  - replace: {path: a, old: '', new: b}", "a text to look for"),
        ("tasks:\n  a: [{steps: [{say: x}]}]\n  a: [{steps: [{say: x}]}]", "s.yaml:3: `a` stands"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, fault: str):
    with pytest.raises(ScriptFaults) as found:
        read_script(text, "s.yaml")
    assert fault in str(found.value)


def test_all_faults_are_named_at_once():
    text = "any:\n- steps:\n  - wriet: x\n  - sleep: x\n  - say: fine\n  - flood: -1"
    with pytest.raises(ScriptFaults) as found:
        read_script(text, "s.yaml")
    assert [fault.split(":")[1] for fault in found.value.faults] == ["3", "4", "6"]


@given(st.text(alphabet=string.printable, max_size=200))
def test_no_text_breaks_the_reader(text: str):
    read_or_refused(text)


MEANT = st.text(
    st.characters(exclude_characters="\x85\u2028\u2029\ufeff", exclude_categories=["Cs"])
)
"""Four characters end lines in YAML, or begin a file; they have to be written as escapes."""


@given(MEANT, MEANT)
def test_a_text_arrives_as_it_was_meant(said: str, written: str):
    steps = [{"say": said}, {"write": {"path": "a", "text": written}}]
    text = msgspec.json.encode({"any": [{"steps": steps}]}).decode()
    assert read_or_refused(text) in {((Say(said), Write("a", written)),), "refused"}


def read_or_refused(text: str) -> object:
    """A character that YAML does not allow is a fault like any other."""
    try:
        return read_script(text, "s.yaml").any
    except ScriptFaults as faults:
        return "refused" if faults.faults else "refused without a fault"


def test_what_is_nested_without_end_is_refused_and_not_read():
    with pytest.raises(ScriptFaults, match="deep"):
        read_script("[" * 100_000 + "]" * 100_000, "s.yaml")
