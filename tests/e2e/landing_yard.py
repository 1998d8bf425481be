"""A person's repository with a target, agents that bring packs, and real git under the landing."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.git.blame import GitBlame
from interlock.adapters.git.target import GitTarget
from interlock.adapters.git.trees import GitTrees
from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.system.clock import SystemClock
from interlock.domain.change import ChangeSet
from interlock.domain.facts.change import Judgement
from interlock.domain.ids import CommitId, RepoId, RunId, TaskId, TaskName, Token, WorkerId
from interlock.domain.settings import GateSettings, ProjectSettings, Settings
from interlock.domain.task import PlannedTask
from interlock.domain.verdict import GateOutcome, GateVerdict
from interlock.engine.acts import Candidate, Judged, Landing, Prepared
from interlock.engine.chain import Head
from interlock.flows.task.acts import RealActs
from interlock.gates.service import GateQuestion
from interlock.merging.service import Merging
from interlock.merging.trials import Trials
from interlock.repository.ports import Pushed, RepositoryPlace

ENV: Final = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
    },
}
SETTINGS: Final = Settings(gates=(GateSettings("tests", "python -m pytest", "exit-code"),))


class Killed(BaseException):
    """The process ended here."""


def git(at: Path, *words: str, stdin: bytes = b"") -> str:
    return git_bytes(at, *words, stdin=stdin).decode().strip()


def git_bytes(at: Path, *words: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(
        ["git", *words], cwd=at, env=ENV, input=stdin, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr.decode()}"
    return done.stdout


def write(folder: Path, files: dict[str, str | None]) -> None:
    for name, text in files.items():
        path = folder / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def commit(folder: Path, message: str, files: dict[str, str | None]) -> CommitId:
    write(folder, files)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return CommitId(git(folder, "rev-parse", "HEAD"))


class WatchedTrees(GitTrees):
    """Tells of each call before it is made."""

    heard: Callable[[str], None] = staticmethod(lambda _: None)

    def __getattribute__(self, name: str) -> object:
        if not name.startswith("_") and name != "heard":
            self.heard(name)
        return super().__getattribute__(name)


class WatchedTarget(GitTarget):
    """Tells of each call before it is made."""

    heard: Callable[[str], None] = staticmethod(lambda _: None)

    async def advance(self, branch: str, new: CommitId, old: CommitId) -> bool:
        self.heard("advance")
        return await super().advance(branch, new, old)

    async def push(self, remote: str, branch: str, new: CommitId, old: CommitId) -> Pushed:
        self.heard("push")
        return await super().push(remote, branch, new, old)

    async def bring_forward(self, branch: str, old: CommitId, new: CommitId) -> str:
        self.heard("bring_forward")
        return await super().bring_forward(branch, old, new)


class GreenGates:
    """Passes what it is asked, and looks that it is really there."""

    def __init__(self, trees: GitTrees) -> None:
        self._trees = trees
        self.asked: list[GateQuestion] = []

    async def judge(self, question: GateQuestion) -> Judged:
        self.asked.append(question)
        tree = await self._trees.tree_of(question.candidate)
        passed = GateVerdict("tests", GateOutcome.PASSED, tree)
        return Judged(Judgement.PASSED, "tests: all well", verdicts=(passed,))


async def log_head() -> Head:
    return Head(42, bytes.fromhex("cd" * 32))


class Yard:
    """The world of one story; `restart` is a new process in the same world."""

    def __init__(self, folder: Path, settings: Settings = SETTINGS) -> None:
        self.folder, self.settings = folder, settings
        self.root = folder / "project"
        self.root.mkdir(parents=True)
        git(self.root, "init", "-q", "-b", "main")
        self.base = commit(
            self.root,
            "start",
            {"a.py": "one\ntwo\nthree\n", "b.py": "b\n", "interlock.toml": "\n", "c/d.py": "d\n"},
        )
        self.blobs = MemoryBlobs(MemoryStore())
        self.attempts = 0
        self.restart()

    def restart(self) -> None:
        place = RepositoryPlace(self.root, self.root / ".git")
        store = self.root / ".git" / "interlock" / "git"
        store.mkdir(parents=True, exist_ok=True)
        self.trees, self.target = WatchedTrees(place, store), WatchedTarget(place, store)
        self.gates = GreenGates(self.trees)
        merging = Merging(
            Trials(self.trees, self.blobs, self.folder / "scratch"),
            self.target,
            log_head,
            SystemClock(),
            GitBlame(place, store),
        )
        self.acts = RealActs(merging, self.gates, self.blobs, patience_seconds=0.05)

    def with_remote(self) -> Path:
        remote = self.folder / "origin.git"
        git(self.folder, "clone", "-q", "--bare", str(self.root), str(remote))
        git(self.root, "remote", "add", "origin", str(remote))
        project = msgspec.structs.replace(self.settings.project, remote="origin")
        self.settings = msgspec.structs.replace(self.settings, project=project)
        return remote

    @property
    def head(self) -> CommitId:
        return CommitId(git(self.root, "rev-parse", "refs/heads/main"))

    def clone(self, of: Path) -> Path:
        self.attempts += 1
        folder = self.folder / f"clone-{self.attempts}"
        git(self.folder, "clone", "-q", "--no-hardlinks", str(of), str(folder))
        return folder

    async def brings(
        self,
        name: str,
        files: dict[str, str | None],
        *,
        base: CommitId | None = None,
        message: str = "agent at work",
        planned: PlannedTask | None = None,
    ) -> Candidate:
        """An agent makes this change in a clone of its own; only the pack comes out of it."""
        agent, start = self.clone(self.root), base or self.head
        git(agent, "checkout", "-q", "-B", "work", start)
        head = commit(agent, message, files)
        pack = git_bytes(
            agent,
            "pack-objects",
            "--revs",
            "--thin",
            "--stdout",
            "-q",
            stdin=f"{head}\n^{start}\n".encode(),
        )
        task_id = TaskId(f"r1-{name}")
        change = ChangeSet(RepoId("repo"), task_id, start, head, patch=await self.blobs.put(pack))
        return Candidate(
            task_id,
            1,
            planned or PlannedTask(TaskName(name), f"Do {name}", "As it was asked."),
            change,
            RunId("r1"),
            WorkerId("agent-local-1"),
            "",
            "main",
            await self.blobs.put(msgspec.json.encode(self.settings)),
        )

    async def prepared(self, candidate: Candidate) -> Landing:
        judged = await self.acts.judge(candidate)
        assert judged.judgement is Judgement.PASSED, judged
        prepared = await self.acts.prepare(candidate)
        assert isinstance(prepared, Prepared), prepared
        return Landing(
            f"{candidate.task_id}#1",
            candidate.task_id,
            Token(1),
            prepared.base,
            prepared.commit,
            candidate.settings,
            "main",
        )

    def shown(self, path: str, at: str = "main") -> str:
        return git_bytes(self.root, "show", f"{at}:{path}").decode()

    @property
    def status(self) -> str:
        """What `git status` tells the person about their checkout."""
        return git(self.root, "status", "--porcelain", "--untracked-files=no")

    def collect_garbage(self) -> None:
        git(self.root, "reflog", "expire", "--expire=now", "--all")
        git(self.root, "gc", "--prune=now", "--quiet")


def project(settings: Settings = SETTINGS, **of_project: str) -> Settings:
    return msgspec.structs.replace(settings, project=msgspec.convert(of_project, ProjectSettings))
