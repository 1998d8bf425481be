"""A worker: a person or an agent that can hold leases."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from interlock.domain.ids import TaskId, WorkerId

WorkerType = Literal["human", "agent"]


class WorkerStatus(StrEnum):
    """Available or busy while it is heard of, offline after silence."""

    AVAILABLE = "available"
    BUSY = "busy"
    OFFLINE = "offline"


class TaskHistory(msgspec.Struct, frozen=True):
    """One line of a worker's past; still running while `completed_at` is missing."""

    task_id: TaskId
    started_at: datetime
    completed_at: datetime | None = None
    result: Literal["success", "failed", "abandoned"] | None = None


class Worker(msgspec.Struct, frozen=True):
    """The record of a worker as registries and faces show it."""

    id: WorkerId
    type: WorkerType
    name: str
    registered_at: datetime
    status: WorkerStatus = WorkerStatus.AVAILABLE
    capabilities: tuple[str, ...] = ()
    current_task: TaskId | None = None
    task_history: tuple[TaskHistory, ...] = ()
    last_heartbeat: datetime | None = None
