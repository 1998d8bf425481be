"""The rehearsed run: always the same, within every limit, between the best possible and in turn."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.plan import AffinityRule, Plan
from interlock.domain.task import Priority
from interlock.planning.forecast import Forecast, forecast
from interlock.planning.network import is_skipped
from tests.unit.planning.plans import accepted, at, group, plan, plans, task

WORKFLOW = Path(__file__).resolve().parents[3] / "examples" / "workflow.yaml"


def spans(found: Forecast) -> dict[str, tuple[float, float]]:
    return {name: (slot.start_minutes, slot.finish_minutes) for name, slot in found.slots.items()}


def test_the_workflow_of_eleven_stages():
    found = forecast(accepted(WORKFLOW.read_text()), workers=10, parallel_stages=4)
    minutes = found.minutes
    assert (minutes.sequential, minutes.parallel, minutes.lower_bound) == (540, 375, 375)
    assert found.critical_path == (
        "research", "critique", "backend", "backend-qa", "performance", "statistics", "devops",
        "documentation",
    )  # fmt: skip
    assert spans(found) == {
        "research": (0, 45), "critique": (45, 75), "backend": (75, 135), "frontend": (75, 135),
        "backend-qa": (135, 180), "frontend-qa": (135, 180), "performance": (180, 240),
        "security": (180, 240), "statistics": (240, 330), "devops": (330, 345),
        "documentation": (345, 375),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("performance", "security", "sequential", "parallel"),
    [
        (True, True, 540, 375),
        (True, False, 480, 375),
        (False, True, 480, 375),
        (False, False, 420, 315),
    ],
)
def test_the_workflow_with_each_setting_of_its_flags(
    performance: bool, security: bool, sequential: float, parallel: float
):
    text = WORKFLOW.read_text()
    text = text.replace("needs_performance: true", f"needs_performance: {str(performance).lower()}")
    text = text.replace("needs_security: true", f"needs_security: {str(security).lower()}")
    found = forecast(accepted(text), workers=10, parallel_stages=4)
    assert (found.minutes.sequential, found.minutes.parallel) == (sequential, parallel)
    assert ("performance" in found.slots, "security" in found.slots) == (performance, security)


def test_the_most_urgent_first_then_the_longest_way_then_the_order_of_the_plan():
    made = plan(
        task("third", 10),
        task("fourth", 10),
        task("second", 10),
        task("later", 50, "second"),
        task("first", 1, priority=Priority.CRITICAL),
    )
    assert spans(forecast(made, 1, 4)) == {
        "first": (0, 1), "second": (1, 11), "later": (11, 61), "third": (61, 71),
        "fourth": (71, 81),
    }  # fmt: skip


def test_no_more_stages_at_once_than_allowed_and_tasks_outside_groups_do_not_count():
    made = plan(*(task(name, 10) for name in "abcdef"), groups=(group(1, "a", "b", "c", "d"),))
    found = spans(forecast(made, workers=10, parallel_stages=2))
    assert found == {
        "a": (0, 10),
        "b": (0, 10),
        "c": (10, 20),
        "d": (10, 20),
        "e": (0, 10),
        "f": (0, 10),
    }


def test_agents_that_want_the_same_resource_take_turns():
    made = plan(
        task("a", 10, agent="billy"), task("b", 10, agent="liz"), task("c", 10, agent="roy"),
        affinity=(AffinityRule(("billy", "liz"), 1, "cpu"), AffinityRule(("liz", "roy"), 2, "io")),
    )  # fmt: skip
    assert spans(forecast(made, 10, 4)) == {"a": (0, 10), "b": (10, 20), "c": (0, 10)}


def test_a_group_is_a_barrier_and_its_stages_may_come_in_turn():
    made = plan(
        task("a", 10), task("b", 30), task("c", 5), task("d", 5),
        groups=(group(1, "a", "b"), group(2, "c", "d", after=(1,), parallel=False)),
    )  # fmt: skip
    assert spans(forecast(made, 10, 4)) == {
        "a": (0, 10),
        "b": (0, 30),
        "c": (30, 35),
        "d": (35, 40),
    }


def test_an_early_start_and_what_waits_for_its_landing():
    made = plan(task("a", 60), task("b", 10, at("a", 50)), task("c", 5, "b"))
    found = forecast(made, 10, 4)
    assert spans(found) == {"a": (0, 60), "b": (30, 40), "c": (60, 65)}


def test_parts_of_minutes_add_up_exactly():
    made = plan(*(task(f"t{n}", 0.1) for n in range(10)))
    assert forecast(made, 1, 4).minutes.parallel == 1
    assert repr(forecast(made, 1, 4).minutes.sequential) == "1"


def test_nothing_to_do():
    assert forecast(plan(), 3, 4).minutes.parallel == 0
    skipped = plan(task("a", 5, when="never"), flags={"never": False})
    assert forecast(skipped, 3, 4).slots == {}


LIMITS = st.tuples(st.integers(1, 5), st.integers(1, 4))


@given(plans(), LIMITS)
def test_a_forecast_lies_between_the_best_possible_and_one_after_another(
    made: Plan, limits: tuple[int, int]
):
    found = forecast(made, *limits)
    assert found == forecast(made, *limits)
    assert found.minutes.lower_bound <= found.minutes.parallel <= found.minutes.sequential
    assert set(found.slots) == {each.id for each in made.tasks if not is_skipped(made, each)}


@given(plans())
def test_one_worker_is_never_idle(made: Plan):
    minutes = forecast(made, 1, 1).minutes
    assert minutes.lower_bound == minutes.parallel == minutes.sequential


@given(plans(), LIMITS)
def test_nobody_starts_before_what_it_waits_for(made: Plan, limits: tuple[int, int]):
    found = spans(forecast(made, *limits))
    groups = {each.id: each for each in made.groups}
    for each in made.tasks:
        for needed in each.depends_on if each.id in found else ():
            if needed.task in found:
                start, finish = found[needed.task]
                if needed.at == 100:
                    assert found[each.id][0] >= finish
                elif needed.at > 0:
                    assert found[each.id][0] >= start + (finish - start) * needed.at / 100 - 0.001
            if needed.group is not None and needed.at == 100:
                assert found[each.id][0] >= end_of(groups[needed.group].stages, found)
    for each in made.groups:
        running = [stage for stage in each.stages if stage in found]
        for before in each.depends_on:
            end = end_of(groups[before].stages, found)
            assert all(found[stage][0] >= end for stage in running)
        if not each.parallel:
            assert all(found[b][0] >= found[a][1] for a, b in pairwise(running))


def end_of(stages: Iterable[str], found: dict[str, tuple[float, float]]) -> float:
    return max((found[stage][1] for stage in stages if stage in found), default=0)


@given(plans(), LIMITS)
def test_no_limit_is_exceeded_at_any_time(made: Plan, limits: tuple[int, int]):
    workers, parallel_stages = limits
    found = spans(forecast(made, workers, parallel_stages))
    agent_of = {each.id: each.agent for each in made.tasks}
    stages = {stage for each in made.groups for stage in each.stages}
    for now in {start for start, _ in found.values()}:
        working = [name for name, (start, finish) in found.items() if start <= now < finish]
        agents = Counter(agent_of[name] for name in working)
        assert len(working) <= workers
        assert len(stages.intersection(working)) <= parallel_stages
        for rule in made.affinity:
            assert sum(agents[agent] for agent in rule.agents) <= rule.max_concurrent
