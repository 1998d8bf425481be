"""Makes boxes with sandlock, each held by a launcher that outlives nothing of it."""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.sandlock.launcher import descendants
from interlock.adapters.sandlock.policy import policy
from interlock.domain.settings import BoxName
from interlock.sandbox.box import Box, End
from interlock.sandbox.checks import check_order
from interlock.sandbox.clearing import remove_deep
from interlock.sandbox.hosts import Host, ThisHost
from interlock.sandbox.network import proxy_env
from interlock.sandbox.ports import (
    HOME,
    WORKSPACE,
    BoxLimits,
    BoxOrder,
    BoxRefused,
    Door,
    Mount,
    OpenDoor,
    Promises,
    RunningBox,
)
from interlock.sandbox.program import SIGNALLED, Program, Start
from interlock.sandbox.running import run_to_end
from interlock.sandbox.translate import Translation
from interlock.sandbox.ways_out import NO_DOOR

LAUNCHER: Final = Path(__file__).with_name("launcher.py")
REFUSED: Final = 125
ROUNDS_MAX: Final = 1000

PROMISES: Final = Promises(
    constant_paths=False,
    hides_files=True,
    isolates_network=True,
    ends_all_children=True,
    limits_memory=True,
    limits_processes=True,
    lacks=(
        "Paths inside are those of the host, so an environment prepared elsewhere may not fit.",
        "Temp space is not limited; /tmp is closed, and TMPDIR names a folder of the box's own.",
        "Programs cannot serve ports of their own.",
    ),
)


class SandlockSandbox:
    """Boxes of Landlock and seccomp. Without a `door` an order for a network is refused."""

    name: BoxName = "sandlock"

    def __init__(self, door: Door | None = None, host: Host | None = None) -> None:
        self._door = door
        self._host = host or ThisHost(Path.home(), os.environ.get("PATH", os.defpath))

    async def probe(self) -> Promises:
        if importlib.util.find_spec("sandlock") is None:
            raise BoxRefused("There is no sandlock here: `pip install sandlock`.")
        order = BoxOrder(("true",), limits=BoxLimits(seconds=20.0))
        finished = await run_to_end(self, order)
        if finished.ended.code != 0:
            said = finished.stderr.decode(errors="replace").strip()
            raise BoxRefused(f"sandlock starts nothing here: {said or 'it gave up'}.")
        return PROMISES

    async def start(self, order: BoxOrder) -> RunningBox:
        check_order(order)
        body = SandlockBody()
        try:
            order = body.with_scratch(order)
            ports = await self._open_doors(order, body)
            folders = {mount.inside: str(mount.outside) for mount in order.mounts}
            translation = Translation(folders, ports.relays)
            if ports.proxy:
                told_env = proxy_env(order.env, ports.proxy, relays=bool(ports.relays))
                order = msgspec.structs.replace(order, env=told_env)
            reach = (*ports.relays.values(), *([ports.proxy] if ports.proxy else []))
            told = policy(order, self._host, translation, str(body.scratch), reach)
            _check_folder(str(told["cwd"]), order)
            body.program = await _launch(told, order.limits.output_bytes)
        except BaseException:
            await body.close()
            raise
        return Box(body.program, body, order.limits.seconds)

    async def _open_doors(self, order: BoxOrder, body: "SandlockBody") -> "Ports":
        if not order.network and not order.relays:
            return Ports({}, 0)
        if self._door is None:
            raise BoxRefused(NO_DOOR)
        relays: dict[int, int] = {}
        for relay in order.relays:
            listening, relays[relay.port] = _listen()
            body.doors.append(await self._door.relay(relay.outside, listening))
        if not order.network:
            return Ports(relays, 0)
        listening, proxy = _listen()
        body.doors.append(await self._door.open(order.network, listening))
        return Ports(relays, proxy)


class Ports(msgspec.Struct, frozen=True):
    """Of relays, inside to outside, and of the proxy; the loopback is shared by all boxes."""

    relays: dict[int, int]
    proxy: int


class SandlockBody:
    """The launcher and everything that descends from it."""

    def __init__(self) -> None:
        self.program: Program | None = None
        self.doors: list[OpenDoor] = []
        self.scratch = Path(tempfile.mkdtemp(prefix="interlock-box-"))
        self._place("tmp")

    def _place(self, name: str) -> Path:
        (self.scratch / name).mkdir()
        return self.scratch / name

    def with_scratch(self, order: BoxOrder) -> BoxOrder:
        """A home and a workspace of its own, where nobody gave one."""
        given = {mount.inside for mount in order.mounts}
        more = [
            Mount(self._place(Path(place).name), place, writable=True)
            for place in (WORKSPACE, HOME)
            if place not in given
        ]
        return msgspec.structs.replace(order, mounts=(*order.mounts, *more))

    def kill(self) -> None:
        if self.program is not None:
            self.program.terminate()

    async def gone(self) -> None:
        if self.program is not None:
            await self.program.exited()

    async def freeze(self) -> None:
        self._signal_all(signal.SIGSTOP)

    async def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        """Not the launcher itself: it must hear when the box is to end."""
        if self.program is None or not self.program.running:
            return
        reached: set[int] = set()
        for _ in range(ROUNDS_MAX):
            new = descendants(self.program.pid) - reached
            if not new:
                return
            for pid in new:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            reached |= new
        raise BoxRefused("Processes in the box are born faster than they can be held.")

    def judge(self, code: int, complaints: bytes) -> End | BoxRefused:
        if code == REFUSED and b"sandlock: " in complaints:
            said = complaints.decode(errors="replace").strip()
            return BoxRefused(f"The box could not be set up: {said}. Its program did not run.")
        return End(code, "disk" if code == SIGNALLED + signal.SIGXFSZ else "")

    async def close(self) -> tuple[str, ...]:
        denied: dict[str, None] = {}
        for door in self.doors:
            await door.close()
            denied.update(dict.fromkeys(door.denied))
        self.doors.clear()
        with contextlib.suppress(OSError):
            remove_deep(self.scratch)
        return tuple(denied)


def _check_folder(folder: str, order: BoxOrder) -> None:
    if not Path(folder).is_dir():
        raise BoxRefused(f"The working folder {order.cwd} is not there.")


def _listen() -> tuple[socket.socket, int]:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    return listening, listening.getsockname()[1]


async def _launch(told: dict[str, object], output_bytes_max: int) -> Program:
    """The order goes in through a descriptor: a command line can be read by everybody."""
    descriptor = os.memfd_create("interlock")
    try:
        os.write(descriptor, json.dumps(told).encode())
        os.lseek(descriptor, 0, os.SEEK_SET)
        words = ("-I", str(LAUNCHER), str(os.getpid()), str(descriptor))
        # The launcher's environment is what sandlock would hand on, so there is none.
        start = Start((sys.executable, *words), {}, pass_fds=(descriptor,))
        return await Program.start(start, output_bytes_max)
    except OSError as error:
        raise BoxRefused(f"sandlock cannot be started: {error}.") from error
    finally:
        os.close(descriptor)
