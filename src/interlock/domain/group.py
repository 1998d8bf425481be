"""A stage group: stages released together, and what came of them."""

from enum import StrEnum

import msgspec

from interlock.domain.ids import BlobId, GroupId, TaskId, TaskName


class StageGroup(msgspec.Struct, frozen=True, omit_defaults=True):
    """Stages that run at once (`parallel`) or one after another, after the groups before them."""

    id: GroupId
    stages: tuple[TaskName, ...]
    depends_on: tuple[GroupId, ...] = ()
    parallel: bool = True


class GroupStatus(StrEnum):
    """Where a group stands; blocked carries a report and waits for its failed stages only."""

    PLANNED = "planned"
    RUNNING = "running"
    SETTLED = "settled"
    VERIFYING = "verifying"
    PASSED = "passed"
    BLOCKED = "blocked"
    INTERRUPTED = "interrupted"
    INFRASTRUCTURE_FAILURE = "infrastructure_failure"


class StageFailure(msgspec.Struct, frozen=True):
    """One line of a group's report: which stage failed, why, where the log is, whose turn it is."""

    stage: TaskName
    task_id: TaskId
    agent: str
    error_class: str
    detail: str
    log: BlobId | None
    suggested_owner: str
