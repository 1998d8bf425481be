"""What the suites of boxes share: small programs to put into one, and ways to see what they did."""

import asyncio
import contextlib
import os
import signal
import sys
import textwrap
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ClassVar

import pytest_asyncio

from interlock.sandbox.ports import (
    BoxLimits,
    BoxOrder,
    Mount,
    Promises,
    Sandbox,
)

SOON_SECONDS = 15.0
"""A bound for what a busy machine does at once."""

PYTHON = sys.executable
NO_LONGER = BoxLimits(seconds=20.0)

GET = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
except OSError as error:
    print("unreachable", error)
"""

CONNECT = """
import socket, sys
kind, place = sys.argv[1:]
made = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)
made.settimeout(5)
try:
    made.connect(place if kind == "unix" else ("127.0.0.1", int(place)))
    print("reached")
except OSError as error:
    print("unreachable", error)
"""

ESCAPE = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.execvp("sleep", ["sleep", sys.argv[1]])
    os._exit(0)
sys.stdin.read()
"""
"""Leaves its session twice over, and waits for the end of its input."""


def script(text: str, *words: str, limits: BoxLimits = NO_LONGER) -> BoxOrder:
    """A Python program, wherever this interpreter lives."""
    return BoxOrder((PYTHON, "-I", "-c", textwrap.dedent(text), *words), limits=limits)


def shell(text: str, *mounts: Mount, limits: BoxLimits = NO_LONGER) -> BoxOrder:
    return BoxOrder(("sh", "-c", text), mounts, limits=limits)


def token() -> str:
    """A number of seconds that no other test sleeps, to find a process by."""
    return f"7{uuid.uuid4().int % 10**12}"


def living(mark: str) -> set[int]:
    """Processes of the whole machine with this word on their command line."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if words[:2] == [b"sleep", mark.encode()]:
                    found.add(int(entry.name))
    return found


async def until(holds: Callable[[], bool]) -> bool:
    """Whether it came to hold, soon."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SOON_SECONDS):
            while not holds():  # noqa: ASYNC110 - other processes ring no bell
                await asyncio.sleep(0.01)
    return holds()


def end_all(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def server(answer: str, where: Path | None = None) -> AsyncIterator[int]:
    """An HTTP server of one sentence, on a free port or on a Unix socket."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + answer.encode())
            await writer.drain()
        writer.close()

    if where is not None:
        serving = await asyncio.start_unix_server(serve, where)
    else:
        serving = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield 0 if where is not None else serving.sockets[0].getsockname()[1]
    finally:
        serving.close()
        await serving.wait_closed()


class BoxFixture:
    """The box under test, and what it promises here."""

    KIND: ClassVar[str]
    """`module:class`, for a process that makes boxes and is killed."""

    @pytest_asyncio.fixture
    async def promises(self, sandbox: Sandbox) -> Promises:
        return await sandbox.probe()
