"""The one table of a task's life: what follows what, and how it says no."""

from itertools import product

import pytest

from interlock.domain.lifecycle import (
    ACTIVE,
    ENDED,
    PREVIOUS,
    SATISFIES,
    TABLE,
    WORKING,
    Hand,
    Refusal,
    Transition,
    Trigger,
    allowed_from,
    step,
)
from interlock.domain.task import TaskStatus as S

STATES: tuple[S | None, ...] = (None, *S)
EVERYTHING = tuple(product(STATES, Trigger, Hand))


def row_of(state: S | None, trigger: Trigger) -> Transition | None:
    rows = [row for row in TABLE if state in row.sources and row.trigger is trigger]
    assert len(rows) <= 1, f"{state} on {trigger} leads to two places"
    return rows[0] if rows else None


def test_every_pull_follows_the_table_or_is_refused():
    pulled = 0
    for state, trigger, hand in EVERYTHING:
        row, outcome = row_of(state, trigger), step(state, trigger, hand, previous=S.REVIEW)
        if row is None or hand not in row.by:
            assert isinstance(outcome, Refusal)
            assert (outcome.state, outcome.asked) == (state, trigger.value)
            assert outcome.hint
        else:
            assert outcome is (S.REVIEW if row.target == PREVIOUS else row.target)
            pulled += 1
    assert pulled > len(TABLE)


@pytest.mark.parametrize("state", STATES)
def test_a_refusal_lists_exactly_what_somebody_could_do(state: S | None):
    outcomes = {(t, h): step(state, t, h, previous=S.REVIEW) for t, h in product(Trigger, Hand)}
    possible = {t.value for (t, _), outcome in outcomes.items() if isinstance(outcome, S)}
    refusals = [outcome for outcome in outcomes.values() if isinstance(outcome, Refusal)]
    assert refusals
    assert {refusal.allowed for refusal in refusals} == {allowed_from(state)}
    assert set(allowed_from(state)) == possible


def test_every_state_is_reached_from_the_first_submission():
    reached: set[S | None] = {None}
    for _ in S:
        reached |= {row.target for row in TABLE if reached & row.sources and row.target != PREVIOUS}
    assert reached == set(STATES)


@pytest.mark.parametrize("state", sorted(set(S) - ENDED))
def test_every_open_task_can_still_end_well(state: S):
    reached = {state}
    for _ in S:
        for row in TABLE:
            if reached & row.sources:
                reached |= set(ACTIVE) if row.target == PREVIOUS else {S(row.target)}
    assert S.DONE in reached


def test_what_has_ended_moves_only_by_a_person_or_the_watchdog():
    for row in TABLE:
        if row.sources & ENDED:
            assert row.by <= {Hand.HUMAN, Hand.WATCHDOG}


def test_the_kinds_of_states_lie_inside_each_other():
    assert SATISFIES < ENDED
    assert WORKING < ACTIVE
    assert not ACTIVE & ENDED


@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_a_pause_comes_back_to_where_it_was(state: S):
    assert step(state, Trigger.PAUSE, Hand.SCHEDULER) is S.PAUSED
    assert step(S.PAUSED, Trigger.RESUME, Hand.SCHEDULER, previous=state) is state


def test_a_resume_without_a_recorded_state_is_refused():
    outcome = step(S.PAUSED, Trigger.RESUME, Hand.HUMAN)
    assert isinstance(outcome, Refusal)
    assert outcome.hint == "nothing is recorded to go back to"


@pytest.mark.parametrize(
    ("state", "trigger", "hand", "says"),
    [
        (
            S.MERGING,
            Trigger.CANCEL,
            Hand.HUMAN,
            "cannot cancel a task that is merging: its landing has begun; "
            "wait for the outcome, then roll it back if it must go",
        ),
        (
            S.FAILED,
            Trigger.CLAIM,
            Hand.SCHEDULER,
            "cannot claim a task that is failed: use retry to give it another attempt",
        ),
        (
            S.CANCELLED,
            Trigger.RETRY,
            Hand.HUMAN,
            "cannot retry a task that is cancelled: it has ended; add a new task instead",
        ),
        (
            S.AWAITING_REVIEW,
            Trigger.CLAIM,
            Hand.WORKER,
            "cannot claim a task that is awaiting_review: "
            "possible now: approve, reject, send back, cancel",
        ),
        (
            S.AWAITING_REVIEW,
            Trigger.APPROVE,
            Hand.WORKER,
            "cannot approve a task that is awaiting_review: only human may do that, not worker",
        ),
        (
            None,
            Trigger.CLAIM,
            Hand.WORKER,
            "cannot claim a task that is not there: submit it first",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_refusal_is_a_sentence_with_a_way_on(
    state: S | None, trigger: Trigger, hand: Hand, says: str
):
    assert str(step(state, trigger, hand)) == says
