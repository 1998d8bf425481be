"""Reading text: every value with its line, in YAML and JSON alike, and no text that does harm."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from interlock.domain.plan import Plan
from interlock.planning.document import DOCUMENT_KEYS, parse_plan
from interlock.planning.entries import DEPENDENCY_KEYS, GROUP_KEYS, RULE_KEYS, TASK_KEYS
from interlock.planning.faults import Report
from interlock.planning.nodes import Listing, Mapping, Node, Scalar
from interlock.planning.source import read_document
from tests.unit.planning.plans import json_of, plans, refused


def read(text: str | bytes, where: str = "plan.yaml") -> object:
    """The document as plain values; a list of complaints when there is none."""
    report = Report(where)
    node = read_document(text.encode() if isinstance(text, str) else text, where, report)
    assert (node is None) <= bool(report)
    return [fault.what for fault in report.faults()] if node is None else plain(node)


def plain(node: Node) -> object:
    match node:
        case Scalar():
            return node.value
        case Listing():
            return [plain(item) for item in node.items]
        case Mapping():
            return {name: plain(pair.node) for name, pair in node.entries.items()}


def lines(node: Node) -> list[int]:
    match node:
        case Scalar():
            return [node.line]
        case Listing():
            return [node.line, *(line for item in node.items for line in lines(item))]
        case Mapping():
            inner = [[pair.line, *lines(pair.node)] for pair in node.entries.values()]
            return [node.line, *(line for one in inner for line in one)]


def test_only_the_core_words_of_yaml_are_more_than_text():
    text = """
    flags: [true, False, NULL, ~, null, yes, no, on, off, y, "true", 'null', !!str 12]
    numbers: [12, -3, +4, 0o17, 0x1F, 1.5, -.5, 6., 1e3, .inf]
    texts: [1_000, 12:30, 2024-01-01, 0b1, 08x, ., -, +, 1.2.3]
    empty:
    """
    assert read(text) == {
        "flags": [
            True,
            False,
            None,
            None,
            None,
            "yes",
            "no",
            "on",
            "off",
            "y",
            "true",
            "null",
            "12",
        ],
        "numbers": [12, -3, 4, 15, 31, 1.5, -0.5, 6.0, 1000.0, float("inf")],
        "texts": ["1_000", "12:30", "2024-01-01", "0b1", "08x", ".", "-", "+", "1.2.3"],
        "empty": None,
    }


def test_a_numeral_of_a_million_digits_stays_text():
    assert read("a: " + "9" * 1_000_000) == {"a": "9" * 1_000_000}
    assert read('{"a": ' + "9" * 1_000_000 + "}", "plan.json") == {"a": "9" * 1_000_000}


def test_each_value_knows_its_line_in_yaml_and_in_json():
    report = Report("plan")
    in_yaml = read_document(b"a: 1\nb:\n- x\n-\n  c: y\n", "plan.yaml", report)
    in_json = read_document(b'{"a": 1,\n"b": [\n"x",\n\n{"c": "y"}]}', "plan.json", report)
    assert in_yaml is not None
    assert in_json is not None
    assert lines(in_yaml) == [1, 1, 1, 2, 3, 3, 5, 5, 5]
    assert lines(in_json) == [1, 1, 1, 2, 2, 3, 5, 5, 5]


def test_json_is_read_as_json():
    text = '{\n\t"a"\n\t:\t"\\ud83d\\ude00 \\u00e9 \\/ \\"", "b": [1.5E+2, -0, true, null, {}, []]}'
    expected = {"a": '😀 é / "', "b": [150.0, 0, True, None, {}, []]}
    assert read(text, "plan.json") == expected
    assert read(text, "plan.yaml") == expected, "a brace at the beginning is enough"
    assert read("\ufeff" + text, "plan.json") == expected, "a byte order mark does not matter"
    assert read('{"a": "\x85 \u2028 \x7f"}', "plan.json") == [
        "the control character U+007F cannot stand in a plan"
    ]
    assert read('{"a": "x\x85y\u2028z"}', "plan.json") == {"a": "x\x85y\u2028z"}


def test_yaml_in_braces_is_yaml_unless_the_name_says_json():
    assert read("{a: b, # why not\n c: [d, ], }") == {"a": "b", "c": ["d"]}
    assert read('{"a": b}') == {"a": "b"}
    assert read("{a: b}", "plan.json") == [
        "this is not JSON: 'a: b}' cannot stand here",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "it ends where value should come"),
        ('{"a": 1', "it ends where , or end should come"),
        ('{"a": 1,}', "'}' stands where a name in double quotes should come"),
        ("[1,]", "']' stands where a value should come"),
        ('{"a" 1}', "'1' stands where ':' should come"),
        ('{"a": 01}', "'01' is not a number"),
        ('{"a": 1.}', "'1.' is not a number"),
        ('{"a": -}', "'-}' cannot stand here"),
        ('{"a": NaN}', "'NaN}' cannot stand here"),
        ('{"a": 1} x', "'x' cannot stand here"),
        ('{"a": 1} 2', "'2' follows after the end"),
        ('["\\ud83d"]', "'\"\\\\ud83d\"' has an escape that means no character"),
        ('["\\x41"]', "'\"\\\\x41\"' has an escape that means no character"),
        ('["open', "'\"open' cannot stand here"),
        ('["a\nb"]', "'\"a\\nb\"]' cannot stand here"),
        ("[1}", "'}' stands where ',' should come"),
    ],
)
def test_what_is_no_json_is_refused_with_the_reason(text: str, complaint: str):
    assert read(text, "plan.json") == [f"this is not JSON: {complaint}"]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**30), 10**30)
        | st.text(
            st.characters(
                codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"
            )
        ),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text("abc é"), inner, max_size=4)
        ),
    )
)
def test_any_json_value_comes_out_as_python_reads_it(value: object):
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent="\t")):
        assert read(text, "plan.json") == value


@given(
    st.recursive(
        st.booleans() | st.integers(-(10**9), 10**9) | st.text("ab:#- '\"\n\té", max_size=9),
        lambda inner: st.lists(inner, max_size=4),
    )
)
def test_any_yaml_value_comes_out_as_it_was_dumped(value: object):
    assert read(yaml.safe_dump({"a": value}, allow_unicode=True)) == {"a": value}


# --- aliases ------------------------------------------------------------------------------------


def test_aliases_repeat_what_they_stand_for():
    assert read("a: &x [1, &y b]\nc: *x\nd: *y") == {"a": [1, "b"], "c": [1, "b"], "d": "b"}
    assert read("a: &x 1\nb: &x 2\nc: *x") == {"a": 1, "b": 2, "c": 2}, "the last one counts"


def test_an_alias_of_nothing_is_one_fault_among_others():
    faults = refused("goal: *nothing\ntasks: [{id: a, title: x}]\nwrong: 1\n")
    assert [fault.what for fault in faults] == [
        "the alias '*nothing' stands for nothing",
        "the plan: it has no goal",
        "the plan: unknown key 'wrong'",
    ]


@pytest.mark.parametrize("text", ["a: &x [*x]", "&x {a: *x}", "a: &x {b: [{c: *x}]}"])
def test_an_alias_inside_what_it_stands_for_is_refused(text: str):
    assert read(text) == ["the alias '*x' stands inside what it stands for"]


def test_a_bomb_of_aliases_is_counted_before_it_unfolds():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 40)
    )
    assert read(bomb) == ["the plan has more than 500,000 values with what aliases repeat"]


def test_aliases_that_grow_deep_are_counted_in_their_depth():
    nest = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 80))
    assert read(nest) == ["values stand inside one another more than 64 deep"]


def test_a_long_text_repeated_by_aliases_is_counted():
    text = "a: &a " + "x" * 1_000_000 + "\nb: [" + "*a, " * 100 + "]"
    assert read(text) == ["the plan has more than 16,000,000 characters with what aliases repeat"]


# --- hostile files ------------------------------------------------------------------------------

MANY = 100_000
TOO_DEEP = "values stand inside one another more than 64 deep"
TOO_MANY = "the plan has more than 500,000 values with what aliases repeat"


@pytest.mark.parametrize(
    ("text", "where", "complaint"),
    [
        ("[" * MANY, "plan.yaml", TOO_DEEP),
        ("- " * MANY, "plan.yaml", TOO_DEEP),
        ("{a: " * MANY, "plan.yaml", TOO_DEEP),
        ("[" * MANY, "plan.json", TOO_DEEP),
        ('{"a":' * MANY, "plan.json", TOO_DEEP),
        ('{"a":' * MANY, "plan.yaml", TOO_DEEP),
        ("[" + "1," * 1_900_000, "plan.json", TOO_MANY),
        ("- a\n" * 900_000, "plan.yaml", TOO_MANY),
        (b"x" * 4_000_001, "plan.yaml", "the file has 4,000,001 bytes, a plan may have 4,000,000"),
        ("goal: x\n\0", "plan.yaml", "the control character U+0000 cannot stand in a plan"),
        ("goal: \x1b[31mred", "plan.yaml", "the control character U+001B cannot stand in a plan"),
        (b"goal: \xff\xfe", "plan.yaml", "the file is not UTF-8 text"),
        ("goal: x".encode("utf-16"), "plan.yaml", "the file is not UTF-8 text"),
        (b"\x7fELF" + bytes(range(256)), "plan.yaml", "the file is not UTF-8 text"),
        ("", "plan.yaml", "the plan is empty"),
        ("# only words\n", "plan.yaml", "the plan is empty"),
        ("a: 1\n---\nb: 2", "plan.yaml", "a second document begins"),
        ("---\n" * 900_000, "plan.yaml", "a second document begins"),
        (
            "%TAG !e! tag:e:\n" * MANY + "--- a",
            "plan.yaml",
            "a %TAG directive is of no use in a plan",
        ),
        ("a: 1\n...\n%TAG !e! x:\n--- a", "plan.yaml", "a %TAG directive is of no use in a plan"),
        ("? " * MANY, "plan.yaml", "a list or mapping stands where a name must stand"),
        ("? [a]\n: b", "plan.yaml", "a list or mapping stands where a name must stand"),
        ("? {a: b}\n: b", "plan.yaml", "a list or mapping stands where a name must stand"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_a_hostile_file_is_refused_with_a_reason(text: str | bytes, where: str, complaint: str):
    assert read(text, where) == [complaint]


@pytest.mark.parametrize(
    "mark", ["<", "&", "*", "!", "%", "'", '"', "`", "@", "\\", "|", ">", "\r", "\t", ",:"]
)
def test_a_million_of_one_character_end_in_a_fault(mark: str):
    for where in ("plan.yaml", "plan.json"):
        assert refused(mark * 1_000_000, where)
        assert refused("goal: " + mark * 1_000_000, where)


def test_a_tag_makes_nothing_and_is_named():
    faults = refused("goal: !!python/object/apply:os.system ['true']\ntasks: []")
    assert [fault.what for fault in faults] == [
        "the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not understood",
        "the plan: goal must be text, not a list",
        "the plan: it has no tasks",
    ]


def test_a_key_that_stands_twice_is_named_with_both_lines():
    faults = refused("goal: a\ntasks:\n- {id: a, title: x}\ngoal: b\n")
    assert [(f.where, f.what) for f in faults] == [
        ("plan.yaml:4", "'goal' stands twice in one mapping, first in line 1")
    ]
    faults = refused(
        '{"goal": "a",\n "tasks": [{"id": "a", "title": "x",\n "id": "b"}]}', "plan.json"
    )
    assert [(f.where, f.what) for f in faults] == [
        ("plan.json:3", "'id' stands twice in one mapping, first in line 2")
    ]


@pytest.mark.parametrize(
    ("text", "line", "mend"),
    [
        ("goal: a\n\ttasks: b", 2, "indentation"),
        ("goal: a\ntasks:\n\t- b", 3, "tabs"),
        ("goal: a: b", 1, "quotes"),
        ("goal: [a", 1, "quotes"),
        ('goal: "a', 1, "quotes"),
    ],
)
def test_broken_yaml_names_the_line_and_a_way_out(text: str, line: int, mend: str):
    (fault,) = refused(text)
    assert fault.where in {f"plan.yaml:{line}", f"plan.yaml:{line + 1}"}
    assert fault.what.startswith("this is not YAML: ")
    assert mend in fault.mend


# --- anything at all ----------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        *(DOCUMENT_KEYS.names + TASK_KEYS.names + GROUP_KEYS.names + RULE_KEYS.names),
        *(*DEPENDENCY_KEYS.names, "dependsOn", "maxConcurrent", "<<", "1", "é", "x" * 99),
    ]
)
LEAVES = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1,
        2,
        1.5,
        10**39,
        float("inf"),
        "",
        " ",
        "a",
        "b",
        "yes",
        "15m",
        "p0",
        "x" * 99,
        "\n",
    ]
)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6)
)


@given(st.binary(max_size=200), st.sampled_from(["plan.yaml", "plan.json"]))
@example(b"\xef\xbb\xbf", "plan.yaml")
@example(b"{", "plan.yaml")
@example(b"!!str", "plan.yaml")
def test_random_bytes_never_raise(content: bytes, where: str):
    assert refused(content, where)


@given(st.text("{}[]\",:-&*!%#|>'?ab \n\t", max_size=60))
def test_random_marks_never_raise(text: str):
    assert refused(text)


@given(st.dictionaries(KEYS, ANYTHING, max_size=6))
def test_random_documents_never_raise(document: dict[str, Any]):
    document = {"goal": "g", "tasks": [{"id": "a", "title": "x"}]} | document
    parse_plan(yaml.safe_dump(document).encode(), "plan.yaml", known_agents=["a"], known_gates=[])


@given(
    plans(tasks_max=4),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=5),
)
def test_a_plan_with_bytes_flipped_never_raises(plan: Plan, flips: list[tuple[int, int]]):
    content = bytearray(json_of(plan).encode())
    for place, byte in flips:
        content[place % len(content)] = byte
    for where in ("plan.yaml", "plan.json"):
        parse_plan(bytes(content), where)
