"""The documents that faces show and print as JSON: a contract, extended and never renamed.

What nobody computes yet is `None`, never a default that looks like a measurement.
"""

from datetime import datetime
from typing import Literal

import msgspec

from interlock.domain.ids import GroupId, RunId, TaskId, TaskName, WorkerId
from interlock.domain.settings import Profile


class LogEntry(msgspec.Struct, frozen=True):
    """One event of the log; `data` is the fact exactly as it was stored."""

    position: int
    stream: str
    version: int
    type: str
    at: str
    actor: str
    via: str
    data: msgspec.Raw
    hash: str


class AuditReport(msgspec.Struct, frozen=True):
    """Whether the history is as it was written. `head` can be kept elsewhere and compared later."""

    events: int
    ok: bool
    first_broken: str | None
    head: str


class TaskRow(msgspec.Struct, frozen=True):
    """One task as people see it; `id` is its name in the plan, `task_id` its global identity."""

    id: TaskName
    title: str
    state: str
    tier: str | None
    score: int | None
    attempts: int
    commit: str | None
    landed_at: datetime | None
    waits_for: str | None
    task_id: TaskId
    run: RunId
    group: GroupId | None
    agent: str
    priority: str
    depends_on: tuple[str, ...]
    worker: WorkerId | None
    percent: int
    activity: str | None
    since: datetime
    reason: str
    gates: tuple[str, ...] | None = None
    cost_usd: float | None = None
    tokens: int | None = None


class GroupRow(msgspec.Struct, frozen=True):
    """One stage group of a run."""

    id: GroupId
    state: str
    stages: tuple[TaskName, ...]
    depends_on: tuple[GroupId, ...]
    parallel: bool


class RunRow(msgspec.Struct, frozen=True):
    """One run and how many of its tasks stand where; `waiting` means: for a person."""

    run: RunId
    goal: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    tasks: int
    counts: dict[str, int]
    groups: tuple[GroupRow, ...]
    reasons: tuple[str, ...]


class WorkerRow(msgspec.Struct, frozen=True):
    """One worker and the tasks in its hands."""

    id: WorkerId
    name: str
    type: str
    agent: str
    state: Literal["available", "busy", "offline"]
    holds: tuple[str, ...]
    capacity: int
    capabilities: tuple[str, ...]


class PlaneRow(msgspec.Struct, frozen=True):
    """Whether a process acts on this repository now, and what keeps it from starting new work."""

    running: bool
    holder: str | None
    paused: str | None
    stopped: str | None
    lost: str | None
    p0: tuple[TaskName, ...]
    unanswered_commands: int


class Status(msgspec.Struct, frozen=True):
    """The dashboard at one moment: the newest runs last, tasks in the order of their plans."""

    at: datetime
    repository: str | None
    store: str
    profile: Profile
    events: int
    plane: PlaneRow
    runs: tuple[RunRow, ...]
    tasks: tuple[TaskRow, ...]
    workers: tuple[WorkerRow, ...]


class PlanSeen(msgspec.Struct, frozen=True):
    """A plan that was looked at: its dry run, or its faults; as a document and in words."""

    accepted: bool
    document: dict[str, object]
    text: str


CheckState = Literal["ok", "warning", "broken"]


class Check(msgspec.Struct, frozen=True):
    """One line of the doctor: what was looked at, what was found, what to do next."""

    name: str
    state: CheckState
    found: str
    next_step: str = ""


class Checkup(msgspec.Struct, frozen=True):
    """Everything the doctor looked at; `exit_code` is what the command ends with."""

    ok: bool
    exit_code: int
    checks: tuple[Check, ...]
