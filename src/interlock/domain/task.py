"""A task: the smallest thing that is scheduled, with the fields people and imports know it by."""

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

import msgspec

from interlock.domain.ids import GroupId, RepoId, RunId, TaskId, TaskName, WorkerId


class TaskStatus(StrEnum):
    """The states a person sees; `domain/lifecycle.py` says how one leads to another."""

    PROPOSED = "proposed"
    BACKLOG = "backlog"
    AWAITING_REVIEW = "awaiting_review"
    BLOCKED_ON_HUMAN = "blocked_on_human"
    READY = "ready"
    CLAIMED = "claimed"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    REVIEW = "review"
    MERGING = "merging"
    DONE = "done"
    PAUSED = "paused"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    ROLLED_BACK = "rolled_back"


class Activity(StrEnum):
    """What goes on inside `in_progress`: told by the worker, never a state of the task."""

    EXPLORING = "exploring"
    DESIGN = "design"
    RED = "red"
    GREEN = "green"
    REFACTOR = "refactor"
    QUICK_FIX = "quick_fix"
    COMMIT = "commit"


class Priority(StrEnum):
    """One scale; p0 is a catastrophe and interrupts what runs."""

    P0 = "p0"
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Tier(StrEnum):
    """How sure we are of a task: who may let it through."""

    AUTO_PROCEED = "auto_proceed"
    QUEUE_FOR_REVIEW = "queue_for_review"
    HUMAN_REQUIRED = "human_required"


ESTIMATE_MINUTES_DEFAULT: Final = 30.0
"""What a task counts as when its author gave no estimate."""


class TaskKind(StrEnum):
    """What sort of work it is, in the plan's words."""

    CRUD = "crud"
    UI = "ui"
    TEST = "test"
    DOCS = "docs"
    REFACTOR = "refactor"
    FEATURE = "feature"
    FIX = "fix"
    SECURITY = "security"
    AUTH = "auth"
    PAYMENTS = "payments"
    ARCHITECTURE = "architecture"
    INFRA = "infra"
    DATA_DELETION = "data-deletion"
    DEPLOY = "deploy"
    BUDGET = "budget"
    BREAKING = "breaking"


class Dependency(msgspec.Struct, frozen=True, omit_defaults=True):
    """What must have come how far before the task may start; it lands only after all of it."""

    task: TaskName | None = None
    group: GroupId | None = None
    at: int = 100


Yield = Literal["change", "plan"]
"""What an attempt brings home: commits for the target, or a document that plans a goal."""


class PlannedTask(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a plan, as its author meant it; `tests_may_go`: it is there to remove tests.

    No plan file sets `yields`: an attempt at a plan only reads, and nothing of it lands.
    """

    id: TaskName
    title: str
    prompt: str = ""
    kind: TaskKind = TaskKind.FEATURE
    spec: str = ""
    files: tuple[str, ...] = ()
    depends_on: tuple[Dependency, ...] = ()
    priority: Priority = Priority.MEDIUM
    estimate_minutes: float | None = None
    agent: str = "default"
    skills: tuple[str, ...] = ()
    when: str | None = None
    gates: tuple[str, ...] = ()
    confidence: int | None = None
    tests_may_go: bool = False
    yields: Yield = "change"


class Task(msgspec.Struct, frozen=True):
    """The record of a task that faces show and imports bring, one flat document."""

    id: TaskName
    title: str
    status: TaskStatus = TaskStatus.BACKLOG
    task_id: TaskId | None = None
    run_id: RunId | None = None
    repo_id: RepoId | None = None
    issue_number: int | None = None
    description: str = ""
    estimated_duration: float | None = None
    priority: Priority = Priority.MEDIUM
    required_skills: tuple[str, ...] = ()
    assigned_worker: WorkerId | None = None
    claimed_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    affected_files: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    confidence: int | None = None
    activity: Activity | None = None
    attempts: int = 0
    waits_for: str | None = None
