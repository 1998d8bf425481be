"""What is asked of version control before anything runs: where is the repository, and which one?"""

from pathlib import Path
from typing import Protocol

import msgspec

from interlock.domain.ids import RepoId


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
