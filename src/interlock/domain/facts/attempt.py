"""Facts about attempts; they live in the stream of the task."""

from interlock.domain.attempt import AttemptLoss
from interlock.domain.facts.base import Fact
from interlock.domain.ids import CommitId, Token, WorkerId
from interlock.domain.result import Result
from interlock.domain.task import Activity
from interlock.domain.usage import Usage


class AttemptStarted(Fact, frozen=True):
    """The worker accepted the job and began, here; what ran before that told less is left out."""

    number: int
    token: Token
    worker_id: WorkerId
    base: CommitId | None = None
    branch: str = ""
    path: str = ""
    box: str = ""
    simulated: bool = False


class HostDenied(Fact, frozen=True):
    """The box wanted to reach hosts that are not on its list."""

    number: int
    hosts: tuple[str, ...]


class AttemptProgressed(Fact, frozen=True):
    """The worker tells how far it is; written when it matters, not at each report."""

    token: Token
    percent: int
    activity: Activity | None = None


class QuestionAsked(Fact, frozen=True):
    """Its agent waits at work for an answer.

    `tool` is set where it asks for a permission, `detail` says what for.
    """

    token: Token
    question_id: str
    question: str
    tool: str = ""
    detail: str = ""


class QuestionAnswered(Fact, frozen=True):
    """A person answered while the agent still waited for it."""

    token: Token
    question_id: str
    answer: str


class UsageCounted(Fact, frozen=True):
    """All that the attempt under this token has used of models until now.

    `trouble` is what went wrong last on the way to them.
    """

    token: Token
    usage: Usage
    trouble: str = ""


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
