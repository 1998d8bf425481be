"""What one attempt spends: every request is set aside before it is sent, and settled after."""

import asyncio
import secrets
from collections import deque
from collections.abc import Sequence
from typing import Final

from interlock.domain.usage import Usage
from interlock.engine.errors import EngineError
from interlock.engine.ports import Clock
from interlock.workers.models.booked import Booked, added, booked, usage_of
from interlock.workers.models.ports import Caps, Charge, Ledger, OverCap, Worst
from interlock.workers.models.spending import nothing_used, set_aside

TROUBLES_MAX: Final = 50
HELD_SECONDS_MAX: Final = 120.0
LOOK_AGAIN_SECONDS: Final = 2.0


class Booking:
    """The attempt's side of the ledger. Whoever may not go on hears of it in `ended`."""

    def __init__(self, ledger: Ledger, charge: Charge, caps: Caps, clock: Clock) -> None:
        self.caps = caps
        self._ledger, self._charge, self._clock = ledger, charge, clock
        self._prefix = f"{charge.lease}/{secrets.token_hex(6)}"
        self._sent = 0
        self._open: dict[str, Worst] = {}
        self._settled = Booked()
        self._settling: set[asyncio.Task[None]] = set()
        self._news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended: asyncio.Future[OverCap] = asyncio.get_running_loop().create_future()
        self._troubles: deque[str] = deque(maxlen=TROUBLES_MAX)

    @property
    def usage(self) -> Usage:
        """Settled, and what is under way as unknown: as the ledger has it."""
        held = [booked(set_aside(worst)) for worst in self._open.values()]
        return usage_of(added([self._settled, *held]))

    @property
    def troubles(self) -> Sequence[str]:
        return tuple(self._troubles)

    def trouble(self, sentence: str) -> None:
        """The same again and again is one."""
        if not self._troubles or self._troubles[-1] != sentence:
            self._troubles.append(sentence)

    async def ended(self) -> OverCap:
        """Why nothing more is sent; raises what the ledger lost."""
        return await asyncio.shield(self._ended)

    async def reserve(self, worsts: Sequence[Worst]) -> tuple[str, int] | OverCap:
        """The name to settle it under, and which of them fits: the best ones come first.

        What only lacks room because others hold it may be had in a moment, so it waits for a while
        before it takes a lesser one.
        """
        self._sent += 1
        request = f"{self._prefix}/{self._sent}"
        deadline = self._clock.monotonic() + HELD_SECONDS_MAX
        while True:
            news = self._news
            late = self._clock.monotonic() >= deadline
            found = await self._first_that_fits(request, worsts, late=late)
            if isinstance(found, int):
                self._open[request] = worsts[found]
                return request, found
            if not found.held or late:
                self._end(found)
                return found
            await self._wait_for(news)

    def settle(self, request: str, usage: Usage) -> None:
        """Returns at once; whoever lacks room hears of it when it is written."""
        if self._open.pop(request, None) is None:
            return
        self._settled = added([self._settled, booked(usage)])
        self._write(request, usage)

    async def close(self) -> None:
        """Everything that was settled is written."""
        while self._settling:
            await asyncio.wait(self._settling)
        if not self._ended.done():
            self._ended.cancel()

    async def _first_that_fits(
        self, request: str, worsts: Sequence[Worst], *, late: bool
    ) -> int | OverCap:
        which = 0
        while (over := await self._try(request, worsts[which])) is not None:
            which += 1
            if which == len(worsts) or (over.held and not late):
                return over
        return which

    async def _try(self, request: str, worst: Worst) -> OverCap | None:
        try:
            return await self._ledger.reserve(request, self._charge, worst, self.caps)
        except EngineError as error:
            self._lose(error)
            raise
        except asyncio.CancelledError:
            # It may have been written all the same, for a request that is never sent.
            self._write(request, nothing_used())
            raise

    def _write(self, request: str, usage: Usage) -> None:
        task = asyncio.create_task(self._settle(request, usage))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle(self, request: str, usage: Usage) -> None:
        try:
            await self._ledger.settle(request, usage)
        except EngineError as error:
            self._lose(error)
        news, self._news = self._news, asyncio.get_running_loop().create_future()
        news.set_result(None)

    async def _wait_for(self, news: asyncio.Future[None]) -> None:
        """One of ours was settled, or it is time to see whether one of others was."""
        napping = asyncio.create_task(self._clock.sleep(LOOK_AGAIN_SECONDS))
        try:
            await asyncio.wait({news, napping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            napping.cancel()

    def _end(self, over: OverCap) -> None:
        self.trouble(f"{over.why}.")
        if not self._ended.done():
            self._ended.set_result(over)

    def _lose(self, error: EngineError) -> None:
        self.trouble(str(error))
        if not self._ended.done():
            self._ended.set_exception(error)
            self._ended.exception()  # whoever waits is told; nobody has to wait
