"""Whoever is judged behind another looks at what the target will be; the line decides nothing."""

import asyncio
from pathlib import Path

import pytest

from interlock.domain.facts.change import Judgement
from interlock.engine.acts import Candidate, Judged
from interlock.gates.service import GateQuestion
from tests.unit.merging.stage import Stage


class SlowGates:
    """Gates that answer when they are let go, by the newest file they see."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._inner = stage.gates
        self.open: dict[str, asyncio.Event] = {}
        self.seen: list[tuple[str, ...]] = []
        self._asked = asyncio.Condition()

    async def judge(self, question: GateQuestion) -> Judged:
        files = self._stage.repo.files(question.candidate)
        names = tuple(sorted(name for name in files if name.startswith("new.")))
        async with self._asked:
            self.seen.append(names)
            self._asked.notify_all()
        await self.open.setdefault(",".join(names), asyncio.Event()).wait()
        return await self._inner.judge(question)

    async def asked(self, count: int) -> None:
        async with asyncio.timeout(5), self._asked:
            await self._asked.wait_for(lambda: len(self.seen) >= count)

    def let(self, *names: str) -> None:
        self.open.setdefault(",".join(names), asyncio.Event()).set()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def gates(stage: Stage) -> SlowGates:
    slow = SlowGates(stage)
    stage.acts._gates = slow
    stage.acts._patience_seconds = 60.0
    return slow


async def two(stage: Stage) -> tuple[Candidate, Candidate]:
    return (
        await stage.candidate("a", new_a="1\n"),
        await stage.candidate("b", new_b="1\n"),
    )


async def test_the_second_is_looked_at_with_the_first_while_the_first_is_judged(
    stage: Stage, gates: SlowGates
) -> None:
    first, second = await two(stage)
    async with asyncio.TaskGroup() as group:
        judging = group.create_task(stage.acts.judge(first))
        await gates.asked(1)
        behind = group.create_task(stage.acts.judge(second))
        await gates.asked(2)
        assert gates.seen == [("new.a",), ("new.a", "new.b")]
        gates.let("new.a")
        gates.let("new.a", "new.b")
        assert (await judging).judgement is Judgement.PASSED
        assert not behind.done(), "it is judged on the target that the first one makes"
        landing = await stage.prepared(first)
        await stage.acts.land(landing)
        judged = await behind
    assert (judged.judgement, judged.target) == (Judgement.PASSED, stage.head)
    assert gates.seen[-1] == ("new.a", "new.b"), "the very tree that was looked at"


async def test_the_second_does_not_pay_for_the_first(stage: Stage, gates: SlowGates) -> None:
    first, second = await two(stage)
    stage.gates.answer = lambda question: (
        Judgement.FAILED if "new.a" in stage.repo.files(question.candidate) else Judgement.PASSED
    )
    for names in (("new.a",), ("new.a", "new.b"), ("new.b",)):
        gates.let(*names)
    async with asyncio.TaskGroup() as group:
        judging = group.create_task(stage.acts.judge(first))
        await gates.asked(1)
        behind = group.create_task(stage.acts.judge(second))
    assert (await judging).judgement is Judgement.FAILED
    assert (await behind).judgement is Judgement.PASSED
    assert gates.seen[-1] == ("new.b",), "judged on the target of now, as if alone"


async def test_nobody_waits_for_ever_behind_one_that_does_not_land(
    stage: Stage, gates: SlowGates
) -> None:
    stage.acts._patience_seconds = 0.01
    first, second = await two(stage)
    for names in (("new.a",), ("new.a", "new.b"), ("new.b",)):
        gates.let(*names)
    await stage.acts.judge(first)
    judged = await stage.acts.judge(second)
    assert (judged.judgement, judged.target) == (Judgement.PASSED, stage.head)
    third = await stage.candidate("c", new_c="1\n")
    gates.let("new.b", "new.c")
    gates.let("new.c")
    assert (await stage.acts.judge(third)).judgement is Judgement.PASSED


async def test_a_judging_that_is_broken_off_leaves_the_line(stage: Stage, gates: SlowGates) -> None:
    first, second = await two(stage)
    gates.let("new.a", "new.b")
    gates.let("new.b")
    async with asyncio.TaskGroup() as group:
        judging = group.create_task(stage.acts.judge(first))
        await gates.asked(1)
        behind = group.create_task(stage.acts.judge(second))
        await gates.asked(2)
        judging.cancel()
    assert behind.result().judgement is Judgement.PASSED
    assert gates.seen[-1] == ("new.b",)
