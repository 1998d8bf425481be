"""What follows from a plan: order, levels, the longest path, and what remains after each task."""

import pytest
from hypothesis import given

from interlock.domain.plan import Plan
from interlock.domain.task import ESTIMATE_MINUTES_DEFAULT
from interlock.planning.graph import (
    CircularPlanError,
    critical_path,
    effective_edges,
    levels,
    remaining_minutes,
    topological_order,
)
from tests.unit.planning.plans import at, group, plan, plans, task

DIAMOND = plan(task("a", 15), task("b", 60, "a"), task("c", 30), task("d", 10, "b", "c"))


def test_a_diamond():
    assert topological_order(DIAMOND) == ("a", "c", "b", "d")
    assert levels(DIAMOND) == (("a", "c"), ("b",), ("d",))
    path = critical_path(DIAMOND)
    assert (path.tasks, path.minutes) == (("a", "b", "d"), 85)
    assert remaining_minutes(DIAMOND) == {"a": 85, "b": 70, "c": 40, "d": 10}


def test_stages_wait_for_all_stages_of_the_groups_before_theirs():
    made = plan(
        *(
            task(name, minutes)
            for name, minutes in [("a", 5), ("b", 20), ("c", 10), ("d", 1), ("e", 2)]
        ),
        groups=(
            group(1, "a", "b"),
            group(2, "c", after=(1,)),
            group(3, "d", "e", after=(2,), parallel=False),
        ),
    )
    assert set(effective_edges(made)) == {
        ("a", "c"), ("b", "c"), ("c", "d"), ("c", "e"), ("d", "e"),
    }  # fmt: skip
    assert levels(made) == (("a", "b"), ("c",), ("d",), ("e",))
    assert critical_path(made).tasks == ("b", "c", "d", "e")
    assert remaining_minutes(made) == {"a": 33 - 15, "b": 33, "c": 13, "d": 3, "e": 2}


def test_who_depends_on_a_stage_waits_until_its_group_is_judged():
    made = plan(task("a", 5), task("b", 60), task("c", 10, "a"), groups=(group(1, "a", "b"),))
    path = critical_path(made)
    assert (path.tasks, path.minutes) == (("b", "c"), 70)


def test_an_early_start_counts_its_share_of_the_one_before():
    made = plan(
        task("a", 60), task("b", 50, at("a", 50)), task("c", 5, at("a", 50)), task("d", 1, "c")
    )
    assert critical_path(made).minutes == 80
    assert critical_path(made).tasks == ("a", "b")
    assert remaining_minutes(made) == {"a": 80, "b": 50, "c": 6, "d": 1}
    only_c = plan(*(each for each in made.tasks if each.id != "b"))
    assert critical_path(only_c).minutes == 61, "it starts early and lands only after a"


def test_an_early_start_after_a_group_waits_for_the_share_that_lands_in_turn():
    stages = (task("a", 10), task("b", 30), task("c", 20))
    for percent, start in ((0, 0), (16, 10), (17, 40), (66, 40), (67, 60), (100, 60)):
        made = plan(
            *stages,
            task("d", 100, at(1, percent)),
            groups=(group(1, "a", "b", "c", parallel=False),),
        )
        assert critical_path(made).minutes == start + 100, percent
    together = plan(*stages, task("d", 100, at(1, 10)), groups=(group(1, "a", "b", "c"),))
    assert critical_path(together).minutes == 130, "stages judged together land together"


def test_a_task_without_an_estimate_is_taken_to_need_the_default():
    assert critical_path(plan(task("a"))).minutes == ESTIMATE_MINUTES_DEFAULT


def test_a_skipped_task_takes_no_time_and_holds_nobody_up():
    made = plan(
        task("a", 60), task("b", 60, "a", when="never"), task("c", 5, "b"), flags={"never": False}
    )
    assert critical_path(made).tasks == ("a",)
    assert remaining_minutes(made) == {"a": 60, "b": 0, "c": 5}
    in_turn = plan(
        task("a", 1), task("b", 60, when="never"), task("d", 7), task("c", 5, at(1, 50)),
        flags={"never": False}, groups=(group(1, "a", "b", "d", parallel=False),),
    )  # fmt: skip
    assert remaining_minutes(in_turn) == {"a": 8, "b": 0, "d": 7, "c": 5}, (
        "its share has landed at once"
    )


def test_an_empty_plan_and_an_empty_group():
    assert topological_order(plan()) == ()
    assert critical_path(plan()).tasks == ()
    made = plan(
        task("a", 1),
        task("b", 2),
        groups=(group(1, "a"), group(2, after=(1,)), group(3, "b", after=(2,))),
    )
    assert critical_path(made).minutes == 3


def test_a_circle_has_no_order():
    circular = plan(task("a", 1, "b"), task("b", 1, "a"))
    for question in (topological_order, levels, critical_path, remaining_minutes):
        with pytest.raises(CircularPlanError, match="parse_plan names it"):
            question(circular)


def test_twenty_thousand_tasks_in_one_chain_and_in_two_large_groups():
    chain = plan(task("t0", 1), *(task(f"t{n}", 1, f"t{n - 1}") for n in range(1, 20_000)))
    assert len(levels(chain)) == 20_000
    assert remaining_minutes(chain)["t0"] == 20_000
    names = [f"t{n}" for n in range(20_000)]
    wide = plan(
        *(task(name, 1) for name in names),
        groups=(group(1, *names[:10_000]), group(2, *names[10_000:], after=(1,))),
    )
    assert critical_path(wide).minutes == 2


@given(plans())
def test_the_order_holds_every_task_once_and_every_dependency(made: Plan):
    order = topological_order(made)
    assert sorted(order) == sorted(each.id for each in made.tasks)
    place = {name: number for number, name in enumerate(order)}
    level = {name: number for number, names in enumerate(levels(made)) for name in names}
    early = {(d.task, t.id) for t in made.tasks for d in t.depends_on if d.at < 100}
    early_groups = {(d.group, t.id) for t in made.tasks for d in t.depends_on if d.at < 100}
    stage_of = {stage: each.id for each in made.groups for stage in each.stages}
    for before, after in effective_edges(made):
        if (before, after) in early or (stage_of.get(before), after) in early_groups:
            continue
        assert place[before] < place[after]
        assert level[before] < level[after]


@given(plans())
def test_what_remains_begins_at_the_critical_path_and_covers_each_task(made: Plan):
    remaining = remaining_minutes(made)
    path = critical_path(made)
    assert max(remaining.values()) == path.minutes
    if path.tasks:
        assert remaining[path.tasks[0]] == path.minutes
    for each in made.tasks:
        if each.when is None:
            own = (
                ESTIMATE_MINUTES_DEFAULT if each.estimate_minutes is None else each.estimate_minutes
            )
            assert remaining[each.id] >= own
