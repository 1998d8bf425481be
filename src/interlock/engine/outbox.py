"""Recorded first, told afterwards, told again until the answer shows in the picture.

The outbox remembers only when it told what under which key; that something must be told follows
from the log. After a restart it is empty, everything still wanted is told once more, and the
receiver drops what it knows.
"""

from datetime import datetime, timedelta


class Outbox:
    """Whether to tell now or to wait for an answer to the last time."""

    def __init__(self, again_after: timedelta) -> None:
        self._again_after = again_after
        self._told: dict[str, datetime] = {}

    def due(self, key: str, now: datetime) -> datetime | None:
        """None when it should be told now (and is noted as told), else when to look again."""
        told = self._told.get(key)
        if told is not None and now < told + self._again_after:
            return told + self._again_after
        self._told[key] = now
        return None

    def settled(self, key: str) -> None:
        """Answered, or no longer wanted."""
        self._told.pop(key, None)
