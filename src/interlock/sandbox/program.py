"""A running program and its three pipes, without a task of its own: everything is a callback.

Adapters start it around whatever makes their kind of box. Output is kept until it is read, within
the order's limit, so a program never stands still because nobody listens.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, cast

import msgspec

from interlock.sandbox.said import FirstAndLast

STDIN: Final = 0
STDOUT: Final = 1

SIGNALLED: Final = 128
"""Added to the number of a signal: the exit code of a program that a signal ended."""

PIPES_SECONDS_MAX: Final = 1.0
"""How long pipes may stay open after the end, when a process that escaped still holds them."""


class Start(msgspec.Struct, frozen=True):
    """How to start it: the whole environment, and descriptors that it inherits."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str = "/"
    pass_fds: tuple[int, ...] = ()


class Program(asyncio.SubprocessProtocol):
    """One process."""

    def __init__(self, output_bytes_max: int) -> None:
        self._output_bytes_max = output_bytes_max
        self._output_bytes = 0
        self._pieces: deque[bytes] = deque()
        self._stderr = FirstAndLast()
        self._moved = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._stdout_open = True
        self._exited = asyncio.Event()
        self._closed = asyncio.Event()
        self._hang_up: asyncio.TimerHandle | None = None
        self._when_exited: Callable[[], None] = lambda: None
        self._transport: asyncio.SubprocessTransport | None = None
        self._too_much: Callable[[], None] = lambda: None

    @classmethod
    async def start(cls, start: Start, output_bytes_max: int) -> "Program":
        """Raises OSError when the program cannot be started."""
        loop = asyncio.get_running_loop()
        _, program = await loop.subprocess_exec(
            lambda: cls(output_bytes_max),
            *start.argv,
            env=dict(start.env),
            cwd=start.cwd,
            pass_fds=start.pass_fds,
            start_new_session=True,  # a Ctrl-C for us is not one for them
        )
        return program

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        before = self._output_bytes
        self._output_bytes += len(data)
        room = max(self._output_bytes_max - before, 0)
        if fd == STDOUT and room:
            self._pieces.append(data[:room])
        elif fd != STDOUT:
            self._stderr.add(data[:room])
        if before <= self._output_bytes_max < self._output_bytes:
            self._too_much()
        self._moved.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002
        if fd == STDOUT:
            self._stdout_open = False
        if fd == STDIN:
            self._writable.set()
        self._moved.set()

    def process_exited(self) -> None:
        self._exited.set()
        self._writable.set()
        self._hang_up = asyncio.get_running_loop().call_later(PIPES_SECONDS_MAX, self._close)
        self._when_exited()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """It has exited, and its pipes are read to their end, or nobody waits for that any more."""
        if self._hang_up is not None:
            self._hang_up.cancel()
        self._stdout_open = False
        self._moved.set()
        self._closed.set()

    def _close(self) -> None:
        cast("asyncio.SubprocessTransport", self._transport).close()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # What a box calls.

    @property
    def pid(self) -> int:
        return cast("asyncio.SubprocessTransport", self._transport).get_pid()

    @property
    def running(self) -> bool:
        return not self._exited.is_set()

    @property
    def code(self) -> int:
        """The exit code, or 128 + the signal that ended it."""
        code = cast("asyncio.SubprocessTransport", self._transport).get_returncode()
        return 0 if code is None else code if code >= 0 else SIGNALLED - code

    def when_too_much(self, call: Callable[[], None]) -> None:
        """Called once, when it has said more than it may; now, when it already has."""
        self._too_much = call
        if self._output_bytes > self._output_bytes_max:
            call()

    def when_exited(self, call: Callable[[], None]) -> None:
        """Called when the process itself has ended; now, when it already has."""
        self._when_exited = call
        if self._exited.is_set():
            call()

    async def feed(self, data: bytes) -> None:
        pipe = self._stdin()
        if pipe is None or pipe.is_closing():
            return  # it no longer listens; its end says why
        pipe.write(data)
        await self._writable.wait()

    async def close_stdin(self) -> None:
        pipe = self._stdin()
        if pipe is not None:
            pipe.close()

    async def output(self) -> AsyncIterator[bytes]:
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            if not self._stdout_open:
                return
            self._moved.clear()
            await self._moved.wait()

    def complaints(self) -> bytes:
        return self._stderr.text()

    def kill(self) -> None:
        if self.running and self._transport is not None:
            self._transport.kill()

    def terminate(self) -> None:
        if self.running and self._transport is not None:
            self._transport.terminate()

    async def exited(self) -> None:
        await self._exited.wait()

    async def close(self) -> None:
        """After its exit: returns when its pipes are read, or given up."""
        await self._closed.wait()
        self._close()

    def _stdin(self) -> asyncio.WriteTransport | None:
        transport = cast("asyncio.SubprocessTransport", self._transport)
        return cast("asyncio.WriteTransport | None", transport.get_pipe_transport(STDIN))
