"""A running box of any kind: its program, its limits of time and output, and its one end.

What differs between kinds is a `Body`: how everything in it is ended, held still and judged.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

import msgspec

from interlock.engine.errors import PartLost
from interlock.sandbox.ports import BoxEnded, BoxRefused
from interlock.sandbox.program import Program

GONE_SECONDS_MAX: Final = 30.0
"""A killed process that is still there after this hangs in the kernel, and a person must know."""


class End(msgspec.Struct, frozen=True):
    """How the program ended, as the program itself tells it and as its limits tell it."""

    code: int
    stopped_for: str = ""


class Body(Protocol):
    """Everything that lives in one box."""

    def kill(self) -> None:
        """End all of it; may be called at any time, and again."""
        ...

    async def gone(self) -> None:
        """Return when nothing of it is left."""
        ...

    async def freeze(self) -> None: ...

    async def thaw(self) -> None: ...

    def judge(self, code: int, complaints: bytes) -> End | BoxRefused:
        """What the exit code means; a refusal when the box failed and the program never ran."""
        ...

    async def close(self) -> tuple[str, ...]:
        """Give back what the box used; returns the hosts it was refused."""
        ...


class Box:
    """A `RunningBox` around a program and a body."""

    def __init__(self, program: Program, body: Body, seconds: float | None) -> None:
        self._program = program
        self._body = body
        self._stopped_for = ""
        self._ended: BoxEnded | BoxRefused | None = None
        self._ending = asyncio.Lock()
        self._alarm: asyncio.TimerHandle | None = None
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(seconds, self._stopper("time"))
        program.when_too_much(self._stopper("output"))
        # At once, not first in `wait`: what is left would keep the pipes open, and `output` going.
        program.when_exited(body.kill)

    def _stopper(self, reason: str) -> Callable[[], None]:
        return lambda: self._stop(reason)

    def _stop(self, reason: str) -> None:
        if self._ended is not None:
            return
        # Of a program that has ended by itself only the output may still turn out to be too much.
        if self._program.running or reason == "output":
            self._stopped_for = self._stopped_for or reason
        self._body.kill()

    async def feed(self, data: bytes) -> None:
        await self._program.feed(data)

    async def close_stdin(self) -> None:
        await self._program.close_stdin()

    def output(self) -> AsyncIterator[bytes]:
        return self._program.output()

    def complaints(self) -> bytes:
        return self._program.complaints()

    async def freeze(self) -> None:
        await self._body.freeze()

    async def thaw(self) -> None:
        await self._body.thaw()

    async def kill(self) -> None:
        self._stop("killed")
        with contextlib.suppress(BoxRefused):
            await self.wait()

    async def wait(self) -> BoxEnded:
        async with self._ending:
            if self._ended is None:
                await self._program.exited()
                self._ended = await self._end()
        if isinstance(self._ended, BoxRefused):
            raise self._ended
        return self._ended

    async def _end(self) -> BoxEnded | BoxRefused:
        if self._alarm is not None:
            self._alarm.cancel()
        try:
            async with asyncio.timeout(GONE_SECONDS_MAX):
                await self._body.gone()
        except TimeoutError as error:
            detail = (
                f"a process in a box is still there {GONE_SECONDS_MAX:.0f} s after it was killed"
            )
            raise PartLost("sandbox", detail, "Look at its disk and its devices") from error
        await self._program.close()
        end = self._judge()
        denied = await self._body.close()
        if isinstance(end, BoxRefused):
            return end
        return BoxEnded(end.code, self._stopped_for or end.stopped_for, denied)

    def _judge(self) -> End | BoxRefused:
        if self._stopped_for:
            return End(self._program.code)
        return self._body.judge(self._program.code, self._program.complaints())
