"""An OpenSpec change: which tasks it has, what they wait for, and what they are told."""

import pytest

from tests.unit.planning.importers.bundles import CHANGE, change, graph, refused, said, taken, task

TASKS = """\
## 1. Server

- [x] 1.1 Table of users
- [ ] 1.2 Endpoint to log in
  - answers within a second
- [ ] 1.3 Page to log in

## 2. Around it
- [ ] 2.1 [P] Mail
- [ ] 2.2 [P] Metrics
- [ ] Manual test
"""
PROPOSAL = """\
# Change: Log in

## Why
Nobody can.

## What Changes
- Everything.
### Details
Really.

## Impact
none
"""
AUTH = """\
## ADDED Requirements

### Requirement: Endpoint
The API SHALL let people in.

#### Scenario: Right password
- **WHEN** it is right
- **THEN** they are in

## REMOVED Requirements
### Requirement: Anonymous use
**Reason**: abuse

## Notes
### Requirement: No delta
This is none.
"""
MAIL = "## RENAMED Requirements\n- FROM: `Post`\n- TO: `Mail`\n"


def test_what_is_done_is_left_out_and_the_rest_goes_in_order():
    found = taken(change(TASKS, proposal=PROPOSAL))
    assert graph(found.plan) == {
        "1-2": [],
        "1-3": ["1-2"],
        "2-1": ["1-3"],
        "2-2": ["1-3"],
        "task-2-3": ["2-1", "2-2"],
    }
    assert found.notes == (f"{CHANGE}/tasks.md: 1 task is ticked and left out",)


def test_the_proposal_is_the_goal_and_stands_in_every_prompt():
    plan = taken(change(TASKS, proposal=PROPOSAL)).plan
    assert plan.goal == "Log in\n\nNobody can."
    for each in plan.tasks:
        assert "Nobody can." in each.prompt
        assert "- Everything.\n### Details\nReally." in each.prompt
        assert "none" not in each.prompt
    assert task(plan, "1-2").prompt.startswith("Endpoint to log in\n\n- answers within a second")


def test_without_a_proposal_the_name_is_the_goal():
    found = taken(change(TASKS))
    assert found.plan.goal == "add-login"
    assert any("no proposal.md" in note for note in found.notes)


def test_requirements_come_with_the_task_that_names_them():
    plan = taken(change(TASKS, auth=AUTH, mail=MAIL)).plan
    endpoint, mail, page = (task(plan, name) for name in ("1-2", "2-1", "1-3"))
    assert endpoint.spec == f"{CHANGE}/specs/auth/spec.md"
    assert "### ADDED: Endpoint" in endpoint.prompt
    assert "**THEN** they are in" in endpoint.prompt
    assert f"- {CHANGE}/specs/mail/spec.md: " in endpoint.prompt
    assert "### RENAMED: - FROM: `Post`\n- TO: `Mail`" in mail.prompt
    # Nothing in this task names one of them, so all of them may concern it.
    assert page.spec == CHANGE
    assert "### REMOVED: Anonymous use" in page.prompt
    assert "No delta" not in page.prompt


def test_notes_add_to_the_order():
    tasks = "- [ ] 1.1 a\n- [ ] 1.2 [P] b\n- [ ] 1.3 [P] c (depends on 1.2)\n- [x] 1.4 d\n"
    assert graph(taken(change(tasks)).plan) == {"1-1": [], "1-2": ["1-1"], "1-3": ["1-1", "1-2"]}
    tasks = "- [ ] 1.1 a\n- [ ] 1.2 [P] b\n- [ ] 1.3 [P] c\n  - **Depends on**: 1.2, none else\n"
    assert graph(taken(change(tasks)).plan)["1-3"] == ["1-1", "1-2"]


def test_what_is_done_holds_nobody_up():
    tasks = "- [x] 1.1 a\n- [ ] 1.2 b (depends on 1.1)\n"
    assert graph(taken(change(tasks)).plan) == {"1-2": []}


def test_a_fault_in_a_note_names_the_line_of_the_note():
    tasks = "- [ ] 1.1 a\n  in words\n  - Depends on: 1.1\n"
    assert said(refused(change(tasks))) == ["tasks.md:3: task '1-1' depends on itself"]


def test_an_order_that_no_plan_can_hold_is_refused():
    sections = (f"## {n}. x\n" + "- [ ] [P] a\n" * 500 for n in range(4))
    assert "so many tasks wait for so many others" in refused(change("".join(sections)))[0].what


def test_a_note_may_name_a_section_or_nothing():
    tasks = "## 1. A [P]\n- [ ] 1.1 a\n- [ ] 1.2 b\n## 2. B [P]\n- [ ] 2.1 c (after 1)\n"
    assert graph(taken(change(tasks)).plan)["2-1"] == ["1-1", "1-2"]
    tasks = "- [ ] 1.1 a (depends on the weather)\n- [ ] 1.2 b (depends on: none)\n"
    assert any("'the weather' names no task" in note for note in taken(change(tasks)).notes)


def test_a_long_row_without_marks_is_told_how_to_become_shorter():
    notes = taken(change("- [ ] a\n- [ ] b\n- [ ] c\n")).notes
    assert any("nothing is marked [P]" in note for note in notes)


@pytest.mark.parametrize(
    ("line", "name", "title"),
    [
        ("- [ ] 1.10 Title", "1-10", "Title"),
        ("- [ ] **1.1** Title", "1-1", "Title"),
        ("- [ ] 3. Title", "3", "Title"),
        ("- [ ] 1.2.3a: Title", "1-2-3a", "Title"),
        ("- [ ] **Title**", "task-0-1", "Title"),
        ("- [ ] 3 columns", "task-0-1", "3 columns"),
        ("1. [ ] Title", "task-0-1", "Title"),
    ],
)
def test_names_and_titles(line: str, name: str, title: str):
    only = taken(change(line)).plan.tasks[0]
    assert (only.id, only.title) == (name, title)


def test_every_fault_is_named_with_file_and_line():
    tasks = (
        "## 1. A\n- [ ] 1.1 a\n- [ ] 1.1 b\n- [~] 1.2 c\n- [x] 1.3 d\n    - [ ] e\n"
        "- [ ] **1.4** \n- [ ] 1.5 f (depends on 1.9)\n"
    )
    assert said(refused(change(tasks))) == [
        "tasks.md:3: '1.1' is given twice, first in line 2",
        "tasks.md:4: this box is neither open nor ticked",
        "tasks.md:5: '1.3' is ticked, but the box in line 6 below it is not",
        "tasks.md:7: the task '1.4' is empty",
        "tasks.md:8: '1.5' depends on '1.9', which does not stand here",
    ]


def test_a_circle_of_notes_is_found():
    tasks = "- [ ] 1.1 a (depends on 1.2)\n- [ ] 1.2 b\n"
    assert "1-1 -> 1-2 -> 1-1 wait for one another" in refused(change(tasks))[0].what


@pytest.mark.parametrize(
    ("tasks", "what"),
    [
        ("", "it has no tasks"),
        ("# Nothing\n", "it has no tasks"),
        ("- [x] 1.1 a\n- [x] 1.2 b\n", "all of its 2 tasks are ticked: nothing is left to do"),
        (
            "".join(f"- [ ] 1.{n} a\n" for n in range(2_001)),
            "it has 2,001 tasks, 2,000 are allowed",
        ),
        ("- [ ] 1.1 " + "a" * 60_000, "'1.1' has 60,000 characters, 50,000 are allowed"),
        (b"- [ ] \xff", "the file is not UTF-8 text"),
        ("- [ ] a\x1b[2J", "the control character U+001B cannot stand in a plan"),
    ],
)
def test_what_is_no_list_of_tasks(tasks: str | bytes, what: str):
    assert [fault.what for fault in refused(change(tasks))] == [what]


def test_agents_are_those_of_the_settings():
    assert "no agent 'default'" in refused(change(TASKS), known_agents=["other"])[0].what


def test_prompts_stay_within_bounds_however_much_there_is_to_say():
    long = "## ADDED Requirements\n### Requirement: X\n" + "word " * 100_000
    tasks = "".join(f"- [ ] 1.{n} a\n" for n in range(1_000))
    plan = taken(change(tasks, proposal=PROPOSAL, auth=long)).plan
    assert sum(len(each.prompt) for each in plan.tasks) < 10_000_000
    assert "(The rest is left out here.)" in plan.tasks[0].prompt


def test_more_requirements_than_anybody_reads_are_refused():
    spec = "## ADDED Requirements\n" + "### Requirement: R\n" * 2_001
    faults = refused(change("- [ ] 1.1 a\n", auth=spec))
    assert said(faults) == ["tasks.md:1: its specs have 2,001 requirements, 2,000 are allowed"]
