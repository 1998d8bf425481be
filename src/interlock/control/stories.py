"""What happened to one task, one run and one worker, folded from the facts of each."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from interlock.domain.actor import Actor
from interlock.domain.attempt import AttemptLoss
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    AttemptStarted,
    HostDenied,
    QuestionAnswered,
)
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import (
    ChangeApproved,
    ChangeJudged,
    ChangeLanded,
    Judgement,
    LandingIntended,
    LandingRefusal,
    LandingRefused,
)
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.run import RunStarted
from interlock.domain.facts.task import (
    COSTLY,
    BudgetRaised,
    TaskAnswered,
    TaskApproved,
    TaskCancelled,
    TaskRejected,
    TaskRequeued,
    TaskRetried,
)
from interlock.domain.facts.worker import WorkerRegistered
from interlock.domain.ids import BlobId, CommitId, GroupId, RunId, Token, WorkerId
from interlock.engine.ports import Recorded
from interlock.flows.task.picture import TaskPicture
from interlock.review.state import Cases, Told
from interlock.review.state import fold as fold_cases

DecisionName = Literal[
    "approved", "let land", "rejected", "answered", "retried", "cancelled", "raised"
]


class Span(msgspec.Struct, frozen=True):
    """From here to there; still going on while the end is missing."""

    start: datetime
    end: datetime | None = None

    def seconds(self, until: datetime) -> float:
        return max(0.0, ((self.end or until) - self.start).total_seconds())


class Try(msgspec.Struct, frozen=True):
    """One attempt as it went. `outcome` is the worker's own word, or how the attempt was lost."""

    number: int
    token: Token
    worker_id: WorkerId
    span: Span
    granted_at: datetime
    by_hand: bool = False
    base: CommitId | None = None
    branch: str = ""
    box: str = ""
    simulated: bool = False
    outcome: str | None = None
    summary: str = ""
    error_class: str = ""
    log: BlobId | None = None


class Judging(msgspec.Struct, frozen=True):
    """What the gates said, and when."""

    at: datetime
    fact: ChangeJudged


class Decided(msgspec.Struct, frozen=True):
    """A person decided something about a task."""

    at: datetime
    actor: Actor
    what: DecisionName
    reason: str


class SentBack(msgspec.Struct, frozen=True):
    """Why a task was ready again."""

    at: datetime
    fact: TaskRequeued


class Refused(msgspec.Struct, frozen=True):
    """The target did not take it."""

    at: datetime
    detail: str


class Landing(msgspec.Struct, frozen=True):
    """The newest landing that was intended; no commit once it happened: nothing was to land."""

    attempt: int
    intended_at: datetime
    base: CommitId
    at: datetime | None = None
    commit: CommitId | None = None
    note: str = ""


class TaskStory(msgspec.Struct, frozen=True):
    """Everything that happened to one task."""

    picture: TaskPicture
    submitted_at: datetime
    granted: LeaseGranted | None = None
    granted_at: datetime | None = None
    tries: tuple[Try, ...] = ()
    denied: tuple[tuple[int, str], ...] = ()
    judgings: tuple[Judging, ...] = ()
    sent_back: tuple[SentBack, ...] = ()
    decisions: tuple[Decided, ...] = ()
    conflicts: tuple[Refused, ...] = ()
    landing: Landing | None = None
    cases: Cases = Cases()

    @property
    def landed(self) -> bool:
        return self.landing is not None and self.landing.at is not None

    @property
    def landed_at(self) -> datetime | None:
        return None if self.landing is None else self.landing.at

    @property
    def evidence(self) -> Judging | None:
        """The newest judging in which a gate said something."""
        told = (judging for judging in reversed(self.judgings) if judging.fact.verdicts)
        return next(told, self.judgings[-1] if self.judgings else None)

    @property
    def reworks(self) -> int:
        return sum(back.fact.cause in COSTLY for back in self.sent_back)


class RunStory(msgspec.Struct, frozen=True):
    """One run: how it began, who asked for it and when something last happened in it."""

    fact: RunStarted
    started_at: datetime
    last_at: datetime
    asked_by: Actor | None = None
    ended_at: datetime | None = None
    outcome: str = "active"
    reasons: tuple[str, ...] = ()
    verifying: tuple[tuple[GroupId, datetime], ...] = ()

    @property
    def id(self) -> RunId:
        return self.fact.run_id


class WorkerStory(msgspec.Struct, frozen=True):
    """One worker and the times in which it was heard of."""

    fact: WorkerRegistered
    online: tuple[Span, ...]


def next_story(story: TaskStory, event: Recorded, picture: TaskPicture) -> TaskStory:
    """The story with one more event; `picture` is the task after it."""
    cases = fold_cases(story.cases, Told(event.at, str(event.actor), event.fact))
    return replace(_told(story, event), picture=picture, cases=cases)


def _told(story: TaskStory, event: Recorded) -> TaskStory:
    """The story with one more event; what tells nothing new leaves it alone."""
    at, fact = event.at, event.fact
    decided = _decided(event)
    if decided is not None:
        story = replace(story, decisions=(*story.decisions, decided))
    match fact:
        case ChangeJudged():
            judged = replace(story, judgings=(*story.judgings, Judging(at, fact)))
            clash = fact.judgement is Judgement.CONFLICT
            return _with_conflict(judged, at, fact.detail) if clash else judged
        case LandingIntended():
            return replace(story, landing=Landing(fact.attempt, at, fact.base))
        case ChangeLanded(_, commit, note) if story.landing is not None:
            landing = replace(story.landing, at=at, commit=commit, note=note)
            return replace(story, landing=landing)
        case LandingRefused():
            clash = fact.refusal is LandingRefusal.CONFLICT
            last = story.judgings[-1].fact.judgement if story.judgings else None
            told = last is Judgement.CONFLICT  # judged anew for its landing, in this moment
            return _with_conflict(story, at, fact.detail) if clash and not told else story
        case _:
            return _tried(story, fact, at)


def _with_conflict(story: TaskStory, at: datetime, detail: str) -> TaskStory:
    return replace(story, conflicts=(*story.conflicts, Refused(at, detail)))


def _tried(story: TaskStory, fact: Fact, at: datetime) -> TaskStory:
    match fact:
        case LeaseGranted():
            return replace(story, granted=fact, granted_at=at)
        case TaskRequeued():
            return replace(story, sent_back=(*story.sent_back, SentBack(at, fact)))
        case AttemptStarted():
            return replace(story, tries=(*story.tries, _begun(story, fact, at)))
        case HostDenied(number, hosts):  # May come before its attempt is told to have begun.
            new = tuple((number, host) for host in hosts if (number, host) not in story.denied)
            return replace(story, denied=(*story.denied, *new))
        case _:
            return _attempt_over(story, fact, at)


def _attempt_over(story: TaskStory, fact: Fact, at: datetime) -> TaskStory:
    match fact:
        case AttemptFinished(result=result):
            return _last_try(
                _ended(story, at, result.outcome.value),
                summary=result.summary,
                error_class=result.error_class,
                log=result.log,
            )
        case AttemptAbandoned(loss=loss, detail=detail):
            return _last_try(_ended(story, at, loss.value), summary=detail)
        case TaskCancelled(reason) if story.tries and story.tries[-1].span.end is None:
            return _last_try(_ended(story, at, AttemptLoss.INTERRUPTED.value), summary=reason)
        case _:
            return story


def _begun(story: TaskStory, fact: AttemptStarted, at: datetime) -> Try:
    return Try(
        number=fact.number,
        token=fact.token,
        worker_id=fact.worker_id,
        span=Span(at),
        granted_at=story.granted_at or at,
        by_hand=story.granted is not None and story.granted.by_hand,
        base=fact.base,
        branch=fact.branch,
        box=fact.box,
        simulated=fact.simulated,
    )


def _ended(story: TaskStory, at: datetime, outcome: str) -> TaskStory:
    if not story.tries:
        return story
    return _last_try(story, span=replace(story.tries[-1].span, end=at), outcome=outcome)


def _last_try(story: TaskStory, **changes: object) -> TaskStory:
    if not story.tries:
        return story
    return replace(story, tries=(*story.tries[:-1], replace(story.tries[-1], **changes)))


_DECISIONS: Final[dict[type[Fact], tuple[DecisionName, str]]] = {
    TaskApproved: ("approved", "reason"),
    ChangeApproved: ("let land", "reason"),
    TaskRejected: ("rejected", "reason"),
    TaskAnswered: ("answered", "answer"),
    QuestionAnswered: ("answered", "answer"),
    BudgetRaised: ("raised", "cap"),
    TaskRetried: ("retried", "reason"),
    TaskCancelled: ("cancelled", "reason"),
}
"""What a person decides, in a word, and which field of the fact says why."""


def _decided(event: Recorded) -> Decided | None:
    known = _DECISIONS.get(type(event.fact))
    if known is None:
        return None
    what, field = known
    why = str(getattr(event.fact, field)) or str(getattr(event.fact, "modifications", ""))
    return Decided(event.at, event.actor, what, why)
