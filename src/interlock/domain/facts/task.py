"""Facts about a task's way through the house; they live in the stream of the task."""

from datetime import datetime
from enum import StrEnum

from interlock.domain.facts.base import Fact
from interlock.domain.ids import BlobId, GroupId, RepoId, RunId, TaskId
from interlock.domain.task import PlannedTask, Priority, Tier


class TaskSubmitted(Fact, frozen=True):
    """A task exists. `remaining_minutes` is the longest path from its start to its run's end."""

    task_id: TaskId
    run_id: RunId
    repo_id: RepoId
    planned: PlannedTask
    index: int
    remaining_minutes: float
    group: GroupId | None = None


class TaskEdited(Fact, frozen=True):
    """Its author changed it before any work began."""

    planned: PlannedTask
    remaining_minutes: float


class TaskRouted(Fact, frozen=True):
    """Who may let it through was decided; no tier means that nothing scored it."""

    reason: str
    tier: Tier | None = None


class TaskMadeReady(Fact, frozen=True):
    """Nothing but a free worker is missing."""


class TaskSkipped(Fact, frozen=True):
    """Its condition is false, so it satisfies who depends on it without running."""

    reason: str


class TaskHeld(Fact, frozen=True):
    """It was queued for a person's review before any work."""

    reason: str


class TaskApproved(Fact, frozen=True):
    """A person let it go on, perhaps with modifications that its worker will read."""

    reason: str = ""
    modifications: str = ""


class TaskRejected(Fact, frozen=True):
    """A person decided against it for good."""

    reason: str


class TaskParked(Fact, frozen=True):
    """Its worker asked something only a person can answer and was freed meanwhile.

    `tool` is set where it asks for a permission, `cap` where it has reached what it may use.
    """

    question: str
    tool: str = ""
    cap: str = ""


class BudgetRaised(Fact, frozen=True):
    """A person gave the task as much again as that setting allows."""

    cap: str


class TaskAnswered(Fact, frozen=True):
    """A person answered the parked question."""

    answer: str


class Requeue(StrEnum):
    """Why a task goes back to ready; only the first three cost one of its attempts."""

    ATTEMPT_FAILED = "attempt_failed"
    GATE_FAILED = "gate_failed"
    LANDING_REFUSED = "landing_refused"
    WORKER_LOST = "worker_lost"
    INTERRUPTED = "interrupted"
    INFRASTRUCTURE = "infrastructure"
    ANSWERED = "answered"
    RELEASED = "released"


COSTLY = frozenset({Requeue.ATTEMPT_FAILED, Requeue.GATE_FAILED, Requeue.LANDING_REFUSED})
"""The causes that count against the attempts of a task."""


class TaskRequeued(Fact, frozen=True):
    """It is ready again, not before the given instant, with what the next attempt should know.

    `after_move`: the same attempt would fail the same way until the target has moved.
    """

    cause: Requeue
    not_before: datetime | None = None
    feedback: str = ""
    log: BlobId | None = None
    after_move: bool = False


class TaskFailed(Fact, frozen=True):
    """No attempt remains; a person may retry it."""

    reason: str
    error_class: str = ""
    log: BlobId | None = None


class TaskRetried(Fact, frozen=True):
    """A person gave it a fresh set of attempts."""

    reason: str = ""


class TaskPaused(Fact, frozen=True):
    """Its worker holds still for something more urgent; its lease lives on."""

    reason: str


class TaskResumed(Fact, frozen=True):
    """It goes on in the state it was paused in."""


class TaskCancelled(Fact, frozen=True):
    """A person ended it."""

    reason: str = ""


class TaskPrioritised(Fact, frozen=True):
    """A person changed how urgent it is."""

    priority: Priority
