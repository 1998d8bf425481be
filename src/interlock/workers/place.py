"""Where an agent works: it names programs and files, and learns nothing of the host."""

import asyncio
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from interlock.sandbox.ports import BoxOrder, Mount, RunningBox, Sandbox
from interlock.workers.boxes import GIVEN


class BoxPlace:
    """Starts an agent's programs in boxes made after one order."""

    def __init__(self, sandbox: Sandbox, order: BoxOrder, given: Path) -> None:
        self._sandbox, self._order, self._given = sandbox, order, given
        self._files = 0

    async def start(
        self,
        argv: tuple[str, ...],
        env: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        programs: tuple[str, ...] = (),
    ) -> RunningBox:
        shown = await asyncio.to_thread(self._lay_out, files) if files else ()
        order = msgspec.structs.replace(
            self._order,
            argv=argv,
            env={**self._order.env, **(env or {})},
            mounts=(*self._order.mounts, *shown),
            programs=(*self._order.programs, argv[0], *programs),
        )
        return await self._sandbox.start(order)

    def _lay_out(self, files: Mapping[str, bytes]) -> tuple[Mount, ...]:
        """What belongs into the folder that is shown anyway needs no mount of its own."""
        mounts = []
        for inside, content in files.items():
            path = PurePosixPath(inside)
            if path.parent == PurePosixPath(GIVEN):
                self._write(self._given / path.name, content)
            else:
                self._files += 1
                outside = self._given.with_name(f"file-{self._files}")
                self._write(outside, content)
                mounts.append(Mount(outside, inside))
        return tuple(mounts)

    def _write(self, path: Path, content: bytes) -> None:
        """Readable for whoever the box runs as; nobody else reaches the folder around it."""
        path.write_bytes(content)
        path.chmod(0o644)
