"""What is asked of version control: where is it, what is in it, workspaces, merges, the target."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec

from interlock.domain.ids import CommitId, RepoId


class RepositoryPlace(msgspec.Struct, frozen=True):
    """One repository on this machine. Linked worktrees have a root each and share `common_dir`.

    `repo_id` is None until the repository is used for the first time.
    """

    root: Path
    common_dir: Path
    bare: bool = False
    linked: bool = False
    shallow: bool = False
    object_format: str = "sha1"
    repo_id: RepoId | None = None


class NotARepository(msgspec.Struct, frozen=True):
    """There is none at the path, or it cannot be used; and what to do about it."""

    why: str
    mend: str


class Repositories(Protocol):
    """Looks at repositories; raises PartLost when version control itself is out of order."""

    async def version(self) -> str:
        """Of the version control system, for people: '2.39.5'."""
        ...

    async def find(self, path: Path) -> RepositoryPlace | NotARepository:
        """The repository that `path` lies in; changes nothing."""
        ...

    async def identify(self, place: RepositoryPlace, proposed: RepoId) -> RepoId:
        """The identity that the repository keeps for ever: the first one ever proposed."""
        ...


# --- workspaces -----------------------------------------------------------------------------------


class Workspace(msgspec.Struct, frozen=True):
    """An own clone at `path`, on `commit`.

    `shows` must be readable in the box at their own paths: the shared objects, and nothing else of
    the repository.
    """

    path: Path
    commit: CommitId
    branch: str | None
    shows: tuple[Path, ...]


class WorkspaceRefused(Exception):
    """No such workspace can be made or removed; the message is a sentence."""


class Workspaces(Protocol):
    """Makes and removes folders that agents and gates work in. The host runs no git inside them."""

    async def make(self, path: Path, commit: CommitId, branch: str | None = None) -> Workspace:
        """An own clone with shared read-only objects; `commit` must be pinned before.

        Raises WorkspaceRefused when something is at `path`, or when there is no such commit.
        """
        ...

    async def remove(self, path: Path) -> None:
        """Only what `make` made; whatever was worth keeping is the caller's to rescue first.

        Safe to repeat until it succeeded. Raises WorkspaceRefused for any other folder.
        """
        ...

    async def made(self) -> tuple[Path, ...]:
        """Every workspace of this repository that still stands, wherever its maker died."""
        ...

    async def hide(self, pattern: str) -> None:
        """Keep such paths out of the person's `git status`, in a file that is not tracked."""
        ...


# --- what is in the repository --------------------------------------------------------------------


class ChangedPath(msgspec.Struct, frozen=True):
    """One path that differs between two trees; None: it is not there. Modes are git's, in octal."""

    path: str
    old: str | None
    new: str | None
    old_mode: str
    new_mode: str


class Merged(msgspec.Struct, frozen=True):
    """Both sides went together; the tree is in the repository."""

    tree: str


class Clash(msgspec.Struct, frozen=True):
    """Both sides changed these paths in ways that do not go together; `detail` is for authors."""

    paths: tuple[str, ...]
    detail: str


class Signature(msgspec.Struct, frozen=True):
    """Who stands in a commit as its author or committer."""

    name: str
    email: str


class CommitWish(msgspec.Struct, frozen=True):
    """A commit to be made: no file is touched and no ref moves."""

    tree: str
    parents: tuple[CommitId, ...]
    message: str
    author: Signature
    at: datetime


class PackRefused(Exception):
    """What an agent brought cannot be taken in; the message says why and never quotes a secret."""


PINS_AT_ONCE_MAX: Final = 200
"""How many pins one call may move; whoever clears away more does it in several calls."""


class Trees(Protocol):
    """Objects, merges and pins. Runs no hook, filter, merge driver or signing, whoever set them.

    A pin is a ref under `refs/interlock/`; what is pinned survives a collection of garbage.

    What is so for ever may be answered from memory (`tree_of`, `changed`, a true `is_ancestor`),
    so these prove that a commit is whole only when it was made by `commit` since they were last
    asked. `has` looks every time.
    """

    async def head_of(self, branch: str) -> CommitId | None: ...

    async def tree_of(self, commit: CommitId) -> str: ...

    async def has(self, commit: CommitId) -> bool: ...

    async def take_in(self, pack: Path, head: CommitId, pin: str) -> None:
        """Read a pack that came out of a box; raises PackRefused and leaves nothing of it then.

        Strictly, bounded in size, connected to what is there already, no nested repositories, no
        look-alikes of `.git`, no links that lead out.
        """
        ...

    async def changed(self, old: CommitId, new: CommitId) -> tuple[ChangedPath, ...]:
        """Every path that differs, without guessing at renames."""
        ...

    async def patch(self, old: CommitId, new: CommitId) -> bytes: ...

    async def merge(self, ours: CommitId, theirs: CommitId) -> Merged | Clash:
        """Three-way, from where they parted."""
        ...

    async def commit(self, wish: CommitWish) -> CommitId:
        """Made with the author named and Interlock as committer; the same wish, the same commit."""
        ...

    async def pin(self, name: str, commit: CommitId) -> None: ...

    async def unpin(self, name: str) -> None: ...

    async def move_pins(self, pins: Mapping[str, CommitId | None]) -> None:
        """All of them or none, at most PINS_AT_ONCE_MAX; None: the pin goes, if it is there."""
        ...

    async def pin_of(self, name: str) -> CommitId | None:
        """Where this one stands, looked up right now; None: there is no such pin."""
        ...

    async def pins(self, *prefixes: str) -> dict[str, CommitId]:
        """Those whose names begin with one of these; none named: all."""
        ...

    async def is_ancestor(self, older: CommitId, younger: CommitId) -> bool: ...

    async def read(self, commit: CommitId, path: str) -> bytes | None:
        """The content of one file, or None where there is no such file."""
        ...

    async def message(self, commit: CommitId) -> str: ...


# --- the target -----------------------------------------------------------------------------------


class Pushed(msgspec.Struct, frozen=True):
    """The remote took it, or says that its branch stands elsewhere (`moved_to`)."""

    taken: bool
    moved_to: CommitId | None = None


class Target(Protocol):
    """The branch that stays green, here and on its remote."""

    async def advance(self, branch: str, new: CommitId, old: CommitId) -> bool:
        """Compare and swap; False when it stands elsewhere by now."""
        ...

    async def push(self, remote: str, branch: str, new: CommitId, old: CommitId) -> Pushed:
        """With a lease on `old`; raises PartLost when the remote does not answer."""
        ...

    async def fetch(self, remote: str, branch: str) -> CommitId | None:
        """Where the remote's branch stands; its commits are here afterwards."""
        ...

    async def bring_forward(self, branch: str, old: CommitId, new: CommitId) -> str:
        """Clean checkouts of the branch follow; a sentence for the person where one was left alone.

        Safe to repeat, also after a crash between the landing and this.
        """
        ...


# --- what kind of repository is this? -------------------------------------------------------------


class Suitability(msgspec.Struct, frozen=True):
    """Whether runs are possible here. Refusals and remarks are sentences with a next step."""

    refusals: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class Inspector(Protocol):
    """Looks at what is unusual about a repository before anything is started in it."""

    async def inspect(self, place: RepositoryPlace, branch: str) -> Suitability: ...


# --- who wrote this line? -------------------------------------------------------------------------


class Carrier(msgspec.Struct, frozen=True):
    """The merge that brought somebody's commit onto a branch."""

    commit: CommitId
    message: str


class BlamedLine(msgspec.Struct, frozen=True):
    """The commit that a line comes from; `text` is None when the whole file was asked about.

    `carrier` is there when the commit came with a merge and is no step of the branch itself.
    """

    commit: CommitId
    text: str | None
    author: str
    at: datetime
    message: str
    carrier: Carrier | None = None


class Blame(Protocol):
    """Asks history, never the files in a checkout. Runs no program that a repository names."""

    async def blame(self, branch: str, path: str, line: int | None) -> BlamedLine | None:
        """Where the line comes from (None: the newest change of the file); None: there is none."""
        ...
