"""The life of a task as one table of data; nothing else in the house knows what may follow what.

A row reads: from any of these states, on this trigger, pulled by one of these hands, to that state.
`PREVIOUS` stands for the state the task was paused in. A state not mentioned with a trigger refuses
it, and the refusal says what is allowed instead. `docs/reference/task-lifecycle.md` is written from
here.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Literal

import msgspec

from interlock.domain.task import TaskStatus as S


class Hand(StrEnum):
    """Who may pull a trigger: a duty, not a person; one process may hold several."""

    INTAKE = "intake"
    ROUTER = "router"
    SCHEDULER = "scheduler"
    WORKER = "worker"
    GATEWAY = "gateway"
    SUPERVISOR = "supervisor"
    GATES = "gates"
    MERGE_QUEUE = "merge queue"
    WATCHDOG = "watchdog"
    HUMAN = "human"


class Trigger(StrEnum):
    """What happened to the task, as a verb."""

    SUBMIT = "submit"
    ROUTE = "route"
    RELEASE = "release"
    SKIP = "skip"
    HOLD = "hold"
    REQUIRE_HUMAN = "require human"
    APPROVE = "approve"
    REJECT = "reject"
    SEND_BACK = "send back"
    CLAIM = "claim"
    GIVE_UP_LEASE = "give up lease"
    START = "start"
    PROGRESS = "progress"
    PARK = "park"
    ANSWER = "answer"
    FINISH = "finish"
    REQUEUE = "requeue"
    EXHAUST = "exhaust"
    PASS_GATES = "pass gates"
    FAIL_GATES = "fail gates"
    ACCEPT = "accept"
    REQUEST_CHANGES = "request changes"
    LAND = "land"
    BOUNCE = "bounce"
    JUDGE_AGAIN = "judge again"
    ROLL_BACK = "roll back"
    REOPEN = "reopen"
    RETRY = "retry"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


PREVIOUS: Final = "previous"
"""The next state of `resume`: the one the task was paused in."""

ENDED: Final = frozenset({S.DONE, S.FAILED, S.REJECTED, S.CANCELLED, S.SKIPPED, S.ROLLED_BACK})
"""States nothing leaves by itself; a person may retry, a watchdog may roll back."""

SATISFIES: Final = frozenset({S.DONE, S.SKIPPED})
"""What a dependent accepts: failed, rejected and cancelled never satisfy."""

ACTIVE: Final = frozenset({S.CLAIMED, S.IN_PROGRESS, S.VERIFYING, S.REVIEW, S.MERGING})
"""A worker, a gate or the landing is busy with it."""

WORKING: Final = frozenset({S.CLAIMED, S.IN_PROGRESS})
"""A worker holds it under a lease."""

_OPEN: Final = frozenset(S) - ENDED


class Transition(msgspec.Struct, frozen=True):
    """One row of the table."""

    sources: frozenset[S | None]
    trigger: Trigger
    by: frozenset[Hand]
    target: S | Literal["previous"]
    when: str


def _row(
    sources: Iterable[S | None],
    trigger: Trigger,
    by: Iterable[Hand],
    target: S | Literal["previous"],
    when: str,
) -> Transition:
    return Transition(frozenset(sources), trigger, frozenset(by), target, when)


T, H = Trigger, Hand
TABLE: Final[tuple[Transition, ...]] = (
    _row([None], T.SUBMIT, [H.INTAKE, H.HUMAN], S.PROPOSED, "a plan is submitted, an issue imported, a task added"),
    _row([S.PROPOSED], T.ROUTE, [H.ROUTER], S.BACKLOG, "scored and given its tier"),
    _row([S.BACKLOG], T.RELEASE, [H.SCHEDULER], S.READY, "dependencies far enough, condition true"),
    _row([S.BACKLOG], T.SKIP, [H.SCHEDULER], S.SKIPPED, "its condition is false"),
    _row([S.PROPOSED, S.READY], T.SKIP, [H.SCHEDULER], S.SKIPPED, "its author took it out of the plan"),
    _row([S.BACKLOG, S.READY], T.HOLD, [H.ROUTER, H.HUMAN], S.AWAITING_REVIEW, "queued for review"),
    _row([S.BACKLOG], T.REQUIRE_HUMAN, [H.ROUTER], S.BLOCKED_ON_HUMAN, "a person must decide before any lease"),
    _row([S.AWAITING_REVIEW, S.BLOCKED_ON_HUMAN], T.APPROVE, [H.HUMAN], S.BACKLOG, "approved, also with modifications"),
    _row([S.AWAITING_REVIEW, S.BLOCKED_ON_HUMAN, S.REVIEW], T.REJECT, [H.HUMAN], S.REJECTED, "rejected"),
    _row([S.AWAITING_REVIEW], T.SEND_BACK, [H.HUMAN], S.PROPOSED, "changes to the plan requested"),
    _row([S.READY], T.CLAIM, [H.SCHEDULER, H.WORKER], S.CLAIMED, "a lease is granted"),
    _row([S.CLAIMED], T.GIVE_UP_LEASE, [H.WORKER, H.SUPERVISOR], S.READY, "released, expired or refused before a start"),
    _row([S.CLAIMED], T.START, [H.GATEWAY], S.IN_PROGRESS, "the worker began"),
    _row([S.IN_PROGRESS], T.PROGRESS, [H.GATEWAY], S.IN_PROGRESS, "progress or another activity"),
    _row([S.IN_PROGRESS], T.PARK, [H.GATEWAY], S.BLOCKED_ON_HUMAN, "a question stays open; the worker is freed"),
    _row([S.BLOCKED_ON_HUMAN], T.ANSWER, [H.HUMAN], S.IN_PROGRESS, "the question is answered"),
    _row([S.IN_PROGRESS], T.FINISH, [H.GATEWAY], S.VERIFYING, "the worker finished and its change is kept"),
    _row([S.IN_PROGRESS], T.REQUEUE, [H.SUPERVISOR], S.READY, "attempts remain, or the worker was lost"),
    _row([S.VERIFYING], T.REQUEUE, [H.SUPERVISOR], S.READY, "a new attempt, or the gate could not run"),
    _row([S.IN_PROGRESS, S.VERIFYING], T.EXHAUST, [H.SUPERVISOR], S.FAILED, "no attempt remains"),
    _row([S.READY], T.EXHAUST, [H.SUPERVISOR], S.FAILED, "the same attempt would fail the same way"),
    _row([S.VERIFYING], T.PASS_GATES, [H.GATES], S.REVIEW, "every gate passed"),
    _row([S.VERIFYING], T.FAIL_GATES, [H.GATES], S.IN_PROGRESS, "a gate failed: back to who broke it"),
    _row([S.REVIEW], T.ACCEPT, [H.MERGE_QUEUE, H.HUMAN], S.MERGING, "allowed to land; the intent is recorded"),
    _row([S.REVIEW], T.REQUEST_CHANGES, [H.HUMAN], S.IN_PROGRESS, "a reviewer asks for changes"),
    _row([S.MERGING], T.LAND, [H.MERGE_QUEUE], S.DONE, "on the target"),
    _row([S.REVIEW, S.MERGING], T.BOUNCE, [H.MERGE_QUEUE], S.IN_PROGRESS, "a conflict, or red after the merge"),
    _row([S.REVIEW, S.MERGING], T.JUDGE_AGAIN, [H.MERGE_QUEUE], S.VERIFYING, "the target moved meanwhile"),
    _row([S.DONE], T.ROLL_BACK, [H.WATCHDOG, H.HUMAN], S.ROLLED_BACK, "it broke the target after landing"),
    _row([S.ROLLED_BACK], T.REOPEN, [H.HUMAN], S.PROPOSED, "the investigation is decided"),
    _row([S.FAILED], T.RETRY, [H.HUMAN], S.READY, "a person wants another try"),
    _row([S.FAILED], T.REJECT, [H.HUMAN], S.REJECTED, "a person wants no other try"),
    _row(ACTIVE, T.PAUSE, [H.SCHEDULER, H.HUMAN], S.PAUSED, "p0 arrived, or a person holds it still"),
    _row([S.PAUSED], T.RESUME, [H.SCHEDULER, H.HUMAN], PREVIOUS, "goes on where it was"),
    _row(_OPEN - {S.MERGING}, T.CANCEL, [H.HUMAN], S.CANCELLED, "cancelled; too late once the landing is intended"),
)  # fmt: skip


class Refusal(msgspec.Struct, frozen=True):
    """Why a trigger was not pulled: where the task stands, what was asked, what is possible, a hint."""

    state: S | None
    asked: str
    allowed: tuple[str, ...]
    hint: str

    def __str__(self) -> str:
        return f"cannot {self.asked} a task that is {self.state or 'not there'}: {self.hint}"


_BY_SOURCE: Final[dict[tuple[S | None, Trigger], Transition]] = {
    (source, row.trigger): row for row in TABLE for source in row.sources
}


def allowed_from(state: S | None) -> tuple[str, ...]:
    """The triggers this state accepts, in the order of the table."""
    return tuple(row.trigger.value for row in TABLE if state in row.sources)


def step(state: S | None, trigger: Trigger, by: Hand, previous: S | None = None) -> S | Refusal:
    """Pull `trigger`: the next state, or a refusal that tells what would have been possible."""
    row = _BY_SOURCE.get((state, trigger))
    if row is None:
        return Refusal(state, trigger.value, allowed_from(state), _hint(state))
    if by not in row.by:
        hands = " or ".join(sorted(row.by))
        return Refusal(
            state, trigger.value, allowed_from(state), f"only {hands} may do that, not {by}"
        )
    if row.target != PREVIOUS:
        return row.target
    if previous is None:
        return Refusal(
            state, trigger.value, allowed_from(state), "nothing is recorded to go back to"
        )
    return previous


def _hint(state: S | None) -> str:
    match state:
        case None:
            return "submit it first"
        case S.MERGING:
            return "its landing has begun; wait for the outcome, then roll it back if it must go"
        case S.FAILED:
            return "use retry to give it another attempt"
        case S.PAUSED:
            return "use resume first"
        case _ if state in ENDED:
            return "it has ended; add a new task instead"
        case _:
            return "possible now: " + ", ".join(allowed_from(state))
