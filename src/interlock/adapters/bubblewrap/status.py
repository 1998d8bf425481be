"""What bubblewrap tells about itself while it sets a box up, and the latch that holds the box."""

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator
from typing import Final

from interlock.sandbox.ports import BoxRefused
from interlock.sandbox.program import Program

SETUP_SECONDS_MAX: Final = 20.0
PIECE_BYTES: Final = 65_536


class Status:
    """Two pipes: on one bubblewrap reports, on the other it waits for us before the program runs.

    In between we know the number of its init, and nothing untrusted has run yet: the time to set
    limits and to open doors.
    """

    def __init__(self) -> None:
        self._read, self.report_fd = os.pipe()
        self.latch_fd, self._release = os.pipe()
        self._open = {self._read, self.report_fd, self.latch_fd, self._release}
        self._said = b""
        self._hung_up = False
        self.child = 0

    def handed_over(self) -> None:
        """The ends of bubblewrap are open in its process now."""
        self._close(self.report_fd, self.latch_fd)

    async def arrived(self, program: Program) -> None:
        """Returns when the namespaces stand; raises BoxRefused when they cannot."""
        loop = asyncio.get_running_loop()
        moved = asyncio.Event()
        loop.add_reader(self._read, moved.set)
        try:
            async with asyncio.timeout(SETUP_SECONDS_MAX):
                while not self._hung_up and b"\n" not in self._said:  # it writes word by word
                    await moved.wait()
                    moved.clear()
                    self._take()
        except TimeoutError as error:
            detail = f"bubblewrap said nothing for {SETUP_SECONDS_MAX:.0f} s"
            raise BoxRefused(f"No box can be made: {detail}.") from error
        finally:
            loop.remove_reader(self._read)
        children = [said["child-pid"] for said in self._lines() if "child-pid" in said]
        if not children:
            await program.exited()
            await program.close()
            said = program.complaints().decode(errors="replace").strip()
            raise BoxRefused(f"No box can be made: {said or 'bubblewrap gave up'}. {MEND}")
        self.child = children[0]

    def release(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._release, b"\n")

    async def gone_through(self) -> None:
        """Returns when the init has left the latch behind, or is gone: nobody else holds it."""
        loop = asyncio.get_running_loop()
        closed = asyncio.Event()
        # Nothing can be read from the end that is written to: it rings when the other end closes.
        loop.add_reader(self._release, closed.set)
        try:
            async with asyncio.timeout(SETUP_SECONDS_MAX):
                await closed.wait()
        except TimeoutError as error:
            detail = f"bubblewrap was not ready after {SETUP_SECONDS_MAX:.0f} s"
            raise BoxRefused(f"No box can be made: {detail}. {MEND}") from error
        finally:
            loop.remove_reader(self._release)
            self._close(self._release)

    def program_ran(self) -> bool:
        """It reports an exit code only for a program that really started."""
        self._take()
        return any("exit-code" in said for said in self._lines())

    def close(self) -> None:
        self._close(*self._open)

    def _take(self) -> None:
        os.set_blocking(self._read, False)
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._read, PIECE_BYTES):
                self._said += piece
            self._hung_up = True

    def _lines(self) -> Iterator[dict[str, int]]:
        for line in self._said.decode().splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)

    def _close(self, *descriptors: int) -> None:
        for descriptor in set(descriptors) & self._open:
            self._open.discard(descriptor)
            os.close(descriptor)


MEND: Final = (
    "bubblewrap needs user namespaces: on a hardened kernel see `sysctl user.max_user_namespaces "
    "kernel.unprivileged_userns_clone kernel.apparmor_restrict_unprivileged_userns`; in a "
    "container allow them (`--security-opt seccomp=unconfined`), or use another kind of box."
)
