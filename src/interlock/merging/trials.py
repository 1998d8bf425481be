"""A change on the target of now, before anybody sees it: taken in, merged, proved, pinned.

    changes/<task>/<attempt>            what the attempt brought
    candidates/<task>/<commit>/commit   a merge of it with the target, tried or about to land
    candidates/<task>/<commit>/change   ... what was merged
    candidates/<task>/<commit>/base     ... and where that had begun

Whatever is not pinned may be collected as garbage between any two calls, so a merge counts only
once its commit is pinned and was seen to be whole; else it is made again.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from interlock.domain.change import ChangeSet
from interlock.domain.ids import CommitId, TaskId
from interlock.engine.errors import PartLost
from interlock.engine.ports import Blobs
from interlock.merging.proof import Side, between, violations
from interlock.repository.ports import (
    ChangedPath,
    Clash,
    CommitWish,
    Merged,
    PackRefused,
    Signature,
    Trees,
)

TRIES_MAX: Final = 3
"""How often a merge is made again whose objects were swept away before they were pinned."""

_TRIAL_AT: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""A trial has a constant date, so that the same merge is the same commit."""

_NOBODY: Final = Signature("Interlock", "no-reply@interlock.invalid")


class BaseGone(Exception):
    """The commit that the work began from is no longer in the repository."""


class Origin(msgspec.Struct, frozen=True):
    """What was merged: the work's last commit, and the one it had begun from."""

    head: CommitId
    base: CommitId


class Trial(msgspec.Struct, frozen=True):
    """The change as it would stand on `onto`; no paths: the target has all of it already."""

    task_id: TaskId
    onto: CommitId
    origin: Origin
    commit: CommitId
    tree: str
    paths: tuple[str, ...]


class Compared(msgspec.Struct, frozen=True):
    """What a merge came to, seen from where both sides parted."""

    wrong: tuple[str, ...]
    paths: tuple[str, ...] = ()


class Disproved(msgspec.Struct, frozen=True):
    """The merge does not keep what both sides left; it must not land."""

    where: tuple[str, ...]


def change_pin(task_id: TaskId, attempt: int) -> str:
    return f"changes/{task_id}/{attempt}"


def candidate_pin(task_id: TaskId, commit: CommitId, what: str) -> str:
    return f"candidates/{task_id}/{commit}/{what}"


class Trials:
    """Makes trials of changes; all of it may be repeated at will."""

    def __init__(self, trees: Trees, blobs: Blobs, scratch: Path) -> None:
        self.trees, self._blobs, self._scratch = trees, blobs, scratch

    # --- taking in --------------------------------------------------------------------------------

    async def take_in(self, task_id: TaskId, attempt: int, change: ChangeSet) -> None:
        """What the attempt brought, pinned; raises PackRefused, BaseGone, BlobMissing.

        Pins bear the task that we know of, not the one that a worker wrote into its change.
        """
        pin = change_pin(task_id, attempt)
        if await self.trees.pin_of(pin) == change.head:
            return
        if not await self.trees.has(change.base):
            raise BaseGone(
                f"The commit that this work began from ({change.base[:12]}) is no longer in the "
                "repository: the target was rewritten. The task begins anew from where it stands."
            )
        if change.patch is not None:
            data = await self._blobs.get(change.patch)
            async with self._as_file(data) as pack:
                await self.trees.take_in(pack, change.head, pin)
        elif await self.trees.has(change.head):
            await self.trees.pin(pin, change.head)
        else:
            raise PackRefused("the attempt reports a commit and did not bring it")
        if not await self.trees.is_ancestor(change.base, change.head):
            await self.trees.unpin(pin)
            raise PackRefused("what it brought does not build on the commit it began from")

    @asynccontextmanager
    async def _as_file(self, data: bytes) -> AsyncIterator[Path]:
        path = await asyncio.to_thread(_written, self._scratch, data)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def sweep(self) -> None:
        """Packs that a process was reading when it was killed."""
        await asyncio.to_thread(_swept, self._scratch)

    # --- merging ----------------------------------------------------------------------------------

    async def merge(
        self, task_id: TaskId, change: ChangeSet, onto: CommitId
    ) -> Trial | Clash | Disproved:
        """The change, which was taken in, together with the target at `onto`."""
        origin = Origin(change.head, change.base)
        for left in reversed(range(TRIES_MAX)):
            try:
                return await self._merge(task_id, origin, onto)
            except PartLost:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _merge(
        self, task_id: TaskId, origin: Origin, onto: CommitId
    ) -> Trial | Clash | Disproved:
        merged = await self.trees.merge(onto, origin.head)
        if isinstance(merged, Clash):
            return merged
        if merged.tree == await self.trees.tree_of(onto):
            return Trial(task_id, onto, origin, onto, merged.tree, ())
        commit = await self.trees.commit(
            CommitWish(merged.tree, (onto,), f"Trial of {task_id}\n", _NOBODY, _TRIAL_AT)
        )
        await self.trees.pin(candidate_pin(task_id, commit, "commit"), commit)
        compared = await self._compared(commit, merged, origin, onto)
        if compared.wrong:
            return Disproved(compared.wrong)
        return Trial(task_id, onto, origin, commit, merged.tree, compared.paths)

    # --- proving ----------------------------------------------------------------------------------

    async def disproof(self, landed: CommitId, origin: Origin, onto: CommitId) -> tuple[str, ...]:
        """Why `landed` is not exactly `onto` and the change together; nothing when it is."""
        merged = await self.trees.merge(onto, origin.head)
        return (await self._compared(landed, merged, origin, onto)).wrong

    async def _compared(
        self, landed: CommitId, merged: Merged | Clash, origin: Origin, onto: CommitId
    ) -> Compared:
        if isinstance(merged, Clash) or merged.tree != await self.trees.tree_of(landed):
            return Compared(("the whole tree: a merge made anew comes to another one",))
        if not await self.trees.is_ancestor(onto, landed):
            return Compared((f"the history: it does not build on {onto[:12]}",))
        begun_here = origin.base == onto
        target = () if begun_here else await self.trees.changed(origin.base, onto)
        change = await self.trees.changed(origin.base, origin.head)
        result = await self.trees.changed(origin.base, landed)
        await self._see_merged_contents(landed, result, (*target, *change))
        added = frozenset(each.path for each in (*target, *change, *result) if each.old is None)
        sides = _side(target), _side(change), _side(result)
        return Compared(violations(*sides, added), between(sides[0], sides[2]))

    async def _see_merged_contents(
        self, landed: CommitId, result: tuple[ChangedPath, ...], sides: tuple[ChangedPath, ...]
    ) -> None:
        """What the merge itself wrote is there; it raises PartLost when it was swept away."""
        brought = {each.new for each in sides}
        for each in result:
            if each.new is not None and each.new not in brought:
                await self.trees.read(landed, each.path)

    async def origin_of(self, task_id: TaskId, prepared: CommitId) -> Origin | None:
        """From the pins of a prepared commit; None once they are gone."""
        head = await self.trees.pin_of(candidate_pin(task_id, prepared, "change"))
        base = await self.trees.pin_of(candidate_pin(task_id, prepared, "base"))
        return None if head is None or base is None else Origin(head, base)


def _side(changed: tuple[ChangedPath, ...]) -> Side:
    return {each.path: None if each.new is None else (each.new_mode, each.new) for each in changed}


def _written(folder: Path, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".pack", dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return Path(name)


def _swept(folder: Path) -> None:
    for pack in folder.glob("*.pack"):
        pack.unlink(missing_ok=True)
