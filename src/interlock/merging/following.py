"""The local branch follows the remote: forward only, and never over commits that only it has."""

from typing import Final

import msgspec

from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.ports import Target, Trees

SWAPS_MAX: Final = 10


class Parted(msgspec.Struct, frozen=True):
    """The branch has commits that the remote does not have, and the other way round."""


class Following:
    """Moves the local branch to what the remote has; checkouts are brought forward afterwards."""

    def __init__(self, trees: Trees, target: Target) -> None:
        self._trees, self._target = trees, target

    async def follow(self, branch: str, theirs: CommitId) -> Parted | None:
        """Afterwards the branch has all that the remote has. Safe to repeat."""
        for _ in range(SWAPS_MAX):
            head = await self._trees.head_of(branch)
            if head is None:
                raise PartLost(
                    "the target", f"there is no branch {branch} any more", "Make it anew and go on"
                )
            if head == theirs:
                return None
            if not await self._trees.is_ancestor(head, theirs):
                behind = await self._trees.is_ancestor(theirs, head)
                return None if behind else Parted()
            if await self._target.advance(branch, theirs, head):
                return None
        raise PartLost(
            "the target",
            f"{branch} was moved by somebody else {SWAPS_MAX} times in a row",
            "Look who moves it, and go on",
        )
