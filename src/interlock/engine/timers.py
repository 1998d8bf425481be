"""Alarms at instants. They survive a restart because every one follows from a fact in the log."""

import heapq
from collections.abc import Hashable
from datetime import datetime
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)


class Timers(Generic[_Key]):
    """One alarm per key; setting it again replaces it."""

    def __init__(self) -> None:
        self._due: dict[_Key, datetime] = {}
        self._heap: list[tuple[datetime, int, _Key]] = []
        self._count = 0

    def set(self, key: _Key, due: datetime) -> None:
        if self._due.get(key) == due:
            return
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, key))

    def set_no_later(self, key: _Key, due: datetime) -> None:
        """Make sure of an alarm by then; an earlier one stands."""
        if key not in self._due or due < self._due[key]:
            self.set(key, due)

    def cancel(self, key: _Key) -> None:
        self._due.pop(key, None)

    def next_due(self) -> datetime | None:
        """The earliest alarm that still stands."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: datetime) -> list[_Key]:
        """The keys whose instant has come, earliest first; they are no longer set."""
        ringing: list[_Key] = []
        while (due := self.next_due()) is not None and due <= now:
            _, _, key = heapq.heappop(self._heap)
            del self._due[key]
            ringing.append(key)
        return ringing
