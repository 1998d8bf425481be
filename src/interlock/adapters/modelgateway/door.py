"""A Unix socket for one attempt; whoever comes through it is served until it is closed."""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import h11

from interlock.adapters.modelgateway.booking import Booking
from interlock.adapters.modelgateway.caller import HEAD_BYTES_MAX, Caller
from interlock.adapters.modelgateway.exchange import Exchange, Ways
from interlock.adapters.modelgateway.upstream import Lines
from interlock.domain.usage import Usage
from interlock.engine.errors import PartLost
from interlock.workers.models.ports import Access, OverCap

PART: Final = "model gateway"
PORT: Final = 18080
"""Inside of a box, where nothing else listens."""

CONNECTIONS_MAX: Final = 64
SOCKET_PATH_BYTES_MAX: Final = 99
ACCEPT_AGAIN_SECONDS: Final = 0.1
_BACKLOG: Final = 64


class Door:
    """One attempt's door to its models."""

    def __init__(self, folder: Path, ways: Ways, booking: Booking, lines: Lines) -> None:
        """Open it at once; `close` must follow."""
        secret = secrets.token_urlsafe(32)
        self._access = Access(folder / f"{secrets.token_hex(8)}.sock", PORT, secret)
        self._booking = booking
        self._drain_seconds = ways.drain_seconds
        self._exchange = Exchange(ways, secret, booking, lines)
        self._callers: set[Caller] = set()
        self._room = asyncio.Semaphore(CONNECTIONS_MAX)
        self._listening = _listen(self._access.socket)
        self._accepting: asyncio.Task[None] | None = None
        self._serving = asyncio.create_task(self._serve())  # ours until `close`

    @property
    def access(self) -> Access:
        return self._access

    def usage(self) -> Usage:
        return self._booking.usage

    def troubles(self) -> Sequence[str]:
        return self._booking.troubles

    async def breached(self) -> OverCap:
        return await self._booking.ended()

    async def close(self) -> None:
        """Nobody comes in; what is under way is read to its end for a moment, then booked."""
        (self._accepting or self._serving).cancel()
        for caller in self._callers:
            caller.cut()
        await asyncio.wait({self._serving}, timeout=self._drain_seconds + 1.0)
        self._serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._serving
        self._listening.close()
        self._access.socket.unlink(missing_ok=True)
        await self._booking.close()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._accepting = group.create_task(self._accept(group))

    async def _accept(self, group: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._room.acquire()
            try:
                connection, _ = await loop.sock_accept(self._listening)
            except OSError:  # too many files are open, or whoever knocked has left again
                self._room.release()
                await asyncio.sleep(ACCEPT_AGAIN_SECONDS)
            else:
                group.create_task(self._one(connection))

    async def _one(self, connection: socket.socket) -> None:
        """Whatever goes wrong with one connection is the end of that connection only."""
        try:
            reader, writer = await asyncio.open_unix_connection(
                sock=connection, limit=HEAD_BYTES_MAX
            )
            caller = Caller(reader, writer)
            self._callers.add(caller)
            try:
                await self._talk(caller)
            finally:
                self._callers.discard(caller)
                writer.close()
        except (OSError, TimeoutError, h11.ProtocolError):
            connection.close()
        finally:
            self._room.release()

    async def _talk(self, caller: Caller) -> None:
        while (head := await caller.head()) is not None:
            await self._exchange.answer(caller, head)
            if not caller.goes_on:
                return
            caller.next()


def _listen(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES_MAX:
        raise PartLost(
            PART,
            f"the path of its socket is too long: {path}",
            "Choose a shorter temporary folder, then start again",
        )
    listening = socket.socket(socket.AF_UNIX)
    unfinished = path.with_suffix(".new")  # nobody takes a door for dead that is not open yet
    try:
        listening.setblocking(False)
        listening.bind(str(unfinished))
        unfinished.chmod(0o600)
        listening.listen(_BACKLOG)
        unfinished.rename(path)
    except OSError as error:
        listening.close()
        raise PartLost(PART, f"{path}: {error}", "Make that folder writable") from error
    return listening
