"""Benches of people go when their tasks are over, and only then."""

import logging

import pytest

from interlock.adapters.pretend.clock import PretendClock
from interlock.bootstrap.tidying import Tidying
from interlock.domain.facts.change import ChangeJudged, ChangeLanded, Judgement, LandingIntended
from interlock.domain.facts.task import TaskCancelled, TaskFailed
from interlock.domain.ids import CommitId, TaskId, Token, WorkerId
from interlock.workers.by_hand import HandsTied
from tests.unit.control.counters import BASE, Town, planned
from tests.unit.control.test_people import BY_PEOPLE

ADA = WorkerId("human-ada")
HEAD = CommitId("c" * 40)
"""What stands on the benches of `Town`."""


class PaperBenches:
    """Benches that are names only; what is cleared is noted."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.cleared: list[tuple[str, CommitId | None]] = []
        self.stuck: set[str] = set()
        self.kept = ""

    def standing(self) -> list[tuple[WorkerId, TaskId]]:
        return [(ADA, TaskId(name)) for name in self.names]

    async def clear(
        self, worker_id: WorkerId, task_id: TaskId, landed: CommitId | None = None
    ) -> str:
        assert worker_id == ADA
        self.cleared.append((task_id, landed))
        if task_id in self.stuck:
            raise HandsTied("its work cannot be kept")
        self.names.remove(task_id)
        return self.kept


async def town_of(*names: str) -> Town:
    town = Town()
    await town.run(*(planned(name) for name in names), limits=BY_PEOPLE)
    return town


def tidying(town: Town, benches: PaperBenches, *, acts: bool = True) -> Tidying:
    return Tidying(benches, town.desk.store, PretendClock(), lambda: acts)  # type: ignore[arg-type]  # as much as it asks for


async def test_a_bench_goes_when_its_task_is_over_and_not_before():
    town = await town_of("over", "failed", "ready")
    await town.on("over", TaskCancelled())
    await town.on("failed", TaskFailed("no attempt remains"))
    benches = PaperBenches("r1-over", "r1-failed", "r1-ready", "r9-of-nobody")
    await tidying(town, benches).look()
    assert benches.cleared == [("r1-over", None)]
    assert benches.names == ["r1-failed", "r1-ready", "r9-of-nobody"]


async def test_what_landed_is_named_so_that_it_need_not_be_kept():
    town = await town_of("login")
    person = town.counter()
    await person.register("ada", ())
    await person.claim("login", ADA)
    assert (await person.submit("login")).answer == "accepted"
    benches = PaperBenches("r1-login")
    tidy = tidying(town, benches)
    await tidy.look()
    assert benches.cleared == []
    await town.on(
        "login",
        ChangeJudged(1, Judgement.PASSED),
        LandingIntended("k", 1, Token(1), BASE, CommitId("e" * 40)),
        ChangeLanded("k", CommitId("e" * 40)),
    )
    await tidy.look()
    assert benches.cleared == [("r1-login", HEAD)]


async def test_a_bench_that_cannot_be_cleared_stays_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
):
    town = await town_of("stuck", "kept")
    await town.on("stuck", TaskCancelled())
    await town.on("kept", TaskCancelled())
    benches = PaperBenches("r1-stuck", "r1-kept")
    benches.stuck, benches.kept = {"r1-stuck"}, "kept as refs/interlock/x"
    tidy = tidying(town, benches)
    with caplog.at_level(logging.WARNING):
        await tidy.look()
        await tidy.look()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "human-ada for r1-stuck could not be cleared away: its work cannot be kept" in told[0]
    assert told[1] == "kept as refs/interlock/x"
    assert benches.names == ["r1-stuck"]


async def test_who_stands_by_clears_nothing():
    town = await town_of("over")
    await town.on("over", TaskCancelled())
    benches = PaperBenches("r1-over")
    await tidying(town, benches, acts=False).look()
    assert benches.cleared == []
