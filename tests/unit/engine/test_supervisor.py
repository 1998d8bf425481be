"""Members have names and one owner; an engine error of one ends all and comes out as itself."""

import asyncio
from collections.abc import Coroutine

import pytest

from interlock.engine.errors import FencedOut, PartLost
from interlock.engine.supervisor import Supervisor


class Stage:
    """Members that wait for ever, and who of them has begun and ended."""

    def __init__(self) -> None:
        self.begun = asyncio.Queue[str]()
        self.ended: list[str] = []

    async def wait(self, name: str) -> None:
        await self.begun.put(name)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append(name)


async def raises(failure: BaseException) -> None:
    raise failure


async def together(*members: Coroutine[None, None, None]) -> None:
    """Run them under one supervisor until one of them fails."""
    async with Supervisor() as supervisor:
        for number, member in enumerate(members):
            supervisor.start(f"member {number}", member)
        await asyncio.Event().wait()


async def until_gone(supervisor: Supervisor, name: str) -> None:
    while supervisor.runs(name):
        await tick()


async def tick() -> None:
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    await done


async def test_members_end_with_their_supervisor() -> None:
    stage = Stage()
    async with Supervisor() as supervisor:
        supervisor.start("a", stage.wait("a"))
        supervisor.start("b", stage.wait("b"))
        assert {await stage.begun.get(), await stage.begun.get()} == {"a", "b"}
        assert supervisor.runs("a")
        supervisor.cancel_all()
    assert sorted(stage.ended) == ["a", "b"]
    assert not supervisor.runs("a")


async def test_a_name_runs_once_and_may_run_again() -> None:
    stage = Stage()
    async with Supervisor() as supervisor:
        supervisor.start("a", stage.wait("a"))
        with pytest.raises(RuntimeError, match="a is running already"):
            supervisor.start("a", stage.wait("second"))
        await stage.begun.get()
        supervisor.cancel("nobody")
        supervisor.cancel("a")
        await until_gone(supervisor, "a")
        supervisor.start("a", stage.wait("again"))
        await stage.begun.get()
        supervisor.cancel_all()
    assert stage.ended == ["a", "again"]


@pytest.mark.parametrize("failure", [PartLost("store", "gone", "wait"), FencedOut("e", 2, 1)])
async def test_an_engine_error_ends_all_and_is_raised_as_itself(failure: Exception) -> None:
    stage = Stage()

    async def fails_later() -> None:
        await stage.begun.get()
        raise failure

    with pytest.raises(type(failure)) as caught:
        await together(stage.wait("a"), fails_later())
    assert caught.value is failure
    assert stage.ended == ["a"]


async def test_the_engine_error_is_told_before_others() -> None:
    with pytest.raises(PartLost):
        await together(raises(ValueError("a symptom")), raises(PartLost("store", "gone", "wait")))


async def test_a_single_failure_comes_out_without_its_group() -> None:
    with pytest.raises(ValueError, match="a fault"):
        await together(raises(ValueError("a fault")))


async def test_several_failures_stay_together() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await together(raises(ValueError("one")), raises(KeyError("two")))
    assert {type(failure) for failure in caught.value.exceptions} == {ValueError, KeyError}
