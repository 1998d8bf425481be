"""Whatever stands in documents: a whole plan that reads back the same, or faults with places."""

import re
import string
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.plan import Plan
from interlock.planning.document import parse_plan
from interlock.planning.faults import Fault
from interlock.planning.fields import NAME
from interlock.planning.importers.reading import Bundle, ImportedPlan, import_plan
from interlock.planning.writing import plan_text
from tests.unit.planning.importers.bundles import change, feature, issue, issues
from tests.unit.planning.plans import plans

_SNIPPETS = (
    "- [ ] ", "- [x] ", "* [ ] ", "  - [ ] ", "- [~] ", "1. [ ] ", "T001", "T002 ", "T003",
    "1.1 ", "1.2 ", "2.", "[P] ", "[US1] ", "(parallel)", "(depends on ", "Depends on: ", ") ",
    ", ", "T001-T009", "## ", "# ", "### ", "Phase 1: ", "1. Section", "User Story 1",
    "(Priority: P1)", "```", "<!--", "-->", "---", "\n", "\n\n", "\r\n", "\t", "  ", "`src/a.py`",
    "src/[x].ts", "**", "## ADDED Requirements\n", "### Requirement: A\n", "## Why\n", "word",
    "ünï", "\u2028", "\ufeff", "id: 1\n", "id: a\n", "title: x\n", "depends_on: [1, a]\n",
    "labels: [bug, p1]\n", "state: done\n", "priority: high\n", "&a *a", "{", "]", ": ", "'", '"',
    "\x1b[2J", "#12", "0x1f", "null", "~",
)  # fmt: skip
hostile = st.lists(st.sampled_from(_SNIPPETS) | st.text(max_size=5), max_size=40).map("".join)
names = st.text(string.ascii_letters + string.digits + "-_ .", min_size=1, max_size=12)


inert = st.text(
    st.characters(blacklist_categories=("Cc", "Cs"), blacklist_characters="\ufffe\uffff"),
    min_size=1,
    max_size=20,
).filter(lambda words: words.strip() and "<!--" not in words)
bodies = st.lists(
    st.sampled_from(["  - detail", "    deeper", "  ```", "", "  [P] (parallel)", "  `a/b.py`"])
    | inert.map(lambda words: f"    {words}"),
    max_size=3,
).map(lambda lines: "".join(f"{line}\n" for line in lines))


@st.composite
def sound(draw: st.DrawFn, number: str) -> str:
    """A list of tasks that is right, whatever its words are; `number` is written as %d."""
    lines = []
    for at in range(1, draw(st.integers(1, 6)) + 1):
        lines.append(draw(st.sampled_from(["", "", f"## Phase {at}\n", "## 7. Part [P]\n"])))
        mark = draw(st.sampled_from(["", "[P] "]))
        lines.append(f"- [ ] {number % at} {mark}word {draw(inert)}\n{draw(bodies)}\n")
    return "".join(lines)


def judge(made: Bundle) -> ImportedPlan | None:
    found = import_plan(made, known_agents=["default"], known_gates=["tests"])
    assert import_plan(made, known_agents=["default"], known_gates=["tests"]) == found
    if isinstance(found, ImportedPlan):
        judge_plan(found.plan)
        return found
    assert found
    for fault in found:
        judge_fault(fault, made)
    return None


def judge_plan(plan: Plan) -> None:
    ids = Counter(task.id for task in plan.tasks)
    assert set(ids.values()) == {1}
    assert all(NAME.fullmatch(name) for name in ids)
    assert plan.goal
    assert all(task.title and task.prompt for task in plan.tasks)
    assert parse_plan(plan_text(plan).encode(), "plan.yaml") == plan


def judge_fault(fault: Fault, made: Bundle) -> None:
    """It names a line that is there, or the source itself; and nothing that a terminal obeys."""
    assert fault.what
    assert fault.mend
    assert (fault.where + fault.what + fault.mend).isprintable()
    path, _, line = fault.where.rpartition(":")
    page = next((page for page in made.pages if page.path == path), None)
    if page is None:
        assert fault.where.startswith(made.where.partition("?")[0])
    else:
        assert 1 <= int(line) <= page.content.count(b"\n") + 2


@given(hostile, hostile, hostile)
def test_any_change(tasks: str, proposal: str, spec: str):
    judge(change(tasks, proposal=proposal, auth=spec))


@given(hostile, hostile, hostile)
def test_any_feature(tasks: str, spec: str, plan: str):
    judge(feature(tasks, spec=spec, plan=plan))


@given(st.dictionaries(names, st.tuples(hostile, hostile), min_size=1, max_size=5), st.booleans())
def test_any_issues(files: dict[str, tuple[str, str]], choosy: bool):
    made = {f"{name}.md": issue(front, body) for name, (front, body) in files.items()}
    judge(issues(made, "?label=bug" if choosy else ""))


@given(sound("1.%d"), inert, inert)
def test_a_change_of_any_words_is_a_plan(tasks: str, proposal: str, spec: str):
    assert judge(change(tasks, proposal=f"# {proposal}\n## Why\n{spec}\n", auth=spec))


@given(sound("T%03d"), inert, inert)
def test_a_feature_of_any_words_is_a_plan(tasks: str, spec: str, plan: str):
    assert judge(feature(tasks, spec=f"# {spec}", plan=f"## Summary\n{plan}"))


@given(st.lists(st.tuples(inert, bodies), min_size=1, max_size=5))
def test_issues_of_any_words_are_a_plan(rows: list[tuple[str, str]]):
    files = {f"{at}.md": issue(f"x: {at}", f"{a}\n{b}") for at, (a, b) in enumerate(rows)}
    assert judge(issues(files))


@given(st.binary(max_size=200))
def test_any_bytes(content: bytes):
    for made in (change(content), feature(content), issues({"1.md": b"---\n" + content})):
        judge(made)


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from(["", "## Phase\n"]))),
)
def test_every_open_task_is_there_once_and_every_done_one_is_not(
    rows: list[tuple[bool, bool, str]],
):
    lines = [
        f"{heading}- [{'x' if done else ' '}] T{number:03} {'[P] ' if beside else ''}task\n"
        for number, (done, beside, heading) in enumerate(rows)
    ]
    found = judge(feature("".join(lines)))
    wanted = [f"t{number:03}" for number, (done, *_) in enumerate(rows) if not done]
    assert [task.id for task in found.plan.tasks] == wanted if found else not wanted


@given(plans())
def test_any_plan_reads_back_from_what_is_written(plan: Plan):
    assert parse_plan(plan_text(plan).encode(), "plan.yaml") == plan


def test_faults_are_printable_for_any_path():
    made = issues({"a\x1b[2J\n.md": "---\nid: [\n---\n"})
    shown = import_plan(made)
    assert isinstance(shown, tuple)
    assert re.search(r"\.md:\d+$", shown[0].where)
