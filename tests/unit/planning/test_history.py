"""What attempts of the past let us expect of a task."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.task import PlannedTask, TaskKind
from interlock.planning.history import Attempted, Expected, Experience, History, Sorts
from tests.unit.planning.plans import task


def done(
    minutes: float, kind: TaskKind = TaskKind.CRUD, agent: str = "default", **more: object
) -> Attempted:
    return Attempted(kind, agent, minutes, **({"good": True} | more))  # type: ignore[arg-type] # fields


def expect(
    what: PlannedTask, *attempts: Attempted, sorts: Sorts | None = None, judged: tuple = ()
) -> Expected:
    return Experience(History(attempts, judged), sorts).expect(what)


CRUD = task("a", kind=TaskKind.CRUD)


def test_without_a_history_the_estimate_is_believed():
    found = expect(task("a", 20, kind=TaskKind.CRUD))
    assert found.minutes.p50 == pytest.approx(20)
    assert 25 < found.minutes.p80 < 40
    assert (found.cost_usd, found.fails, found.seen) == (None, pytest.approx(0.1), "nothing")
    assert found.basis == "its estimate"


def test_without_anything_half_an_hour_is_assumed_and_said():
    found = expect(CRUD)
    assert found.minutes.p50 == pytest.approx(30)
    assert found.basis == "nothing: no estimate, so 30 min were assumed"


def test_twelve_alike_outweigh_the_default():
    found = expect(CRUD, *(done(5) for _ in range(12)))
    assert found.minutes.p50 == pytest.approx(5, rel=0.6)
    assert found.minutes.p50 < 8
    assert found.basis == "12 attempts of kind crud by default"
    assert found.seen == "alike"


def test_one_attempt_moves_a_guess_only_a_little():
    assert 20 < expect(CRUD, done(5)).minutes.p50 < 30
    assert expect(CRUD, done(5)).basis == "1 attempt of kind crud by default"


def test_estimates_are_corrected_by_how_earlier_ones_compared():
    half = [done(10, estimate_minutes=20.0), done(30, estimate_minutes=60.0)] * 20
    for estimate in (8, 120):
        found = expect(task("a", estimate, kind=TaskKind.CRUD), *half)
        assert found.minutes.p50 == pytest.approx(estimate / 2, rel=0.1)


def test_an_estimate_with_nothing_to_compare_is_shrunk_towards_what_took_as_long():
    found = expect(task("a", 60, kind=TaskKind.CRUD), *(done(5) for _ in range(4)))
    assert found.minutes.p50 == pytest.approx(math.sqrt(60 * 5))


def test_other_kinds_and_other_agents_count_less_and_are_named():
    other_kind = [done(5, TaskKind.UI)] * 12
    other_agent = [done(5, agent="other")] * 12
    assert expect(CRUD, *other_kind).basis == "12 attempts of other kinds by default"
    assert expect(CRUD, *other_agent).basis == "12 attempts by other agents"
    mixed = expect(CRUD, *other_agent, *(done(50) for _ in range(12)))
    assert mixed.minutes.p50 > 20


def test_people_say_nothing_of_programs_nor_scripts_of_either():
    sorts = Sorts(people=frozenset({"ana"}), scripts=frozenset({"player"}))
    for agent in ("ana", "player"):
        found = expect(CRUD, *[done(1, agent=agent)] * 12, sorts=sorts)
        assert found.minutes.p50 == pytest.approx(30)
    mine = task("b", agent="ana", kind=TaskKind.CRUD)
    assert expect(mine, *[done(1)] * 12, sorts=sorts).basis.startswith("nothing")
    assert not expect(mine, *[done(1, agent="ana", cost_usd=1.0)], sorts=sorts).modelled


def test_costs_are_those_of_the_agent_alone():
    assert expect(CRUD, *[done(5, agent="other", cost_usd=3.0)] * 9).cost_usd is None
    own = expect(CRUD, *[done(5, TaskKind.UI, cost_usd=0.4)] * 3).cost_usd
    assert own is not None
    assert own.p50 == pytest.approx(0.4)
    alike = [done(5, cost_usd=1.0)] * 30
    both = expect(CRUD, *[done(5, TaskKind.UI, cost_usd=0.01)] * 5, *alike).cost_usd
    assert both is not None
    assert both.p50 == pytest.approx(1.0, rel=0.5)


def test_failing_is_shrunk_and_what_is_undecided_does_not_count():
    assert expect(CRUD, *[done(5, good=None)] * 50).fails == pytest.approx(0.1)
    assert expect(CRUD, *[done(5, good=False)] * 46).fails == pytest.approx(46.4 / 50)


def test_gates_take_what_they_took():
    assert Experience(History()).judging.p50 == pytest.approx(0.5)
    assert Experience(History((), (3.0,) * 46)).judging.p50 == pytest.approx(3, rel=0.2)


def test_the_more_was_seen_the_less_everything_may_be_off():
    few, many = Experience(History()), Experience(History((done(5),) * 96))
    assert many.bias == pytest.approx(few.bias / 5)
    guess = few.expect(CRUD).minutes
    assert few.own_deviation(guess) ** 2 + few.bias**2 == pytest.approx(guess.deviation**2)


ATTEMPTS = st.builds(
    Attempted,
    kind=st.sampled_from(TaskKind),
    agent=st.sampled_from(["default", "other", "ana"]),
    minutes=st.floats(0, 1e6),
    estimate_minutes=st.none() | st.floats(0, 1e6),
    cost_usd=st.none() | st.floats(0, 1e6),
    good=st.sampled_from([True, False, None]),
)


@given(st.lists(ATTEMPTS, max_size=20), st.none() | st.floats(0, 500_000))
def test_whatever_happened_something_finite_is_expected(
    attempts: list[Attempted], estimate: float | None
):
    found = expect(task("a", estimate, kind=TaskKind.CRUD), *attempts)
    assert 0 < found.minutes.p50 <= found.minutes.p80 < math.inf
    assert 0 < found.fails < 1
    assert found.cost_usd is None or 0 < found.cost_usd.p50 <= found.cost_usd.p80 < math.inf
