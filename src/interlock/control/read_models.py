"""The documents that faces show and print as JSON: a contract, extended and never renamed.

What nobody computes yet is `None`, never a default that looks like a measurement.
"""

from datetime import datetime
from typing import Literal

import msgspec

from interlock.domain.forecast import Spread
from interlock.domain.ids import BlobId, CommitId, GroupId, RunId, TaskId, TaskName, WorkerId
from interlock.domain.settings import Profile
from interlock.domain.worker import TaskHistory


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


class RestForecast(msgspec.Struct, frozen=True):
    """What is left of a run: minutes of work and gates, and what all of it will have cost.

    `not_counted` wait for a person, or for who does; waiting is in no number.
    """

    minutes: Spread
    cost_usd: Spread | None
    spent_usd: float | None
    tasks_left: int
    not_counted: tuple[TaskName, ...]
    basis: tuple[str, ...]


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
    forecast: RestForecast | None = None


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


class BoxSeen(msgspec.Struct, frozen=True):
    """The kind of box that work happens in here and what it cannot hold; no name: none starts.

    `lent` are the agents that work in it with a copy of a person's own log-in.
    """

    name: str | None
    lacks: tuple[str, ...] = ()
    lent: tuple[str, ...] = ()


class Status(msgspec.Struct, frozen=True):
    """The dashboard at one moment: the newest runs last, tasks in the order of their plans.

    `box` is null where a store was named by its path: nothing works there.
    """

    at: datetime
    repository: str | None
    store: str
    profile: Profile
    events: int
    plane: PlaneRow
    runs: tuple[RunRow, ...]
    tasks: tuple[TaskRow, ...]
    workers: tuple[WorkerRow, ...]
    box: BoxSeen | None = None


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


# --- tasks, people and reviews --------------------------------------------------------------------


class Reply(msgspec.Struct, frozen=True):
    """What became of one wish. Unanswered: it stands in the log, and the next plane answers it."""

    of: str
    answer: Literal["accepted", "refused", "unanswered"]
    sentence: str
    run: RunId | None = None


class Replies(msgspec.Struct, frozen=True):
    """One answer per wish, in the order in which they were asked."""

    replies: tuple[Reply, ...]

    @property
    def all_accepted(self) -> bool:
        return all(reply.answer == "accepted" for reply in self.replies)


class TaskCard(TaskRow, frozen=True):
    """A task as a list of tasks shows it: its row, and what it asks of a worker."""

    estimate_minutes: float | None = None
    files: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()


class TaskList(msgspec.Struct, frozen=True):
    """The tasks asked for, in the order of their plans; `hidden` others have ended."""

    tasks: tuple[TaskCard, ...]
    hidden: int = 0


class AttemptCard(msgspec.Struct, frozen=True):
    """One attempt and what became of it: running until it ended, landed once it is on the target.

    `log` names the blob of what was written when it went wrong, else of what the worker wrote.
    """

    number: int
    agent: str
    outcome: str
    reason: str
    log: BlobId | None
    worker: WorkerId
    started_at: datetime
    ended_at: datetime | None = None
    base: CommitId | None = None
    branch: str = ""
    path: str = ""
    box: str = ""
    simulated: bool = False


class GateCard(msgspec.Struct, frozen=True):
    """What one gate said about the latest change of a task; `reused` from an equal tree."""

    name: str
    outcome: str
    detail: str
    tree: str
    seconds: float
    log: BlobId | None
    reused: bool


class EventCard(msgspec.Struct, frozen=True):
    """One event of a task's stream."""

    position: int
    at: datetime
    type: str
    actor: str
    data: dict[str, object]


class TaskShown(msgspec.Struct, frozen=True):
    """One task with its whole past; `next_step` is what a person can do about it now.

    `log_tail` holds the last lines of the log that says what went wrong, if anything did.
    """

    card: TaskCard
    description: str
    branch: str
    path: str
    base: CommitId | None
    attempts: tuple[AttemptCard, ...]
    gates: tuple[GateCard, ...]
    events: tuple[EventCard, ...]
    log: BlobId | None
    log_tail: tuple[str, ...]
    feedback: str
    review: str | None
    next_step: str

    def document(self) -> dict[str, object]:
        """As `run --json` knows it, with its past; `factors` stay null: nothing scores tasks."""
        more = {f: getattr(self, f) for f in self.__struct_fields__ if f != "card"}
        return {
            **msgspec.structs.asdict(self.card),
            **more,
            "gates": self.gates or None,
            "factors": None,
        }


class WorkerCard(WorkerRow, frozen=True):
    """A worker with what it did; `current_task` is the first of the tasks in its hands."""

    registered_at: datetime | None = None
    last_heartbeat: datetime | None = None
    current_task: str | None = None
    history: tuple[TaskHistory, ...] = ()

    def times(self, result: Literal["success", "failed", "abandoned"]) -> int:
        return sum(past.result == result for past in self.history)


class WorkerList(msgspec.Struct, frozen=True):
    """Everybody who ever joined or registered here."""

    workers: tuple[WorkerCard, ...]


class Claimed(msgspec.Struct, frozen=True):
    """How a claim went, and the place where the person works now if it went well."""

    reply: Reply
    task: TaskName
    worker: WorkerId
    branch: str = ""
    path: str = ""
    base: CommitId | None = None
    feedback: str = ""


class ReviewOption(msgspec.Struct, frozen=True):
    """One thing a person can decide."""

    name: str
    pros: tuple[str, ...]
    cons: tuple[str, ...]


class ReviewItem(msgspec.Struct, frozen=True):
    """One time a task came to a person. `short` also names it where no other task has its name.

    `plan` stays null: nothing writes plans for review yet. An item past its deadline is overdue
    and still pending.
    """

    id: str
    short: str
    task: TaskName
    task_id: TaskId
    run: RunId
    kind: Literal["review", "decision", "investigation"]
    about: Literal["start", "question", "permission", "budget", "failure", "change"]
    state: Literal["pending", "decided"]
    title: str
    question: str
    reason: str
    default: str
    options: tuple[ReviewOption, ...]
    estimated_minutes: int
    blocked_tasks: tuple[TaskName, ...]
    opened_at: datetime
    deadline: datetime
    overdue: bool
    files: tuple[str, ...] = ()
    decision: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    decided_reason: str | None = None
    plan: str | None = None


class ReviewList(msgspec.Struct, frozen=True):
    """What waits for a person, the oldest first."""

    items: tuple[ReviewItem, ...]
