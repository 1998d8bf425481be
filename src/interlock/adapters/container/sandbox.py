"""Makes boxes with docker or podman, whichever really starts one."""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from interlock.adapters.container.arguments import (
    IMAGE,
    LABEL,
    Naming,
    env_lines,
    run_arguments,
)
from interlock.adapters.container.engine import EMPTY_ARCHIVE, ask, engine_env
from interlock.domain.settings import BoxName
from interlock.sandbox.box import Box, End
from interlock.sandbox.checks import check_order
from interlock.sandbox.hosts import Host, ThisHost
from interlock.sandbox.ports import (
    BoxLimits,
    BoxOrder,
    BoxRefused,
    Door,
    OpenDoor,
    Promises,
    RunningBox,
)
from interlock.sandbox.program import SIGNALLED, Program, Start
from interlock.sandbox.running import run_to_end
from interlock.sandbox.view import view
from interlock.sandbox.ways_out import NO_DOOR, open_doors, with_proxy

ENGINES: Final = ("docker", "podman")
ENGINE_FAILED: Final = 125
START_SECONDS_MAX: Final = 30.0
LOOK_AGAIN_SECONDS: Final = 0.02

PROBE: Final = BoxOrder(
    ("true",), cwd="/", limits=BoxLimits(seconds=60.0, memory_bytes=200_000_000)
)


class ContainerSandbox:
    """Boxes of a container engine. Without a `door` an order for a network is refused."""

    name: BoxName = "container"

    def __init__(
        self,
        door: Door | None = None,
        host: Host | None = None,
        engines: tuple[str, ...] = ENGINES,
    ) -> None:
        self._door = door
        self._host = host or ThisHost(Path.home(), os.environ.get("PATH", os.defpath))
        self._engines = engines
        self._engine = ""
        self._numbers = itertools.count(1)

    async def probe(self) -> Promises:
        refusals = []
        for engine in self._engines:
            self._engine = engine
            try:
                return await self._probe_one(engine)
            except BoxRefused as refusal:
                refusals.append(f"{engine}: {str(refusal).rstrip('.')}")
        self._engine = ""
        raise BoxRefused(f"No container engine starts a box ({'; '.join(refusals)}).")

    async def _probe_one(self, engine: str) -> Promises:
        if shutil.which(engine) is None:
            raise BoxRefused("it is not installed")
        await _remove_leftovers(engine)
        await _need_image(engine)
        finished = await run_to_end(self, PROBE)
        if finished.ended.code != 0:
            said = finished.stderr.decode(errors="replace").strip()
            raise BoxRefused(said or "`true` did not run")
        unlimited = b"memory limit" in finished.stderr  # it warns, and starts without
        lacks = ["A box of a plane that was killed goes on until the next plane starts."]
        if unlimited:
            lacks.append("Memory is not limited: the engine says that this kernel cannot.")
        return Promises(
            constant_paths=True,
            hides_files=True,
            isolates_network=True,
            ends_all_children=True,
            limits_memory=not unlimited,
            limits_processes=True,
            lacks=tuple(lacks),
        )

    async def start(self, order: BoxOrder) -> RunningBox:
        check_order(order)
        if not self._engine:
            raise BoxRefused("No container engine was found yet: this kind of box must be probed.")
        if (order.network or order.relays) and self._door is None:
            raise BoxRefused(NO_DOOR)
        if order.network:
            order = with_proxy(order)
        name = f"interlock-{os.getpid()}-{next(self._numbers)}"
        naming = Naming(name, os.getpid(), os.geteuid(), os.getegid())
        with _memory_file(env_lines(order)) as env_file:
            path = f"/proc/self/fd/{env_file}"
            podman = "podman" in self._engine
            words = run_arguments(order, view(order, self._host), naming, path, podman)
            start = Start((self._engine, *words), engine_env(), pass_fds=(env_file,))
            try:
                program = await Program.start(start, order.limits.output_bytes)
            except OSError as error:
                raise BoxRefused(f"{self._engine} cannot be started: {error}.") from error
        body = ContainerBody(program, self._engine, name)
        try:
            body.doors = await open_doors(self._door, order, await body.started())
        except BaseException:
            body.kill()
            await body.gone()
            await program.exited()
            await program.close()
            await body.close()
            raise
        box = Box(program, body, order.limits.seconds)
        await box.feed(b"\n")  # lifts the latch
        return box


class ContainerBody:
    """One container, reached through its engine; killing its client would not end it."""

    def __init__(self, program: Program, engine: str, name: str) -> None:
        self._program = program
        self._engine = engine
        self._name = name
        self._killing: asyncio.Task[object] | None = None
        self._out_of_memory = False
        self.doors: list[OpenDoor] = []

    async def started(self) -> int:
        """The number of its first process; raises BoxRefused when it never comes up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS_MAX):
                while self._program.running:
                    answer = await self._ask("inspect", "--format", "{{.State.Pid}}", self._name)
                    if answer.isdigit() and int(answer):
                        return int(answer)
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
        said = self._program.complaints().decode(errors="replace").strip()
        raise BoxRefused(f"The container did not start: {said or 'its engine says nothing'}.")

    async def _ask(self, *words: str) -> str:
        return (await ask(self._engine, *words)).out

    def kill(self) -> None:
        if self._killing is None:  # ours until `gone`
            self._killing = asyncio.create_task(self._end())

    async def _end(self) -> None:
        said = await self._ask("inspect", "--format", "{{.State.OOMKilled}}", self._name)
        self._out_of_memory = said == "true"
        await self._ask("rm", "--force", "--volumes", self._name)
        if self._program.running:  # it may have been about to make the container
            self._program.kill()
            await self._program.exited()
            await self._ask("rm", "--force", "--volumes", self._name)

    async def gone(self) -> None:
        if self._killing is not None:
            await self._killing

    async def freeze(self) -> None:
        await self._hold("pause")

    async def thaw(self) -> None:
        await self._hold("unpause")

    async def _hold(self, verb: str) -> None:
        answer = await ask(self._engine, verb, self._name)
        if answer.code != 0:
            raise BoxRefused(f"{self._engine} cannot {verb} the box: {answer.err}.")

    def judge(self, code: int, complaints: bytes) -> End | BoxRefused:
        if code == ENGINE_FAILED:
            said = complaints.decode(errors="replace").strip()
            return BoxRefused(f"The box could not be set up: {said}. Its program did not run.")
        if code == SIGNALLED + signal.SIGXFSZ:
            return End(code, "disk")
        return End(code, "memory" if code and self._out_of_memory else "")

    async def close(self) -> tuple[str, ...]:
        denied: dict[str, None] = {}
        for door in self.doors:
            await door.close()
            denied.update(dict.fromkeys(door.denied))
        self.doors = []
        return tuple(denied)


async def _need_image(engine: str) -> None:
    if (await ask(engine, "image", "inspect", IMAGE)).code == 0:
        return
    made = await ask(engine, "import", "-", IMAGE, stdin=EMPTY_ARCHIVE)
    if made.code != 0:
        raise BoxRefused(made.err or "it cannot import an image")


async def _remove_leftovers(engine: str) -> None:
    """Of planes that were killed: their containers had nobody to end them."""
    form = '{{.Names}} {{.Label "' + LABEL + '"}}'
    answer = await ask(engine, "ps", "--all", "--filter", f"label={LABEL}", "--format", form)
    if answer.code != 0:
        raise BoxRefused(answer.err.splitlines()[-1] if answer.err else "it does not answer")
    for line in answer.out.splitlines():
        name, _, plane = line.partition(" ")
        if plane.isdigit() and not _is_alive(plane):
            await ask(engine, "rm", "--force", "--volumes", name)


def _is_alive(process: str) -> bool:
    return Path("/proc", process).exists()


@contextlib.contextmanager
def _memory_file(text: str) -> Iterator[int]:
    descriptor = os.memfd_create("interlock")
    try:
        os.write(descriptor, text.encode(errors="surrogateescape"))
        yield descriptor
    finally:
        os.close(descriptor)
