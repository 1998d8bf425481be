"""Circles: named with their path, wherever in the plan they come from."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.plan import Plan
from interlock.planning.cycles import CIRCLES_MAX, circles
from tests.unit.planning.plans import at, group, json_of, plan, plans, refused, said, task


def paths(made: Plan) -> list[str]:
    return [" -> ".join(map(str, circle)) for circle in circles(made).named]


def test_a_plan_without_circles_has_none():
    made = plan(task("a"), task("b", 1, "a"), task("c", 1, "a", "b"), groups=(group(1, "c"),))
    assert circles(made).named == ()


def test_a_circle_is_told_from_who_waits_to_what_it_waits_for():
    assert paths(plan(task("a", 1, "c"), task("b", 1, "a"), task("c", 1, "b"))) == ["a -> c -> b"]


def test_circles_that_share_tasks_are_each_named():
    made = plan(task("a", 1, "c"), task("b", 1, "a"), task("c", 1, "b", "a"))
    assert sorted(paths(made)) == ["a -> c", "a -> c -> b"]


def test_separate_circles_are_each_named():
    made = plan(task("a", 1, "b"), task("b", 1, "a"), task("c", 1, "d", "a"), task("d", 1, "c"))
    assert sorted(paths(made)) == ["a -> b", "c -> d"]


@pytest.mark.parametrize(("one", "other"), [(100, 50), (50, 50), (0, 50), (0, 0)])
def test_an_early_start_does_not_open_a_circle_for_landing_stays_one(one: int, other: int):
    made = plan(task("a", 1, at("b", one)), task("b", 1, at("a", other)))
    assert paths(made) == ["a -> b"]


def test_groups_that_wait_for_one_another():
    made = plan(
        *map(task, "abcd"),
        groups=(
            group(1, "a", "b", after=(3,)),
            group(2, "c", after=(1,)),
            group(3, "d", after=(2,)),
        ),
    )
    assert paths(made) == ["1 -> 3 -> 2"]


def test_a_stage_that_waits_for_a_stage_of_a_later_group():
    made = plan(task("a", 1, "b"), task("b"), groups=(group(1, "a"), group(2, "b", after=(1,))))
    assert paths(made) == ["a -> b -> 2 -> 1"]


def test_a_task_that_waits_for_a_group_that_waits_for_it():
    made = plan(task("a", 1, at(1, 100)), task("b", 1, "a"), groups=(group(1, "b"),))
    assert paths(made) == ["a -> 1 -> b"]


def test_a_stage_that_waits_for_one_that_comes_later_in_turn():
    made = plan(task("a", 1, "b"), task("b"), groups=(group(1, "a", "b", parallel=False),))
    assert paths(made) == ["a -> b"]


def test_stages_that_are_judged_together_cannot_wait_for_one_another():
    made = plan(
        task("a"), task("b", 1, "between"), task("between", 1, "a"), groups=(group(1, "a", "b"),)
    )
    assert paths(made) == ["a -> 1 -> b -> between"]
    (fault,) = refused(json_of(made), "plan.json")
    assert fault.what == "a -> group 1 -> b -> between -> a wait for one another in a circle"
    assert "set parallel: false" in fault.mend


def test_a_circle_is_a_fault_in_the_line_of_its_first_task():
    faults = refused("""
goal: g
tasks:
  - {id: x, title: x, depends_on: [c]}
  - {id: c, title: c, depends_on: [b]}
  - {id: b, title: b, depends_on: [c, gone]}
""")
    assert said(faults) == [
        "5: c -> b -> c wait for one another in a circle",
        "6: task 'b' depends on 'gone', which is no task of this plan",
    ]


def test_a_circle_through_a_task_whose_flag_is_false_is_one_all_the_same():
    made = plan(task("a", 1, "b"), task("b", 1, "a", when="never"), flags={"never": False})
    assert paths(made) == ["a -> b"]


def test_a_circle_of_twenty_thousand_is_found_and_shortened():
    tasks = ", ".join(
        f"{{id: t{n}, title: x, depends_on: [t{(n + 1) % 20_000}]}}" for n in range(20_000)
    )
    (fault,) = refused(f"goal: g\ntasks: [{tasks}]")
    assert "t4 -> t5 -> (19,989 more) -> t19995" in fault.what


def test_more_circles_than_anyone_could_list_end_at_a_bound():
    everyone = [f"t{n}" for n in range(60)]
    made = plan(*(task(name, 1, *(o for o in everyone if o != name)) for name in everyone))
    found = circles(made)
    assert len(found.named) == CIRCLES_MAX
    assert not found.all_named
    assert "there may be more circles than are named" in [f.what for f in refused(json_of(made))]


@given(plans())
def test_a_plan_that_only_looks_back_has_no_circle(made: Plan):
    assert circles(made).named == ()


@st.composite
def knotted(draw: st.DrawFn) -> Plan:
    """Any dependencies at all between a few tasks, with a circle planted among them."""
    names = [f"t{n}" for n in range(draw(st.integers(2, 7)))]
    pairs = st.tuples(st.sampled_from(names), st.sampled_from(names))
    edges = {(a, b) for a, b in draw(st.lists(pairs, max_size=12)) if a != b}
    planted = draw(st.permutations(names))[: draw(st.integers(2, len(names)))]
    edges |= {*pairwise(planted), (planted[-1], planted[0])}
    return plan(*(task(name, 1, *sorted(b for a, b in edges if a == name)) for name in names))


@given(knotted())
def test_every_circle_named_is_true_and_every_dependency_on_a_circle_is_on_a_named_one(made: Plan):
    waits_for = {each.id: {d.task for d in each.depends_on} for each in made.tasks}
    found = circles(made)
    assert found.named
    named = {step for circle in found.named for step in pairwise((*circle, circle[0]))}
    assert all(after in waits_for[before] for before, after in named)
    assert all(len(set(circle)) == len(circle) for circle in found.named)
    on_a_circle = {
        (name, other)
        for name, others in waits_for.items()
        for other in others
        if name in reachable(waits_for, other)
    }
    assert named == on_a_circle


def reachable(waits_for: dict, start: str) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for other in waits_for[waiting.pop()] - seen:
            seen.add(other)
            waiting.append(other)
    return seen
