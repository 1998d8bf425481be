"""Facts about leases; they live in the stream of the leased task."""

from datetime import datetime

from interlock.domain.facts.base import Fact
from interlock.domain.ids import LeaseId, Token, WorkerId


class LeaseGranted(Fact, frozen=True):
    """A worker may work on the task until the deadline, showing this token; a person by hand."""

    lease_id: LeaseId
    worker_id: WorkerId
    token: Token
    attempt: int
    expires_at: datetime
    seconds: float
    session: int = 0
    by_hand: bool = False


class LeaseRenewed(Fact, frozen=True):
    """The worker was heard of. Written now and then, not at each heartbeat."""

    token: Token
    expires_at: datetime


class LeaseEnded(Fact, frozen=True):
    """A claim ended before any work began: expired, given back, or its worker went away.

    `lost` is false when the plane took it back itself: then it is nobody's failure.
    """

    token: Token
    reason: str
    lost: bool = True
