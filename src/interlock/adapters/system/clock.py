"""Real time."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """The clock of this machine; its monotonic side stands still while the machine is suspended."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
