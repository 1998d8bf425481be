"""`interlock worker`: who works here, and becoming one of them."""

import json

import pytest

from interlock.domain.facts.worker import WorkerRegistered
from interlock.domain.ids import WorkerId
from interlock.interfaces.cli.doors import WorkerWish
from tests.unit.interfaces.terminals import Terminal


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def test_a_person_registers_and_stands_in_the_list(terminal: Terminal):
    said = terminal.type(
        "worker", "register", "--type", "human", "--name", "ada", "--skills", "python, sql"
    )
    assert (said.code, said.out) == (0, "human-ada: registered, who can python, sql\n")
    head, line = terminal.type("worker", "list").out.splitlines()
    assert head.split()[:3] == ["WORKER", "TYPE", "STATE"]
    assert line.split()[:3] == ["human-ada", "human", "available"]
    assert line.endswith("python, sql")
    (card,) = json.loads(terminal.type("worker", "list", "--json").out)["workers"]
    assert (card["type"], card["capabilities"], card["history"]) == ("human", ["python", "sql"], [])


def test_agents_register_themselves(terminal: Terminal):
    said = terminal.type("worker", "register", "--type", "agent", "--name", "codegen-1")
    assert said.code == 2
    assert "agents register themselves" in said.err
    assert terminal.town.given == []


def test_names_of_others_are_shown_inert(terminal: Terminal):
    import asyncio

    evil = WorkerRegistered(WorkerId("agent-\x1b[2J"), "agent", "x", capabilities=("\x1b[31m",))
    asyncio.run(terminal.town.record("worker/agent-\x1b[2J", evil))
    assert "\x1b" not in terminal.type("worker", "list").out


def test_processes_are_wished_for_at_the_doors(terminal: Terminal):
    assert terminal.type("worker", "spawn", "4").code == 0
    assert terminal.type("worker", "stop", "agent-local-1").code == 0
    assert terminal.type("worker", "run").code == 0
    assert (
        terminal.type("worker", "run", "--name", "x", "--agent", "a", "--skills", "b,c").code == 0
    )
    assert terminal.wishes == [
        4,
        "agent-local-1",
        WorkerWish(None, "*", ("*",), 1),
        WorkerWish("x", "a", ("b", "c"), 1),
    ]
