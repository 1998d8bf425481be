"""What can reach a plane between two turns, and the ports and options it is made with."""

from __future__ import annotations

import msgspec

from interlock.domain.ids import CommandId, RunId, TaskId
from interlock.domain.plan import Plan
from interlock.engine.acts import Acts, Judged, Landed, NotLanded, Prepared
from interlock.engine.dispatch import Delivery, Dispatch
from interlock.engine.ports import Blobs, Clock, EventLog, LiveFeed, Snapshots


class Ports(msgspec.Struct, frozen=True):
    """Everything a plane needs from the world."""

    log: EventLog
    snapshots: Snapshots
    blobs: Blobs
    dispatch: Dispatch
    acts: Acts
    clock: Clock
    feed: LiveFeed | None = None


class Options(msgspec.Struct, frozen=True):
    """What rules one plane, beside the limits that each run brings."""

    process: str
    release: str
    judgings: int = 2
    resend_seconds: float = 10.0
    worker_silence_seconds: float = 60.0
    snapshot_every: int = 5_000


class Rung(msgspec.Struct, frozen=True):
    """The log has grown, as far as this where it is known, or an alarm went off: look."""

    reaches: int | None = None


class PlanLoaded(msgspec.Struct, frozen=True):
    """The plan of a run was read, or cannot be; `amends`: a command brought a changed one."""

    run_id: RunId
    plan: Plan | None
    fault: str = ""
    amends: CommandId | None = None


class Acted(msgspec.Struct, frozen=True):
    """An act on the world ended."""

    name: str
    task_id: TaskId
    attempt: int
    outcome: Judged | Prepared | Landed | NotLanded
    key: str | None = None


News = Delivery | Rung | PlanLoaded | Acted
