"""Plans out of documents that a team has anyway: shown, written down, and carried out."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.run_stage import Place, Said, place

pytestmark = pytest.mark.timeout(120)

SETTINGS = """
[project]
target = "main"
[limits]
workers = 3
[agents.default]
backend = "{backend}"
{run}
[gates.tests]
run = "test -d told"
reads = "exit-code"
"""
TELLS = 'mkdir -p told && printf %s "$INTERLOCK_PROMPT" > told/$INTERLOCK_TASK'
CHANGE = "openspec/changes/add-login"
DOCUMENTS = {
    f"{CHANGE}/proposal.md": "# Change: Log in\n\n## Why\n\nNobody can.\n",
    f"{CHANGE}/tasks.md": (
        "## 1. Server\n- [x] 1.1 Users\n- [ ] 1.2 Sessions\n- [ ] 1.3 [P] Page\n"
        "- [ ] 1.4 [P] Mail\n"
    ),
    f"{CHANGE}/specs/auth/spec.md": (
        "## ADDED Requirements\n### Requirement: Sessions\nThey SHALL end.\n"
    ),
    "specs/001-export/tasks.md": (
        "# Tasks: Export\n## Phase 1: Setup\n- [ ] T001 Rows in src/rows.py\n"
        "## Phase 2: User Story 1 (Priority: P1)\n- [ ] T002 [US1] Button in src/button.py\n"
    ),
    "specs/001-export/spec.md": (
        "# Feature Specification: Export\n### User Story 1 - CSV\nAs CSV.\n"
    ),
    "issues/0007-done.md": "---\nstate: closed\n---\n",
    "issues/0012-first.md": "---\ntitle: First\nlabels: [auth]\n---\nMake it so.\n",
    "issues/0013-second.md": "---\ntitle: Second\nblocked_by: [12, 7]\n---\nThen that.\n",
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "e") as stage:
        settle(stage, "command", f"run = ['sh', '-c', '''{TELLS}''']")
        yield stage


def settle(stage: Place, backend: str, run: str = "") -> None:
    text = SETTINGS.format(backend=backend, run=run)
    stage.commit({**DOCUMENTS, "interlock.toml": text}, "Documents")


def waits(said: Said) -> dict[str, list[str]]:
    return {task["id"]: task["depends_on"] for task in said.document["tasks"]}


# --- carried out ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "goal", "prompts"),
    [
        (
            "openspec:add-login",
            "Log in\n\nNobody can.",
            {"1-2": "They SHALL end.", "1-3": "Nobody can.", "1-4": "1. Server"},
        ),
        ("speckit:001-export", "Export", {"t001": "Rows in src/rows.py", "t002": "As CSV."}),
        (
            "issues:",
            "2 issues of issues/\n\nFirst, Second",
            {"issue-12": "Make it so.", "issue-13": "Then that."},
        ),
    ],
)
def test_documents_are_carried_out(shop: Place, source: str, goal: str, prompts: dict[str, str]):
    said = shop.run(source)

    assert said.code == 0, said.err
    assert said.document["goal"] == goal
    assert said.states == dict.fromkeys(prompts, "done")
    assert set(shop.landed()) == set(prompts)
    for name, words in prompts.items():
        assert words in shop.shown(f"told/{name}")


def test_what_is_passed_over_is_said(shop: Place):
    said = shop.run("openspec:add-login")
    assert f"{CHANGE}/tasks.md: 1 task is ticked and left out" in said.err


def test_a_document_that_changed_under_its_run_is_asked_about(shop: Place):
    settle(shop, "human")
    first = shop.run("openspec:add-login", "--new")
    assert (first.code, set(first.states.values())) == (1, {"backlog", "ready"})
    again = shop.interlock("run", "openspec:add-login", at=shop.root / "issues")
    assert f"going on with {first.document['run']}" in again.err

    shop.write({f"{CHANGE}/tasks.md": DOCUMENTS[f"{CHANGE}/tasks.md"] + "- [ ] 1.5 Docs\n"})
    refused = shop.interlock("run", "openspec:add-login")
    assert refused.code == 2
    assert "openspec:add-login has changed since" in refused.err
    assert "--resume" in refused.err

    resumed = shop.run("openspec:add-login", "--resume")
    assert resumed.document["run"] == first.document["run"]
    assert "1-5" in resumed.states


# --- shown and written down -----------------------------------------------------------------------


def test_a_plan_is_shown_from_anywhere_in_the_repository(shop: Place):
    wanted = {"1-2": [], "1-3": ["1-2"], "1-4": ["1-2"]}
    for at in (shop.root, shop.root / "issues", shop.root / CHANGE):
        assert waits(shop.interlock("plan", "openspec:add-login", "--json", at=at)) == wanted
    text = shop.interlock("plan", "openspec:add-login")
    assert (text.code, text.err) == (0, "")
    assert f"note: {CHANGE}/tasks.md: 1 task is ticked and left out" in text.out
    chosen = shop.interlock("plan", "issues:?label=auth", "--json")
    assert waits(chosen) == {"issue-12": []}


def test_what_is_imported_is_written_as_a_plan_file_and_reads_back(shop: Place):
    shown = shop.interlock("plan", "openspec:add-login", "--json").document
    plan = shop.folder / "plan.json"
    plan.write_text(json.dumps(shown["plan_file"]))
    again = shop.interlock("plan", str(plan), "--json").document
    assert {**shown, "notes": None, "plan_file": None} == {
        **again,
        "notes": None,
        "plan_file": None,
    }

    written = shop.folder / "plan.yaml"
    said = shop.interlock("plan", "openspec:add-login", "--out", str(written))
    assert said.code == 0
    assert f"interlock run {written}" in said.err
    assert waits(shop.interlock("plan", str(written), "--json")) == waits(
        shop.interlock("plan", str(plan), "--json")
    )
    before = written.read_bytes()
    once_more = shop.interlock("plan", "issues:", "--out", str(written))
    assert once_more.code == 2
    assert "this file is there already" in once_more.err
    assert written.read_bytes() == before
    assert shop.run(written).states == {"1-2": "done", "1-3": "done", "1-4": "done"}


# --- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("openspec:nope", "there is openspec:add-login"),
        ("speckit:nope", "there is speckit:specs/001-export"),
        ("issues:nowhere", "there is no such folder"),
        ("issues:?labl=x", "take id, label, milestone, state"),
        ("issues:../..", "outside the repository"),
    ],
)
def test_a_name_for_nothing_says_what_there_is(shop: Place, source: str, words: str):
    for command in ("plan", "run"):
        said = shop.interlock(command, source)
        assert (said.code, said.out) == (2, "")
        assert words in said.err
        document = shop.interlock(command, source, "--json").document
        assert [list(fault) for fault in document["faults"]] == [["where", "what", "mend"]]


def test_a_wrong_document_is_refused_whole_with_every_fault(shop: Place):
    wrong = "- [ ] 1.1 a\n- [ ] 1.1 b\n- [ ] 1.2 c (depends on 1.9)\n"
    shop.write({f"{CHANGE}/tasks.md": wrong})
    for command in ("plan", "run"):
        said = shop.interlock(command, "openspec:add-login", "--json")
        assert said.code == 2
        assert [fault["where"] for fault in said.document["faults"]] == [
            f"{CHANGE}/tasks.md:2",
            f"{CHANGE}/tasks.md:3",
        ]
        text = shop.interlock(command, "openspec:add-login")
        assert f"{CHANGE}/tasks.md:3: '1.2' depends on '1.9'" in text.err
    assert not shop.landed()


def test_a_finished_change_is_not_done_again(shop: Place):
    shop.write({f"{CHANGE}/tasks.md": "- [x] 1.1 a\n"})
    said = shop.interlock("run", "openspec:add-login")
    assert said.code == 2
    assert "nothing is left to do" in said.err


def test_a_file_of_that_name_goes_before_documents(shop: Place):
    plan = '{"goal": "x", "tasks": [{"id": "only", "title": "a"}]}'
    shop.write({"openspec:add-login": plan})
    assert waits(shop.interlock("plan", "openspec:add-login", "--json")) == {"only": []}


def test_words_of_a_document_do_nothing_in_a_terminal(shop: Place):
    shop.write({"issues/1-\x1b[2J.md": "---\ntitle: [\n---\n"})
    said = shop.interlock("plan", "issues:")
    assert said.code == 2
    assert "\x1b" not in said.err + said.out
