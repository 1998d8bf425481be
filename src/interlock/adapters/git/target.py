"""The branch that stays green: moved by compare and swap, pushed with a lease, no hook run."""

import hashlib
import os
import re
from pathlib import Path
from typing import Final

from interlock.adapters.git.checkouts import Checkouts
from interlock.adapters.git.locks import OwnLocks
from interlock.adapters.git.loose import where
from interlock.adapters.git.program import PART, Answer, Bounds
from interlock.adapters.git.stays import MOVED, Moves
from interlock.adapters.git.surroundings import Surroundings
from interlock.adapters.git.trees import checked
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.ports import Pushed, RepositoryPlace

REMOTES: Final = "refs/interlock/remote/"
NETWORK_SECONDS_MAX: Final = 300.0

_REASON: Final = "interlock: land"
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")
_MOVED: Final = ("(stale info)", "(fetch first)", "(failed to update ref)")


class GitTarget:
    """`Target` of one repository; `store` is the folder for what git needs on our side.

    With `stay` the branch is moved by a git that stays, until `close`.
    """

    def __init__(self, place: RepositoryPlace, store: Path, *, stay: bool = False) -> None:
        self._git = Surroundings(place, store)
        self._stay, self._moves = stay, Moves(self._git, _REASON)
        self._locks = OwnLocks(self._git)
        self._checkouts = Checkouts(self._git, self._locks)

    async def close(self) -> None:
        await self._moves.close()

    async def advance(self, branch: str, new: CommitId, old: CommitId) -> bool:
        ref = f"refs/heads/{branch}"
        move = os.fsencode(f"update {ref}\0{checked(new)}\0{checked(old)}")
        if "\0" in branch:
            raise PartLost(PART, f"{branch[:80]!r} is no name for a branch", "Name another one")
        async with self._locks.on_ref(ref):
            answer = await self._moves.move([move], [new], stay=self._stay)
        if answer.code == 0 and answer.out == MOVED:
            return True
        if await where(self._git, ref) != old:
            return False
        raise PartLost(PART, f"{ref} cannot be moved: {answer.complaint}", _mend(answer))

    async def push(self, remote: str, branch: str, new: CommitId, old: CommitId) -> Pushed:
        ref = f"refs/heads/{branch}"
        options = ("--porcelain", "--no-verify", "--no-signed", "--no-follow-tags")
        lease = f"--force-with-lease={ref}:{checked(old)}"
        what = ("--recurse-submodules=no", lease, "--", remote, f"{checked(new)}:{ref}")
        answer = await self._reach("push", *options, *what)
        if answer.code == 0:
            return Pushed(taken=True)
        line = next((line for line in answer.text.splitlines() if line.startswith("!")), "")
        if not line.endswith(_MOVED):
            raise _unreachable(remote, line.rpartition("\t")[2] or answer.complaint)
        moved_to = await self.fetch(remote, branch)
        return Pushed(taken=moved_to == new, moved_to=None if moved_to == new else moved_to)

    async def fetch(self, remote: str, branch: str) -> CommitId | None:
        kept = f"{REMOTES}{_folder_of(remote)}/{branch}"
        options = ("--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-prune")
        alone = ("--no-recurse-submodules", "--refmap=", "--quiet")
        async with self._locks.on_ref(kept):
            answer = await self._reach(
                "fetch", *options, *alone, "--", remote, f"+refs/heads/{branch}:{kept}"
            )
        if b"couldn't find remote ref" in answer.err:
            return None
        if answer.code:
            raise _unreachable(remote, answer.complaint)
        return await where(self._git, kept)

    async def bring_forward(self, branch: str, old: CommitId, new: CommitId) -> str:
        return await self._checkouts.bring_forward(branch, checked(old), checked(new))

    async def _reach(self, *words: str) -> Answer:
        """As the person would; there is no terminal and no window on which git could ask."""
        return await self._git.as_person(*words, bounds=Bounds(seconds=NETWORK_SECONDS_MAX))


def _folder_of(remote: str) -> str:
    """A name stands for itself; an address is no part of a ref's name."""
    if _PLAIN.fullmatch(remote):
        return remote
    return f"at-{hashlib.sha256(remote.encode()).hexdigest()[:16]}"


def _unreachable(remote: str, detail: str) -> PartLost:
    return PartLost(
        f"the remote {_without_secret(remote)}",
        _without_secret(detail),
        "Try `git fetch` by hand; what landed here stays, and is pushed when it answers again",
    )


def _without_secret(text: str) -> str:
    """Addresses may carry a name and a password."""
    return re.sub(r"://[^/@\s]+@", "://...@", text)


def _mend(answer: Answer) -> str:
    if b".lock" in answer.err:
        return "Remove the lock if no other git is at work"
    return "Look at the repository with `git fsck`"
