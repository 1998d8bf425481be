"""Facts about attempts; they live in the stream of the task."""

from interlock.domain.attempt import AttemptLoss
from interlock.domain.facts.base import Fact
from interlock.domain.ids import Token, WorkerId
from interlock.domain.result import Result
from interlock.domain.task import Activity


class AttemptStarted(Fact, frozen=True):
    """The worker accepted the job and began."""

    number: int
    token: Token
    worker_id: WorkerId


class AttemptProgressed(Fact, frozen=True):
    """The worker tells how far it is; written when it matters, not at each report."""

    token: Token
    percent: int
    activity: Activity | None = None


class AttemptFinished(Fact, frozen=True):
    """The worker ended by itself and reported a result."""

    number: int
    token: Token
    result: Result


class AttemptAbandoned(Fact, frozen=True):
    """The attempt ended without a report of its own; it costs the task nothing."""

    number: int
    token: Token
    loss: AttemptLoss
    detail: str = ""
