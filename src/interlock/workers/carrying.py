"""Goes on with work that waited for an answer: what was done until then, on the target of today."""

from datetime import datetime

from interlock.domain.ids import CommitId
from interlock.repository.ports import CommitWish, Merged, Signature, Trees
from interlock.workers.sites import Parked

_WHO = Signature("Interlock", "interlock@localhost")


async def carried_over(
    trees: Trees, base: CommitId, parked: Parked | None, at: datetime
) -> tuple[CommitId, str]:
    """The commit to begin with, and a sentence for the agent where its earlier work is not in it.

    One commit on top of `base`, so that the change is what lies between the two.
    """
    if parked is None or parked.head is None or not await trees.has(parked.head):
        return base, ""
    merged = await trees.merge(base, parked.head)
    if not isinstance(merged, Merged):
        paths = ", ".join(merged.paths[:5])
        return base, (
            "What was done before the question is not in the workspace: meanwhile the target "
            f"changed the same places ({paths}). It is kept as commit {parked.head}."
        )
    if merged.tree == await trees.tree_of(base):
        return base, ""
    wish = CommitWish(merged.tree, (base,), "Work until the question", _WHO, at)
    return await trees.commit(wish), ""
