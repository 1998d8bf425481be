"""A repository, a worker with real boxes in this process, and a plane's end to give it jobs."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
from interlock.adapters.command.agent import CommandAgent
from interlock.adapters.git.repositories import GitRepositories
from interlock.adapters.git.trees import GitTrees
from interlock.adapters.git.workspaces import GitWorkspaces
from interlock.adapters.inprocess.dispatch import InProcessDispatch, InProcessExchange
from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.scripted.agent import ScriptedAgent
from interlock.adapters.system.clock import SystemClock
from interlock.adapters.system.ids import RandomIds
from interlock.domain.ids import (
    LeaseId,
    RepoId,
    RunId,
    TaskId,
    TaskName,
    Token,
    WorkerId,
    lease_id_of,
)
from interlock.domain.result import Result
from interlock.domain.settings import AgentProfile, Limits, SandboxSettings, Settings
from interlock.domain.task import PlannedTask
from interlock.engine.dispatch import Asked, Declined, Finished, Interrupt, Job, Report
from interlock.repository.ports import RepositoryPlace
from interlock.sandbox.ports import Sandbox
from interlock.sandbox.secrets import Masker
from interlock.workers.boxes import Surroundings
from interlock.workers.prepare import NothingPrepared, Prepared, Workshop
from interlock.workers.process import Identity, WorkerProcess
from interlock.workers.quota import Quota
from interlock.workers.service import Gateway
from interlock.workers.sites import Sites
from interlock.workers.tools import PreparedEnvironments, Tools

WORKER = WorkerId("agent-local-1")
PATIENCE_SECONDS = 25.0


def git(root: Path, *words: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }
    done = subprocess.run(
        ["git", *words], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def new_repository(root: Path, files: Mapping[str, str]) -> None:
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "First")


async def place_of(root: Path) -> RepositoryPlace:
    place = await GitRepositories().find(root)
    assert isinstance(place, RepositoryPlace), place
    return place


@dataclass
class Stage:
    """One repository on this machine, and what is written down about it."""

    root: Path
    store: Path
    place: RepositoryPlace
    trees: GitTrees
    workspaces: GitWorkspaces
    sandbox: Sandbox
    blobs: MemoryBlobs = field(default_factory=lambda: MemoryBlobs(MemoryStore()))
    clock: SystemClock = field(default_factory=SystemClock)
    env: Mapping[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"]})
    secrets: tuple[str, ...] = ()
    environments: PreparedEnvironments = field(default_factory=NothingPrepared)
    tokens: int = 0

    @property
    def sites(self) -> Sites:
        return Sites(self.store, self.root)

    def prepared(self) -> Prepared:
        return Prepared(
            Workshop(
                self.sandbox,
                self.workspaces,
                self.trees,
                self.blobs,
                self.clock,
                Masker(self.secrets),
                Surroundings(self.env, (self.store, self.root)),
                self.store,
            )
        )

    def gateway(self) -> Gateway:
        agents = {"command": CommandAgent(), "scripted": ScriptedAgent()}
        hide = (self.store, self.root, self.place.common_dir)
        tools = Tools(
            repo_id=RepoId("repo"),
            sandbox=self.sandbox,
            workspaces=self.workspaces,
            trees=self.trees,
            blobs=self.blobs,
            clock=self.clock,
            agents=agents.get,
            environments=self.environments,
            masker=Masker(self.secrets),
            sites=self.sites,
            quota=Quota(self.sites, self.store, self.clock),
            around=Surroundings(self.env, hide),
        )
        return Gateway(tools)

    async def job(
        self, profile: AgentProfile, name: str = "login", attempt: int = 1, **more: object
    ) -> Job:
        settings = Settings(
            agents=(profile,),
            path=str(self.root / "interlock.toml"),
            limits=more.pop("limits", Limits()),
            sandbox=more.pop("sandbox", SandboxSettings()),
            prepare=more.pop("prepare", None),
        )
        self.tokens += 1
        task_id, token = TaskId(f"R1-{name}"), Token(self.tokens)
        planned = more.pop("planned", PlannedTask(TaskName(name), "Build it", agent=profile.name))
        return Job(
            lease=LeaseId(lease_id_of(task_id, token)),
            task_id=task_id,
            run_id=RunId("R1"),
            worker_id=WORKER,
            token=token,
            attempt=attempt,
            lease_seconds=30.0,
            planned=planned,
            settings=await self.blobs.put(msgspec.json.encode(settings)),
            target="main",
            **more,
        )

    def script(self, text: str, name: str = "script.yaml") -> AgentProfile:
        (self.root / name).write_text(text)
        return AgentProfile("default", "scripted", script=name, question_minutes=0.0)


@asynccontextmanager
async def staged(folder: Path, files: Mapping[str, str] | None = None) -> AsyncIterator[Stage]:
    root, store = folder / "project", folder / "store"
    new_repository(root, files or {"app.py": "print('hello')\n", ".gitignore": "*.log\n"})
    store.mkdir(mode=0o700)
    place = await place_of(root)
    sandbox = BubblewrapSandbox()
    yield Stage(
        root, store, place, GitTrees(place, store / "git"), GitWorkspaces(place, store / "git"),
        sandbox,
    )  # fmt: skip


class Plane:
    """The plane's end: gives jobs, and remembers every report."""

    def __init__(self, dispatch: InProcessDispatch) -> None:
        self._dispatch = dispatch
        self.reports: list[Report] = []

    async def give(self, order: object) -> None:
        await self._dispatch.send(WORKER, order)

    async def until(self, kind: type[Report], lease: LeaseId | None = None) -> Report:
        """The next report of this kind, about this lease if one is named."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                delivery = await self._dispatch.receive()
                await delivery.settle()
                self.reports.append(delivery.report)
                mine = lease is None or getattr(delivery.report, "lease", None) == lease
                if isinstance(delivery.report, kind) and mine:
                    return delivery.report

    async def end_of(self, job: Job) -> Finished | Declined | Asked:
        await self.give(job)
        return await self.until(Finished | Declined | Asked, job.lease)

    async def result_of(self, job: Job) -> Result:
        end = await self.end_of(job)
        assert isinstance(end, Finished), end
        return end.result

    async def interrupt(self, job: Job) -> None:
        await self.give(Interrupt(job.lease))

    def kinds(self) -> list[str]:
        return [type(report).__name__ for report in self.reports]


@asynccontextmanager
async def working(stage: Stage, session: int = 1) -> AsyncIterator[Plane]:
    """A worker that works until the end of the story, and then leaves politely."""
    exchange = InProcessExchange()
    plane, leave = Plane(exchange.plane()), asyncio.Event()
    identity = Identity(WORKER, session, capacity=4)
    worker = WorkerProcess(
        identity, exchange.worker(WORKER), stage.gateway(), stage.clock, RandomIds()
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run(leave))
        try:
            yield plane
        finally:
            leave.set()


def standing(stage: Stage) -> list[str]:
    """What is left of attempts on the host."""
    folders = [*stage.root.glob(".worktrees/*/*"), *stage.store.glob("attempts/*")]
    return sorted(str(folder.relative_to(stage.root.parent)) for folder in folders)


async def seen_in(stage: Stage, name: str) -> list[Path]:
    """Wait until an agent has written this file; nothing else tells from outside."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := list(stage.root.glob(f".worktrees/*/*/{name}"))):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def cleared(stage: Stage) -> None:
    """Wait until nothing is left of attempts on the host: that comes behind the report."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while standing(stage):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
