"""Questions of agents, through the whole program: answered at work, and answered late."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.domain.facts.attempt import AttemptStarted, QuestionAnswered, QuestionAsked
from interlock.domain.facts.task import TaskParked
from tests.e2e.run_stage import Place, of, place, task

pytestmark = pytest.mark.timeout(120)

ASKS = """
tasks:
  one:
    - steps:
        - ask: {question: "Sessions or tokens?", options: [sessions, tokens]}
        - write: {path: one.py, text: "one = 1\\n"}
"""


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "e") as shop:
        shop.commit({"script.yaml": ASKS})
        yield shop


def asker(wait: str) -> str:
    return (
        f"[agents.asker]\nbackend = 'scripted'\nscript = 'script.yaml'\nquestion_wait = '{wait}'\n"
    )


def plan_of(shop: Place) -> Path:
    return shop.plan({**task("one", "true"), "agent": "asker"})


def open_items(shop: Place) -> list[dict[str, object]]:
    said = shop.interlock("review", "list", "--json")
    assert said.code == 0, said.err
    return list(json.loads(said.out)["items"])


def test_an_answer_in_time_reaches_the_agent_at_its_work(asking: Place):
    asking.configure(more=asker("10m"))
    running = asking.begin("run", "--json", str(plan_of(asking)))
    asking.until("it asks", lambda events: of(events, "one", QuestionAsked))

    (item,) = open_items(asking)
    assert (item["kind"], item["state"]) == ("decision", "pending")
    assert "Sessions or tokens?" in str(item["question"])
    status = json.loads(asking.interlock("status", "--json").out)
    (row,) = [each for each in status["tasks"] if each["id"] == "one"]
    assert row["state"] == "in_progress"
    assert row["waits_for"].startswith("an answer to: Sessions or tokens?")
    silent = asking.interlock("review", "approve", str(item["short"]))
    assert silent.code != 0, "it is a question: an approval without words answers nothing"
    answered = asking.interlock("review", "approve", str(item["short"]), "--reason", "tokens")
    assert answered.code == 0, answered.err

    said = running.end()
    assert said.code == 0, said.err
    events = asking.events()
    assert [fact.answer for fact in of(events, "one", QuestionAnswered)] == ["tokens"]
    assert len(of(events, "one", AttemptStarted)) == 1
    assert of(events, "one", TaskParked) == []
    assert open_items(asking) == []
    asking.demand_clean()


def test_one_that_waits_too_long_frees_its_worker_and_goes_on_with_the_answer(asking: Place):
    asking.configure(more=asker("1s"), limits="workers = 1")
    other = task("other", "echo other > other.txt")
    plan = asking.plan({**task("one", "true"), "agent": "asker"}, other)

    first = asking.run(plan)

    assert first.code == 1, "it waits for a person"
    assert first.document["state"] == "waiting"
    assert first.states == {"one": "blocked_on_human", "other": "done"}
    (item,) = open_items(asking)
    assert asking.interlock("review", "approve", str(item["id"]), "--reason", "tokens").code == 0
    second = asking.run()
    assert second.code == 0, second.err
    assert second.states == {"one": "done", "other": "done"}
    assert asking.shown("one.py") == "one = 1"
    asking.demand_clean()


def test_a_plane_that_is_killed_while_somebody_is_asked_asks_again(asking: Place):
    asking.configure(more=asker("10m"))
    running = asking.begin("run", str(plan_of(asking)))
    asking.until("it asks", lambda events: of(events, "one", QuestionAsked))
    running.process.kill()
    asking.until_quiet()

    assert open_items(asking) != [], "what was asked stands in the log"
    again = asking.begin("run", "--json")
    asking.until("it asks again", lambda events: len(of(events, "one", QuestionAsked)) == 2)
    (item,) = open_items(asking)
    assert asking.interlock("review", "approve", str(item["id"]), "--reason", "tokens").code == 0
    said = again.end()
    assert said.code == 0, said.err
    assert said.states == {"one": "done"}
    asking.demand_clean()
