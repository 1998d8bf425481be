"""From the log back to the picture: the newest snapshot, then everything after it.

A snapshot holds runs, workers and tasks; the indexes are rebuilt from them, so that a wrong index
can never be preserved. It may be deleted at any time: it only saves time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import asdict, replace
from rpds import HashTrieMap

from interlock.domain.goal import Goal
from interlock.domain.ids import BlobId, CommandId, CommitId, RepoId, RunId, TaskId
from interlock.domain.plan import AffinityRule
from interlock.domain.run import RunLimits, RunStatus
from interlock.engine.ports import EventLog, Recorded, Snapshot, Snapshots
from interlock.flows.run.indexes import reindexed
from interlock.flows.run.pictures import (
    GivenCommand,
    GroupPicture,
    Happened,
    PlanePicture,
    RunPicture,
    WorkerPicture,
    empty,
)
from interlock.flows.run.state import fold, groups_after
from interlock.flows.task.picture import TaskPicture

FORMAT: Final = "plane-2"
"""Changes with the pictures; a snapshot of another format is ignored, not guessed."""

PAGE: Final = 2_000


class _RunCopy(msgspec.Struct, frozen=True):
    """A run without what follows from its tasks."""

    id: RunId
    repo_id: RepoId
    goal: Goal
    plan: BlobId
    limits: RunLimits
    tasks: int
    affinity: tuple[AffinityRule, ...]
    started_at: datetime
    groups: tuple[GroupPicture, ...]
    planned: bool
    paused: bool
    status: RunStatus
    reasons: tuple[str, ...]
    ended_at: datetime | None
    settings: BlobId | None
    target: str
    base: CommitId | None
    source: str
    version: int


class _PlaneCopy(msgspec.Struct, frozen=True):
    """The picture without its indexes."""

    repo_id: RepoId
    runs: tuple[_RunCopy, ...]
    tasks: tuple[TaskPicture, ...]
    workers: tuple[WorkerPicture, ...]
    active_runs: tuple[RunId, ...]
    ended_runs: tuple[RunId, ...]
    p0: tuple[TaskId, ...]
    p0_since: datetime | None
    landed_at: datetime | None
    heads: dict[str, CommitId]
    paused: str
    stopped: str
    lost_part: str
    commands: tuple[GivenCommand, ...]
    answered: tuple[CommandId, ...]
    versions: dict[str, int]
    position: int


_SIMPLE: Final = (
    "repo_id", "active_runs", "ended_runs", "p0", "p0_since", "landed_at",
    "paused", "stopped", "lost_part", "commands", "answered", "position",
)  # fmt: skip


def snapshot_of(plane: PlanePicture) -> Snapshot:
    copy = _PlaneCopy(
        runs=tuple(_copy_of(plane.runs[run_id]) for run_id in sorted(plane.runs)),
        tasks=tuple(plane.tasks[task_id] for task_id in sorted(plane.tasks)),
        workers=tuple(plane.workers[worker_id] for worker_id in sorted(plane.workers)),
        heads=dict(sorted(plane.heads.items())),
        versions=dict(sorted(plane.versions.items())),
        **{name: getattr(plane, name) for name in _SIMPLE},
    )
    return Snapshot(plane.position, FORMAT, msgspec.msgpack.encode(copy))


def _copy_of(run: RunPicture) -> _RunCopy:
    groups = tuple(run.groups[group] for group in sorted(run.groups))
    names = [name for name in _RunCopy.__struct_fields__ if name != "groups"]
    return _RunCopy(groups=groups, **{name: getattr(run, name) for name in names})


def picture_of(snapshot: Snapshot) -> PlanePicture:
    copy = msgspec.msgpack.decode(snapshot.data, type=_PlaneCopy)
    idle = (replace(worker, holds=()) for worker in copy.workers)
    plane = PlanePicture(
        runs=HashTrieMap({run.id: _run_of(run) for run in copy.runs}),
        workers=HashTrieMap({worker.id: worker for worker in idle}),
        free=tuple(sorted(w.id for w in copy.workers if w.online and w.capacity > 0)),
        heads=HashTrieMap(copy.heads),
        versions=HashTrieMap(copy.versions),
        **{name: getattr(copy, name) for name in _SIMPLE},
    )
    return reindexed(plane, copy.tasks)


def _run_of(copy: _RunCopy) -> RunPicture:
    fields = asdict(copy) | {
        "groups": HashTrieMap({group.id: group for group in copy.groups}),
        "groups_after": groups_after(copy.groups),
    }
    return RunPicture(**fields)


def happened(event: Recorded) -> Happened:
    return Happened(event.stream, event.version, event.at, event.actor, event.fact)


async def read_picture(log: EventLog, snapshots: Snapshots | None, repo_id: RepoId) -> PlanePicture:
    """The picture at the end of the log."""
    snapshot = None if snapshots is None else await snapshots.load(snapshot_name(repo_id))
    usable = snapshot is not None and snapshot.format == FORMAT
    plane = picture_of(snapshot) if snapshot is not None and usable else empty(repo_id)
    return await catch_up(log, plane)


async def catch_up(log: EventLog, plane: PlanePicture) -> PlanePicture:
    """Fold everything after the picture's position."""
    while events := await log.read(plane.position, PAGE):
        for event in events:
            plane = fold(plane, happened(event))
        plane = replace(plane, position=events[-1].position)
    return plane


def snapshot_name(repo_id: RepoId) -> str:
    return f"plane/{repo_id}"
