"""Where a repository is, asked of git itself, and its identity, kept in its own configuration.

The identity stands in the shared configuration (`interlock.repoid`): linked worktrees have it in
common, a clone begins without one, and it outlives the store. On a second control node of the same
repository it is set by hand: `git config interlock.repoid ID`.
"""

import asyncio
import re
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from interlock.adapters.git.program import PART, Said, git
from interlock.domain.ids import RepoId
from interlock.engine.errors import PartLost
from interlock.repository.ports import NotARepository, RepositoryPlace

KEY: Final = "interlock.repoid"
TRIES_MAX: Final = 50
PAUSE_SECONDS: Final = 0.02

_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_QUESTIONS: Final = (
    "--path-format=absolute",
    "--git-dir",
    "--git-common-dir",
    "--is-bare-repository",
    "--is-shallow-repository",
    "--show-object-format",
    "--show-toplevel",
)
"""The last one has no answer in a bare repository; those before it are printed all the same."""

_ANSWERS: Final = 5
_NOTHING_SET: Final = 1
"""The exit code of `git config` for a key that is not there."""


class GitRepositories:
    """`Repositories` by asking the git program."""

    async def version(self) -> str:
        said = await git("--version")
        return said.out.strip().removeprefix("git version ")

    async def find(self, path: Path) -> RepositoryPlace | NotARepository:
        said = await git("rev-parse", *_QUESTIONS, at=path)
        answers = said.out.splitlines()
        if len(answers) < _ANSWERS:
            return _not_usable(path, said)
        git_dir, common_dir, bare, shallow, object_format = answers[:_ANSWERS]
        is_bare = bare == "true"
        root = common_dir if is_bare else next(iter(answers[_ANSWERS:]), git_dir)
        place = RepositoryPlace(
            root=Path(root),
            common_dir=Path(common_dir),
            bare=is_bare,
            linked=git_dir != common_dir,
            shallow=shallow == "true",
            object_format=object_format,
        )
        return replace(place, repo_id=await _identity_of(place))

    async def identify(self, place: RepositoryPlace, proposed: RepoId) -> RepoId:
        """Git adds under a lock and all see the same order, so whoever came first has named it."""
        for _ in range(TRIES_MAX):
            known = await _identity_of(place)
            if known is not None:
                return known
            said = await git("config", "--local", "--add", KEY, proposed, at=place.common_dir)
            if said.code and "could not lock" not in said.err:
                mend = f"Make the git configuration in {place.common_dir} writable"
                raise PartLost(PART, said.complaint, mend)
            if said.code:
                await asyncio.sleep(PAUSE_SECONDS)
        raise PartLost(
            PART,
            f"the configuration in {place.common_dir} stays locked",
            "Remove config.lock there if no git command is running",
        )


async def _identity_of(place: RepositoryPlace) -> RepoId | None:
    said = await git("config", "--local", "--get-all", KEY, at=place.common_dir)
    if said.code == _NOTHING_SET:
        return None
    if said.code:
        raise PartLost(PART, said.complaint, f"Mend the git configuration in {place.common_dir}")
    first = said.out.splitlines()[0]
    if _ID.fullmatch(first) is None:
        detail = f"{KEY} in its configuration is {first!r}, which is no identity"
        raise PartLost(PART, detail, f"Put the right one back with `git config {KEY} ID`")
    return RepoId(first)


def _not_usable(path: Path, said: Said) -> NotARepository:
    if not path.exists():
        return NotARepository(f"there is no folder {path}", "Name a folder that exists")
    if "dubious ownership" in said.err:
        return NotARepository(
            f"git does not trust the repository at {path}, because it belongs to another user",
            f"If you trust it: git config --global --add safe.directory {path}",
        )
    if "not a git repository" in said.err:
        return NotARepository(
            f"{path} is not in a git repository",
            "Go to one, or make one with `git init`",
        )
    return NotARepository(
        f"git cannot use the repository at {path}: {said.complaint}",
        "Mend it until `git status` works there",
    )
