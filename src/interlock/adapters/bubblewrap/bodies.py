"""What lives in a box of bubblewrap: everything in its process namespace."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Final

from interlock.adapters.bubblewrap.cgroups import Group
from interlock.adapters.bubblewrap.status import Status
from interlock.sandbox.box import End
from interlock.sandbox.ports import BoxRefused, OpenDoor
from interlock.sandbox.program import SIGNALLED, Program

ROUNDS_MAX: Final = 1000
"""Looks for processes that were born while others were stopped; each look stops some."""

_KILLED: Final = SIGNALLED + signal.SIGKILL
_TOO_LARGE: Final = SIGNALLED + signal.SIGXFSZ


class NamespaceBody:
    """The first process of the box is its init: when it is killed, the kernel ends all others."""

    def __init__(self, program: Program, status: Status, group: Group) -> None:
        self._program = program
        self._status = status
        self._group = group
        self.init = status.child
        self._pidfd = os.pidfd_open(status.child)
        self.doors: list[OpenDoor] = []

    def kill(self) -> None:
        self._group.thaw_for_the_end()
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def gone(self) -> None:
        """The init counts as ended only when nothing else of its namespace is left."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._pidfd, lambda: None if ended.done() else ended.set_result(None))
        try:
            await ended
        finally:
            loop.remove_reader(self._pidfd)
        await self._program.exited()

    async def freeze(self) -> None:
        if self._group.can_freeze:
            await self._group.freeze(True)
        else:
            self._signal_all(signal.SIGSTOP)

    async def thaw(self) -> None:
        if self._group.can_freeze:
            await self._group.freeze(False)
        else:
            self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        """Nothing inside can start a stopped process again, because nothing inside runs."""
        reached: set[int] = set()
        for _ in range(ROUNDS_MAX):
            new = members(self.init) - reached
            if not new:
                return
            for pid in new:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            reached |= new
        raise BoxRefused("Processes in the box are born faster than they can be held.")

    def judge(self, code: int, complaints: bytes) -> End | BoxRefused:
        if self._status.program_ran():
            if code == _TOO_LARGE:
                return End(code, "disk")
            return End(code, "memory" if code and self._group.ran_out_of_memory else "")
        if code == _KILLED:  # from outside, and not by us
            return End(code, "memory" if self._group.ran_out_of_memory else "")
        said = complaints.decode(errors="replace").strip() or f"it ended with exit code {code}"
        return BoxRefused(f"The box could not be set up: {said}. Its program did not run.")

    async def close(self) -> tuple[str, ...]:
        denied: dict[str, None] = {}
        for door in self.doors:
            await door.close()
            denied.update(dict.fromkeys(door.denied))
        self.doors.clear()
        os.close(self._pidfd)
        self._status.close()
        await self._group.close()
        return tuple(denied)


def members(init: int) -> set[int]:
    """Every process in the same process namespace, by its number outside."""
    try:
        namespace = Path(f"/proc/{init}/ns/pid").readlink()
    except OSError:
        return set()
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "ns/pid").readlink() == namespace:
                    found.add(int(entry.name))
    return found
