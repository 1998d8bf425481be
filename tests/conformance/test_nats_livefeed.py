"""The live feed over NATS, against the contract, and when the broker fails."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from interlock.adapters.nats.livefeed import NatsLiveFeed
from interlock.domain.ids import RepoId
from interlock.engine.errors import PartLost
from interlock.testing.conformance.livefeed import LiveFeedSuite
from interlock.testing.servers import NatsServer, nats_server

pytestmark = pytest.mark.loopback

REPO = RepoId("example/shop")
PATIENCE_SECONDS = 20.0


class NatsFeedHouse:
    """One repository's feed on a broker, and the processes that opened it."""

    def __init__(self, server: NatsServer) -> None:
        self.server = server
        self._feeds: list[NatsLiveFeed] = []
        self._marks = itertools.count()

    async def open(self, repo: RepoId = REPO) -> NatsLiveFeed:
        self._feeds.append(await NatsLiveFeed.connect([self.server.url], repo))
        return self._feeds[-1]

    async def settle(self) -> None:
        """A mark follows everything its feed published; whoever hears it has heard that as well."""
        for feed in self._feeds:
            topic = f"mark {next(self._marks)}"
            listeners = [other.subscribe(topic) for other in self._feeds]
            await feed.publish(topic, b"")
            for listener in listeners:
                await asyncio.wait_for(listener.next(), PATIENCE_SECONDS)
                await listener.close()

    async def close(self) -> None:
        for feed in self._feeds:
            await feed.close()


@pytest.fixture
async def house() -> AsyncIterator[NatsFeedHouse]:
    with nats_server() as server:
        house = NatsFeedHouse(server)
        yield house
        await house.close()


class TestNatsLiveFeed(LiveFeedSuite):
    """The contract, on the fixture above."""


async def test_a_killed_broker_is_told_to_listeners_and_publishers(house: NatsFeedHouse) -> None:
    feed = await house.open()
    waiting = asyncio.ensure_future(feed.subscribe("t").next())
    await asyncio.sleep(0)

    house.server.kill()

    with pytest.raises(PartLost, match=r"broker \(NATS\)"):
        await asyncio.wait_for(waiting, 2.0)
    with pytest.raises(PartLost):
        await feed.publish("t", b"x")


async def test_any_topic_and_any_repository_are_apart(house: NatsFeedHouse) -> None:
    feed, other = await house.open(), await house.open(RepoId("example/shop.t"))
    topics = ["t", "t.u", "t u", "t.*", "t.>", "tü", "=dA"]
    listeners = {topic: feed.subscribe(topic) for topic in topics}

    await other.publish("t", b"elsewhere")
    for topic in topics:
        await feed.publish(topic, topic.encode())

    for topic, listener in listeners.items():
        assert await asyncio.wait_for(listener.next(), PATIENCE_SECONDS) == topic.encode()
