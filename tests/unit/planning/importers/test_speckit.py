"""A Spec Kit feature: phases, parallel marks, stories, files."""

import pytest

from interlock.domain.task import Priority
from tests.unit.planning.importers.bundles import (
    FEATURE,
    feature,
    graph,
    refused,
    said,
    taken,
    task,
)

TASKS = """\
---
description: "Task list"
---
# Tasks: Log in

## Format: `[ID] [P?] [Story] Description`
- **[P]**: Can run in parallel

<!-- - [ ] T099 A sample -->

## Phase 1: Setup
- [X] T001 Create src/app/__init__.py

## Phase 2: Foundational
- [ ] T002 Settings in `src/settings.py`
- [ ] T003 [P] Log in
  src/log.py
- [ ] T004 [P] Errors in src/errors.py

## Phase 3: User Story 1 - Log in (Priority: P1) MVP
**Goal**: People get in.
### Tests for User Story 1
- [ ] T005 [P] [US1] Test in tests/test_login.py
### Implementation
- [ ] T006 [P] [US1] Model in src/models/user.py
- [ ] T006a [US1] Service in src/services/login.py (depends on T006)

## Phase 4: User Story 2 - Log out (Priority: P3)
- [ ] T007: [US2] Button in src/ui/[id]/page.tsx

## Validation checklist
- [ ] Everything has been looked at
"""
SPEC = """\
# Feature Specification: Log in and out

### User Story 1 - Log in (Priority: P1)
As a person I want in.
#### Detail
Fast.

---

### User Story 2 - Log out (Priority: P3)
And out.
"""
PLAN = "# Plan\n## Summary\nSmall.\n## Technical Context\n**Language**: Python\n## Gates\nnone\n"


def test_phases_follow_one_another_and_marks_stand_beside_one_another():
    found = taken(feature(TASKS))
    assert graph(found.plan) == {
        "t002": [],
        "t003": ["t002"],
        "t004": ["t002"],
        "t005": ["t003", "t004"],
        "t006": ["t003", "t004"],
        "t006a": ["t005", "t006"],
        "t007": ["t006a"],
    }
    assert found.notes == (
        f"{FEATURE}/tasks.md: 1 box without a task number passed over",
        f"{FEATURE}/tasks.md: 1 task is ticked and left out",
    )


def test_files_priorities_and_titles():
    plan = taken(feature(TASKS, spec=SPEC)).plan
    assert plan.goal == "Log in and out"
    assert {t.id: t.files for t in plan.tasks} == {
        "t002": ("src/settings.py",),
        "t003": ("src/log.py",),
        "t004": ("src/errors.py",),
        "t005": ("tests/test_login.py",),
        "t006": ("src/models/user.py",),
        "t006a": ("src/services/login.py",),
        "t007": ("src/ui/[[]id]/page.tsx",),
    }
    ranks = [task(plan, name).priority for name in ("t002", "t005", "t007")]
    assert ranks == [Priority.MEDIUM, Priority.HIGH, Priority.LOW]
    assert task(plan, "t003").title == "Log in src/log.py"
    assert task(plan, "t007").title == "Button in src/ui/[id]/page.tsx"


def test_the_story_the_phase_and_the_plan_stand_in_the_prompt():
    plan = taken(feature(TASKS, spec=SPEC, plan=PLAN)).plan
    told = task(plan, "t006").prompt
    assert told.startswith("Model in src/models/user.py\n")
    for words in (
        "**Goal**: People get in.",
        "As a person I want in.",
        "Fast.",
        "Small.",
        "Python",
    ):
        assert words in told
    for words in ("And out.", "none", "---"):
        assert words not in told
    assert task(plan, "t006").spec == f"{FEATURE}/spec.md"


def test_without_a_spec_the_list_gives_the_goal():
    assert taken(feature(TASKS)).plan.goal == "Log in"
    assert taken(feature("- [ ] T001 a\n")).plan.goal == "001-login"


@pytest.mark.parametrize(
    ("note", "waits"),
    [
        ("(depends on T001, T003)", ["t001", "t003"]),
        ("(depends on T001-T003)", ["t001", "t003", "t002"]),
        ("(requires Python 3.12)", []),
        ("(after US1)", ["t001", "t002"]),
        ("(blocked by Phase 1)", ["t001", "t002", "t003"]),
    ],
)
def test_notes(note: str, waits: list[str]):
    tasks = (
        "## Phase 1 [P]\n- [ ] T001 [P] [US1] a\n- [ ] T002 [P] [US1] b\n- [ ] T003 [P] c\n"
        f"## Phase 2 [P]\n- [ ] T004 d {note}\n"
    )
    assert graph(taken(feature(tasks)).plan)["t004"] == waits


def test_every_fault_is_named_with_file_and_line():
    tasks = (
        "## Phase 1\n- [ ] T001 a\n- [ ] T001 b\n- [ ] without a number\n- [ ] TXXX c\n"
        "- [ ] T002 d (depends on T100)\n- [ ] T003\n"
    )
    assert said(refused(feature(tasks))) == [
        "tasks.md:3: 'T001' is given twice, first in line 2",
        "tasks.md:4: this task has no number",
        "tasks.md:5: this task has no number",
        "tasks.md:6: 'T002' depends on 't100', which does not stand here",
        "tasks.md:7: the task 'T003' is empty",
    ]


def test_numbers_with_a_word_behind_are_numbers():
    tasks = "- [ ] T005-TEST [P] Tests\n- [ ] T005 Code (depends on T005-TEST)\n"
    assert graph(taken(feature(tasks)).plan) == {"t005-test": [], "t005": ["t005-test"]}


def test_every_heading_of_the_second_level_begins_a_phase():
    tasks = "## Setup\n- [ ] T001 [P] a\n### More\n- [ ] T002 [P] b\n## Build\n- [ ] T003 [P] c\n"
    assert graph(taken(feature(tasks)).plan) == {"t001": [], "t002": [], "t003": ["t001", "t002"]}


def test_a_phase_may_stand_under_another_heading():
    tasks = "## Tasks\n### Phase 1: A\n- [ ] T001 [P] a\n### Phase 2: B\n- [ ] T002 [P] b\n"
    assert graph(taken(feature(tasks)).plan) == {"t001": [], "t002": ["t001"]}
