"""The picture of one task: everything the decisions need to know about it."""

from datetime import datetime

import msgspec

from interlock.domain.attempt import Answered, Attempt
from interlock.domain.facts.change import ChangeJudged, LandingIntended
from interlock.domain.facts.task import Requeue
from interlock.domain.ids import BlobId, CommitId, GroupId, RepoId, RunId, TaskId, Token, WorkerId
from interlock.domain.lease import Lease
from interlock.domain.lifecycle import ENDED
from interlock.domain.result import Result
from interlock.domain.task import Activity, PlannedTask, Priority, TaskStatus, Tier
from interlock.domain.usage import Usage


class Asking(msgspec.Struct, frozen=True):
    """What the agent at work waits for; `answer` of None: nobody has answered yet."""

    id: str
    question: str
    answer: str | None = None
    tool: str = ""
    detail: str = ""


class TaskPicture(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything the decisions need to know about a task, and nothing they do not."""

    id: TaskId
    run_id: RunId
    repo_id: RepoId
    planned: PlannedTask
    index: int
    remaining_minutes: float
    group: GroupId | None
    priority: Priority
    status: TaskStatus
    since: datetime
    version: int = 1
    previous: TaskStatus | None = None
    tier: Tier | None = None
    ready_at: datetime | None = None
    not_before: datetime | None = None
    reason: str = ""
    feedback: str = ""
    attempts_spent: int = 0
    attempts_made: int = 0
    losses_in_a_row: int = 0
    feedback_log: BlobId | None = None
    after_move: bool = False
    approved: int = 0
    token: Token = Token(0)
    lease: Lease | None = None
    last_worker: WorkerId | None = None
    last_cause: Requeue | None = None
    started_version: int = 0
    percent: int = 0
    activity: Activity | None = None
    result: Result | None = None
    judged: ChangeJudged | None = None
    landing: LandingIntended | None = None
    landings: int = 0
    commit: CommitId | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    asking: Asking | None = None
    answered: Answered | None = None
    trouble: str = ""
    parked_for: str = ""
    grants: tuple[str, ...] = ()
    used_before: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        """Of all its attempts; None: nothing was counted."""
        counted = [self.used_before, *(attempt.usage for attempt in self.attempts)]
        known = [usage for usage in counted if usage is not None]
        return sum(known[1:], known[0]) if known else None

    @property
    def ended(self) -> bool:
        return self.status in ENDED
