"""Plain processes, each the leader of its own group. Nothing is hidden; the promises say so."""

import asyncio
import contextlib
import os
import signal
import socket
import tempfile
from pathlib import Path
from typing import Final

from interlock.domain.settings import BoxName
from interlock.sandbox.box import Box, End
from interlock.sandbox.checks import check_order
from interlock.sandbox.clearing import remove_deep
from interlock.sandbox.ports import (
    HOME,
    WORKSPACE,
    BoxOrder,
    BoxRefused,
    Door,
    OpenDoor,
    Promises,
    RunningBox,
)
from interlock.sandbox.program import SIGNALLED, Program
from interlock.sandbox.starting import limit_soon, start_directly
from interlock.sandbox.translate import Translation
from interlock.sandbox.ways_out import NO_DOOR

EMPTY_SECONDS_MAX: Final = 1.0
LOOK_AGAIN_SECONDS: Final = 0.002

PROMISES: Final = Promises(
    constant_paths=False,
    hides_files=False,
    isolates_network=False,
    ends_all_children=False,
    limits_memory=False,
    limits_processes=False,
    lacks=(
        "Programs run as you: they read and change all that you can, your keys included.",
        "Programs reach every host and every local service.",
        "Memory, processes and temp space are not limited.",
        "A process that leaves its group outlives the end of its box, and the end of the plane.",
    ),
)


class PlainSandbox:
    """The kind named `none`."""

    name: BoxName = "none"

    def __init__(self, door: Door | None = None) -> None:
        self._door = door

    async def probe(self) -> Promises:
        return PROMISES

    async def start(self, order: BoxOrder) -> RunningBox:
        check_order(order)
        body = PlainBody()
        try:
            folders = {mount.inside: str(mount.outside) for mount in order.mounts}
            for place in (WORKSPACE, HOME):
                if place not in folders:
                    folders[place] = body.scratch(place)
            ports = await self._open_relays(order, body)
            order = Translation(folders, ports).order(order)
            program = await start_directly(order)
        except BaseException:
            await body.close()
            raise
        body.program = program
        limit_soon(program.pid, order.limits)
        return Box(program, body, order.limits.seconds)

    async def _open_relays(self, order: BoxOrder, body: "PlainBody") -> dict[int, int]:
        """All boxes share one loopback here, so that each relay gets a port of its own."""
        if not order.relays:
            return {}
        if self._door is None:
            raise BoxRefused(NO_DOOR)
        ports: dict[int, int] = {}
        for relay in order.relays:
            listening = socket.create_server(("127.0.0.1", 0))
            listening.setblocking(False)
            ports[relay.port] = listening.getsockname()[1]
            body.doors.append(await self._door.relay(relay.outside, listening))
        return ports


class PlainBody:
    """A process group: what left it is out of reach."""

    def __init__(self) -> None:
        self.program: Program | None = None
        self.doors: list[OpenDoor] = []
        self._scratch: list[Path] = []

    def scratch(self, place: str) -> str:
        """A folder for what nobody gave, gone with the box."""
        self._scratch.append(Path(tempfile.mkdtemp(prefix=f"interlock-{Path(place).name}-")))
        return str(self._scratch[-1])

    def kill(self) -> None:
        if self.program is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.program.pid, signal.SIGKILL)

    async def gone(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EMPTY_SECONDS_MAX):
                while self._has_members():  # noqa: ASYNC110 - the kernel rings no bell for groups
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def _has_members(self) -> bool:
        if self.program is None:
            return False
        try:
            os.killpg(self.program.pid, 0)
        except ProcessLookupError:
            return False
        return True

    async def freeze(self) -> None:
        raise BoxRefused("A plain process cannot be held still: what left its group goes on.")

    async def thaw(self) -> None:
        raise BoxRefused("A plain process was never held still.")

    def judge(self, code: int, complaints: bytes) -> End:  # noqa: ARG002 - all that is known here
        return End(code, "disk" if code == SIGNALLED + signal.SIGXFSZ else "")

    async def close(self) -> tuple[str, ...]:
        for door in self.doors:
            await door.close()
        self.doors.clear()
        for folder in self._scratch:
            with contextlib.suppress(OSError):
                remove_deep(folder)
        self._scratch.clear()
        return ()
