"""One repository on this machine: git, boxes, folders. Planes and workers stand on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.git.blame import GitBlame
from interlock.adapters.git.inspector import GitInspector
from interlock.adapters.git.program import git
from interlock.adapters.git.repositories import GitRepositories
from interlock.adapters.git.target import GitTarget
from interlock.adapters.git.trees import GitTrees
from interlock.adapters.git.workspaces import GitWorkspaces
from interlock.adapters.system.children import watch_without_threads
from interlock.bootstrap.stores import STORE_FOLDER
from interlock.control.errors import WrongUsage
from interlock.domain.settings import BOXES, BoxName
from interlock.repository.ports import NotARepository, RepositoryPlace
from interlock.sandbox.choose import Chosen, choose
from interlock.sandbox.ports import BoxRefused, Sandbox

WORKTREES: Final = ".worktrees"
LOGS: Final = ".interlock"


class Folders(msgspec.Struct, frozen=True):
    """Where a repository's things lie on this machine."""

    root: Path
    common: Path

    @property
    def store(self) -> Path:
        return self.common / STORE_FOLDER

    @property
    def git(self) -> Path:
        return self.store / "git"

    @property
    def gates(self) -> Path:
        return self.store / "gates"

    @property
    def verdicts(self) -> Path:
        return self.store / "verdicts"

    @property
    def incoming(self) -> Path:
        return self.store / "incoming"

    @property
    def homes(self) -> Path:
        return self.store / "homes"

    @property
    def environments(self) -> Path:
        return self.store / "environments"

    @property
    def worktrees(self) -> Path:
        return self.root / WORKTREES

    @property
    def hidden(self) -> tuple[Path, ...]:
        """What no box may see: the checkout and everything of git but the objects."""
        return (self.root, self.common)


class Site:
    """The repository at a place, with everything that works on it."""

    def __init__(self, place: RepositoryPlace, *, stay: bool = False) -> None:
        self.place = place
        self.folders = Folders(_main_root(place), place.common_dir)
        own = self.folders.git
        self.trees = GitTrees(place, own, stay=stay)
        self.workspaces = GitWorkspaces(place, own)
        self.target = GitTarget(place, own, stay=stay)
        self.blame = GitBlame(place, own)
        self.inspector = GitInspector(place, own)

    @asynccontextmanager
    async def with_gits_that_stay(self) -> AsyncIterator[Site]:
        """The same place for whoever asks much of git; none of these gits outlives it."""
        site = Site(self.place, stay=True)
        try:
            yield site
        finally:
            await site.trees.close()
            await site.target.close()

    async def branch(self, configured: str) -> str:
        """The target: as configured, else the branch that is checked out."""
        if configured:
            return configured
        said = await git("symbolic-ref", "--short", "--quiet", "HEAD", at=self.place.root)
        if said.code or not said.out.strip():
            raise WrongUsage(
                "no branch is checked out here, so there is no target: name one under [project] "
                'in interlock.toml (target = "main")'
            )
        return said.out.strip()


def _main_root(place: RepositoryPlace) -> Path:
    """Linked worktrees share one plane, so they share its folders, too."""
    common = place.common_dir
    return common.parent if place.linked and common.name == ".git" else place.root


async def find_site(folder: Path) -> Site:
    watch_without_threads()
    found = await GitRepositories().find(folder)
    if isinstance(found, NotARepository):
        raise WrongUsage(f"{found.why}. {found.mend}")
    return Site(found)


def sandbox_of(name: BoxName) -> Sandbox:
    """One kind of box; only what it needs is imported."""
    from interlock.adapters.proxy.door import ProxyDoor

    match name:
        case "bubblewrap":
            from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox

            return BubblewrapSandbox(ProxyDoor())
        case "container":
            from interlock.adapters.container.sandbox import ContainerSandbox

            return ContainerSandbox(ProxyDoor())
        case "sandlock":
            from interlock.adapters.sandlock.sandbox import SandlockSandbox

            return SandlockSandbox(ProxyDoor())
        case "none":
            from interlock.adapters.plain.sandbox import PlainSandbox

            return PlainSandbox(ProxyDoor())


def end_orphan_boxes(sandbox: Sandbox) -> None:
    """What boxes left behind on this host when their starters were killed."""
    if sandbox.name == "bubblewrap":
        from interlock.adapters.bubblewrap.orphans import end_orphans

        end_orphans()


def sandboxes() -> tuple[Sandbox, ...]:
    """Every kind of box this program knows, strongest first."""
    return tuple(map(sandbox_of, BOXES))


async def choose_box(minimum: BoxName | None, kinds: Sequence[BoxName] = BOXES) -> Chosen:
    """The strongest of these kinds that really starts; raises WrongUsage where none does."""
    try:
        return await choose([sandbox_of(name) for name in kinds], minimum)
    except BoxRefused as refused:
        raise WrongUsage(str(refused)) from refused
