"""Guesses that learn, and dice that fall the same everywhere."""

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.planning.spread import SHIFT, STEPS, Dice, Guess, normal_scores, shrunk

LOGS = st.lists(st.floats(-5, 5), max_size=30)


def test_as_many_observations_as_the_prior_weighs_meet_it_in_the_middle():
    found = shrunk(Guess(math.log(30), 0.5), [[math.log(10)] * 4])
    assert found.p50 == pytest.approx(math.sqrt(30 * 10))


def test_nothing_seen_changes_nothing():
    prior = Guess(1.5, 0.5)
    assert shrunk(prior, [[], [], []]) == Guess(1.5, pytest.approx(0.5))


def test_the_most_alike_are_heard_last_and_so_count_most():
    wide, near = [math.log(100)] * 20, [math.log(10)] * 20
    assert shrunk(Guess(0, 1), [wide, near]).p50 < 20
    assert shrunk(Guess(0, 1), [near, wide]).p50 > 50


def test_many_observations_outweigh_any_prior():
    dice = [NormalDist(2.0, 0.3).inv_cdf((n + 0.5) / 2_000) for n in range(2_000)]
    found = shrunk(Guess(-3.0, 2.0), [dice])
    assert found.mean == pytest.approx(2.0, abs=0.02)
    assert found.deviation == pytest.approx(0.3, abs=0.05)


@given(st.floats(-5, 5), LOGS, LOGS)
def test_a_guess_lies_between_what_was_believed_and_what_was_seen(
    believed: float, wide: list[float], near: list[float]
):
    found = shrunk(Guess(believed, 0.5), [wide, near])
    low, high = min([believed, *wide, *near]), max([believed, *wide, *near])
    assert low - 1e-9 <= found.mean <= high + 1e-9
    assert 0 <= found.deviation < math.inf
    assert found.p50 <= found.p80


@given(st.floats(-3, 3), st.floats(0.05, 2), st.floats(0.01, 100))
def test_the_share_below_is_that_of_the_normal_distribution(
    mean: float, deviation: float, value: float
):
    share = Guess(mean, deviation).share_below(value)
    assert share == pytest.approx(NormalDist(mean, deviation).cdf(math.log(value)), abs=1e-9)


def test_shares_at_the_edges():
    assert Guess(0, 1).share_below(0) == 0
    assert Guess(math.log(10), 0).share_below(9) == 0
    assert Guess(math.log(10), 0).share_below(11) == 1


def test_the_scores_are_those_of_a_standard_normal():
    scores = normal_scores()
    assert len(scores) == STEPS
    for step in (0, 1, 17, STEPS // 2 - 1, STEPS // 2, STEPS - 2, STEPS - 1):
        assert scores[step] == pytest.approx(NormalDist().inv_cdf((step + 0.5) / STEPS), abs=1e-6)
    assert list(scores) == sorted(scores)


def test_dice_fall_the_same_on_every_machine():
    dice = Dice(b"a plan", 4)
    assert dice.throw(0).tolist() == [29665, 40109, 39371, 19903]
    assert dice.throw(1).tolist() != dice.throw(0).tolist()
    assert Dice(b"another", 4).throw(0).tolist() != dice.throw(0).tolist()


def test_dice_are_fair():
    steps = [side >> SHIFT for side in Dice(b"", 40_000).throw(0)]
    assert sum(steps) / len(steps) == pytest.approx(STEPS / 2, rel=0.02)
    assert {min(steps) < 3, max(steps) > STEPS - 4} == {True}
