"""A git that stays: one process answers many requests, so that they do not wait for its start.

    ask -> [alone] -> thread: started, if none stands or its sight does not hold any more
                              request -> answer up to its end       it stays
                              refused, not understood, too slow     it is ended
    10 s without a request, 200 requests, the end of its owner or of this process: it is ended

No event loop owns it, and it ends by itself when nobody holds the other end of its pipe.
"""

import asyncio
import contextlib
import os
import selectors
import subprocess
import time
import weakref
from collections.abc import Callable, Iterable
from typing import IO, Final

from interlock.adapters.git.program import (
    ERR_BYTES_MAX,
    PIECE,
    UMASK,
    Answer,
    Bounds,
    Call,
    kill_group,
    not_started,
    too_slow,
)
from interlock.adapters.git.sight import Sight
from interlock.engine.errors import PartLost

IDLE_SECONDS: Final = 10.0
REQUESTS_MAX: Final = 200

_USAGE: Final = 129
"""How a git ends that does not know one of its words."""


class Standing:
    """One request at a time; a fresh git follows one that ended.

    Without a `sight` each git answers once, at the end of its input, and the next one is made ready
    while nobody waits: it has read nothing yet, so it can believe nothing that is not so any more.
    """

    def __init__(self, call: Callable[[], Call], sight: Callable[[], Sight] | None = None) -> None:
        self._call, self._new_sight = call, sight
        self._alone = asyncio.Lock()
        self._git: _Git | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._readying: asyncio.Future[None] | None = None
        self._finally: Callable[[], object] | None = None
        self._cancelled = False
        self.is_known = True
        """False: this git does not know what it would have to do."""

    async def ask(
        self,
        request: bytes,
        end: bytes = b"",
        about: Iterable[str] = (),
        bounds: Bounds | None = None,
    ) -> Answer:
        """The answer up to and with its `end`, or all that was said before this git ended."""
        loop = asyncio.get_running_loop()
        async with self._alone:
            try:
                await self._rest()
                answer = await self._answered(request, end, tuple(about), bounds or Bounds())
                self.is_known = answer.code != _USAGE
                if self._new_sight is None and self.is_known:
                    self._readying = loop.run_in_executor(None, self._make_ready)
                return answer
            finally:
                self._idle = loop.call_later(IDLE_SECONDS, self._end_if_idle)

    async def close(self) -> None:
        async with self._alone:
            await self._rest()
            self._end()

    async def _rest(self) -> None:
        """Nothing happens by itself from here on."""
        if self._idle is not None:
            self._idle.cancel()
        if self._readying is not None and not self._readying.done():
            await asyncio.wait([self._readying])
        self._readying = None

    async def _answered(
        self, request: bytes, end: bytes, about: tuple[str, ...], bounds: Bounds
    ) -> Answer:
        words = request, end, about, bounds
        work = asyncio.get_running_loop().run_in_executor(None, self._exchange, *words)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await self._cut_short(work)
            raise

    async def _cut_short(self, work: asyncio.Future[Answer]) -> None:
        """Only when its thread has let go of the pipes may anybody else have them."""
        self._cancelled = True
        while not work.done():
            if self._git is not None:
                self._git.kill()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([work], timeout=1)
        work.exception()
        self._cancelled = False
        self._end()

    def _exchange(
        self, request: bytes, end: bytes, about: tuple[str, ...], bounds: Bounds
    ) -> Answer:
        git = self._git
        if git is None or not git.may_be_asked(about):
            git = self._started()
            git.may_be_asked(about)
        try:
            if self._cancelled:
                git.kill()
            answer = git.converse(request, end, bounds)
        except BaseException:
            self._end()
            raise
        if answer.code or answer.cut or not end or git.asked >= REQUESTS_MAX:
            self._end()
        return answer

    def _make_ready(self) -> None:
        # Whoever asks next starts one themselves, and hears why that cannot be done.
        with contextlib.suppress(PartLost):
            self._started()

    def _started(self) -> "_Git":
        self._end()
        git = _Git(self._call(), None if self._new_sight is None else self._new_sight())
        self._git, self._finally = git, weakref.finalize(self, git.end)
        return git

    def _end_if_idle(self) -> None:
        if self._readying is None or self._readying.done():
            self._end()

    def _end(self) -> None:
        if self._finally is not None:
            self._finally()
        self._git = self._finally = None


class _Git:
    """One process; whoever speaks with it does so alone."""

    def __init__(self, call: Call, sight: Sight | None) -> None:
        self.asked = 0
        self._call, self._sight = call, sight
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own words, no shell
                ["git", *call.words],  # noqa: S607 - as everywhere, the one on PATH
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=call.environment,
                cwd=call.at,
                umask=UMASK,
                start_new_session=True,
            )
        except OSError as error:
            raise not_started(error) from error
        process = self._process
        pipes = (process.stdin, process.stdout, process.stderr)
        self._pipes = [pipe for pipe in pipes if pipe is not None]
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)

    def may_be_asked(self, about: tuple[str, ...]) -> bool:
        """A git that says something unasked, or that has ended, is heard of here."""
        with selectors.DefaultSelector() as pipes:
            pipes.register(self._pipes[1], selectors.EVENT_READ)
            if pipes.select(0):
                return False
        return self._sight is None or self._sight.holds(about)

    def kill(self) -> None:
        if self._process.poll() is None:
            kill_group(self._process.pid)

    def end(self) -> None:
        self.kill()
        self._process.wait()
        for pipe in self._pipes:
            pipe.close()

    def converse(self, request: bytes, end: bytes, bounds: Bounds) -> Answer:
        self.asked += 1
        deadline = time.monotonic() + bounds.seconds
        with selectors.DefaultSelector() as pipes:
            talk = _Talk(pipes, self._pipes, request, stays=bool(end))
            while not talk.is_over(end):
                if not talk.go_on(deadline - time.monotonic()):
                    raise too_slow(self._call.verb, bounds)
                if len(talk.out) > bounds.out_bytes:
                    self.kill()
                    return Answer(-1, bytes(talk.out[: bounds.out_bytes]), bytes(talk.err), True)
        if self._sight is not None:
            self._sight.note()
        code = 0
        if talk.is_silent:
            code = self._ended_with(deadline - time.monotonic(), bounds)
        return Answer(code, bytes(talk.out), bytes(talk.err))

    def _ended_with(self, seconds: float, bounds: Bounds) -> int:
        try:
            return self._process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired as error:
            raise too_slow(self._call.verb, bounds) from error


class _Talk:
    """One request on the way in and its answer on the way out; neither waits for the other."""

    def __init__(
        self,
        pipes: selectors.BaseSelector,
        ends: list[IO[bytes]],
        request: bytes,
        *,
        stays: bool,
    ) -> None:
        self.out, self.err = bytearray(), bytearray()
        self._pipes, self._left, self._stays = pipes, memoryview(request), stays
        self._into, out, err = ends
        self._heard = {out.fileno(): self.out, err.fileno(): self.err}
        pipes.register(self._into, selectors.EVENT_WRITE)
        for descriptor in self._heard:
            pipes.register(descriptor, selectors.EVENT_READ)

    @property
    def is_silent(self) -> bool:
        """Nothing can come any more."""
        return not self._heard

    def is_over(self, end: bytes) -> bool:
        if self.is_silent:
            return True
        return bool(end) and not self._left and self.out.endswith(end)

    def go_on(self, seconds: float) -> bool:
        """Until something moved; False when nothing did for so long."""
        moved = self._pipes.select(seconds) if seconds > 0 else []
        for key, _ in moved:
            if key.fileobj is self._into:
                self._feed()
            else:
                self._hear(key.fd)
        return bool(moved)

    def _feed(self) -> None:
        # A git that has heard enough ends early; its exit code says what it made of it.
        try:
            self._left = self._left[os.write(self._into.fileno(), self._left[:PIECE]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._left = self._left[:0]
        if not self._left:
            self._pipes.unregister(self._into)
            if not self._stays:
                self._into.close()

    def _hear(self, descriptor: int) -> None:
        try:
            piece = os.read(descriptor, PIECE)
        except BlockingIOError:
            return
        if not piece:
            self._pipes.unregister(descriptor)
            del self._heard[descriptor]
            return
        heard = self._heard[descriptor]
        heard += piece if heard is self.out else piece[: max(0, ERR_BYTES_MAX - len(heard))]
