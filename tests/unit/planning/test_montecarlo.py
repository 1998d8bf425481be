"""Rehearsals with dice: exact where nothing is left to chance, lawful where something is."""

import math
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock.domain.plan import AffinityRule, Plan
from interlock.planning.forecast import forecast
from interlock.planning.graph import critical_path
from interlock.planning.montecarlo import (
    DICE_PER_ATTEMPT,
    Chore,
    Means,
    Stand,
    _Course,
    _Trial,
    rehearse,
    spread,
)
from interlock.planning.network import Network
from interlock.planning.spread import Dice, Guess
from tests.unit.planning.outlooks import certain, means, surely
from tests.unit.planning.plans import at, group, plan, plans, task


def end_of(made: Plan, given_means: Means | None = None, **how: object) -> float:
    network = Network(made)
    return end(network, certain(network, **how), given_means or means())


def end(network: Network, chores: list[Chore], given_means: Means) -> float:
    return trial_of(network, chores, given_means).end()


def trial_of(network: Network, chores: list[Chore], given_means: Means) -> _Trial:
    throws = 1 + DICE_PER_ATTEMPT * given_means.max_attempts * len(chores)
    return _Trial(_Course(network, chores, given_means), Dice(b"", throws).throw(0))


# --- nothing left to chance -----------------------------------------------------------------------


@given(plans())
def test_with_enough_of_everything_it_takes_the_longest_way(made: Plan):
    made = replace(made, affinity=())
    taken = end_of(made, means(workers=1000, stages=1000, gates=1000))
    assert taken == pytest.approx(critical_path(made).minutes, abs=1e-6)


LIMITS = st.tuples(st.integers(1, 5), st.integers(1, 4))


@given(plans(), LIMITS)
def test_it_lies_between_the_best_possible_and_one_after_another(
    made: Plan, limits: tuple[int, int]
):
    minutes = forecast(made, *limits).minutes
    taken = end_of(made, means(*limits))
    assert minutes.lower_bound - 1e-3 <= taken <= minutes.sequential + 1e-6


@given(plans(), LIMITS)
def test_no_limit_is_exceeded_at_any_time(made: Plan, limits: tuple[int, int]):
    network = Network(made)
    trial = trial_of(network, certain(network), means(*limits))
    trial.end()
    spans = {
        each.id: (trial.started[number], trial.started[number] + network.durations[number] / 60_000)
        for number, each in enumerate(made.tasks)
        if not network.skipped[number]
    }
    assert all(start < math.inf for start, _ in spans.values())
    agent_of = {each.id: each.agent for each in made.tasks}
    stages = {stage for each in made.groups for stage in each.stages}
    for now in {start for start, _ in spans.values()}:
        working = [n for n, (start, finish) in spans.items() if start <= now < finish - 1e-6]
        agents = Counter(agent_of[name] for name in working)
        assert len(working) <= limits[0]
        assert len(stages.intersection(working)) <= limits[1]
        for rule in made.affinity:
            assert sum(agents[agent] for agent in rule.agents) <= rule.max_concurrent


def test_gates_serve_so_many_at_once_and_landings_come_one_by_one():
    made = plan(*(task(name, 10) for name in "abcd"))
    assert end_of(made, means(gates=1, judging=surely(5))) == pytest.approx(30)
    assert end_of(made, means(gates=2, judging=surely(5))) == pytest.approx(20)
    slow_lane = means(gates=4, judging=surely(5), landing_minutes=2.0)
    assert end_of(made, slow_lane) == pytest.approx(23)


def test_who_waits_for_a_landing_waits_for_gates_and_lane():
    made = plan(task("a", 10), task("b", 10, "a"))
    with_gates = means(judging=surely(5), landing_minutes=1.0)
    assert end_of(made, with_gates) == pytest.approx(32)


def test_an_early_start_follows_the_time_that_was_thrown():
    made = plan(task("a", 60), task("b", 10, at("a", 50)), task("c", 5, "b"))
    network = Network(made)
    chores = certain(network)
    chores[0] = replace(chores[0], minutes=surely(100))
    trial = trial_of(network, chores, means())
    assert trial.end() == pytest.approx(105)
    assert trial.started == pytest.approx([0, 50, 100])


def test_stages_of_a_group_are_judged_together():
    made = plan(task("a", 10), task("b", 30), task("c", 5), groups=(group(1, "a", "b"),))
    network = Network(made)
    trial = trial_of(network, certain(network), means(judging=surely(5)))
    assert trial.end() == pytest.approx(35)
    assert trial.landed == pytest.approx([35, 35, 10])


def test_agents_that_want_the_same_resource_take_turns():
    made = plan(
        task("a", 10, agent="billy"), task("b", 10, agent="liz"),
        affinity=(AffinityRule(("billy", "liz"), 1, "cpu"),),
    )  # fmt: skip
    assert end_of(made) == pytest.approx(20)


def test_what_is_sent_back_is_done_again_until_no_attempt_is_left():
    made = plan(task("a", 10))
    judged = means(judging=surely(5))
    assert end_of(made, judged, fails=1.0) == pytest.approx(45)
    assert end_of(made, replace(judged, max_attempts=1), fails=1.0) == pytest.approx(15)


def test_each_attempt_costs():
    network = Network(plan(task("a", 10), task("b", 10)))
    trial = trial_of(network, certain(network, cost_usd=surely(0.5), fails=1.0), means())
    trial.end()
    assert trial.cost_usd == pytest.approx(2 * 3 * 0.5)


# --- from the middle of a run ---------------------------------------------------------------------


def standing(made: Plan, **stands: tuple[Stand, float]) -> tuple[Network, list[Chore]]:
    network = Network(made)
    return network, [
        replace(chore, stand=stands[each.id][0], elapsed=stands[each.id][1])
        if each.id in stands
        else chore
        for each, chore in zip(made.tasks, certain(network), strict=True)
    ]


CHAIN = plan(task("a", 10), task("b", 20, "a"), task("c", 5, "b"))


@pytest.mark.parametrize(
    ("stands", "left"),
    [
        ({}, 35 + 3 * 2),
        ({"a": (Stand.WORKING, 4.0)}, 31 + 3 * 2),
        ({"a": (Stand.JUDGING, 0.0)}, 25 + 3 * 2),
        ({"a": (Stand.LANDING, 0.0)}, 25 + 2 * 2),
        ({"a": (Stand.DONE, 0.0)}, 25 + 2 * 2),
        ({"a": (Stand.DONE, 0.0), "b": (Stand.WORKING, 15.0)}, 10 + 2 * 2),
        (dict.fromkeys("abc", (Stand.DONE, 0.0)), 0),
    ],
)
def test_only_what_is_left_takes_time(stands: dict[str, tuple[Stand, float]], left: float):
    network, chores = standing(CHAIN, **stands)
    assert end(network, chores, means(judging=surely(2))) == pytest.approx(left)


def test_work_that_outlasts_its_guess_is_expected_to_end_soon():
    network, chores = standing(plan(task("a", 10)), a=(Stand.WORKING, 50.0))
    assert 0 < end(network, chores, means()) < 5


def test_long_work_is_expected_to_last_longer_than_short_work():
    network = Network(plan(task("a", 10)))
    left = []
    for elapsed in (0.0, 9.0, 30.0):
        chore = Chore(Guess(math.log(10), 0.8), None, 0.0, Stand.WORKING, elapsed)
        left.append(rehearse(network, [chore], means(), b"", 500).minutes.p50)
    assert left[0] == pytest.approx(10, rel=0.1)
    assert 4 < left[1] < left[0]
    assert left[2] > 6


def test_of_an_attempt_at_work_only_what_is_left_is_still_to_be_paid():
    network = Network(plan(task("a", 10)))
    chores = certain(network, cost_usd=surely(1.0), stand=Stand.WORKING, elapsed=4.0)
    trial = trial_of(network, chores, means())
    trial.end()
    assert trial.cost_usd == pytest.approx(0.6)


def test_who_works_already_takes_up_a_place():
    made = plan(task("a", 10), task("b", 10), task("c", 10))
    network, chores = standing(made, a=(Stand.WORKING, 4.0), b=(Stand.WORKING, 1.0))
    trial = trial_of(network, chores, means(workers=1))
    assert trial.end() == pytest.approx(19)
    assert trial.started[2] == pytest.approx(9)


def test_what_waits_for_a_person_does_not_move_and_is_named():
    made = plan(task("a", 10), task("b", 20, "a"), task("c", 5), task("d", 1, at("a", 50)))
    network, chores = standing(made, a=(Stand.STUCK, 0.0))
    trials = rehearse(network, chores, means(), b"", 10)
    assert trials.minutes.p50 == pytest.approx(5)
    assert trials.unmoved == (0, 1, 3)


@given(plans(), st.data())
def test_from_any_moment_it_comes_to_an_end(made: Plan, data: st.DataObject):
    network = Network(made)
    stands = data.draw(
        st.lists(st.sampled_from(Stand), min_size=len(network.tasks), max_size=len(network.tasks))
    )
    chores = [
        replace(chore, stand=stand, elapsed=3.0)
        for chore, stand in zip(certain(network, fails=0.3), stands, strict=True)
    ]
    trials = rehearse(network, chores, means(2, 2, gates=1, judging=surely(1)), b"", 2)
    assert 0 <= trials.minutes.p50 <= trials.minutes.p80 < math.inf
    stuck = {n for n, s in enumerate(stands) if s is Stand.STUCK and not network.skipped[n]}
    assert stuck <= set(trials.unmoved)
    done = {n for n, s in enumerate(stands) if s is Stand.DONE}
    assert not done & set(trials.unmoved)


# --- chance ---------------------------------------------------------------------------------------


def chancy(network: Network) -> list[Chore]:
    return [
        Chore(Guess(math.log(max(1, ms) / 60_000), 0.5), surely(0.1), 0.2)
        for ms in network.durations
    ]


@given(plans())
def test_the_same_seed_gives_the_same_answer(made: Plan):
    network = Network(made)
    asked = (network, chancy(network), means(3, 2, gates=1, judging=surely(1), bias=0.3))
    assert rehearse(*asked, b"seed", 5) == rehearse(*asked, b"seed", 5)


def test_a_single_task_takes_what_its_guess_says():
    network = Network(plan(task("a", 10)))
    chore = Chore(Guess(math.log(10), 0.5), Guess(math.log(0.2), 0.5), 0.0)
    trials = rehearse(network, [chore], means(), b"", 2_000)
    assert trials.minutes.p50 == pytest.approx(chore.minutes.p50, rel=0.05)
    assert trials.minutes.p80 == pytest.approx(chore.minutes.p80, rel=0.05)
    assert trials.cost_usd.p50 == pytest.approx(0.2, rel=0.05)


def test_it_is_sent_back_as_often_as_the_guess_says():
    network = Network(plan(task("a", 10)))
    trials = [
        rehearse(network, [Chore(surely(10), surely(1), 0.25)], means(), bytes([seed]), 1)
        for seed in range(250)
    ]
    again = sum(found.cost_usd.p50 > 1.5 for found in trials) / len(trials)
    assert again == pytest.approx(0.25, abs=0.08)


def test_what_all_tasks_share_does_not_average_out():
    network = Network(plan(*(task(f"t{n}", 10) for n in range(30))))
    one_by_one, shared = means(workers=1), means(workers=1, bias=0.3)
    own = rehearse(network, chancy(network), one_by_one, b"", 400).minutes
    both = rehearse(network, chancy(network), shared, b"", 400).minutes
    assert both.p80 / both.p50 > own.p80 / own.p50 + 0.1


def test_pairs_meet_when_both_are_under_way():
    made = plan(task("a", 10), task("b", 10), task("c", 10, "a"))
    network = Network(made)
    pairs = list(combinations(range(3), 2))
    found = rehearse(network, certain(network), means(), b"", 5, pairs)
    assert dict(zip(pairs, found.met, strict=True)) == {(0, 1): 1.0, (0, 2): 0.0, (1, 2): 0.0}


def test_a_spread_of_few_and_of_many():
    assert spread([3.0]) == spread([3.0, 3.0])
    found = spread([float(n) for n in range(1, 101)])
    assert (found.p50, found.p80) == (50, 80)
