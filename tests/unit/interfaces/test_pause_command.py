"""`interlock pause`, `resume` and `stop`: one sentence each, and what lifts it."""

import json

import pytest

from interlock.domain.command import Pause, Resume, Stop
from interlock.domain.ids import RunId
from tests.unit.control.counters import Town, planned
from tests.unit.interfaces.terminals import Terminal, arranged


async def a_run(town: Town) -> None:
    await town.run(planned("schema"))


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys, arranged(a_run))


def test_everything_is_held_and_goes_on(terminal: Terminal):
    said = terminal.type("pause", "--reason", "lunch")
    assert (said.code, said.out) == (0, "all runs: nothing new starts; what runs goes on\n")
    assert terminal.type("resume").out == "all runs: new work starts again\n"
    assert terminal.town.given == [Pause(reason="lunch"), Resume()]


def test_one_run_is_held(terminal: Terminal):
    assert terminal.type("pause", "r1").code == 0
    assert terminal.town.given == [Pause(RunId("r1"))]


def test_what_is_paused_already_is_exit_1(terminal: Terminal):
    terminal.type("pause")
    said = terminal.type("pause")
    assert (said.code, said.out) == (1, "all runs: refused, new starts are held already\n")


def test_a_stop_says_what_lifts_it(terminal: Terminal):
    said = terminal.type("stop", "--reason", "smoke", "--json")
    assert said.code == 0
    document = json.loads(said.out)
    assert document["answer"] == "accepted"
    assert "only `interlock resume` or a person's `interlock run` lifts it" in document["sentence"]
    assert terminal.town.given == [Stop("smoke")]
