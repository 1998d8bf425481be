"""Scripts for the model server, as people write them."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.testing.models import (
    Call,
    Drop,
    Edit,
    Fault,
    Malformed,
    Refuse,
    ScriptedModels,
    ScriptFaults,
    Scripts,
    Shell,
    Silent,
    Stall,
    Step,
    Tokens,
    Write,
    read_scripts,
)

EVERYTHING = """
scripts:
  fix:
    - say: I look first.
      run: ls
    - write: {path: a.txt, text: "one\\n"}
      tokens: {input: 12, cached: 8, cache_write: 3, output: 6, reasoning: 2}
      faults:
        - {status: 429, retry_after: 1, times: 2}
        - {drop: 3, delay: 0.5}
        - {malformed: 0}
        - {stall: 1, slow: 0.1}
        - {silent: yes, times: always}
    - edit: {path: a.txt, old: one, new: two}
    - call: {tool: Grep, input: {pattern: two, deep: [1, true, null]}}
    - together:
        - run: make
        - call: {tool: apply_patch, input: "*** Begin Patch"}
    - say: Done.
  other:
    - say: Nothing to do.
default: other
"""


def test_everything_that_a_file_may_hold_is_read():
    assert read_scripts(EVERYTHING, "s.yaml") == Scripts(
        {
            "fix": (
                Step("I look first.", (Shell("ls"),)),
                Step(
                    "",
                    (Write("a.txt", "one\n"),),
                    Tokens(12, 8, 3, 6, 2),
                    (
                        Fault(Refuse(429, 1.0), times=2),
                        Fault(Drop(3), delay=0.5),
                        Fault(Malformed(0)),
                        Fault(Stall(1), slow=0.1),
                        Fault(Silent(), times=None),
                    ),
                ),
                Step("", (Edit("a.txt", "one", "two"),)),
                Step("", (Call("Grep", {"pattern": "two", "deep": [1, True, None]}),)),
                Step("", (Shell("make"), Call("apply_patch", "*** Begin Patch"))),
                Step("Done."),
            ),
            "other": (Step("Nothing to do."),),
        },
        "other",
    )


def test_json_is_read_alike():
    document = {"scripts": {"a": [{"run": "ls"}, {"say": "Done."}]}}
    assert read_scripts(json.dumps(document), "s.json") == Scripts(
        {"a": (Step("", (Shell("ls"),)), Step("Done."))}
    )


def test_a_wrong_file_is_refused_with_every_fault_its_place_and_its_mend():
    wrong = """
scripts:
  a b: [{say: x}]
  early:
    - say: Done.
    - run: ls
  many:
    - run: ls
      wirte: {path: a, text: b}
    - write: {path: a}
    - edit: {path: a, old: "", new: b}
    - {run: a, edit: {path: a, old: b, new: c}}
    - tokens: {input: -1, outptu: 4}
      run: x
    - run: x
      faults: [{status: 200}, {times: 0}, {drop: 1, stall: 1}, {retry_after: 3}]
    - together: []
    - call: {tool: x}
  thoughts:
    - {say: hm, tokens: {output: 1, reasoning: 2}}
  always:
    - {say: hm, faults: [{status: 500, times: always}, {silent: yes}]}
  idle: [{}]
  none: []
default: somebody
"""
    with pytest.raises(ScriptFaults) as refused:
        read_scripts(wrong, "s.yaml")
    assert [fault.removeprefix("s.yaml:") for fault in refused.value.faults] == [
        "3: a script cannot be called 'a b'; use letters, digits and _ . - so that a prompt can"
        " name it",
        "5: this step calls no tool, so the turn ends here; take away the steps behind it, or join"
        " them",
        "9: `wirte` is not known here; known: write, edit, run, call, together, say, tokens,"
        " faults",
        "10: `write` must be {path, text}",
        "11: `edit` must be {path, old, new} with a text to look for in `old`",
        "12: one step does run and edit; make them steps, or list them under `together`",
        "13: `outptu` is not known here; known: input, cached, cache_write, output, reasoning",
        "13: `input` must be a number from 0 to 1e+09",
        "16: `status` must be a status from 400 to 599",
        "16: `times` must be a whole number from 1, or `always`",
        "16: one fault is drop and stall; list them apart",
        "16: `retry_after` belongs to a `status`; give one, such as 429",
        "17: `together` must be a list of what the step does at once",
        "18: `call` must be {tool, input}: a tool's name and its input, an object or a text",
        "20: this step has more reasoning tokens than output tokens; they are a part of these",
        "22: this step has a fault for always, and others behind it; put it last",
        "23: this step says nothing and does nothing; give it `say`, or a tool to call",
        "24: `none` must be a list of steps",
        "25: `default` must be one of a b, always, early, idle, many, none, thoughts",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "s.yaml:1: it is empty; write `scripts:` with the steps of each"),
        ("a: [", "s.yaml:2: this is not YAML: "),
        ("[" * 300_000, "s.yaml:1: values stand inside one another more than 64 deep"),
        ("- " * 300_000, "s.yaml:1: values stand inside one another more than 64 deep"),
        ("default: a", "s.yaml:1: there are no scripts; write `scripts:` with the steps of each"),
        ("scripts: 3", "s.yaml:1: here must be names with values"),
        ("x" * 2_000_001, "s.yaml:1: it has 2000001 characters, 2000000 is the most; split it"),
        (
            "scripts: {a: [{call: {tool: t, input: &x {a: *x}}}]}",
            "s.yaml:1: `*x` points to another place; write it out here",
        ),
        (
            "scripts: {a: [{call: {tool: t, input: {a: .inf, 2: !x b}}}]}",
            "s.yaml:1: `call` must be {tool, input}",
        ),
    ],
)
def test_what_is_no_script_at_all_is_a_sentence(text: str, fault: str):
    with pytest.raises(ScriptFaults) as refused:
        read_scripts(text, "s.yaml")
    assert refused.value.faults[0].startswith(fault)


def faults_of(text: str) -> tuple[str, ...]:
    try:
        read_scripts(text, "s.yaml")
    except ScriptFaults as refused:
        return refused.faults
    return ()


@given(st.text(alphabet="ab:[]{}\n &*!-#'\"|>%@scripttodorun0", max_size=60))
def test_no_text_makes_the_reader_fall_over(text: str):
    assert all(re.match(r"s\.yaml:\d+: ", fault) for fault in faults_of(f"scripts: {text}"))


def test_scripts_made_in_python_are_looked_at_as_well():
    scripts = {"a": (Step("Done."), Step(do=(Shell("ls"),))), "b": (Step(),)}
    with pytest.raises(ScriptFaults) as refused:
        ScriptedModels(Scripts(scripts, default="c"))
    assert refused.value.faults == (
        "script `a`, step 0: it calls no tool, so the turn ends here; take away the steps behind"
        " it, or join them",
        "script `b`, step 0: it says nothing and does nothing; give it `say`, or a tool to call",
        "the default script `c` is not among the scripts",
    )
