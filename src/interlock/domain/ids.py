"""Identities as distinct types, so that a task's name can never stand where its identity must."""

from typing import NewType

RepoId = NewType("RepoId", str)
"""One repository, for ever: stands in run, task and change from the first fact on."""

RunId = NewType("RunId", str)
TaskId = NewType("TaskId", str)
"""The global identity of a task: streams, refs, branches and workspace paths use it."""

TaskName = NewType("TaskName", str)
"""What a plan calls a task: unique within its run only."""

GroupId = NewType("GroupId", int)
WorkerId = NewType("WorkerId", str)
CommandId = NewType("CommandId", str)
LeaseId = NewType("LeaseId", str)
BlobId = NewType("BlobId", str)
"""The SHA-256 of the content, in hex: equal content has one identity."""

CommitId = NewType("CommitId", str)
Token = NewType("Token", int)
"""A fencing token: it only grows, and whoever shows an older one is refused."""


def task_id_of(run_id: RunId, name: TaskName) -> TaskId:
    """Two processes that submit the same plan entry must arrive at the same task."""
    return TaskId(f"{run_id}-{name}")


def lease_id_of(task_id: TaskId, token: Token) -> LeaseId:
    return LeaseId(f"{task_id}@{token}")
