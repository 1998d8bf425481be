"""Serves sockets that listen inside boxes: as a proxy with an allow-list, or as a plain relay."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from interlock.adapters.proxy.request import Request, read_request
from interlock.adapters.proxy.rules import Rules

HEAD_BYTES_MAX: Final = 65_536
HEAD_SECONDS_MAX: Final = 30.0
CONNECT_SECONDS_MAX: Final = 20.0
SILENCE_SECONDS_MAX: Final = 3600.0
CONNECTIONS_MAX: Final = 256
DENIED_MAX: Final = 100
PIECE_BYTES: Final = 65_536

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ProxyDoor:
    """The `Door` for every kind of box."""

    async def open(self, network: tuple[str, ...], listening: socket.socket) -> "ServedSocket":
        proxy = Proxy(Rules(network))
        return ServedSocket(listening, proxy.serve, proxy.denied)

    async def relay(self, outside: Path, listening: socket.socket) -> "ServedSocket":
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _splice((reader, writer), await asyncio.open_unix_connection(outside))

        return ServedSocket(listening, serve, {})


class ServedSocket:
    """Accepts on one socket until it is closed; every connection ends with it."""

    def __init__(self, listening: socket.socket, serve: Serve, denied: dict[str, None]) -> None:
        self._listening = listening
        self._serve = serve
        self._denied = denied
        self._room = asyncio.Semaphore(CONNECTIONS_MAX)
        self._task = asyncio.create_task(self._accept())  # ours until `close`

    @property
    def denied(self) -> tuple[str, ...]:
        return tuple(self._denied)

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._listening.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                await self._room.acquire()
                connection, _ = await loop.sock_accept(self._listening)
                group.create_task(self._one(connection))

    async def _one(self, connection: socket.socket) -> None:
        """Whatever goes wrong with one connection is the end of that connection only."""
        try:
            reader, writer = await asyncio.open_connection(sock=connection, limit=HEAD_BYTES_MAX)
            try:
                await self._serve(reader, writer)
            finally:
                await _close(writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            connection.close()
        finally:
            self._room.release()


class Proxy:
    """An HTTP proxy for one box: tunnels and plain requests, to listed hosts only."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.denied: dict[str, None] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_SECONDS_MAX):
            head = await reader.readuntil(b"\r\n\r\n")
        request = read_request(head)
        if request is None:
            await _answer(writer, "400 Bad Request", "This is not a request to a proxy.")
            return
        address = await self._address(request, writer)
        if address is None:
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                upstream = await asyncio.open_connection(address, request.target.port)
        except (OSError, TimeoutError) as error:
            text = f"{request.target} cannot be reached: {str(error) or 'it does not answer'}."
            await _answer(writer, "502 Bad Gateway", text)
            return
        if request.tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            upstream[1].write(request.head)
        await _splice((reader, writer), upstream)

    async def _address(self, request: Request, writer: asyncio.StreamWriter) -> str | None:
        """The one that was checked is the one that is used: names may point elsewhere next time."""
        wanted = request.target
        if not self._rules.allow(wanted):
            await self._deny(request, writer, "is not in the box's list of hosts")
            return None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                kind = socket.SOCK_STREAM
                found = await loop.getaddrinfo(wanted.host, wanted.port, type=kind)
        except (OSError, TimeoutError):
            await _answer(writer, "502 Bad Gateway", f"The name {wanted.host} cannot be resolved.")
            return None
        for *_, place in found:
            if self._rules.allow_address(wanted, str(place[0])):
                return str(place[0])
        why = "leads to an address that is not public; list that address to allow it"
        await self._deny(request, writer, why)
        return None

    async def _deny(self, request: Request, writer: asyncio.StreamWriter, why: str) -> None:
        if len(self.denied) < DENIED_MAX:
            self.denied[str(request.target)] = None
        await _answer(writer, "403 Forbidden", f"Interlock: {request.target} {why}.")


async def _answer(writer: asyncio.StreamWriter, status: str, text: str) -> None:
    body = f"{text}\n".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
    await writer.drain()


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _splice(one: Ends, other: Ends) -> None:
    """Carry both ways, until both sides have said all, or one is gone."""
    try:
        async with asyncio.TaskGroup() as group:
            there = group.create_task(_carry(one[0], other[1]))
            back = group.create_task(_carry(other[0], one[1]))
            there.add_done_callback(lambda done: back.cancel() if _gone(done) else None)
            back.add_done_callback(lambda done: there.cancel() if _gone(done) else None)
    finally:
        await _close(other[1])


def _gone(carried: asyncio.Task[bool]) -> bool:
    return carried.cancelled() or not carried.result()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether it came to a proper end; a connection may end in one direction only."""
    try:
        while True:
            async with asyncio.timeout(SILENCE_SECONDS_MAX):
                piece = await reader.read(PIECE_BYTES)
            if not piece:
                break
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
    except (OSError, TimeoutError):
        return False
    return True


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1.0):
            await writer.wait_closed()
