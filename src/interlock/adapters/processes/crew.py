"""Worker processes started and ended here, each with everything it starts in turn.

    crew = Crew(environment)
    member = await crew.start(["interlock", "worker", "run", "--socket", str(folder)])
    await crew.end()

A member is asked first, and alone: what it started finishes, or is ended by it. Every member leads
its own process group, and what is left of that ends with it. A member that ends by itself is not
started again; that is for those who count workers to decide.

    start_apart(["interlock", "run"], environment, log)

starts one that belongs to nobody: it outlives whoever started it.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from interlock.adapters.processes.leash import leashed
from interlock.engine.errors import PartLost

GRACE_SECONDS: Final = 5.0


class Member:
    """One worker process of a crew."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ended = asyncio.create_task(self._watch(), name=f"crew member {process.pid}")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._ended.done()

    async def ended(self) -> int:
        """Wait for its end; the exit code, or the negative number of the signal that ended it."""
        return await asyncio.shield(self._ended)

    async def end(self, grace_seconds: float) -> int:
        """Ask it to stop, then make it and all its processes."""
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        try:
            async with asyncio.timeout(grace_seconds):
                return await self.ended()
        except TimeoutError:
            self._kill_group()
            return await self.ended()

    async def _watch(self) -> int:
        code = await self._process.wait()
        # Right now, and only once: later this number may belong to somebody else.
        self._kill_group()
        return code

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


class Crew:
    """Worker processes of one plane."""

    def __init__(
        self, environment: Mapping[str, str], grace_seconds: float = GRACE_SECONDS
    ) -> None:
        self._environment, self._grace_seconds = environment, grace_seconds
        self._members: list[Member] = []

    @property
    def members(self) -> Sequence[Member]:
        """Those who live, and perhaps some that have ended since the last start."""
        return tuple(self._members)

    async def start(self, argv: Sequence[str]) -> Member:
        """Start one, which is ended with this process, even by kill -9."""
        try:
            process = await asyncio.create_subprocess_exec(
                *leashed(argv, signal.SIGTERM),
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=DEVNULL,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            raise _not_started(error) from error
        member = Member(process)
        self._members = [*(each for each in self._members if not each.has_ended), member]
        return member

    async def end(self) -> None:
        """End all members at the same time, politely at first."""
        await self._end_within(self._grace_seconds)

    async def kill(self) -> None:
        """End all members without asking them."""
        await self._end_within(0.0)

    async def _end_within(self, grace_seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            for member in self._members:
                group.create_task(member.end(grace_seconds))
        self._members.clear()


def start_apart(argv: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
    """Its process id; what it says is added to the log.

    Not through the event loop, which kills the children that it still has when it is closed.
    """
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - the argv of our caller, no shell
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            raise _not_started(error) from error
    return process.pid


def _not_started(error: OSError) -> PartLost:
    return PartLost("worker process", str(error), "Is it installed?")
