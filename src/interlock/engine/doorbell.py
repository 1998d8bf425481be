"""The waiting end of a wake-up inside one event loop; each log adapter decides who rings it."""

import asyncio
from collections.abc import Callable

from interlock.engine.errors import PartLost


class LocalDoorbell:
    """Rings once for any number of appends; its waiting runs on the loop's time, real or pretended.

    `ring`, `fail` and `close` belong to the loop's thread.
    """

    def __init__(self, forget: Callable[["LocalDoorbell"], None]) -> None:
        self._rung = asyncio.Event()
        self._forget = forget
        self._closed = False
        self._lost: PartLost | None = None
        self._position: int | None = None

    @property
    def position(self) -> int | None:
        return self._position

    def ring(self, position: int | None) -> None:
        """Positions only grow, and who does not know once is not to be believed until heard."""
        waits = self._rung.is_set()
        self._position = None if waits and self._position is None else position
        self._rung.set()

    def fail(self, lost: PartLost) -> None:
        """Nobody will ring any more; whoever waits learns why."""
        self._lost = lost
        self._rung.set()

    async def rung(self, timeout_seconds: float | None = None) -> bool:
        if self._closed:
            raise RuntimeError("the doorbell is closed")
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        if self._lost is not None:
            raise self._lost
        self._rung.clear()
        return not self._closed

    def close(self) -> None:
        """Whoever waits at the moment is told False."""
        if not self._closed:
            self._closed = True
            self._rung.set()
            self._forget(self)
