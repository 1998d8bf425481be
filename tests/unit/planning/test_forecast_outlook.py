"""The outlook of a plan: likely time and money, why, and never a cost that nobody knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock.domain.forecast import RunForecast
from interlock.domain.plan import Plan
from interlock.domain.task import TaskKind
from interlock.planning.forecast import forecast
from interlock.planning.history import Attempted, Experience, History, Sorts
from interlock.planning.montecarlo import Stand
from interlock.planning.outlook import SAMPLES_MAX, SAMPLES_MIN, Now, Pair, Setting, outlook
from tests.unit.planning.plans import plan, plans, task

SETTING = Setting(workers=4, parallel_stages=4, gates=2, max_attempts=3)


def seen(agent: str, cost: float | None, times: int = 10) -> tuple[Attempted, ...]:
    return (Attempted(TaskKind.FEATURE, agent, 10.0, 10.0, cost, good=True),) * times


def look(made: Plan, *attempts: Attempted, sorts: Sorts | None = None, **more: object):
    return outlook(made, SETTING, Experience(History(attempts), sorts), **more)  # type: ignore[arg-type] # as asked


TWO = plan(task("a", 10), task("b", 10, agent="other"))


def test_the_same_question_has_the_same_answer_and_another_plan_throws_other_dice():
    assert look(TWO) == look(TWO)
    renamed = replace(TWO, goal="Something else")
    assert look(renamed).minutes != look(TWO).minutes


def test_even_odds_come_before_eight_of_ten():
    found = look(TWO)
    assert 10 < found.minutes.p50 < found.minutes.p80
    assert found.samples == SAMPLES_MAX


def test_a_cost_is_unknown_as_long_as_one_agent_never_told_it():
    assert look(TWO).cost_usd is None
    half = look(TWO, *seen("default", 0.5))
    assert half.cost_usd is None
    assert half.basis[1] == "cost: not known, no attempt by other has told what it cost here"
    whole = look(TWO, *seen("default", 0.5), *seen("other", 1.5))
    assert whole.cost_usd is not None
    assert whole.cost_usd.p50 == pytest.approx(2.0, rel=0.25)
    assert whole.basis == (
        "time: 2 tasks by what tasks of the same kind and agent took here",
        "cost: by what attempts of these agents cost here",
    )


def test_a_cost_without_a_price_is_unknown():
    assert look(plan(task("a", 10)), *seen("default", None)).cost_usd is None


def test_what_uses_no_model_costs_nothing_to_know():
    sorts = Sorts(people=frozenset({"other"}))
    found = look(TWO, *seen("default", 0.5), sorts=sorts)
    assert found.cost_usd is not None
    everybody = Sorts(people=frozenset({"other", "default"}))
    assert look(TWO, sorts=everybody).cost_usd is None
    assert look(TWO, sorts=everybody).basis[1].startswith("cost: no model is used")


def test_it_says_how_much_it_knows():
    assert look(TWO).basis[0] == "time: 2 tasks by estimates alone"
    assert look(TWO, *seen("default", None)).basis[0] == (
        "time: 1 task by what tasks of the same kind and agent took here, "
        "1 task by what other tasks took here"
    )
    assert look(plan()).basis[0] == "time: nothing is left to be worked on"
    many = plan(*(task(f"t{n}", 1, agent=f"agent{n}") for n in range(5)))
    assert "agent0, agent1, agent2 and 2 more" in look(many).basis[1]


def test_history_moves_a_forecast():
    slow = tuple(replace(each, minutes=40.0) for each in seen("default", None, 30))
    made = plan(task("a", 10))
    assert look(made, *slow).minutes.p50 > 2.5 * look(made).minutes.p50


def test_more_failures_take_longer():
    made = plan(task("a", 10))
    bad = tuple(replace(each, good=False) for each in seen("default", None, 30))
    good = seen("default", None, 30)
    assert look(made, *bad).minutes.p50 > 2 * look(made, *good).minutes.p50


def test_pairs_count_as_often_as_both_are_open():
    made = plan(task("a", 10), task("b", 10), task("c", 10, "a"))
    pairs = [Pair((one, other), ("x.py",), 0.5) for one, other in ("ab", "ac", "bc")]
    found = look(made, pairs=pairs)
    assert found.conflicts[0].tasks == ("a", "b")
    assert ("a", "c") not in [pair.tasks for pair in found.conflicts]
    assert found.conflicts[0].probability == pytest.approx(0.5)
    assert all(pair.probability < 0.5 for pair in found.conflicts[1:])
    assert found.kept().conflicts == pytest.approx(
        sum(pair.probability for pair in found.conflicts), abs=0.01
    )


def test_what_is_kept_is_rounded_and_never_a_cost_of_nothing():
    kept = look(TWO).kept()
    assert isinstance(kept, RunForecast)
    assert kept.cost_usd is None
    assert kept.minutes.p50 == round(kept.minutes.p50, 2)
    assert kept.gates == 2


def test_a_skipped_task_is_not_expected_at_all():
    made = plan(task("a", 10), task("b", 900, when="never"), flags={"never": False})
    found = look(made)
    assert set(found.tasks) == {"a"}
    assert found.minutes.p80 < 60


def test_the_rest_of_a_run_leaves_out_what_lands_and_names_what_cannot_move():
    made = plan(task("a", 10), task("b", 10), task("c", 10, "b"), task("d", 30))
    now = {"a": Now(Stand.LANDING), "b": Now(Stand.STUCK), "d": Now(Stand.WORKING, 29.0)}
    found = look(made, now=now)
    assert set(found.tasks) == {"c", "d"}
    assert found.unmoved == ("b", "c")
    assert found.minutes.p50 < 20


def test_large_plans_are_rehearsed_less_often():
    large = plan(*(task(f"t{n}", 1) for n in range(1_500)))
    assert look(large).samples == SAMPLES_MIN


@given(plans(), st.integers(1, 5))
def test_every_plan_has_an_outlook(made: Plan, workers: int):
    setting = replace(SETTING, workers=workers)
    found = outlook(made, setting, Experience(History()), samples_max=SAMPLES_MIN)
    assert 0 <= found.minutes.p50 <= found.minutes.p80
    assert set(found.tasks) == set(forecast(made, workers, 4).slots)
    assert found.unmoved == ()
