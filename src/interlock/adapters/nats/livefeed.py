"""News for screens over the broker: in no stream, and gone for who does not listen.

Every feed hears every topic of its repository and hands them to its own listeners, so that a
subscription is in force at once and needs no word with the broker.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Self

from nats.aio.msg import Msg

from interlock.adapters.nats.broker import Broker
from interlock.adapters.nats.names import every_feed_subject, feed_subject
from interlock.domain.ids import RepoId


class NatsLiveFeed:
    """The live feed of one repository on the broker; `connect` makes one."""

    def __init__(self, broker: Broker, repo: RepoId) -> None:
        self._broker, self._repo = broker, repo
        self._listeners: dict[str, list[NatsSubscription]] = {}

    @classmethod
    async def connect(cls, servers: Sequence[str], repo: RepoId) -> Self:
        broker = await Broker.connect(servers, f"live feed of {repo}")
        feed = cls(broker, repo)
        try:
            hearing = broker.client.subscribe(every_feed_subject(repo), cb=feed._hear)
            await broker.ask(hearing)
            # Twice: the client's ping overtakes what is not written yet, as this subscription.
            for _ in range(2):
                await broker.ask(broker.client.flush())
        except BaseException:
            await broker.close()
            raise
        return feed

    async def publish(self, topic: str, data: bytes) -> None:
        await self._broker.ask(self._broker.client.publish(feed_subject(self._repo, topic), data))

    def subscribe(self, topic: str, backlog_max: int = 1000) -> "NatsSubscription":
        subject = feed_subject(self._repo, topic)
        subscription = NatsSubscription(self, self._broker, subject, backlog_max)
        self._listeners.setdefault(subject, []).append(subscription)
        return subscription

    def forget(self, subject: str, subscription: "NatsSubscription") -> None:
        listeners = self._listeners.get(subject, [])
        if subscription in listeners:
            listeners.remove(subscription)
        if not listeners:
            self._listeners.pop(subject, None)

    async def close(self) -> None:
        await self._broker.close()

    async def _hear(self, message: Msg) -> None:
        for listener in self._listeners.get(message.subject, ()):
            listener.offer(message.data)


class NatsSubscription:
    """One listener and the messages it has not read yet, bounded."""

    def __init__(self, feed: NatsLiveFeed, broker: Broker, subject: str, backlog_max: int) -> None:
        self._feed, self._broker, self._subject = feed, broker, subject
        self._backlog: deque[bytes] = deque(maxlen=backlog_max)
        self._news = asyncio.Event()
        self._lost = 0

    def offer(self, data: bytes) -> None:
        if len(self._backlog) == self._backlog.maxlen:
            self._lost += 1
        self._backlog.append(data)
        self._news.set()

    async def next(self) -> bytes:
        """The oldest message not read yet; raises PartLost when the broker is gone."""
        while not self._backlog:
            self._news.clear()
            await self._broker.ask(self._news.wait(), seconds=None)
        return self._backlog.popleft()

    @property
    def lost(self) -> int:
        return self._lost

    async def close(self) -> None:
        self._feed.forget(self._subject, self)
