"""Brings the work out of a workspace: a program in a box packs it, the host only reads the pack."""

import asyncio
import errno
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from interlock.domain.ids import CommitId
from interlock.engine.errors import DiskFull, EngineError
from interlock.repository.collecting import Collected, CollectFailed, collect_argv, read_outbox
from interlock.repository.ports import PackRefused, Trees
from interlock.sandbox.ports import BoxRefused, Sandbox
from interlock.sandbox.running import Finished, run_to_end
from interlock.workers.boxes import Surroundings, collect_order
from interlock.workers.folders import make_private, remove_tree
from interlock.workers.quota import RESERVE_BYTES
from interlock.workers.sites import Site

PACK_BYTES_MAX: Final = 200_000_000
SECONDS_MAX: Final = 300.0
FILES_MAX: Final = 1_000
FILES_CHARACTERS_MAX: Final = 60_000
_WHOLE_MB: Final = 1_000_000
_FULL_BELOW: Final = 10 * _WHOLE_MB
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_SAID_MAX: Final = 500
_LIMITS: Final = {
    "time": f"than {SECONDS_MAX:g} seconds",
    "memory": "memory than its box has",
    "output": "words than its box allows",
    "disk": "room than its box has",
}


class Brought(msgspec.Struct, frozen=True):
    """The work, pinned in the repository. `remarks` are for people: what could not be taken."""

    head: CommitId
    files: tuple[str, ...]
    pack: Path
    remarks: str = ""


class NothingThere(msgspec.Struct, frozen=True):
    """The workspace is as it was."""

    remarks: str = ""


class CouldNotBring(msgspec.Struct, frozen=True):
    """The work stayed where it is, and why. `refused`: what was brought may not come in."""

    why: str
    refused: bool = False


class _TookTooMuch(msgspec.Struct, frozen=True):
    """Collecting reached a limit of its box, as it would again: that is a matter of the work."""

    why: str


class Bringer:
    """Collects workspaces of one repository."""

    def __init__(self, sandbox: Sandbox, trees: Trees, around: Surroundings) -> None:
        self._sandbox, self._trees, self._around = sandbox, trees, around

    async def bring(
        self, site: Site, base: CommitId, pin: str, left_out: Sequence[str] = ()
    ) -> Brought | NothingThere | CouldNotBring:
        """What lies between `base` and the workspace is in the repository when this returns."""
        try:
            collected = await self._collect(site, base, left_out)
            return await self._looked_at(collected, base, pin)
        except DiskFull as full:
            return CouldNotBring(_full(full.detail))
        except OSError as error:
            return CouldNotBring(_full(str(site.folder)) if error.errno in _NO_ROOM else str(error))
        except (BoxRefused, EngineError) as error:
            return CouldNotBring(str(error))

    async def _looked_at(
        self, collected: Collected | CollectFailed | _TookTooMuch, base: CommitId, pin: str
    ) -> Brought | NothingThere | CouldNotBring:
        match collected:
            case CollectFailed(why=why):
                return CouldNotBring(why)
            case _TookTooMuch(why=why):
                return CouldNotBring(why, refused=True)
            case Collected(head=head, pack=pack) if head is not None and pack is not None:
                return await self._take_in(base, head, pack, pin, _remarks(collected))
            case _:
                return NothingThere(_remarks(collected))

    async def _collect(
        self, site: Site, base: CommitId, left_out: Sequence[str]
    ) -> Collected | CollectFailed | _TookTooMuch:
        await asyncio.to_thread(_make_ready, site)
        most = min(PACK_BYTES_MAX, _room_at(site.folder))
        argv = collect_argv(base, most, site.shows, left_out)
        order = collect_order(site, argv, self._around, SECONDS_MAX)
        done = await run_to_end(self._sandbox, order, log_bytes_max=_SAID_MAX * 4)
        if what := _LIMITS.get(done.ended.stopped_for):
            return _TookTooMuch(f"The work could not be collected: it took more {what}.")
        if done.ended.stopped_for:
            return CollectFailed(f"Collecting was ended: {done.ended.stopped_for}.")
        collected = await asyncio.to_thread(read_outbox, site.brought)
        if isinstance(collected, CollectFailed):
            if _room_at(site.folder) <= _FULL_BELOW:  # Whatever it was, it would be that again.
                return CollectFailed(_full(str(site.folder)))
            return CollectFailed(f"{collected.why}{_said(done)}")
        return collected

    async def _take_in(
        self, base: CommitId, head: CommitId, pack: Path, pin: str, remarks: str
    ) -> Brought | NothingThere | CouldNotBring:
        try:
            await self._trees.take_in(pack, head, pin)
        except PackRefused as refusal:
            return CouldNotBring(str(refusal), refused=True)
        changed = await self._trees.changed(base, head)
        if not changed:
            await self._trees.unpin(pin)
            return NothingThere(remarks)
        return Brought(head, tuple(path.path for path in changed), pack, remarks)


def first_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """As many as fit into a report and a fact: a change may touch a hundred thousand."""
    room, kept = FILES_CHARACTERS_MAX, 0
    for path in paths[:FILES_MAX]:
        room -= len(path)
        if room < 0:
            break
        kept += 1
    return tuple(paths[:kept])


def _make_ready(site: Site) -> None:
    """What an earlier collecting left must not be taken for an answer.

    No box can begin in a folder that its agent closed. The agent could put no link there.
    """
    remove_tree(site.brought)
    make_private(site.brought)
    mode = stat.S_IMODE(site.workspace.stat(follow_symlinks=False).st_mode)
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        site.workspace.chmod(mode | stat.S_IRWXU)


def _room_at(folder: Path) -> int:
    """Half of what the disk has, in whole megabytes: a rescue must not fill it."""
    return max(shutil.disk_usage(folder).free // 2 // _WHOLE_MB, 1) * _WHOLE_MB


def _full(where: str) -> str:
    least = f"{RESERVE_BYTES // _WHOLE_MB} MB"
    return f"the disk is full ({where}). Free more than {least} on it, which the next start needs."


def _remarks(collected: Collected) -> str:
    remarks = []
    if collected.nested:
        names = ", ".join(collected.nested[:5])
        remarks.append(f"Repositories inside the workspace came as plain files: {names}.")
    if collected.skipped:
        remarks.append(f"Some files could not be taken: {collected.skipped[:_SAID_MAX]}")
    return " ".join(remarks)


def _said(done: Finished) -> str:
    said = done.stderr.decode(errors="replace").strip()
    return f" It said: {said[-_SAID_MAX:]}" if said else ""
