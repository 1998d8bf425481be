"""Durations as people write them."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.duration import WrongDuration, minutes_of


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("15 min", 15),
        ("15m", 15),
        ("45", 45),
        (45, 45),
        (0.5, 0.5),
        (0, 0),
        ("1h30m", 90),
        ("1 hour 30 minutes", 90),
        ("1.5h", 90),
        (" 2 Days ", 2880),
        ("90s", 1.5),
        ("1H", 60),
    ],
)
def test_what_people_write_is_read(text: str | float, minutes: float):
    assert minutes_of(text) == minutes


NO_DURATIONS = ("", " ", "soon", "15 parsecs", "-5m", "1h!", "m", "1..5h", "1e9", "٣ م", True)
OUT_OF_BOUNDS = ("367d", "9999999999m", 10**6, -1, math.nan, math.inf)


@pytest.mark.parametrize("text", [*NO_DURATIONS, *OUT_OF_BOUNDS])
def test_what_is_no_duration_is_refused_with_an_example(text: str | float):
    with pytest.raises(WrongDuration, match="is not a duration: write for example 45, 15m"):
        minutes_of(text)


@given(
    days=st.integers(0, 99),
    hours=st.integers(0, 99),
    minutes=st.integers(0, 999),
    seconds=st.integers(0, 999),
    space=st.sampled_from(["", " "]),
)
def test_parts_add_up(days: int, hours: int, minutes: int, seconds: int, space: str):
    written = space.join([f"{days}d", f"{hours}h", f"{minutes}m", f"{seconds}s"])
    expected = days * 1440 + hours * 60 + minutes + seconds / 60
    assert minutes_of(written) == pytest.approx(expected)


@given(text=st.text(max_size=20))
def test_any_text_is_read_or_refused_and_nothing_else(text: str):
    minutes = -1.0
    with contextlib.suppress(WrongDuration):
        minutes = minutes_of(text)
    assert minutes == -1.0 or 0 <= minutes <= 366 * 1440


@pytest.mark.parametrize("text", [10**400, "15 15", "9" * 9 + " d"])
def test_what_only_looks_like_a_duration_is_refused(text: str | int):
    with pytest.raises(WrongDuration):
        minutes_of(text)
