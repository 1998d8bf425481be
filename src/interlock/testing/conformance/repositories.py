"""A real repository for the suites of workspaces, trees and a target: the `GitHouse`.

An agent's box is left out here: the program that collects runs as a plain process, so that what it
does can be seen without one.
"""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import pytest

from interlock.adapters.git.program import Answer, Bounds, run
from interlock.adapters.git.repositories import GitRepositories
from interlock.adapters.git.target import GitTarget
from interlock.adapters.git.trees import GitTrees
from interlock.adapters.git.workspaces import GitWorkspaces
from interlock.domain.ids import CommitId
from interlock.repository.collecting import Collected, CollectFailed, collect_argv, read_outbox
from interlock.repository.ports import (
    PackRefused,
    RepositoryPlace,
    Target,
    Trees,
    Workspace,
    Workspaces,
)

Files = Mapping[str, bytes | None]
Format = Literal["sha1", "sha256"]
PACK_BYTES_MAX: Final = 20_000_000
AT: Final = datetime(2026, 3, 1, 12, 30, 15, 999, tzinfo=UTC)


class GitHouse:
    """A repository with one commit, made without any setting of whoever runs the tests.

    With `stay` its trees and its target ask gits that stay, as those of a plane do.
    """

    def __init__(self, folder: Path, kind: Format = "sha1", *, stay: bool = False) -> None:
        self.folder, self.root, self.kind = folder, folder / "project", kind
        self._stay = stay
        self.store = self.root / ".git" / "interlock" / "git"
        self.boxes = 0

    async def build(self, files: Files) -> CommitId:
        self.root.mkdir(parents=True)
        await self.git("init", "--quiet", "-b", "main", f"--object-format={self.kind}")
        return await self.person_commits(files)

    async def git(self, *words: str, at: Path | None = None, stdin: bytes = b"") -> Answer:
        """Git as the person types it, hooks and filters included; it must succeed."""
        answer = await self.try_git(*words, at=at, stdin=stdin)
        assert answer.code == 0, answer.err.decode()
        return answer

    async def try_git(self, *words: str, at: Path | None = None, stdin: bytes = b"") -> Answer:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Person",
            "GIT_AUTHOR_EMAIL": "person@localhost",
            "GIT_COMMITTER_NAME": "Person",
            "GIT_COMMITTER_EMAIL": "person@localhost",
        }
        bounds = Bounds(seconds=60)
        return await run(words, environment, stdin, at or self.root, bounds)

    async def person_commits(self, files: Files, at: Path | None = None) -> CommitId:
        put(at or self.root, files)
        await self.git("add", "-A", at=at)
        await self.git("commit", "--quiet", "--allow-empty", "-m", "A commit of a person", at=at)
        return CommitId((await self.git("rev-parse", "HEAD", at=at)).text)

    async def place(self) -> RepositoryPlace:
        place = await GitRepositories().find(self.root)
        assert isinstance(place, RepositoryPlace)
        return place

    async def trees(self) -> Trees:
        return GitTrees(await self.place(), self.store, stay=self._stay)

    async def workspaces(self) -> Workspaces:
        return GitWorkspaces(await self.place(), self.store)

    async def target(self) -> Target:
        return GitTarget(await self.place(), self.store, stay=self._stay)

    async def workspace(self, commit: CommitId, name: str = "work") -> Workspace:
        await (await self.trees()).pin(f"base/{name}", commit)
        return await (await self.workspaces()).make(self.folder / name, commit, f"worker/{name}")

    async def collect(
        self,
        workspace: Workspace,
        most: int = PACK_BYTES_MAX,
        left_out: tuple[str, ...] = (),
        told: Mapping[str, str] = {},
    ) -> Collected | CollectFailed:
        self.boxes += 1
        outbox = self.folder / f"outbox-{self.boxes}"
        outbox.mkdir(exist_ok=True)
        program, *words = collect_argv(workspace.commit, most, workspace.shows, left_out)
        process = await asyncio.create_subprocess_exec(
            program,
            *words,
            cwd=workspace.path,
            env={**told, "PATH": os.environ["PATH"], "OUTBOX": str(outbox)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(60):
            await process.wait()
        return read_outbox(outbox)

    async def bring(self, workspace: Workspace, pin: str = "attempt/1") -> CommitId:
        """The change in the workspace, taken into the repository."""
        collected = await self.collect(workspace)
        assert isinstance(collected, Collected), collected
        assert collected.head is not None
        assert collected.pack is not None
        await (await self.trees()).take_in(collected.pack, collected.head, pin)
        return collected.head

    async def change(self, base: CommitId, files: Files, name: str) -> CommitId:
        """As an agent would: a workspace on `base`, edited, collected, taken in."""
        workspace = await self.workspace(base, name)
        put(workspace.path, files)
        return await self.bring(workspace, f"change/{name}")


def put(folder: Path, files: Files) -> None:
    """Write files; None removes one."""
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def seen(folder: Path) -> dict[str, bytes]:
    """Every file of a working tree by its path, git's own left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


BEGIN: Final[Files] = {
    "README": b"one\n",
    "app/a.py": b"".join(b"line %d\n" % number for number in range(20)),
    "app/b.py": b"b\n",
    ".gitignore": b"*.log\n/cache/\n",
}


async def refused(house: GitHouse, pack: Path, head: CommitId, why: str) -> None:
    """Refused for that reason, and nothing of it is in the repository afterwards."""
    objects = house.root / ".git" / "objects"
    before = {path for path in objects.rglob("*") if path.is_file()}
    trees = await house.trees()
    with pytest.raises(PackRefused, match=why):
        await trees.take_in(pack, head, "refused/1")
    assert {path for path in objects.rglob("*") if path.is_file()} == before
    assert not await trees.pins("refused/")
    assert not list((house.store / "incoming").glob("*"))
