"""A worker process: `python -m interlock.bootstrap.worker <folder> --name local-1 --box none`.

The plane starts them as its children; `interlock worker run` starts the same on any host.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.adapters.files.blobs import FileBlobs
from interlock.adapters.processes.link import SocketLink
from interlock.adapters.processes.place import socket_folder_of
from interlock.adapters.system.clock import SystemClock
from interlock.adapters.system.ids import RandomIds
from interlock.bootstrap.agents import agent_of
from interlock.bootstrap.environments import environments_of, masker, surroundings_of
from interlock.bootstrap.models import LateModels, ledger_of
from interlock.bootstrap.site import Site, choose_box, end_orphan_boxes, find_site
from interlock.bootstrap.staff import registered
from interlock.bootstrap.stores import BLOBS_FOLDER
from interlock.config import read_environment, read_settings
from interlock.control.errors import DeskError, WrongUsage
from interlock.domain.ids import RepoId, WorkerId
from interlock.domain.settings import BOXES, BoxName, Settings
from interlock.engine.errors import EngineError
from interlock.workers.logins import Lender
from interlock.workers.process import ANYTHING, Identity, WorkerProcess, leave_on_signals
from interlock.workers.quota import Quota
from interlock.workers.service import Gateway
from interlock.workers.sites import Sites
from interlock.workers.tools import Tools

if TYPE_CHECKING:
    from interlock.engine.dispatch import WorkerLink
    from interlock.engine.ports import Blobs
    from interlock.interfaces.cli.doors import WorkerWish
    from interlock.sandbox.ports import Sandbox
    from interlock.workers.models.ports import Ledger


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m interlock.bootstrap.worker")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", required=True)
    parser.add_argument("--box", required=True)
    parser.add_argument("--at-once", type=int, default=1)
    wish = parser.parse_args(words)
    try:
        asyncio.run(work(wish.folder, wish.name, wish.box, wish.at_once))
    except (EngineError, DeskError) as error:
        sys.stderr.write(f"worker {wish.name}: {error}\n")
        return 3
    return 0


async def work(folder: Path, name: str, box: BoxName | None, at_once: int) -> None:
    """Until it is told to leave, or the plane is gone for good."""
    leave = asyncio.Event()
    leave_on_signals(leave)
    gc.freeze()  # What was loaded stays; looking through it for garbage takes 15 ms each time.
    site = await find_site(folder)
    with registered(site, name):
        await _work(
            site,
            name,
            (await choose_box(box, BOXES if box is None else (box,))).sandbox,
            at_once,
            leave,
        )


async def _work(
    site: Site, name: str, sandbox: Sandbox, at_once: int, leave: asyncio.Event
) -> None:
    settings = read_settings(site.place.root)
    if settings.store.profile == "fleet":  # elsewhere the plane of this host has seen to it
        end_orphan_boxes(sandbox)
    worker_id = WorkerId(f"agent-{name}")
    repo_id = site.place.repo_id or RepoId("")
    link = await _link(site, settings, repo_id, worker_id)
    ledger = ledger_of(site, settings, repo_id)
    try:
        gateway = Gateway(tools_of(site, settings, repo_id, sandbox, ledger))
        identity = Identity(worker_id, session=time.time_ns() // 1_000_000, capacity=at_once)
        await WorkerProcess(identity, link, gateway, SystemClock(), RandomIds()).run(leave)
    finally:
        await ledger.close()
        await link.close()


async def _link(site: Site, settings: Settings, repo_id: RepoId, worker_id: WorkerId) -> WorkerLink:
    if settings.store.profile == "solo":
        return await SocketLink.connect(socket_folder_of(site.folders.common), worker_id)
    from interlock.adapters.nats.link import NatsLink

    return await NatsLink.connect([settings.store.nats], repo_id, worker_id)


def blobs_of(site: Site, settings: Settings) -> Blobs:
    if settings.store.profile == "solo":
        return FileBlobs(site.folders.store / BLOBS_FOLDER)
    from interlock.bootstrap.stores import s3_blobs

    return s3_blobs(settings.store)


def tools_of(
    site: Site, settings: Settings, repo_id: RepoId, sandbox: Sandbox, ledger: Ledger
) -> Tools:
    """What attempts on this host are made with."""
    blobs, folders = blobs_of(site, settings), site.folders
    sites = Sites(folders.store, folders.root)
    return Tools(
        repo_id=repo_id,
        sandbox=sandbox,
        workspaces=site.workspaces,
        trees=site.trees,
        blobs=blobs,
        clock=SystemClock(),
        agents=agent_of,
        environments=environments_of(site, sandbox, blobs),
        masker=masker(),
        sites=sites,
        quota=Quota(sites, folders.store, SystemClock()),
        around=surroundings_of(site),
        fetch=None if settings.store.profile == "solo" else site.target.fetch,
        models=LateModels(site, read_environment().variables, ledger),
        ledger=ledger,
        lender=Lender(Path.home(), folders.store / "logins", SystemClock()),
    )


def run_here(wish: WorkerWish) -> int:
    """`interlock worker run`: on this host, for the repository that the person stands in."""
    if wish.agent != ANYTHING or wish.skills not in ((), (ANYTHING,)):
        raise WrongUsage(
            "a worker drives every agent profile: leave out --agent and --skills, and limit a "
            "profile with `skills` in interlock.toml"
        )
    name = wish.name or f"{socket.gethostname().partition('.')[0].lower()}-{os.getpid()}"
    asyncio.run(work(Path.cwd(), name.removeprefix("agent-"), None, wish.at_once))
    return 0


if __name__ == "__main__":
    sys.exit(main())
