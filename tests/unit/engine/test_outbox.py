"""Told once, told again after a while, and never again once it is settled."""

from datetime import UTC, datetime, timedelta

from interlock.engine.outbox import Outbox

NOW = datetime(2031, 5, 6, tzinfo=UTC)
TEN = timedelta(seconds=10)


def test_the_first_time_it_is_told_at_once_then_it_waits_for_an_answer() -> None:
    outbox = Outbox(TEN)
    assert outbox.due("a", NOW) is None
    assert outbox.due("a", NOW) == NOW + TEN
    assert outbox.due("a", NOW + TEN / 2) == NOW + TEN


def test_without_an_answer_it_is_told_again() -> None:
    outbox = Outbox(TEN)
    outbox.due("a", NOW)
    assert outbox.due("a", NOW + TEN) is None
    assert outbox.due("a", NOW + TEN) == NOW + 2 * TEN


def test_what_is_settled_is_new_the_next_time() -> None:
    outbox = Outbox(TEN)
    outbox.due("a", NOW)
    outbox.settled("a")
    outbox.settled("never told")
    assert outbox.due("a", NOW) is None


def test_keys_do_not_hold_each_other_up() -> None:
    outbox = Outbox(TEN)
    assert outbox.due("a", NOW) is outbox.due("b", NOW) is None
