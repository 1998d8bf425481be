"""How often one task came to a person, folded from its facts: what was asked, and how it ended."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from interlock.domain.attempt import AttemptLoss
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    QuestionAnswered,
    QuestionAsked,
)
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import ChangeApproved, ChangeJudged, Judgement
from interlock.domain.facts.task import (
    TaskAnswered,
    TaskApproved,
    TaskCancelled,
    TaskFailed,
    TaskHeld,
    TaskParked,
    TaskRejected,
    TaskRequeued,
    TaskRetried,
)

TIME_TO_DECIDE: Final = timedelta(hours=24)
"""After this an item is shown as overdue; it stays open, for nothing is decided silently."""

Kind = Literal["review", "decision", "investigation"]
Ending = Literal["approved", "answered", "retried", "rejected", "cancelled", "overtaken"]


class About(StrEnum):
    """What a person is asked to look at."""

    START = "start"
    QUESTION = "question"
    PERMISSION = "permission"
    BUDGET = "budget"
    FAILURE = "failure"
    CHANGE = "change"

    @property
    def kind(self) -> Kind:
        match self:
            case About.START | About.CHANGE:
                return "review"
            case About.QUESTION | About.PERMISSION | About.BUDGET:
                return "decision"
            case About.FAILURE:
                return "investigation"


_ANSWERED: Final = frozenset({About.QUESTION, About.PERMISSION, About.BUDGET})


class Told(msgspec.Struct, frozen=True):
    """A fact of the task, when it was recorded and who is behind it."""

    at: datetime
    by: str
    fact: Fact


class Ended(msgspec.Struct, frozen=True):
    """How a case was settled; overtaken means that events made it pointless."""

    ending: Ending
    at: datetime
    by: str
    reason: str = ""


class Case(msgspec.Struct, frozen=True):
    """One time the task came to a person; the first one has number 1."""

    number: int
    about: About
    asked: str
    opened_at: datetime
    ended: Ended | None = None

    @property
    def open(self) -> bool:
        return self.ended is None

    @property
    def deadline(self) -> datetime:
        return self.opened_at + TIME_TO_DECIDE

    def overdue(self, now: datetime) -> bool:
        return self.open and now > self.deadline


class Cases(msgspec.Struct, frozen=True):
    """Every case of one task; at most the last one is open."""

    all: tuple[Case, ...] = ()
    approved_attempt: int = 0

    @property
    def open(self) -> Case | None:
        return self.all[-1] if self.all and self.all[-1].open else None


def fold(cases: Cases, told: Told) -> Cases:
    """The cases after one more fact; most facts are none of a reviewer's business."""
    match told.fact:
        case TaskHeld(reason):
            return _opened(cases, About.START, reason, told)
        case TaskParked(question, tool, cap):
            return _asked(cases, About.BUDGET if cap else _about(tool), question, told)
        case QuestionAsked(question=question, tool=tool):
            return _asked(cases, _about(tool), question, told)
        case TaskFailed(reason):
            return _opened(cases, About.FAILURE, reason, told)
        case ChangeJudged() as judged:
            return _judged(cases, judged, told)
        case _:
            return _ended(cases, told)


def _judged(cases: Cases, judged: ChangeJudged, told: Told) -> Cases:
    """A change that is judged anew for a moved target stays the same question."""
    is_held = judged.judgement is Judgement.PASSED and bool(judged.held)
    if is_held and judged.attempt == cases.approved_attempt:
        return cases
    if is_held and cases.open is not None and cases.open.about is About.CHANGE:
        return replace(cases, all=(*cases.all[:-1], replace(cases.open, asked=judged.held)))
    if is_held:
        return _opened(cases, About.CHANGE, judged.held, told)
    return _closed(cases, About.CHANGE, "overtaken", told, "its change was judged anew")


def _ended(cases: Cases, told: Told) -> Cases:  # noqa: PLR0911 - one case per fact
    match told.fact:
        case TaskApproved(reason):
            return _closed(cases, About.START, "approved", told, reason)
        case TaskAnswered(answer) | QuestionAnswered(answer=answer):
            asked = cases.open is not None and cases.open.about in _ANSWERED
            return _closed(cases, None, "answered", told, answer) if asked else cases
        case AttemptAbandoned(loss=loss) if loss is not AttemptLoss.PARKED:
            return _no_longer_asked(cases, told)
        case AttemptFinished():
            return _no_longer_asked(cases, told)
        case TaskRetried(reason):
            return _closed(cases, About.FAILURE, "retried", told, reason)
        case ChangeApproved(attempt, reason):
            closed = _closed(cases, About.CHANGE, "approved", told, reason)
            return replace(closed, approved_attempt=attempt)
        case TaskRequeued():
            return _closed(cases, About.CHANGE, "overtaken", told, "it is worked on again")
        case TaskRejected(reason):
            return _closed(cases, None, "rejected", told, reason)
        case TaskCancelled(reason):
            return _closed(cases, None, "cancelled", told, reason)
        case _:
            return cases


def _about(tool: str) -> About:
    return About.PERMISSION if tool else About.QUESTION


def _asked(cases: Cases, about: About, question: str, told: Told) -> Cases:
    """A question that was open already stays the same one when its worker parks the agent."""
    known = cases.open
    same = known is not None and known.about is about and known.asked == question
    return cases if same else _opened(cases, about, question, told)


def _no_longer_asked(cases: Cases, told: Told) -> Cases:
    asked = cases.open is not None and cases.open.about in _ANSWERED
    return _closed(cases, None, "overtaken", told, "its agent has ended") if asked else cases


def _opened(cases: Cases, about: About, asked: str, told: Told) -> Cases:
    """Whatever was open before is pointless now: a task stands in one place only."""
    settled = _closed(cases, None, "overtaken", told, "something else came up")
    case = Case(len(settled.all) + 1, about, asked, told.at)
    return replace(settled, all=(*settled.all, case))


def _closed(cases: Cases, about: About | None, ending: Ending, told: Told, reason: str) -> Cases:
    """Settle the open case, if it is about that (None: whatever it is about)."""
    case = cases.open
    if case is None or about not in (None, case.about):
        return cases
    settled = replace(case, ended=Ended(ending, told.at, told.by, reason))
    return replace(cases, all=(*cases.all[:-1], settled))
