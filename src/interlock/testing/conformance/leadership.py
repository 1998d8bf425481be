"""What the right to act must hold; subclass the suite that fits and provide the fixture `house`."""

import asyncio
from typing import Protocol

from interlock.engine.ports import Leadership


class LeadershipHouse(Protocol):
    """One right, nobody's at first, that several processes want."""

    async def open(self) -> Leadership:
        """As another process would."""
        ...

    async def lose(self, leadership: Leadership) -> None:
        """End its process without a goodbye, and let the time pass that others must wait."""
        ...


class ExpiringLeadershipHouse(LeadershipHouse, Protocol):
    """A right that runs out unless it is renewed."""

    async def let_expire(self) -> None:
        """Let the time pass after which the right is free, with its holder alive but silent."""
        ...


class LeadershipSuite:
    """One at a time, by name, and the next one when it ends, however it ends."""

    async def test_nobody_acts_at_first(self, house: LeadershipHouse) -> None:
        leadership = await house.open()
        assert await leadership.holder() is None
        assert not await leadership.renew()

    async def test_one_gets_it_and_everybody_sees_who(self, house: LeadershipHouse) -> None:
        one, two = await house.open(), await house.open()
        assert await one.acquire("zoë@host")
        assert not await two.acquire("bob@host")
        assert [await one.holder(), await two.holder()] == ["zoë@host", "zoë@host"]

    async def test_the_holder_keeps_it(self, house: LeadershipHouse) -> None:
        one, two = await house.open(), await house.open()
        await one.acquire("one")
        assert await one.renew()
        assert await one.acquire("one")
        assert not await two.renew()
        assert not await two.acquire("two")

    async def test_released_it_is_the_next_ones(self, house: LeadershipHouse) -> None:
        one, two = await house.open(), await house.open()
        await one.acquire("one")
        await one.release()
        assert await two.holder() is None
        assert not await one.renew()
        assert await two.acquire("two")
        assert await one.holder() == "two"
        assert not await one.acquire("one")

    async def test_only_the_holder_can_release_it(self, house: LeadershipHouse) -> None:
        one, two = await house.open(), await house.open()
        await one.acquire("one")
        await two.release()
        await two.acquire("two")
        await two.release()
        assert await one.renew()
        assert await two.holder() == "one"

    async def test_it_goes_round(self, house: LeadershipHouse) -> None:
        one, two = await house.open(), await house.open()
        for _ in range(3):
            assert await one.acquire("one")
            await one.release()
            assert await two.acquire("two")
            await two.release()

    async def test_one_of_many_wins(self, house: LeadershipHouse) -> None:
        crowd = [await house.open() for _ in range(8)]
        async with asyncio.TaskGroup() as group:
            tries = [group.create_task(each.acquire(str(n))) for n, each in enumerate(crowd)]
        (winner,) = [number for number, done in enumerate(tries) if done.result()]
        assert await crowd[0].holder() == str(winner)

    async def test_whoever_only_asks_disturbs_nobody(self, house: LeadershipHouse) -> None:
        onlookers = [await house.open() for _ in range(4)]
        one = await house.open()

        async def look(leadership: Leadership) -> None:
            for _ in range(25):
                await leadership.holder()
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            for onlooker in onlookers:
                group.create_task(look(onlooker))
            for _ in range(10):
                assert await one.acquire("one")
                await one.release()

    async def test_it_outlives_no_lost_holder(self, house: LeadershipHouse) -> None:
        one, two = await house.open(), await house.open()
        await one.acquire("one")
        await house.lose(one)
        assert await two.holder() is None
        assert await two.acquire("two")
        assert await two.holder() == "two"


class ExpiringLeadershipSuite(LeadershipSuite):
    """A right that runs out is fenced: its old holder learns of it and cannot harm the new one."""

    async def test_expired_it_is_free(self, house: ExpiringLeadershipHouse) -> None:
        one, two = await house.open(), await house.open()
        await one.acquire("one")
        await house.let_expire()
        assert await two.holder() is None
        assert await two.acquire("two")

    async def test_the_old_holder_learns_of_it(self, house: ExpiringLeadershipHouse) -> None:
        one, two = await house.open(), await house.open()
        await one.acquire("one")
        await house.let_expire()
        await two.acquire("two")
        assert not await one.renew()
        assert not await one.acquire("one")
        assert await one.holder() == "two"

    async def test_the_old_holder_takes_nothing_back(self, house: ExpiringLeadershipHouse) -> None:
        one, two = await house.open(), await house.open()
        await one.acquire("one")
        await house.let_expire()
        await two.acquire("two")
        await one.release()
        assert await two.renew()
        assert await one.holder() == "two"

    async def test_late_but_before_anybody_came(self, house: ExpiringLeadershipHouse) -> None:
        one, two = await house.open(), await house.open()
        await one.acquire("one")
        await house.let_expire()
        assert await one.renew()
        assert not await two.acquire("two")
        assert await two.holder() == "one"
