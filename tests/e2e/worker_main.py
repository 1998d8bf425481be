"""A worker process for stories about real deaths: `python worker_main.py <folder> <session>`."""

import asyncio
import json
import sys
from pathlib import Path

from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.command.agent import CommandAgent
from interlock.adapters.files.blobs import FileBlobs
from interlock.adapters.git.repositories import GitRepositories
from interlock.adapters.git.trees import GitTrees
from interlock.adapters.git.workspaces import GitWorkspaces
from interlock.adapters.processes.link import SocketLink
from interlock.adapters.system.clock import SystemClock
from interlock.adapters.system.ids import RandomIds
from interlock.domain.ids import RepoId, WorkerId
from interlock.repository.ports import RepositoryPlace
from interlock.sandbox.secrets import Masker
from interlock.workers.boxes import Surroundings
from interlock.workers.prepare import NothingPrepared
from interlock.workers.process import Identity, WorkerProcess, leave_on_signals
from interlock.workers.quota import Quota
from interlock.workers.service import Gateway
from interlock.workers.sites import Sites
from interlock.workers.tools import Tools

WORKER = WorkerId("agent-local-1")


async def work(folder: Path, session: int) -> None:
    root, store = folder / "project", folder / "store"
    place = await GitRepositories().find(root)
    assert isinstance(place, RepositoryPlace)
    agents, clock = {"command": CommandAgent()}, SystemClock()
    sites = Sites(store, root)
    tools = Tools(
        repo_id=RepoId("repo"),
        sandbox=BubblewrapSandbox(),
        workspaces=GitWorkspaces(place, store / "git"),
        trees=GitTrees(place, store / "git"),
        blobs=FileBlobs(store / "blobs"),
        clock=clock,
        agents=agents.get,
        environments=NothingPrepared(),
        masker=Masker(()),
        sites=sites,
        quota=Quota(sites, store, clock),
        around=Surroundings({"PATH": "/usr/local/bin:/usr/bin:/bin"}, (store, root)),
    )
    link = await SocketLink.connect(folder, WORKER)
    leave = asyncio.Event()
    leave_on_signals(leave)
    try:
        await WorkerProcess(
            Identity(WORKER, session), link, Gateway(tools), clock, RandomIds()
        ).run(leave)
    finally:
        await link.close()


def main() -> None:
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
    json.dump({"peak_kb": peak_kb()}, sys.stdout)


def peak_kb() -> int:
    """Of this program alone: what `getrusage` says includes the process that it was forked from."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
