"""The processes of a crash test: started, killed, started again, and none of them left behind."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

import interlock
from interlock.adapters.processes.leash import leashed
from interlock.testing.crash.house import House

CLOSE_SECONDS_MAX: Final = 10.0
PAUSE_SECONDS_MAX: Final = 0.4
"""How long a place stays empty at most before the next process stands there."""

KILLED: Final = -int(signal.SIGKILL)
ENDED: Final = (0, -int(signal.SIGTERM))
OUT_OF_ORDER: Final = 3


class End(msgspec.Struct, frozen=True):
    """How one process ended, and what it said on standard error."""

    post: str
    code: int
    said: str


class Post:
    """A place in the company where one process after the other stands."""

    def __init__(self, name: str, program: str, *arguments: str) -> None:
        self.name, self._program, self._arguments = name, program, arguments
        self.starts = 0
        self.process: Process | None = None

    @property
    def signature(self) -> str:
        """How the present process signs what it records."""
        return f"{self.name}.{self.starts}"

    def next_argv(self, folder: str) -> list[str]:
        self.starts += 1
        module = f"interlock.testing.crash.{self._program}"
        who = [self.signature] if self._program == "plane" else [self.name, str(self.starts)]
        return [sys.executable, "-m", module, folder, *who, *self._arguments]

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def signal(self, number: signal.Signals) -> bool:
        """False where nobody stands at the moment."""
        if self.process is None or not self.runs:
            return False
        self.process.send_signal(number)
        return True


def plane_post(name: str, *arguments: str) -> Post:
    return Post(name, "plane", *arguments)


def worker_posts(count: int) -> list[Post]:
    return [Post(f"w{number}", "worker") for number in range(count)]


class Company:
    """All processes of one house; `company` opens and closes one."""

    def __init__(self, house: House, group: asyncio.TaskGroup, dice: random.Random) -> None:
        self._house, self._group, self._dice = house, group, dice
        self._closing = False
        self._running: set[Post] = set()
        self._one_left = asyncio.Event()
        self.ends: list[End] = []

    def keep(self, posts: Sequence[Post]) -> None:
        """From now on somebody stands at each of these posts again, whatever ends them."""
        for post in posts:
            self._group.create_task(self._keep(post))

    async def start(self, post: Post) -> "asyncio.Task[End]":
        """One process at this post, and its end; nobody follows it."""
        process = await self._begin(post)
        return self._group.create_task(self._see_off(post, process))

    async def close(self) -> None:
        """Everybody goes home; who does not hurry is made to."""
        self._closing = True
        for post in tuple(self._running):
            post.signal(signal.SIGCONT)
            post.signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                while self._running:
                    self._one_left.clear()
                    await self._one_left.wait()
        for post in tuple(self._running):
            post.signal(signal.SIGKILL)

    def said(self, signature: str) -> str:
        """What that process has written to standard error so far."""
        log = self._log_of(signature)
        return log.read_text(errors="replace") if log.exists() else ""

    def left_behind(self) -> list[int]:
        """The processes of this house that still run, whoever started them."""
        folder = self._house.folder.encode()
        return [pid for pid in _everybody() if pid != os.getpid() and folder in _argv_of(pid)]

    async def _keep(self, post: Post) -> None:
        while not self._closing:
            await self._see_off(post, await self._begin(post))
            if not self._closing:
                await asyncio.sleep(self._dice.uniform(0.0, PAUSE_SECONDS_MAX))

    async def _begin(self, post: Post) -> Process:
        argv = leashed(post.next_argv(self._house.folder), signal.SIGKILL)
        sources = str(Path(interlock.__file__).parent.parent)
        with self._log_of(post.signature).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": sources},
                start_new_session=True,
            )
        post.process = process
        self._running.add(post)
        if self._closing:
            post.signal(signal.SIGTERM)
        return process

    async def _see_off(self, post: Post, process: Process) -> End:
        signature = post.signature
        code = await process.wait()
        self._running.discard(post)
        self._one_left.set()
        end = End(signature, code, self.said(signature))
        self.ends.append(end)
        return end

    def _log_of(self, signature: str) -> Path:
        return self._house.path / f"{signature}.log"


@contextlib.asynccontextmanager
async def company(house: House, dice: random.Random) -> AsyncIterator[Company]:
    house.write()
    async with asyncio.TaskGroup() as group:
        opened = Company(house, group, dice)
        try:
            yield opened
        finally:
            await opened.close()


def _everybody() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _argv_of(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
