"""Silence counts on the monotonic clock; a suspend or a set clock gives everybody a new window."""

from datetime import UTC, datetime, timedelta

import pytest

from interlock.engine.heartbeats import JUMP_SECONDS, Heartbeats

NOW = datetime(2031, 5, 6, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_window_ends_after_silence_and_moves_with_each_sign_of_life() -> None:
    beats = Heartbeats(NOW, 0.0)
    beats.hear("a", 60.0, 0.0)
    assert (beats.silent("a", 59.9), beats.silent("a", 60.0)) == (False, True)
    beats.hear("a", 60.0, 50.0)
    assert (beats.silent("a", 109.9), beats.silent("a", 110.0)) == (False, True)


def test_who_was_never_heard_of_is_not_silent() -> None:
    assert not Heartbeats(NOW, 0.0).silent("a", 1e9)


def test_the_overdue_come_by_name_and_the_next_deadline_is_the_earliest() -> None:
    beats = Heartbeats(NOW, 0.0)
    for name, window in (("c", 10.0), ("a", 20.0), ("b", 30.0)):
        beats.hear(name, window, 0.0)
    assert beats.next_deadline() == 10.0
    assert beats.overdue(20.0) == ["a", "c"]


def test_the_forgotten_are_never_overdue() -> None:
    beats = Heartbeats(NOW, 0.0)
    beats.hear("a", 10.0, 0.0)
    beats.forget("a")
    beats.forget("nobody")
    assert beats.next_deadline() is None
    assert beats.overdue(1e9) == []
    beats.look(after(9_000), 0.0)
    assert beats.next_deadline() is None


@pytest.mark.parametrize("jump", [9_000.0, -600.0], ids=["suspended", "set back"])
def test_a_jump_gives_everybody_one_more_window(jump: float) -> None:
    beats = Heartbeats(NOW, 0.0)
    beats.hear("a", 60.0, 0.0)
    assert beats.look(after(100 + jump), 100.0)
    assert beats.overdue(100.0) == []
    assert beats.overdue(160.0) == ["a"]
    assert not beats.look(after(160 + jump), 160.0)


def test_a_little_drift_is_no_jump() -> None:
    beats = Heartbeats(NOW, 0.0)
    beats.hear("a", 60.0, 0.0)
    assert not beats.look(after(100 + JUMP_SECONDS), 100.0)
    assert beats.overdue(100.0) == ["a"]
