"""News for screens inside one process."""

import asyncio
from collections import deque

from interlock.engine.errors import PartLost


class MemoryLiveFeed:
    """Hands every message to whoever listens at that moment; nobody waits for anybody."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, list[MemorySubscription]] = {}
        self._closed = False

    async def publish(self, topic: str, data: bytes) -> None:
        if self._closed:
            raise _closed()
        for subscription in self._subscriptions.get(topic, ()):
            subscription.offer(data)

    def subscribe(self, topic: str, backlog_max: int = 1000) -> "MemorySubscription":
        if self._closed:
            raise _closed()
        subscription = MemorySubscription(self, topic, backlog_max)
        self._subscriptions.setdefault(topic, []).append(subscription)
        return subscription

    async def close(self) -> None:
        self._closed = True
        for subscription in [s for same in self._subscriptions.values() for s in same]:
            await subscription.close()

    def forget(self, topic: str, subscription: "MemorySubscription") -> None:
        remaining = self._subscriptions[topic]
        remaining.remove(subscription)
        if not remaining:
            del self._subscriptions[topic]


class MemorySubscription:
    """One listener and the messages it has not read yet, bounded."""

    def __init__(self, feed: MemoryLiveFeed, topic: str, backlog_max: int) -> None:
        self._feed, self._topic = feed, topic
        self._backlog: deque[bytes] = deque(maxlen=backlog_max)
        self._lost = 0
        self._news = asyncio.Event()
        self._closed = False

    def offer(self, data: bytes) -> None:
        if len(self._backlog) == self._backlog.maxlen:
            self._lost += 1
        self._backlog.append(data)
        self._news.set()

    async def next(self) -> bytes:
        while not self._backlog:
            if self._closed:
                raise _closed()
            self._news.clear()
            await self._news.wait()
        return self._backlog.popleft()

    @property
    def lost(self) -> int:
        return self._lost

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._feed.forget(self._topic, self)
            self._news.set()


def _closed() -> PartLost:
    return PartLost("live feed", "it was closed", "Subscribe again after the next start")
