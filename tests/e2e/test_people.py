"""A person takes a task, works in a folder and hands it in; gates and landing are the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.domain.facts.task import TaskMadeReady
from tests.e2e.run_stage import Place, Running, of, place, task, writes

pytestmark = pytest.mark.timeout(120)

CHECK = 'if [ -e one.txt ] && grep -q bad one.txt; then echo "bad in one.txt"; exit 1; fi\n'
BY_HAND = '[agents.person]\nbackend = "human"\n'


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "e", check=CHECK) as stage:
        stage.configure(more=BY_HAND)
        yield stage


def waiting(shop: Place) -> Running:
    """A run whose first task waits for a person, beside one that agents do."""
    plan = shop.plan(
        task("one", "Write one.txt", agent="person"), task("two", writes("two")),
        task("after", writes("after"), depends_on=["one"]),
    )  # fmt: skip
    run = shop.begin("run", "--wait", "--json", str(plan))
    shop.until("one is ready", lambda events: of(events, "one", TaskMadeReady))
    return run


def register(shop: Place, name: str = "ada") -> None:
    said = shop.interlock("worker", "register", "--type", "human", "--name", name)
    assert said.code == 0, said


def claim(shop: Place, worker: str = "human-ada") -> Path:
    said = shop.interlock("task", "claim", "one", "--worker", worker, "--json")
    assert said.code == 0, said
    path = Path(said.document["path"])
    assert (path / "app" / "a.py").exists()
    return path


def test_a_person_claims_works_and_hands_in_and_it_lands_like_any_change(shop: Place):
    run = waiting(shop)
    register(shop)
    bench = claim(shop)

    (bench / "one.txt").write_text("by hand\n")
    said = shop.interlock("task", "submit", "one", "--message", "as asked")

    assert said.code == 0, said
    end = run.end()
    assert end.code == 0
    assert end.states == dict.fromkeys(("one", "two", "after"), "done")
    done = end.task("one")
    assert [gate["outcome"] for gate in done["gates"]] == ["passed"]
    assert done["tries"][0]["by_hand"] is True
    assert shop.shown("one.txt") == "by hand"
    assert shop.git("log", "-1", "--format=%an", done["commit"]) == "human-ada"
    shop.until_quiet()
    assert shop.standing() == []
    assert not shop.git("for-each-ref", "refs/interlock/rescue-by-hand", "refs/interlock/by-hand")


def test_what_a_gate_refuses_comes_back_to_the_person_with_its_log(shop: Place):
    run = waiting(shop)
    register(shop)
    bench = claim(shop)
    (bench / "one.txt").write_text("bad\n")
    assert shop.interlock("task", "submit", "one").code == 0
    shop.until("it came back", lambda events: len(of(events, "one")) and _came_back(shop))

    again = shop.interlock("task", "claim", "one", "--worker", "human-ada", "--json")

    assert again.code == 0, again
    assert "tests" in again.document["feedback"]
    bench = Path(again.document["path"])
    (bench / "one.txt").write_text("good\n")
    assert shop.interlock("task", "submit", "one").code == 0
    end = run.end()
    assert end.states == dict.fromkeys(("one", "two", "after"), "done")
    assert end.task("one")["attempts"] == 2


def _came_back(shop: Place) -> bool:
    shown = shop.interlock("task", "show", "one", "--json").document
    return shown["state"] == "ready" and shown["attempts"] != []


def test_a_task_that_is_given_back_is_ready_for_anybody(shop: Place):
    run = waiting(shop)
    register(shop)
    bench = claim(shop)
    (bench / "one.txt").write_text("half\n")

    assert shop.interlock("task", "release", "one", "--reason", "no time").code == 0

    assert shop.interlock("task", "show", "one", "--json").document["state"] == "ready"
    assert (bench / "one.txt").read_text() == "half\n"
    register(shop, "bo")
    other = claim(shop, "human-bo")
    (other / "one.txt").write_text("by bo\n")
    assert shop.interlock("task", "submit", "one").code == 0
    end = run.end()
    assert end.states["one"] == "done"
    assert shop.shown("one.txt") == "by bo"
    assert shop.standing() == []
    (kept,) = shop.git(
        "for-each-ref", "--format=%(refname)", "refs/interlock/rescue-by-hand"
    ).split()
    assert kept.endswith("@human-ada")
    assert shop.git("show", f"{kept}:one.txt") == "half"
    assert kept in end.err


def test_a_claim_is_refused_with_the_reason(shop: Place):
    run = waiting(shop)

    def refused(name: str, worker: str) -> str:
        said = shop.interlock("task", "claim", name, "--worker", worker)
        assert said.code in (1, 2), said
        assert "Traceback" not in said.err
        return said.out + said.err

    assert "register" in refused("one", "human-ada")
    register(shop)
    assert "one" in refused("onee", "human-ada")
    assert "one" in refused("after", "human-ada")
    shop.until("two lands", lambda _: "two" in shop.landed())
    assert "done" in refused("two", "human-ada")
    claim(shop)
    register(shop, "bo")
    assert "human-ada" in refused("one", "human-bo")
    submitted = shop.interlock("task", "submit", "two")
    assert submitted.code in (1, 2)
    assert shop.interlock("task", "release", "one").code == 0
    run.interrupt()
    assert run.end().code == 130
