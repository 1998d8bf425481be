"""A run: one attempt to reach a goal with a plan."""

from enum import StrEnum

import msgspec


class RunStatus(StrEnum):
    """The life of a run as its facts tell it; `waiting` is derived, never recorded."""

    CREATED = "created"
    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"
    COMPLETED = "completed"
    FAILED = "failed"


class RunLimits(msgspec.Struct, frozen=True):
    """The knobs that bound one run, read once when it starts.

    `by_people` are the agent profiles that only people fill; a person's claim lasts `claim_days`.
    """

    workers: int = 10
    parallel_stages: int = 4
    max_attempts: int = 3
    losses_in_a_row: int = 5
    lease_seconds: float = 60.0
    p0_grace_seconds: float = 30.0
    by_people: tuple[str, ...] = ()
    claim_days: float = 5.0
