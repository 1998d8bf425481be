"""A lease: a worker's right to a task, limited in time and fenced by its token."""

from datetime import datetime

import msgspec

from interlock.domain.ids import LeaseId, Token, WorkerId


class Lease(msgspec.Struct, frozen=True):
    """Who holds the task until when; every report must show `token`.

    A person's lease (`by_hand`) has no heartbeat; it runs out after days.
    `session` is the life of the worker's process that got it: a restarted worker does not hold it.
    """

    id: LeaseId
    worker_id: WorkerId
    token: Token
    attempt: int
    expires_at: datetime
    seconds: float
    session: int = 0
    by_hand: bool = False
