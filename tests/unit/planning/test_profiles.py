"""The cheapest profile that is good enough is proposed, and only what history knows counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.task import TaskKind
from interlock.planning.history import Attempted
from interlock.planning.profiles import (
    GOOD_ENOUGH,
    Z90,
    Candidate,
    Suggestion,
    lower_bound,
    records,
    suggest,
)
from tests.unit.planning.plans import task

CRUD = task("a", agent="large", kind=TaskKind.CRUD)


def tries(agent: str, good: int, bad: int, cost: float | None, **more: object) -> list[Attempted]:
    usual = {"kind": TaskKind.CRUD, "cost_usd": cost} | more
    return [
        Attempted(agent=agent, minutes=5, good=number < good, **usual)  # type: ignore[arg-type] # fields
        for number in range(good + bad)
    ]


def proposed(*attempts: list[Attempted], candidates: str = "small large new") -> Suggestion | None:
    known = records([attempt for some in attempts for attempt in some])
    return suggest(CRUD, [Candidate(name) for name in candidates.split()], known)


SMALL, LARGE, NEW = tries("small", 11, 1, 0.04), tries("large", 20, 0, 0.31), tries("new", 2, 0, 0)


def test_the_cheapest_that_is_good_enough_is_proposed_and_says_why():
    assert proposed(SMALL, LARGE, NEW) == Suggestion(
        "small",
        "11 of 12 first attempts of kind crud were good, at $0.04 a task; large: 20 of 20, $0.31",
    )


def test_too_few_to_tell_are_not_proposed_however_cheap():
    assert proposed(NEW) is None
    assert proposed(tries("new", 3, 0, 0.01), LARGE) == Suggestion(
        "large", "20 of 20 first attempts of kind crud were good, at $0.31 a task"
    )


def test_what_is_not_good_enough_is_not_proposed():
    assert proposed(tries("small", 14, 6, 0.01)) is None


def test_a_profile_that_never_told_its_cost_is_unknown_not_cheap():
    assert proposed(tries("small", 30, 0, None)) is None


def test_what_was_sent_back_was_paid_for_as_well():
    again = tries("small", 9, 1, 0.10) + tries("small", 1, 0, 0.10, first=False)
    (record,) = records(again).values()
    assert (record.firsts, record.good_firsts) == (10, 9)
    assert record.cost_usd == pytest.approx(11 * 0.10 / 10)


def test_another_kind_and_what_is_undecided_say_nothing():
    assert proposed(tries("small", 30, 0, 0.01, kind=TaskKind.UI)) is None
    undecided = [Attempted(TaskKind.CRUD, "small", 5, cost_usd=0.01)] * 30
    assert proposed(undecided) is None


def test_only_profiles_of_today_with_the_skills_asked_for():
    known = records(SMALL + LARGE)
    wanting = task("a", agent="large", kind=TaskKind.CRUD, skills=("sql",))
    candidates = [Candidate("small", ("python",)), Candidate("large", ("python", "sql"))]
    found = suggest(wanting, candidates, known)
    assert found is not None
    assert found.agent == "large"
    assert suggest(wanting, [], known) is None


def test_equal_costs_are_settled_by_name_not_by_chance():
    found = proposed(tries("b", 20, 0, 0.1), tries("a", 20, 0, 0.1), candidates="b a")
    assert found is not None
    assert found.agent == "a"


@pytest.mark.parametrize(("good", "of"), [(0, 0), (0, 9), (5, 5), (11, 12), (8, 10)])
def test_the_bound_is_the_share_from_which_what_was_seen_is_just_not_surprising(good: int, of: int):
    bound = lower_bound(good, of)
    if not good:
        assert bound == pytest.approx(0)
        return
    strayed = (good / of - bound) ** 2
    assert bound < good / of
    assert strayed == pytest.approx(Z90**2 * bound * (1 - bound) / of)


def test_four_good_ones_in_a_row_are_enough_and_three_are_not():
    assert lower_bound(3, 3) < GOOD_ENOUGH < lower_bound(4, 4)


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_bound_lies_below_the_share_and_more_of_the_same_raises_it(good: int, bad: int):
    tries_ = good + bad
    bound = lower_bound(good, tries_)
    assert 0 <= bound <= (good / tries_ if tries_ else 0) + 1e-12
    assert lower_bound(10 * good, 10 * tries_) >= bound - 1e-12
    assert not (tries_ < 4 and bound >= GOOD_ENOUGH)
