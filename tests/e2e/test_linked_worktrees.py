"""Folders of one repository: runs in linked worktrees share a plane and its agents."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.domain.facts.attempt import AttemptFinished, AttemptStarted
from interlock.domain.facts.plane import PlaneStarted
from interlock.domain.result import Outcome
from tests.e2e.run_stage import Place, Running, facts, of, place, task, writes

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Place]:
    with place(tmp_path / "e") as stage:
        yield stage


def linked(shop: Place, *names: str) -> list[Path]:
    """Work trees of this repository beside its main one, each on a branch of its own."""
    folders = [shop.folder / name for name in names]
    for folder in folders:
        shop.git("worktree", "add", "-q", "-b", folder.name, str(folder))
    return folders


def begin(shop: Place, at: Path, *tasks: dict[str, object]) -> Running:
    return shop.begin("run", "--json", str(shop.plan(*tasks, name=at.name)), at=at)


def waiting(shop: Place, name: str, **more: object) -> dict[str, object]:
    return task(name, f"{shop.waits(name)}; {writes(name)}", **more)


def demand_one_attempt_each(shop: Place, *names: str) -> None:
    """Nobody's agent was ended, so nobody began twice."""
    events = shop.events()
    for name in names:
        assert len(of(events, name, AttemptStarted)) == 1, name
        assert [f.result.outcome for f in of(events, name, AttemptFinished)] == [Outcome.CHANGED]


def two_at_work(shop: Place) -> tuple[Running, Running]:
    """The first acts, the second has joined it; both have an agent at work."""
    left, right = linked(shop, "left", "right")
    first = begin(shop, left, waiting(shop, "one"))
    shop.until_at_work("one")
    second = begin(
        shop, right, waiting(shop, "two"), task("after", writes("after"), depends_on=["two"])
    )
    shop.until_at_work("two")
    assert len(facts(shop.events(), PlaneStarted)) == 1, "the second joins the plane of the first"
    return first, second


def test_who_acts_and_is_done_first_sends_nobody_of_the_other_home(shop: Place):
    first, second = two_at_work(shop)

    shop.give("one")
    shop.until("the first says why it stays", lambda _: "under way here" in first.err)
    shop.give("two")

    ends = first.end(), second.end()
    assert [end.code for end in ends] == [0, 0], [(end.states, end.err) for end in ends]
    assert [end.states for end in ends] == [{"one": "done"}, {"two": "done", "after": "done"}]
    assert len(facts(shop.events(), PlaneStarted)) == 2, "the second goes on with the rest"
    demand_one_attempt_each(shop, "one", "two", "after")
    shop.demand_clean()


def test_who_stands_by_and_is_done_first_leaves_at_once(shop: Place):
    first, second = two_at_work(shop)

    shop.give("two")

    end = second.end()
    assert (end.code, end.states) == (0, {"two": "done", "after": "done"})
    assert "under way here" not in end.err
    shop.give("one")
    assert first.end().states == {"one": "done"}
    demand_one_attempt_each(shop, "one", "two", "after")
    shop.demand_clean()


def test_ctrl_c_leaves_all_the_same_and_the_other_goes_on(shop: Place):
    first, second = two_at_work(shop)
    shop.give("one")
    shop.until("the first says why it stays", lambda _: "under way here" in first.err)

    first.interrupt()

    end = first.end()
    assert (end.code, end.states) == (0, {"one": "done"})
    shop.give("two")
    assert second.end().states == {"two": "done", "after": "done"}
    assert len(of(shop.events(), "two", AttemptStarted)) == 2
    shop.demand_clean()


def test_begun_at_the_same_time_each_lands_on_the_branch_of_its_own_folder(shop: Place):
    shop.configure(project="")
    folders = linked(shop, "left", "right")

    both = [begin(shop, at, waiting(shop, at.name)) for at in folders]
    shop.until_at_work("left", "right")
    shop.give("left")
    shop.give("right")

    ends = [each.end() for each in both]
    assert [end.code for end in ends] == [0, 0], [(end.states, end.err) for end in ends]
    for folder, end in zip(folders, ends, strict=True):
        assert end.states == {folder.name: "done"}
        assert (folder / f"{folder.name}.txt").read_text() == "done\n"
        assert shop.git("status", "--porcelain", at=folder) == ""
        assert shop.shown(f"{folder.name}.txt", folder.name) == "done"
    demand_one_attempt_each(shop, "left", "right")
    shop.demand_clean()
