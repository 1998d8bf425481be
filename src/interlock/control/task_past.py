"""One task with its past: attempts and what became of each, gates, the log of what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from interlock.control.read_models import AttemptCard, EventCard, GateCard, TaskShown
from interlock.control.store import Store
from interlock.control.tasks import task_card
from interlock.domain.facts.attempt import AttemptAbandoned, AttemptFinished, AttemptStarted
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import (
    ChangeJudged,
    ChangeLanded,
    Judgement,
    LandingRefusal,
    LandingRefused,
)
from interlock.domain.facts.task import TaskCancelled, TaskFailed
from interlock.domain.ids import BlobId, TaskId
from interlock.domain.task import TaskStatus as S
from interlock.domain.verdict import GateOutcome
from interlock.engine.errors import BlobMissing
from interlock.engine.ports import Clock, EventLog, Recorded
from interlock.flows.run.pictures import PlanePicture, task_stream
from interlock.flows.task.picture import TaskPicture

LOG_LINES_SHOWN: Final = 15
_PAGE: Final = 1_000
_LINE_CHARACTERS_MAX: Final = 400

_JUDGED: Final = {
    Judgement.PASSED: "passed",
    Judgement.FAILED: "gates_failed",
    Judgement.ERROR: "gates_could_not_run",
    Judgement.TARGET_RED: "target_red",
    Judgement.CONFLICT: "conflict",
}
_WENT_WRONG: Final = frozenset(
    {*_JUDGED.values(), "failed", "infrastructure", "lost", "red_after_merge"} - {"passed"}
)


async def events_of(log: EventLog, task_id: TaskId) -> tuple[Recorded, ...]:
    """The whole stream of the task."""
    events: list[Recorded] = []
    while page := await log.read_stream(task_stream(task_id), len(events), _PAGE):
        events.extend(page)
    return tuple(events)


async def show(
    store: Store, clock: Clock, plane: PlanePicture, task: TaskPicture, review: str | None
) -> TaskShown:
    """Everything about one task; `review` is the id of its open review item."""
    events = await events_of(store.log, task.id)
    attempts = attempts_of((event for event in events), task.planned.agent)
    latest = attempts[-1] if attempts else None
    log = _failing_log(events, attempts)
    card = task_card(plane, task, clock.now())
    return TaskShown(
        card=card,
        description=task.planned.prompt,
        branch="" if latest is None else latest.branch,
        path="" if latest is None else latest.path,
        base=None if latest is None else latest.base,
        attempts=attempts,
        gates=() if task.judged is None else gates_of(task.judged),
        events=tuple(_event(event) for event in events),
        log=log,
        log_tail=() if log is None else await _tail(store, log),
        feedback=task.feedback,
        review=review,
        next_step=next_step(task, card.waits_for, review),
    )


# --- attempts -------------------------------------------------------------------------------------


def attempts_of(events: Iterable[Recorded], agent: str) -> tuple[AttemptCard, ...]:
    """Every attempt with the last thing that became of it."""
    found: dict[int, AttemptCard] = {}
    for event in events:
        if isinstance(event.fact, AttemptStarted):
            found[event.fact.number] = _begun(event, event.fact, agent)
        elif found:
            last = max(found)
            number = getattr(event.fact, "attempt", getattr(event.fact, "number", last))
            if number in found:
                found[number] = _gone_on(found[number], event, event.fact)
    return tuple(found[number] for number in sorted(found))


def _begun(event: Recorded, fact: AttemptStarted, agent: str) -> AttemptCard:
    return AttemptCard(
        number=fact.number,
        agent=agent,
        outcome="running",
        reason="",
        log=None,
        worker=fact.worker_id,
        started_at=event.at,
        base=fact.base,
        branch=fact.branch,
        path=fact.path,
        box=fact.box,
        simulated=fact.simulated,
    )


def _gone_on(  # noqa: PLR0911 - one case per fact
    card: AttemptCard, event: Recorded, fact: Fact
) -> AttemptCard:
    match fact:
        case AttemptFinished(result=result):
            done = replace(card, ended_at=event.at, log=result.log)
            return replace(done, outcome=result.outcome.value, reason=result.summary)
        case AttemptAbandoned(loss=loss, detail=detail):
            return replace(card, ended_at=event.at, outcome=loss.value, reason=detail)
        case ChangeJudged() as judged:
            log = _log_of(judged) or card.log
            return replace(card, outcome=_JUDGED[judged.judgement], reason=judged.detail, log=log)
        case LandingRefused(refusal=LandingRefusal.TARGET_MOVED):
            return card
        case LandingRefused(refusal=refusal, detail=detail, log=log):
            outcome = "red_after_merge" if refusal is LandingRefusal.RED else refusal.value
            return replace(card, outcome=outcome, reason=detail, log=log or card.log)
        case ChangeLanded(note=note):
            return replace(card, outcome="landed", reason=note)
        case TaskCancelled(reason=reason) if card.ended_at is None:
            return replace(card, ended_at=event.at, outcome="cancelled", reason=reason)
        case _:
            return card


def gates_of(judged: ChangeJudged) -> tuple[GateCard, ...]:
    return tuple(
        GateCard(v.gate, v.outcome.value, v.detail, v.tree, v.seconds, v.log, v.reused)
        for v in judged.verdicts
    )


def _event(event: Recorded) -> EventCard:
    data = msgspec.to_builtins(event.fact)
    return EventCard(event.position, event.at, type(event.fact).__name__, str(event.actor), data)


# --- the log that says what went wrong ------------------------------------------------------------


def _failing_log(events: Sequence[Recorded], attempts: Sequence[AttemptCard]) -> BlobId | None:
    """The log of the latest attempt if that went wrong, or the one its failure names."""
    if not attempts or attempts[-1].outcome not in _WENT_WRONG:
        return None
    named = (e.fact.log for e in reversed(events) if isinstance(e.fact, TaskFailed))
    return attempts[-1].log or next(named, None)


def _log_of(judged: ChangeJudged) -> BlobId | None:
    if judged.log is not None or judged.judgement is Judgement.PASSED:
        return judged.log
    bad = (v.log for v in judged.verdicts if v.outcome is not GateOutcome.PASSED)
    return next((log for log in bad if log is not None), None)


async def _tail(store: Store, log: BlobId) -> tuple[str, ...]:
    try:
        content = await store.open_blobs().get(log)
    except BlobMissing:
        return ("(this log is no longer kept)",)
    lines = content.decode(errors="replace").rstrip().splitlines()
    return tuple(line[:_LINE_CHARACTERS_MAX] for line in lines[-LOG_LINES_SHOWN:])


# --- what to do about it --------------------------------------------------------------------------


def next_step(task: TaskPicture, waits_for: str | None, review: str | None) -> str:  # noqa: PLR0911 - one case per state
    """A sentence for the person who looks at the task."""
    if review is not None:
        return f"decide: interlock review show {review}"
    name, held = task.planned.id, task.lease
    match task.status:
        case S.CLAIMED if held is not None and held.by_hand:
            return f"make its workspace: interlock task claim {name} --worker {held.worker_id}"
        case S.IN_PROGRESS if held is not None and held.by_hand:
            return f"when your work is done: interlock task submit {name}"
        case S.READY:
            take = f"interlock task claim {name} --worker human-NAME"
            return f"`interlock run` works on it, or take it: {take}"
        case S.DONE:
            return "nothing: it is on the target" if task.commit else "nothing: it needed no change"
        case S.SKIPPED:
            return "nothing: it was not needed"
        case S.REJECTED | S.CANCELLED:
            return "it has ended; `interlock task add` starts it anew"
        case S.ROLLED_BACK:
            return "its change was taken back; `interlock log` tells why"
        case S.FAILED:
            return f"interlock task retry {name}"
        case _:
            return f"it waits for {waits_for}" if waits_for else "nothing: it is being worked on"
