"""A person's workspace: an own clone as an agent has one, but theirs, outside of any box.

    hands = ByHand(HandTools(...))
    bench = await hands.make(WorkerId("human-ada"), task_id, "main")
    ...                                                  # the person works in bench.path
    harvest = await hands.collect(WorkerId("human-ada"), task_id, bench)
    ...                                                  # it is judged, it lands
    await hands.clear(WorkerId("human-ada"), task_id, harvest.head)

It commits under the identity of the person's own git. What it holds is collected in a box like
anything else: a person's folder may have been changed by programs, too.

    <repository>/.worktrees/<worker>/<task>/      the workspace
    <store>/by_hand/<worker>/<task>/              its record, and what collecting needs
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from interlock.domain.bench import Bench, Harvest
from interlock.domain.ids import CommitId, LeaseId, RunId, TaskId, WorkerId
from interlock.engine.errors import EngineError
from interlock.repository.ports import Trees, WorkspaceRefused, Workspaces
from interlock.sandbox.ports import Sandbox
from interlock.workers.boxes import Surroundings
from interlock.workers.bringing import Bringer, Brought, CouldNotBring, NothingThere
from interlock.workers.folders import make_private, remove_tree
from interlock.workers.sites import WORKTREES, Site, read_site, write_site

_BY_HAND: Final = LeaseId("by-hand")
_RECORDS: Final = "by_hand"


class HandsTied(EngineError):
    """A person's workspace cannot be made or collected; the message says why and what to do."""


class HandTools(msgspec.Struct, frozen=True):
    """What benches are made with."""

    sandbox: Sandbox
    workspaces: Workspaces
    trees: Trees
    around: Surroundings
    store: Path
    repository: Path


class ByHand:
    """Benches of one repository on this machine."""

    def __init__(self, tools: HandTools) -> None:
        self._tools = tools
        self._bringer = Bringer(tools.sandbox, tools.trees, tools.around)

    async def make(self, worker_id: WorkerId, task_id: TaskId, target: str) -> Bench:
        """The bench for this task; one that stands already is kept as it is."""
        tools = self._tools
        known = self._known(worker_id, task_id)
        if known is not None and known.workspace in await tools.workspaces.made():
            return _bench(known)
        base = await tools.trees.head_of(target)
        if base is None:
            raise HandsTied(f"the target branch {target!r} is not in this repository: create it")
        site = self._site(worker_id, task_id, base)
        make_private(site.home)
        await tools.workspaces.hide(f"/{WORKTREES}/")
        await tools.trees.pin(_pin("bases", worker_id, task_id), base)
        try:
            made = await tools.workspaces.make(site.workspace, base, site.branch)
        except WorkspaceRefused as refusal:
            raise HandsTied(str(refusal)) from refusal
        await asyncio.to_thread(_leave_identity_alone, site.workspace)
        site = msgspec.structs.replace(site, shows=made.shows)
        write_site(site)
        return _bench(site)

    async def collect(self, worker_id: WorkerId, task_id: TaskId, bench: Bench) -> Harvest:
        """Everything that differs from the base, committed or not. The bench stays."""
        site = self._demand(worker_id, task_id)
        pin = _pin("by-hand", worker_id, task_id)
        match await self._bringer.bring(site, bench.base, pin):
            case Brought(head=head, files=files, pack=pack, remarks=remarks):
                data = await asyncio.to_thread(pack.read_bytes)
                return Harvest(head, files, data, remarks)
            case NothingThere(remarks=remarks):
                return Harvest(None, remarks=remarks)
            case CouldNotBring(why=why):
                raise HandsTied(f"{bench.path} cannot be collected: {why}")

    def standing(self) -> list[tuple[WorkerId, TaskId]]:
        """Whose benches there are, and for which tasks."""
        folders = sorted((self._tools.store / _RECORDS).glob("*/*"))
        return [(WorkerId(folder.parent.name), TaskId(folder.name)) for folder in folders]

    async def clear(
        self, worker_id: WorkerId, task_id: TaskId, landed: CommitId | None = None
    ) -> str:
        """Remove the bench and its pins; a sentence if work is kept that is not what `landed`."""
        site = self._known(worker_id, task_id)
        if site is not None and _is_gone(site.workspace):
            await self._forget(site)  # Somebody was faster, and nothing is left to keep.
            return ""
        site = self._demand(worker_id, task_id)
        base, pin = site.base or CommitId(""), _pin("rescue-by-hand", worker_id, task_id)
        brought = await self._bringer.bring(site, base, pin)
        if isinstance(brought, CouldNotBring):
            why = f"{site.workspace} stays, for its work cannot be kept: {brought.why}"
            raise HandsTied(why)
        await self._forget(site)
        if isinstance(brought, NothingThere):
            return ""
        if brought.head == landed:
            await self._tools.trees.unpin(pin)
            return ""
        return (
            f"{site.workspace} is cleared away; what {worker_id} had there and has not landed is "
            f"kept as refs/interlock/{pin}."
        )

    async def _forget(self, site: Site) -> None:
        """The record goes last: whoever is interrupted before comes again."""
        await self._tools.workspaces.remove(site.workspace)
        for kind in ("bases", "by-hand"):
            await self._tools.trees.unpin(_pin(kind, site.worker_id, site.task_id))
        await asyncio.to_thread(remove_tree, site.folder)

    def _site(self, worker_id: WorkerId, task_id: TaskId, base: CommitId) -> Site:
        folder = self._folder(worker_id, task_id)
        return Site(
            folder=folder,
            workspace=self._tools.repository / WORKTREES / worker_id / task_id,
            home=folder / "home",
            branch=f"worker/{worker_id}/{task_id}",
            lease=_BY_HAND,
            task_id=task_id,
            run_id=RunId(""),
            worker_id=worker_id,
            attempt=0,
            base=base,
        )

    def _folder(self, worker_id: WorkerId, task_id: TaskId) -> Path:
        return self._tools.store / _RECORDS / worker_id / task_id

    def _known(self, worker_id: WorkerId, task_id: TaskId) -> Site | None:
        return read_site(self._folder(worker_id, task_id))

    def _demand(self, worker_id: WorkerId, task_id: TaskId) -> Site:
        site = self._known(worker_id, task_id)
        if site is None or not site.workspace.is_dir():
            where = self._tools.repository / WORKTREES / worker_id / task_id
            raise HandsTied(
                f"{worker_id} has no workspace for {task_id} ({where} is not there): claim it first"
            )
        return site


def _is_gone(workspace: Path) -> bool:
    return not os.path.lexists(workspace)


def _bench(site: Site) -> Bench:
    return Bench(site.base or CommitId(""), site.branch, str(site.workspace))


def _pin(kind: str, worker_id: WorkerId, task_id: TaskId) -> str:
    """Two people may have had a bench for the same task."""
    return f"{kind}/{task_id}@{worker_id}"


def _leave_identity_alone(workspace: Path) -> None:
    """An agent's clone names an agent; a person's commits are theirs. Only we wrote here so far."""
    config = workspace / ".git" / "config"
    kept, ours = [], False
    for line in config.read_text(encoding="utf-8").splitlines(keepends=True):
        ours = line.strip() == "[user]" if line.startswith("[") else ours
        if not ours:
            kept.append(line)
    beside = config.with_name("config.new")
    beside.write_text("".join(kept), encoding="utf-8")
    with suppress(OSError):
        beside.chmod(config.stat().st_mode)
    beside.replace(config)
