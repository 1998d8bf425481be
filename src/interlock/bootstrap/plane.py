"""The plane of a repository for real: its log, its workers, its gates and its landing."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from interlock import __version__
from interlock.adapters.files.leadership import FileLeadership
from interlock.adapters.files.verdicts import FileVerdicts
from interlock.adapters.processes.crew import Crew
from interlock.adapters.processes.dispatch import SocketDispatch
from interlock.adapters.processes.place import socket_folder_of
from interlock.adapters.system.clock import SystemClock
from interlock.adapters.system.ids import RandomIds
from interlock.bootstrap.environments import environments_of, masker
from interlock.bootstrap.hands import hands_of
from interlock.bootstrap.kept import Kept
from interlock.bootstrap.mustering import starts_at_once
from interlock.bootstrap.site import LOGS, WORKTREES, Folders, Site, end_orphan_boxes
from interlock.bootstrap.tidying import Tidying
from interlock.config import read_environment
from interlock.control.following import Hall, KeptPlane, Stop, either
from interlock.control.store import Store, StoreOpener
from interlock.domain.ids import RepoId, TaskId
from interlock.domain.lifecycle import ENDED
from interlock.domain.settings import Settings
from interlock.domain.task import TaskStatus
from interlock.engine.dispatch import Dispatch
from interlock.engine.ports import Leadership
from interlock.engine.supervisor import Supervisor
from interlock.flows.run.keeper import Keeper, Keeping
from interlock.flows.run.news import Options, Ports
from interlock.flows.run.recovery import read_picture
from interlock.flows.task.acts import RealActs
from interlock.gates.order import GateOptions
from interlock.gates.ports import PreparationFailed
from interlock.gates.service import GateParts, Gates
from interlock.merging.service import Merging
from interlock.merging.trials import Trials
from interlock.sandbox.choose import Chosen
from interlock.workers.sites import Sites

WORKER_MODULE: Final = "interlock.bootstrap.worker"
LEASE_SECONDS: Final = 60.0
_GRACE_SECONDS: Final = 20.0
"""Twice what an agent has that does not end when it is asked: its work is rescued after that."""


def process_name() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


class RealParts:
    """What one plane acts with, opened anew for each of its lives."""

    def __init__(self, site: Site, settings: Settings, opener: StoreOpener, box: Chosen) -> None:
        self._site, self._settings, self._opener, self._box = site, settings, opener, box

    @asynccontextmanager
    async def open_leadership(self) -> AsyncIterator[Leadership]:
        if self._settings.store.profile == "solo":
            self._site.folders.store.mkdir(mode=0o700, exist_ok=True)
            yield FileLeadership(self._site.folders.store)
            return
        async with self._opener(create=True) as store:
            yield store.leadership

    @asynccontextmanager
    async def open_ports(self) -> AsyncIterator[Ports]:
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(self._opener(create=True))
            dispatch = await self._dispatch(store)
            stack.push_async_callback(dispatch.close)
            site = await stack.enter_async_context(self._site.with_gits_that_stay())
            acts = await self._acts(store, await stack.enter_async_context(Supervisor()), site)
            yield Ports(
                store.log, store.snapshots, store.open_blobs(), dispatch, acts, SystemClock()
            )

    async def _dispatch(self, store: Store) -> Dispatch:
        settings = self._settings.store
        if settings.profile == "solo":
            return await SocketDispatch.listen(
                socket_folder_of(self._site.folders.common), RandomIds()
            )
        from interlock.adapters.nats.dispatch import NatsDispatch

        repo_id = store.repo_id or RepoId("")
        return await NatsDispatch.connect([settings.nats], repo_id, LEASE_SECONDS)

    async def _acts(self, store: Store, crew: Supervisor, site: Site) -> RealActs:
        clock, blobs, folders = SystemClock(), store.open_blobs(), site.folders
        gates = Gates(
            GateParts(
                sandbox=self._box.sandbox,
                workspaces=site.workspaces,
                trees=site.trees,
                environments=environments_of(site, self._box.sandbox, blobs, PreparationFailed),
                book=FileVerdicts(folders.verdicts),
                blobs=blobs,
                clock=clock,
                slots=asyncio.Semaphore(gates_at_once(self._settings)),
                crew=crew,
                mask=masker().data,
            ),
            GateOptions(
                scratch=folders.gates,
                environment=read_environment().variables,
                hide=folders.hidden,
                constant_paths=self._box.promises.constant_paths,
            ),
        )
        await gates.sweep()
        trials = Trials(site.trees, blobs, folders.incoming)
        merging = Merging(trials, site.target, store.log.head, clock, site.blame)
        unfinished = await _unfinished_tasks(store)
        await merging.sweep(unfinished)
        await asyncio.to_thread(_clear_homes, folders, unfinished)
        return RealActs(merging, gates, blobs)


def _clear_homes(folders: Folders, unfinished: frozenset[TaskId]) -> None:
    """An agent's home outlives its attempts, not its task."""
    sites = Sites(folders.store, folders.root)
    for home in folders.homes.glob("*"):
        if TaskId(home.name) not in unfinished:
            sites.forget(TaskId(home.name))


async def _unfinished_tasks(store: Store) -> frozenset[TaskId]:
    """A failed task counts: a person may want another try, and its agent goes on where it was."""
    plane = await read_picture(store.log, store.snapshots, store.repo_id or RepoId(""))
    over = ENDED - {TaskStatus.FAILED}
    return frozenset(task.id for task in plane.tasks.values() if task.status not in over)


def gates_at_once(settings: Settings) -> int:
    return settings.limits.gates or _cores()


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def hall_of(site: Site, opener: StoreOpener, box: Chosen) -> Hall:
    @asynccontextmanager
    async def hall(store: Store, settings: Settings, stop: Stop) -> AsyncIterator[KeptPlane]:
        repo_id = store.repo_id or RepoId("")
        gc.freeze()  # What was loaded stays; looking through it for garbage takes 15 ms each time.
        parts = RealParts(site, settings, opener, box)
        options = Options(
            process=process_name(), release=__version__, judgings=2 * gates_at_once(settings)
        )
        keeper = Keeper(repo_id, parts, options, Keeping(on_loss=settings.store.on_loss))
        for folder in (WORKTREES, LOGS):
            await site.workspaces.hide(f"/{folder}/")
        crew = Crew(read_environment().variables, _GRACE_SECONDS)
        command = [sys.executable, "-m", WORKER_MODULE, str(site.place.root)]
        command += ["--box", box.sandbox.name]
        kept = Kept(crew, keeper, command, stop, starts_at_once(_cores()))
        hands = hands_of(site, box.sandbox)
        tidying = Tidying(hands, store, SystemClock(), lambda: keeper.acts)
        end_orphan_boxes(box.sandbox)
        async with Supervisor() as beside:
            beside.start("plane", kept.keep())
            beside.start("benches", tidying.keep())
            try:
                yield kept
                await either(tidying.look, stop.gently.wait)
            finally:
                beside.cancel("benches")
                await kept.leave()
                end_orphan_boxes(box.sandbox)

    return hall
