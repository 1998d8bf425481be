"""Pretend time: the loop's seconds since a fixed instant, plus the jumps of a suspend."""

import asyncio
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class PretendClock:
    """A clock that only moves when everybody waits."""

    def __init__(self) -> None:
        self._jumped = timedelta()

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time()) + self._jumped

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def jump(self, by: timedelta) -> None:
        """The machine slept or its clock was set; monotonic time knows nothing of it."""
        self._jumped += by
