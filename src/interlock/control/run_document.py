"""The document of one run: what `run --json` and `report --json` print, extended, never renamed.

What nobody computes yet is null, never a default that looks like a measurement.
"""

from datetime import datetime
from typing import Literal

import msgspec

from interlock.domain.forecast import RunForecast
from interlock.domain.ids import BlobId, CommitId, RunId, TaskId, TaskName, WorkerId
from interlock.domain.usage import Usage


class TargetSeen(msgspec.Struct, frozen=True):
    """The branch, where it stood when the run began and where it was last seen."""

    branch: str | None
    base: CommitId | None
    head: CommitId | None


class GateSeen(msgspec.Struct, frozen=True):
    """What one gate said about the newest change of a task; could-not-run is `error`."""

    name: str
    outcome: str
    detail: str
    attempt: int
    seconds: float
    reused: bool
    log: BlobId | None


class TrySeen(msgspec.Struct, frozen=True):
    """One attempt. No outcome: it still runs. `reason` is why it did not do."""

    number: int
    agent: str
    worker: WorkerId
    outcome: str | None
    reason: str
    log: BlobId | None
    started_at: datetime
    seconds: float | None
    box: str | None
    simulated: bool
    by_hand: bool
    denied_hosts: tuple[str, ...]


class DecisionSeen(msgspec.Struct, frozen=True):
    """What a person decided about a task, and in which words."""

    at: datetime
    actor: str
    what: str
    reason: str


class TaskSeen(msgspec.Struct, frozen=True):
    """One task of the run."""

    id: TaskName
    title: str
    state: str
    tier: str | None
    score: int | None
    attempts: int
    commit: CommitId | None
    landed_at: datetime | None
    waits_for: str | None
    gates: tuple[GateSeen, ...]
    cost_usd: float | None
    tokens: int | None
    task_id: TaskId
    agent: str
    reason: str
    judgement: str | None
    tries: tuple[TrySeen, ...]
    decisions: tuple[DecisionSeen, ...]
    outside: tuple[str, ...]
    note: str
    usage: Usage | None = None


class ReviewItemSeen(msgspec.Struct, frozen=True):
    """Something that only a person can move; `short` names it where no other task is called so."""

    id: str
    short: str
    task: TaskName
    kind: Literal["review", "decision", "investigation"]
    reason: str
    since: datetime


class Metrics(msgspec.Struct, frozen=True):
    """Numbers of the run, each computed from recorded times; null where nobody knows."""

    wall_seconds: float
    sequential_seconds: float
    parallel_efficiency: float | None
    overhead_seconds_p95: float | None
    conflicts_predicted: int | None
    conflicts_met: int
    reworks: int
    gate_runs: int
    red_target_seconds: float | None


class ForecastSeen(msgspec.Struct, frozen=True):
    """What was expected when the run was asked for, and what it has come to since.

    `came` says where the time of a finished run lies. `changed`: the plan was changed afterwards.
    """

    expected: RunForecast
    minutes: float
    cost_usd: float | None
    conflicts: int
    came: Literal["within_p50", "within_p80", "beyond_p80"] | None
    changed: bool


class RunReport(msgspec.Struct, frozen=True):
    """The whole run. `audit` is the head of the log that this was read from."""

    run: RunId
    goal: str
    state: str
    target: TargetSeen
    tasks: tuple[TaskSeen, ...]
    review: tuple[ReviewItemSeen, ...]
    metrics: Metrics
    started_at: datetime
    ended_at: datetime | None
    asked_by: str | None
    reasons: tuple[str, ...]
    settings_digest: str | None
    boxes: tuple[str, ...]
    simulated: bool
    denied_hosts: tuple[str, ...]
    notes: tuple[str, ...]
    audit: str
    forecast: ForecastSeen | None = None
