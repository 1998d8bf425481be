"""Entries are cut out of a plan document, however it is written; the rest stays as it was."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from interlock.planning.without import Taken, without

NAMES = ("gates", "tests_may_go", "confidence")


def kept(text: str) -> str:
    found = without(text, NAMES)
    assert found is not None
    return found.text


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("goal: x\n", "goal: x\n"),
        ("- id: a\n  gates: [tests]\n  title: A\n", "- id: a\n  title: A\n"),
        ("- id: a\n  gates:\n    # why\n    - tests\n  title: A\n", "- id: a\n  title: A\n"),
        ("- id: a\n  gates:\n  - tests # why\n", "- id: a\n   # why\n"),
        ("- gates: [tests]\n  id: a\n", "- \n  id: a\n"),
        ("- id: a\n  testsMayGo: y\n  Confidence: |\n    5\n  kind: A\n", "- id: a\n  kind: A\n"),
        ("{id: a, gates: [x, {gates: y}], title: A}", "{id: a, title: A}"),
        ("{id: a, gates: [x]}", "{id: a, }"),
        ('{\n "id": "a",\n "g\\u0061tes": [\n  "x"\n ],\n "title": "A"\n}\n',
         '{\n "id": "a",\n "title": "A"\n}\n'),
        ("- prompt: |\n    gates: [x]\n  id: a\n", "- prompt: |\n    gates: [x]\n  id: a\n"),
        ("- title: &g gates\n  *g : [x]\n  id: a\n", "- title: &g gates\n  id: a\n"),
        ("goal: Käse 🧀\ngates: [🧀]\nflags: {}\n", "goal: Käse 🧀\nflags: {}\n"),
        ("- &k gates: &v [x]\n  id: a\n", "- \n  id: a\n"),
        ("gates:\ngoal: x\n", "goal: x\n"),
        ("goal: x\ngates: [x]", "goal: x\n"),
    ],
)  # fmt: skip
def test_what_is_cut_and_what_stays(text: str, rest: str):
    assert kept(text) == rest


def test_each_is_told_with_its_line_and_shortly():
    found = without(f"goal: x\ntasks:\n- id: a\n  gates:\n  - {'t' * 200}\n", NAMES)
    assert found is not None
    assert found.taken == (Taken(4, f"gates: - {'t' * 91}..."),)


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\tx", "%TAG ! tag:x,2000:\n---\na: 1"])
def test_what_is_no_yaml_is_left_to_others(text: str):
    assert without(text, NAMES) is None


def deleted(value: object) -> object:
    match value:
        case dict():
            return {k: deleted(v) for k, v in value.items() if k not in NAMES} or None
        case list():
            return [deleted(each) for each in value]
        case _:
            return value


def emptied(value: object) -> object:
    """A block that lost all of its entries reads as nothing."""
    match value:
        case dict():
            return {k: emptied(v) for k, v in value.items()} or None
        case list():
            return [emptied(each) for each in value]
        case _:
            return value


WORDS = st.sampled_from(["gates", "confidence", "id", "a, b", "x: y", "# z", "🧀", "l1\nl2\n", ""])
TREES = st.recursive(
    WORDS | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(WORDS, TREES, min_size=1), st.sampled_from([True, False, None, "json"]))
def test_it_reads_as_the_same_without_them(tree: dict[str, object], style: bool | str | None):
    text = json.dumps(tree, indent=1, ensure_ascii=False)
    if style != "json":
        text = yaml.dump(tree, default_flow_style=style, allow_unicode=True)
    assert emptied(yaml.safe_load(kept(text))) == deleted(tree)
