"""`interlock review`: what a person types and reads."""

import json

import pytest

from interlock.domain.command import ApproveTask, RejectTask
from interlock.domain.facts.task import TaskHeld
from interlock.domain.ids import TaskId
from tests.unit.control.counters import Town, planned
from tests.unit.interfaces.terminals import Terminal, arranged


async def a_held_task(town: Town) -> None:
    await town.run(planned("schema"), planned("api", "schema"), planned("docs"))
    await town.on("schema", TaskHeld("look \x1b[2J first"))
    await town.on("docs", TaskHeld("look too"))


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys, arranged(a_held_task))


def test_a_list_names_what_waits(terminal: Terminal):
    said = terminal.type("review", "list")
    assert said.code == 0
    head, first, _second, last = said.out.splitlines()
    assert head.split()[:3] == ["ITEM", "KIND", "STATE"]
    assert first.split()[:3] == ["schema-1", "review", "pending"]
    assert "\x1b" not in said.out
    assert "interlock review show ITEM" in last


def test_the_document_keeps_its_contract(terminal: Terminal):
    items = json.loads(terminal.type("review", "list", "--json").out)["items"]
    assert {"id", "task", "kind", "state", "title", "question", "default", "options",
            "estimated_minutes", "blocked_tasks", "plan", "deadline"} <= set(items[0])  # fmt: skip
    assert items[0]["id"] == "r1-schema-1"
    assert items[0]["blocked_tasks"] == ["api"]
    assert {"name", "pros", "cons"} == set(items[0]["options"][0])
    assert items[0]["plan"] is None


def test_an_item_says_what_each_answer_means(terminal: Terminal):
    out = terminal.type("review", "show", "schema").out
    assert out.startswith("schema-1  review  pending\n")
    assert "\x1b" not in out
    assert "  blocks    api\n" in out
    assert "  approve\n    + it starts as soon as a worker is free\n" in out
    assert out.splitlines()[-1] == "Decide: interlock review approve schema-1, or reject."


def test_several_are_approved_at_once(terminal: Terminal):
    said = terminal.type("review", "approve", "schema-1", "docs-1", "--reason", "fine")
    assert said.code == 0
    assert said.out == (
        "r1-schema-1: approved; it starts when its turn comes\n"
        "r1-docs-1: approved; it starts when its turn comes\n"
    )
    assert terminal.town.given == [
        ApproveTask(TaskId("r1-schema"), "fine"), ApproveTask(TaskId("r1-docs"), "fine")
    ]  # fmt: skip
    assert terminal.type("review", "list").out == "Nothing waits for a person.\n"
    assert "approved by person:ana" in terminal.type("review", "show", "schema-1").out
    again = terminal.type("review", "approve", "schema-1", "--json")
    assert again.code == 1
    assert json.loads(again.out)["replies"][0]["answer"] == "refused"


def test_rejected_with_a_reason(terminal: Terminal):
    assert terminal.type("review", "reject", "docs-1", "--reason", "no").code == 0
    assert terminal.town.given == [RejectTask(TaskId("r1-docs"), "no")]
    assert "rejected" in terminal.type("review", "list", "--all").out
