"""History as work: which steps there are, what waits for what, and what counts as worse."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.plan import Plan
from interlock.planning.document import parse_plan
from interlock.testing.replaying.history import Step
from interlock.testing.replaying.plans import ORDERS, Order, plan_document, waits_for
from interlock.testing.replaying.proving import Seen, removes_tests, worse


def step(number: int, *paths: str, tests_may_go: bool = False) -> Step:
    name = f"c{number:03}"
    return Step(name, f"Step {number}", "a", "b", ("b",), frozenset(paths), tests_may_go)


def seen(code: int = 0, **tests: str) -> Seen:
    return Seen(code, tests)


STEPS = (step(1, "a"), step(2, "b"), step(3, "a", "b"), step(4, "c"), step(5, "b"))


def test_in_a_line_each_waits_for_the_one_before():
    assert waits_for(STEPS, "linear") == {
        "c001": (), "c002": ("c001",), "c003": ("c002",), "c004": ("c003",), "c005": ("c004",),
    }  # fmt: skip


def test_by_paths_each_waits_for_the_newest_that_touched_one_of_its_own():
    assert waits_for(STEPS, "overlap") == {
        "c001": (), "c002": (), "c003": ("c001", "c002"), "c004": (), "c005": ("c003",),
    }  # fmt: skip


def test_blind_nothing_waits():
    assert set(waits_for(STEPS, "blind").values()) == {()}


@given(
    st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=1), min_size=1, max_size=12),
    st.sampled_from(ORDERS),
)
def test_every_plan_is_one_that_planning_accepts(paths: list[frozenset[str]], order: Order):
    steps = [step(number, *names) for number, names in enumerate(paths)]
    plan = parse_plan(plan_document(steps, order), "plan.json")
    assert isinstance(plan, Plan), plan
    assert [task.id for task in plan.tasks] == [each.name for each in steps]


@given(st.lists(st.frozensets(st.sampled_from("abcd"), min_size=1), min_size=2, max_size=12))
def test_whoever_shares_a_path_with_an_earlier_step_waits_for_it_in_the_end(
    paths: list[frozenset[str]],
):
    steps = [step(number, *names) for number, names in enumerate(paths)]
    after = waits_for(steps, "overlap")
    reached: dict[str, set[str]] = {}
    for number, each in enumerate(steps):
        reached[each.name] = set(after[each.name]).union(*(reached[n] for n in after[each.name]))
        sharing = {other.name for other in steps[:number] if other.paths & each.paths}
        assert sharing <= reached[each.name]


def test_a_step_that_removes_tests_says_so_in_the_plan():
    plan = parse_plan(plan_document((step(1, "a", tests_may_go=True),), "blind"), "plan.json")
    assert isinstance(plan, Plan)
    assert plan.tasks[0].tests_may_go


def test_a_test_that_failed_before_makes_nothing_worse():
    before = seen(1, one="passed", two="failed")
    assert not worse(seen(1, one="passed", two="failed"), before)
    assert not worse(seen(0, one="passed", two="passed"), before)
    assert worse(seen(1, one="failed", two="failed"), before)


def test_a_new_test_that_fails_is_worse():
    assert worse(seen(1, one="passed", new="failed"), seen(0, one="passed"))


def test_nothing_that_ran_proves_nothing():
    assert worse(seen(0), seen(0, one="passed"))
    assert worse(seen(0, one="skipped"), seen(0, one="passed"))


def test_an_exit_code_that_no_failure_explains_is_worse():
    assert worse(seen(2, one="passed"), seen(0, one="passed"))


def test_a_report_that_is_gone_is_worse():
    assert worse(Seen(1), seen(1, one="failed"))


def test_without_reports_the_exit_code_is_all_there_is():
    assert worse(Seen(1), Seen(0))
    assert not worse(Seen(1), Seen(1))
    assert not worse(Seen(0), Seen(1))


def test_a_test_that_is_skipped_now_has_gone():
    assert removes_tests(seen(one="skipped"), seen(one="passed"))
    assert not removes_tests(seen(one="passed", two="passed"), seen(one="passed", two="skipped"))
