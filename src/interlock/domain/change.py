"""A change set: what one attempt would do to the target."""

import msgspec

from interlock.domain.ids import BlobId, CommitId, RepoId, TaskId


class ChangeSet(msgspec.Struct, frozen=True):
    """Commits from `base` to `head` and the paths they touch; the patch itself is a blob."""

    repo_id: RepoId
    task_id: TaskId
    base: CommitId
    head: CommitId
    files: tuple[str, ...] = ()
    patch: BlobId | None = None
