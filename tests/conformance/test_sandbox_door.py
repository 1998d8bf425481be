"""The door of boxes on a real socket: tunnels, refusals, and an end that ends everything."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from interlock.adapters.proxy.door import ProxyDoor
from interlock.sandbox.ports import OpenDoor

pytestmark = pytest.mark.loopback


class Echo:
    """Says everything again, in capitals."""

    def __init__(self) -> None:
        self.port = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()


@pytest_asyncio.fixture
async def echo() -> AsyncIterator[Echo]:
    echo = Echo()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    yield echo
    server.close()
    await server.wait_closed()


@pytest_asyncio.fixture
async def door(echo: Echo) -> AsyncIterator[tuple[OpenDoor, int]]:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    port = listening.getsockname()[1]
    opened = await ProxyDoor().open((f"127.0.0.1:{echo.port}", "localhost"), listening)
    yield opened, port
    await opened.close()


async def ask(port: int, words: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(words)
    writer.write_eof()
    said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return said


async def test_a_tunnel_carries_both_ways(echo: Echo, door: tuple[OpenDoor, int]):
    head = f"CONNECT 127.0.0.1:{echo.port} HTTP/1.1\r\n\r\n".encode()
    said = await ask(door[1], head + b"one\ntwo\n")
    assert said == b"HTTP/1.1 200 Connection established\r\n\r\nONE\nTWO\n"
    assert door[0].denied == ()


async def test_what_is_not_listed_is_denied_and_noted_once(door: tuple[OpenDoor, int]):
    for _ in range(2):
        said = await ask(door[1], b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 403 ")
    assert door[0].denied == ("example.com:443",)


async def test_a_listed_name_that_leads_home_is_denied(door: tuple[OpenDoor, int]):
    said = await ask(door[1], b"GET http://localhost/ HTTP/1.1\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 403 ")
    assert b"not public" in said
    assert door[0].denied == ("localhost:80",)


async def test_noise_is_answered_and_harms_nobody(echo: Echo, door: tuple[OpenDoor, int]):
    assert (await ask(door[1], b"noise\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
    assert await ask(door[1], b"half a request") == b""
    with contextlib.suppress(ConnectionError):  # it hangs up on what it will not read
        assert await ask(door[1], b"x" * 200_000) == b""
    head = f"CONNECT 127.0.0.1:{echo.port} HTTP/1.1\r\n\r\n".encode()
    assert (await ask(door[1], head + b"still\n")).endswith(b"STILL\n")


async def test_closing_ends_what_is_open(echo: Echo, door: tuple[OpenDoor, int]):
    reader, writer = await asyncio.open_connection("127.0.0.1", door[1])
    writer.write(f"CONNECT 127.0.0.1:{echo.port} HTTP/1.1\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await door[0].close()
    async with asyncio.timeout(10):
        assert (await reader.read()).strip() == b""
    writer.close()
    await writer.wait_closed()
