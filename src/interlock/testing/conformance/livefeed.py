"""What a live feed must hold; subclass the suite and provide the fixture `house`."""

import asyncio

import pytest

from interlock.engine.errors import PartLost
from interlock.testing.conformance.houses import LiveFeedHouse

SOON_SECONDS = 2.0


class LiveFeedSuite:
    """News reaches who listens now, in order; the slow lose the oldest and know how many."""

    async def test_every_listener_of_a_topic_hears_it_in_order(self, house: LiveFeedHouse) -> None:
        publisher, feed = await house.open(), await house.open()
        one, two = feed.subscribe("task.1"), publisher.subscribe("task.1")
        await house.settle()
        messages = [str(number).encode() for number in range(20)]
        for message in messages:
            await publisher.publish("task.1", message)
        for listener in (one, two):
            heard = [await asyncio.wait_for(listener.next(), SOON_SECONDS) for _ in messages]
            assert heard == messages
            assert listener.lost == 0

    async def test_topics_are_apart_and_the_past_is_gone(self, house: LiveFeedHouse) -> None:
        feed = await house.open()
        await feed.publish("task.1", b"nobody listens")
        await house.settle()
        listener = feed.subscribe("task.1")
        await house.settle()
        await feed.publish("task.2", b"elsewhere")
        await feed.publish("task.1", bytes(range(256)))
        assert await asyncio.wait_for(listener.next(), SOON_SECONDS) == bytes(range(256))

    async def test_who_is_slow_loses_the_oldest(self, house: LiveFeedHouse) -> None:
        feed = await house.open()
        slow, quick = feed.subscribe("t", backlog_max=3), feed.subscribe("t")
        await house.settle()
        for number in range(10):
            await feed.publish("t", str(number).encode())
        await house.settle()
        assert [await asyncio.wait_for(slow.next(), SOON_SECONDS) for _ in range(3)] == [
            b"7",
            b"8",
            b"9",
        ]
        assert slow.lost == 7
        assert await asyncio.wait_for(quick.next(), SOON_SECONDS) == b"0"
        assert quick.lost == 0

    async def test_a_closed_listener_is_forgotten(self, house: LiveFeedHouse) -> None:
        feed = await house.open()
        gone, kept = feed.subscribe("t"), feed.subscribe("t")
        await house.settle()
        await gone.close()
        await gone.close()
        await feed.publish("t", b"x")
        assert await asyncio.wait_for(kept.next(), SOON_SECONDS) == b"x"

    async def test_closing_ends_the_waiting(self, house: LiveFeedHouse) -> None:
        feed = await house.open()
        waiting = asyncio.create_task(feed.subscribe("t").next())
        await house.settle()
        await asyncio.sleep(0)
        await feed.close()
        with pytest.raises((PartLost, RuntimeError)):
            await asyncio.wait_for(waiting, SOON_SECONDS)
