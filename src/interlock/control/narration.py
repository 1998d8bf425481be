"""What happens, as it happens: one plain line for each event that is worth a person's attention."""

from __future__ import annotations

from typing import Final

from interlock.control.markdown import count, inert
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    AttemptStarted,
    HostDenied,
    QuestionAnswered,
    QuestionAsked,
)
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import (
    ChangeApproved,
    ChangeJudged,
    ChangeLanded,
    Judgement,
    LandingRefused,
)
from interlock.domain.facts.plane import (
    EmergencyStopped,
    PartLost,
    PartRestored,
    StartsPaused,
    StartsResumed,
)
from interlock.domain.facts.run import RunCompleted, RunFailed, RunStarted
from interlock.domain.facts.task import (
    COSTLY,
    BudgetRaised,
    TaskCancelled,
    TaskFailed,
    TaskHeld,
    TaskParked,
    TaskRejected,
    TaskRequeued,
    TaskSkipped,
)
from interlock.domain.ids import TaskId
from interlock.domain.result import Outcome
from interlock.domain.verdict import GateOutcome
from interlock.engine.ports import Recorded
from interlock.flows.run.pictures import PlanePicture

_WHY_CHARACTERS: Final = 160
_SHA_CHARACTERS: Final = 10


def narrate(event: Recorded, plane: PlanePicture) -> str | None:
    """One line without anything a terminal would obey; None for what nobody needs to be told.

    The plane only lends its names: its picture may be older or newer than the event.
    """
    fact = event.fact
    kind, _, identity = event.stream.partition("/")
    if kind != "task":
        told = _of_the_house(fact)
        return None if told is None else inert(told)
    said = _of_its_work(fact) or _of_its_change(fact) or _for_a_person(fact)
    task = plane.tasks.get(TaskId(identity))
    name = identity if task is None else task.planned.id
    return None if said is None else inert(f"{name}: {said}")


def _of_the_house(fact: Fact) -> str | None:  # noqa: PLR0911 - one line for each kind of news
    match fact:
        case RunStarted(run_id=run_id, goal=goal, tasks=tasks):
            return f"run {run_id} begins: {_brief(goal.text)} ({count(tasks, 'task')})"
        case RunCompleted():
            return "the run is completed"
        case RunFailed(reasons):
            return f"the run failed: {_brief('; '.join(reasons))}"
        case StartsPaused(reason):
            return f"paused{_because(reason)}: nothing new starts"
        case StartsResumed():
            return "resumed"
        case EmergencyStopped(reason):
            return f"stopped{_because(reason)}: nothing starts or lands until a person resumes"
        case PartLost(part, detail):
            return f"{part} is out of order: {_brief(detail)}; work stands still"
        case PartRestored(part):
            return f"{part} is back; work goes on"
        case _:
            return None


def _of_its_work(fact: Fact) -> str | None:
    match fact:
        case AttemptStarted():
            mark = " (simulated)" if fact.simulated else f" in {fact.box}" if fact.box else ""
            again = f", attempt {fact.number}" if fact.number > 1 else ""
            return f"started by {fact.worker_id}{mark}{again}"
        case AttemptFinished(result=result) if result.outcome is Outcome.FAILED:
            return f"the attempt failed{_because(result.summary)}"
        case AttemptFinished(result=result) if result.outcome is Outcome.INFRASTRUCTURE:
            return f"the attempt could not run{_because(result.summary)}"
        case AttemptAbandoned(loss=loss, detail=detail):
            return f"the attempt was {loss.value}{_because(detail)}"
        case HostDenied(hosts=hosts):
            return f"its box was refused {', '.join(hosts)}"
        case _:
            return _asked(fact) or _sent_back(fact)


def _asked(fact: Fact) -> str | None:
    match fact:
        case QuestionAsked(question=question):
            return f"it asks, and waits at its work: {_brief(question)}"
        case QuestionAnswered(answer=answer):
            return f"it was answered: {_brief(answer)}"
        case BudgetRaised(cap):
            return f"a person gave it as much again as {cap} allows"
        case _:
            return None


def _sent_back(fact: Fact) -> str | None:
    match fact:
        case TaskRequeued(cause) if cause in COSTLY:
            later = ", once the target has moved" if fact.after_move else ""
            return f"sent back for another attempt{later}{_because(fact.feedback)}"
        case TaskRequeued(cause):
            return f"ready again ({cause.value.replace('_', ' ')})"
        case TaskSkipped(reason):
            return f"skipped{_because(reason)}"
        case TaskCancelled(reason):
            return f"cancelled{_because(reason)}"
        case TaskRejected(reason):
            return f"rejected{_because(reason)}"
        case _:
            return None


def _of_its_change(fact: Fact) -> str | None:
    match fact:
        case ChangeJudged():
            return _judged(fact)
        case ChangeApproved(reason=reason):
            return f"a person lets it land{_because(reason)}"
        case LandingRefused(detail=detail, refusal=refusal):
            return f"did not land, {refusal.value.replace('_', ' ')}{_because(detail)}"
        case ChangeLanded(commit=None):
            return "done; there was nothing to land"
        case ChangeLanded(commit=commit, note=note) if commit is not None:
            return f"landed as {commit[:_SHA_CHARACTERS]}" + (f". {note}" if note else "")
        case _:
            return None


def _judged(fact: ChangeJudged) -> str | None:
    """Gates that passed are told with the landing; everything else has a reason to be told."""
    worst = [v for v in fact.verdicts if v.outcome is not GateOutcome.PASSED]
    gates = "; ".join(f"gate {v.gate}{_because(v.detail)}" for v in worst)
    why = gates or _brief(fact.detail) or "no reason was recorded"
    match fact.judgement:
        case Judgement.PASSED:
            return f"waits for a person: {_brief(fact.held)}" if fact.held else None
        case Judgement.FAILED:
            return f"failed its gates: {why}"
        case Judgement.ERROR:
            return f"could not be judged: {why}"
        case Judgement.TARGET_RED:
            return f"waits, the target itself is red: {why}"
        case Judgement.CONFLICT:
            return f"collides with what has landed: {why}"


def _for_a_person(fact: Fact) -> str | None:
    match fact:
        case TaskHeld(reason):
            return f"waits for a person: {_brief(reason)}"
        case TaskParked(question):
            return f"waits for a person, who is asked: {_brief(question)}"
        case TaskFailed(reason):
            return f"waits for a person, no attempt is left: {_brief(reason)}"
        case _:
            return None


def _because(text: str) -> str:
    return f": {_brief(text)}" if text.strip() else ""


def _brief(text: str) -> str:
    """The first line that says anything."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    text = first.strip()
    return text if len(text) <= _WHY_CHARACTERS else f"{text[: _WHY_CHARACTERS - 1]}…"
