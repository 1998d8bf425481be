"""The pictures of everything one plane acts on: runs, groups, workers, and what holds them up.

Pictures are frozen; the maps inside share structure (a new one costs a few microseconds whatever
its size), so a draft can be thrown away by keeping the old picture. Their order depends on the
process: whoever needs an order sorts, or uses the tuples, which are kept sorted.
"""

from __future__ import annotations  # the persistent maps cannot be subscripted at run time

from datetime import datetime
from typing import Final

import msgspec
from rpds import HashTrieMap

from interlock.domain.actor import Actor
from interlock.domain.command import Command
from interlock.domain.facts.base import Fact
from interlock.domain.goal import Goal
from interlock.domain.group import GroupStatus, StageFailure
from interlock.domain.ids import (
    BlobId,
    CommandId,
    CommitId,
    GroupId,
    RepoId,
    RunId,
    TaskId,
    WorkerId,
)
from interlock.domain.plan import AffinityRule
from interlock.domain.run import RunLimits, RunStatus
from interlock.domain.task import TaskStatus
from interlock.domain.worker import WorkerType
from interlock.flows.task.picture import TaskPicture

ReadyKey = tuple[int, float, datetime, int, TaskId]
"""Smallest first: aged priority, longest remaining path, longest wait, place in the plan."""

FULL: Final = 100
"""Percent at which a dependency means landed, not merely far enough."""

NO_GROUP: Final = GroupId(-1)


class Want(msgspec.Struct, frozen=True, order=True):
    """What a ready task asks of a worker; tasks that want the same stand in one queue."""

    run_id: RunId
    agent: str
    skills: tuple[str, ...]
    group: GroupId = NO_GROUP


class GroupPicture(msgspec.Struct, frozen=True):
    """One stage group of a run."""

    id: GroupId
    stages: tuple[TaskId, ...]
    depends_on: tuple[GroupId, ...]
    parallel: bool
    status: GroupStatus = GroupStatus.PLANNED
    before: GroupStatus = GroupStatus.PLANNED
    report: tuple[StageFailure, ...] = ()


class RunPicture(msgspec.Struct, frozen=True):
    """One run: its plan's frame and the counts that its scheduling needs."""

    id: RunId
    repo_id: RepoId
    goal: Goal
    plan: BlobId
    limits: RunLimits
    tasks: int
    affinity: tuple[AffinityRule, ...]
    started_at: datetime
    groups: HashTrieMap[GroupId, GroupPicture]
    groups_after: HashTrieMap[GroupId, tuple[GroupId, ...]]
    task_ids: HashTrieMap[int, TaskId] = HashTrieMap()
    dependents: HashTrieMap[TaskId, tuple[TaskId, ...]] = HashTrieMap()
    full_dependents: HashTrieMap[TaskId, tuple[TaskId, ...]] = HashTrieMap()
    group_dependents: HashTrieMap[GroupId, tuple[TaskId, ...]] = HashTrieMap()
    counts: HashTrieMap[TaskStatus, int] = HashTrieMap()
    working_agents: HashTrieMap[str, int] = HashTrieMap()
    working_stages: int = 0
    planned: bool = False
    paused: bool = False
    status: RunStatus = RunStatus.CREATED
    reasons: tuple[str, ...] = ()
    ended_at: datetime | None = None
    settings: BlobId | None = None
    target: str = ""
    base: CommitId | None = None
    source: str = ""
    version: int = 1

    @property
    def ended(self) -> bool:
        return self.status in (RunStatus.COMPLETED, RunStatus.FAILED)

    def count(self, *statuses: TaskStatus) -> int:
        return sum(self.counts.get(status, 0) for status in statuses)


class WorkerPicture(msgspec.Struct, frozen=True):
    """One worker and the tasks it holds."""

    id: WorkerId
    type: WorkerType
    name: str
    agent: str
    capabilities: tuple[str, ...]
    capacity: int
    registered_at: datetime
    session: int = 0
    online: bool = True
    holds: tuple[TaskId, ...] = ()
    version: int = 1

    @property
    def free(self) -> bool:
        return self.online and len(self.holds) < self.capacity


ANY: Final = "*"
"""Stands for every agent and for every skill."""


def can_do(worker: WorkerPicture, agent: str, skills: tuple[str, ...]) -> bool:
    """People take what they choose; a worker of `*` drives every agent and has any skill."""
    if worker.type == "human" or worker.agent not in (ANY, agent):
        return False
    return ANY in worker.capabilities or set(skills) <= set(worker.capabilities)


class GivenCommand(msgspec.Struct, frozen=True):
    """A command that nobody answered yet."""

    id: CommandId
    command: Command
    actor: Actor


class PlanePicture(msgspec.Struct, frozen=True):
    """Everything. `versions` counts the streams that are neither a task, a run nor a worker.

    `stuck` are ready tasks that would fail the same way until the target moves; `landed_at` is when
    it last did, `heads` where each target was last seen.
    """

    repo_id: RepoId
    runs: HashTrieMap[RunId, RunPicture] = HashTrieMap()
    tasks: HashTrieMap[TaskId, TaskPicture] = HashTrieMap()
    workers: HashTrieMap[WorkerId, WorkerPicture] = HashTrieMap()
    unmet: HashTrieMap[TaskId, int] = HashTrieMap()
    ready: HashTrieMap[Want, tuple[ReadyKey, ...]] = HashTrieMap()
    leased: tuple[TaskId, ...] = ()
    frozen: tuple[TaskId, ...] = ()
    closing: tuple[TaskId, ...] = ()
    stuck: tuple[TaskId, ...] = ()
    landed_at: datetime | None = None
    heads: HashTrieMap[str, CommitId] = HashTrieMap()
    working: int = 0
    free: tuple[WorkerId, ...] = ()
    landing_queue: tuple[tuple[datetime, TaskId], ...] = ()
    merging: TaskId | None = None
    active_runs: tuple[RunId, ...] = ()
    ended_runs: tuple[RunId, ...] = ()
    p0: tuple[TaskId, ...] = ()
    p0_since: datetime | None = None
    p0_waiting: tuple[TaskId, ...] = ()
    paused: str = ""
    stopped: str = ""
    lost_part: str = ""
    commands: tuple[GivenCommand, ...] = ()
    answered: tuple[CommandId, ...] = ()
    versions: HashTrieMap[str, int] = HashTrieMap()
    position: int = 0


def empty(repo_id: RepoId) -> PlanePicture:
    return PlanePicture(repo_id)


# --- streams --------------------------------------------------------------------------------------


def task_stream(task_id: TaskId) -> str:
    return f"task/{task_id}"


def run_stream(run_id: RunId) -> str:
    return f"run/{run_id}"


def worker_stream(worker_id: WorkerId) -> str:
    return f"worker/{worker_id}"


def plane_stream(repo_id: RepoId) -> str:
    return f"plane/{repo_id}"


def epoch_stream(repo_id: RepoId) -> str:
    return f"epoch/{repo_id}"


def command_stream(repo_id: RepoId) -> str:
    """What other processes ask; only they write here."""
    return f"command/{repo_id}"


def answer_stream(repo_id: RepoId) -> str:
    """What the plane answered; only it writes here."""
    return f"answer/{repo_id}"


def version_of(plane: PlanePicture, stream: str) -> int:
    """How many events of the stream are in the picture."""
    kind, _, name = stream.partition("/")
    match kind:
        case "task":
            task = plane.tasks.get(TaskId(name))
            return 0 if task is None else task.version
        case "run":
            run = plane.runs.get(RunId(name))
            return 0 if run is None else run.version
        case "worker":
            worker = plane.workers.get(WorkerId(name))
            return 0 if worker is None else worker.version
        case _:
            return plane.versions.get(stream, 0)


class Happened(msgspec.Struct, frozen=True):
    """A fact with what the fold needs of its envelope."""

    stream: str
    version: int
    at: datetime
    actor: Actor
    fact: Fact
