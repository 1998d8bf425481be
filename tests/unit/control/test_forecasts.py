"""What the plane remembers becomes a history, and a run in the middle becomes a rest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from interlock.control.errors import NoHistory, WrongUsage
from interlock.control.forecast_text import forecast_told, money, time_left
from interlock.control.forecasts import (
    Foresight,
    Herald,
    Memory,
    expect,
    history_of,
    remembered,
    rest_of,
)
from interlock.control.ground import Ground
from interlock.control.plans import limits_of
from interlock.control.queries import status
from interlock.control.read_models import RestForecast
from interlock.control.report_text import report_text
from interlock.control.reports import Seen, run_report
from interlock.control.store import Store, StoreOpener
from interlock.control.tasks import start_of
from interlock.domain.attempt import AttemptLoss
from interlock.domain.change import ChangeSet
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    QuestionAnswered,
    QuestionAsked,
)
from interlock.domain.facts.change import ChangeApproved
from interlock.domain.facts.run import RunCompleted, RunStarted
from interlock.domain.facts.task import Requeue, TaskFailed, TaskHeld, TaskRequeued
from interlock.domain.forecast import RunForecast, Spread
from interlock.domain.ids import CommitId, RunId, Token
from interlock.domain.plan import Plan
from interlock.domain.result import INTERRUPTED, Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.settings import AgentProfile, Settings
from interlock.domain.task import Dependency, PlannedTask, TaskKind
from interlock.domain.usage import Usage
from interlock.engine.errors import PartLost
from interlock.planning.history import Attempted, Sorts
from tests.unit.control.desks import Desk
from tests.unit.control.tales import REPO, RUN, Tale, passed, red, task, task_id

CRUD = {"kind": TaskKind.CRUD}


def tale_of(*tasks: PlannedTask, **how: object) -> Tale:
    tale = Tale()
    tale.asks()
    for name in ("roy", "jen"):
        tale.joins(name)
    tale.begins(*tasks, **how)  # type: ignore[arg-type] # as the tale takes them
    return tale


def attempt(
    tale: Tale, name: str, minutes: float, cost: float | None = None, **result: object
) -> None:
    """Claimed, begun, and ended by itself after so long, having cost so much."""
    tale.takes("roy", name)
    tale.wait(minutes)
    number = tale._number(name, RUN)
    usage = None if cost is None else Usage(1, 100, output_tokens=20, cost_usd=cost)
    change = ChangeSet(REPO, task_id(name), CommitId("b" * 40), CommitId("c" * 40))
    usual = {"outcome": Outcome.CHANGED, "change": change, "usage": usage}
    ended = Result(**usual | result)  # type: ignore[arg-type] # the fields of a result
    tale.of(name, AttemptFinished(number, Token(number), ended))


def lands(tale: Tale, name: str, gate_seconds: float = 30.0) -> None:
    tale.judged(name, passed(seconds=gate_seconds))
    tale.lands(name)


def history(tale: Tale, sorts: Sorts | None = None):
    return history_of(tale.chronicle().plane, sorts or Sorts())


# --- history --------------------------------------------------------------------------------------


def test_an_attempt_that_landed_is_remembered_with_its_time_and_cost():
    tale = tale_of(task("a", estimate_minutes=10.0, **CRUD))
    attempt(tale, "a", 12, 0.25)
    lands(tale, "a", gate_seconds=90)
    found = history(tale)
    assert found.attempts == (Attempted(TaskKind.CRUD, "default", 12, 10.0, 0.25, good=True),)
    assert found.judging_minutes == (1.5,)


def test_what_was_sent_back_was_not_good_and_the_next_is_not_a_first():
    tale = tale_of(task("a", **CRUD))
    attempt(tale, "a", 5)
    tale.judged("a", red())
    tale.of("a", TaskRequeued(Requeue.GATE_FAILED, feedback="mend it"))
    assert [each.good for each in history(tale).attempts] == [False]
    attempt(tale, "a", 7)
    assert [(each.good, each.first) for each in history(tale).attempts] == [
        (False, True),
        (None, False),
    ]
    lands(tale, "a")
    assert [each.good for each in history(tale).attempts] == [False, True]


def test_the_last_of_a_task_that_failed_was_not_good():
    tale = tale_of(task("a", **CRUD))
    attempt(tale, "a", 5)
    tale.judged("a", red())
    tale.of("a", TaskFailed("no attempt is left"))
    assert [each.good for each in history(tale).attempts] == [False]


def test_what_did_not_end_by_itself_says_nothing():
    tale = tale_of(task("a", **CRUD), task("b", **CRUD), task("c", **CRUD))
    tale.takes("roy", "a")
    tale.wait(3)
    tale.of("a", AttemptAbandoned(1, Token(1), AttemptLoss.LOST))
    attempt(tale, "b", 3, outcome=Outcome.INFRASTRUCTURE, change=None)
    stopped = {"outcome": Outcome.FAILED, "error_class": INTERRUPTED, "change": None}
    attempt(tale, "c", 3, **stopped)
    assert history(tale).attempts == ()


def test_scripts_and_helping_people_say_nothing_of_an_agent():
    tale = tale_of(task("a", **CRUD), task("b", **CRUD))
    tale.joins("ana", kind="human")
    tale.takes("roy", "a", simulated=True)
    tale.claims("ana", "b", by_hand=True)
    tale.starts("b")
    tale.wait(2)
    tale.finishes("a")
    tale.finishes("b")
    assert history(tale).attempts == ()
    played = history(tale, Sorts(scripts=frozenset({"default"}))).attempts
    assert [each.minutes for each in played] == [2]
    by_people = history(tale, Sorts(people=frozenset({"default"}))).attempts
    assert [each.minutes for each in by_people] == [2]


def test_an_attempt_at_a_plan_is_no_work():
    tale = tale_of(task("a", yields="plan"))
    attempt(tale, "a", 2, 0.1)
    assert history(tale).attempts == ()


def test_a_use_without_tokens_or_without_a_price_is_no_cost():
    tale = tale_of(task("a", **CRUD), task("b", **CRUD))
    attempt(tale, "a", 5, usage=Usage())
    attempt(tale, "b", 5, usage=Usage(1, 100, cost_usd=None))
    assert [each.cost_usd for each in history(tale).attempts] == [None, None]


# --- before ---------------------------------------------------------------------------------------

SETTINGS = Settings(
    agents=(
        AgentProfile("default", "claude"),
        AgentProfile("small", "claude"),
        AgentProfile("ana", "human"),
    )
)


def past(agent: str, cost: float | None, times: int = 8) -> list[PlannedTask]:
    return [task(f"{agent}{n}", agent=agent, **CRUD) for n in range(times)]


def lived() -> Tale:
    """Eight small and eight default tasks of kind crud went well, the small ones cheaper."""
    tasks = past("default", 0.5) + past("small", 0.1)
    tale = tale_of(*tasks)
    for each in tasks:
        attempt(tale, each.id, 5, 0.5 if each.agent == "default" else 0.1)
        lands(tale, each.id)
    return tale


def looked(plan: Plan, memory: Memory):
    return expect(plan, SETTINGS, limits_of(SETTINGS), memory)


def test_history_makes_costs_known_and_proposes_the_cheaper_profile():
    plan = Plan("Go on", (task("x", **CRUD), task("y", kind=TaskKind.UI)))
    blank = looked(plan, Memory())
    assert blank.outlook.cost_usd is None
    assert blank.suggestions == {}
    found = looked(plan, Memory(lived().chronicle().plane))
    assert found.outlook.cost_usd is not None
    assert found.outlook.cost_usd.p50 == pytest.approx(1.0, rel=0.3)
    assert found.outlook.tasks["x"].basis == "8 attempts of kind crud by default"
    assert {name: s.agent for name, s in found.suggestions.items()} == {"x": "small"}
    assert plan.tasks[0].agent == "default"


def opener(why: Exception) -> StoreOpener:
    @asynccontextmanager
    async def open_store(*, create: bool = False) -> AsyncIterator[Store]:
        for store in list[Store]():
            yield store
        raise why

    return open_store


async def test_where_no_history_can_be_read_the_plan_is_looked_at_all_the_same():
    assert await remembered(opener(NoHistory("x", None, "solo"))) == Memory()
    assert await remembered(opener(WrongUsage("no repository"))) == Memory()
    lost = await remembered(opener(PartLost("postgres", "gone", "Start it")))
    assert "postgres is out of order: gone. Start it" in lost.remark
    found = looked(Plan("Go on", (task("x"),)), lost)
    assert found.outlook.basis[-1] == lost.remark
    assert (await remembered(Desk().open)).plane is not None


def test_how_many_conflicts_there_will_be_is_unknown_where_pairs_were_left_out():
    few = looked(Plan("Go on", tuple(task(f"t{n}", files=("x.py",)) for n in range(3))), Memory())
    assert few.outlook.kept().conflicts == pytest.approx(1.5, abs=0.1)
    crowd = Plan("Go on", tuple(task(f"t{n}", files=("x.py",)) for n in range(40)))
    found = looked(crowd, Memory()).outlook
    assert found.kept().conflicts is None
    assert found.basis[-1].startswith("conflicts: too many pairs")


async def test_a_task_that_is_added_is_started_with_its_forecast():
    desk = Desk()
    plan = Plan("Go on", (task("x", estimate_minutes=10.0),))
    start = await start_of(
        desk.store, desk.commands, plan, SETTINGS, Ground("main", CommitId("b" * 40), "none")
    )
    assert start.forecast is not None
    assert start.forecast.minutes.p50 > 10
    assert start.forecast.cost_usd is None


# --- while ----------------------------------------------------------------------------------------


def rest(tale: Tale) -> RestForecast | None:
    plane = tale.chronicle().plane
    return rest_of(plane, plane.runs[RunId(RUN)], tale.now)


TRIO = (
    task("a", estimate_minutes=10.0),
    task("b", estimate_minutes=60.0, depends_on=(Dependency(task="a"),)),  # type: ignore[arg-type] # a name
    task("c", estimate_minutes=5.0),
)


def test_less_is_left_with_everything_that_lands():
    tale = tale_of(task("a", estimate_minutes=30.0), task("b", estimate_minutes=30.0))
    first = rest(tale)
    attempt(tale, "a", 5)
    lands(tale, "a")
    second = rest(tale)
    assert first is not None
    assert second is not None
    assert (first.tasks_left, second.tasks_left) == (2, 1)
    assert second.minutes.p50 < first.minutes.p50


def test_time_goes_by_while_an_attempt_works():
    tale = tale_of(task("a", estimate_minutes=30.0))
    tale.takes("roy", "a")
    before = rest(tale)
    tale.wait(20)
    after = rest(tale)
    assert before is not None
    assert after is not None
    assert 3 < after.minutes.p50 < before.minutes.p50


def test_what_waits_for_a_person_is_not_counted_and_named():
    tale = tale_of(*TRIO)
    tale.of("a", TaskHeld("look at it"))
    found = rest(tale)
    assert found is not None
    assert (found.tasks_left, found.not_counted) == (1, ("a", "b"))
    assert found.minutes.p80 < 20
    assert "without 2 tasks that a person must move" in time_left(found)
    tale.of("c", TaskHeld("look at it, too"))
    assert rest(tale) is None


def test_who_asks_a_person_and_what_a_person_must_look_at_does_not_move():
    tale = tale_of(task("asks"), task("held"), task("works"))
    tale.takes("roy", "asks")
    tale.of("asks", QuestionAsked(Token(1), "q1", "May I?"))
    attempt(tale, "held", 5)
    tale.judged("held", passed(), held="look at it")
    found = rest(tale)
    assert found is not None
    assert found.not_counted == ("asks", "held")
    tale.of("asks", QuestionAnswered(Token(1), "q1", "yes"))
    tale.of("held", ChangeApproved(1))
    found = rest(tale)
    assert found is not None
    assert found.not_counted == ()


def test_what_only_people_take_waits_until_one_claims_it():
    tale = tale_of(task("a", agent="ana"), task("b"))
    tale.joins("ana", kind="human")
    limits = RunLimits(by_people=("ana",))
    tale.events = [
        replace(event, fact=replace(event.fact, limits=limits))
        if isinstance(event.fact, RunStarted)
        else event
        for event in tale.events
    ]
    found = rest(tale)
    assert found is not None
    assert found.not_counted == ("a",)
    tale.claims("ana", "a", by_hand=True)
    found = rest(tale)
    assert found is not None
    assert found.not_counted == ()


def test_what_was_spent_is_in_the_cost_of_the_whole():
    tale = tale_of(task("a", **CRUD), task("b", **CRUD))
    attempt(tale, "a", 5, 2.0)
    lands(tale, "a")
    found = rest(tale)
    assert found is not None
    assert found.spent_usd == 2.0
    assert found.cost_usd is not None
    assert found.cost_usd.p50 == pytest.approx(4.0, rel=0.3)
    assert found.cost_usd.p50 > 2.0


def test_an_unknown_price_makes_the_whole_unknown():
    tale = tale_of(task("a", **CRUD), task("b", **CRUD))
    attempt(tale, "a", 5, usage=Usage(1, 100, cost_usd=None))
    found = rest(tale)
    assert found is not None
    assert (found.spent_usd, found.cost_usd) == (None, None)


def test_before_anything_was_used_the_cost_is_what_history_says():
    tale = lived()
    tale.begins(task("x", **CRUD), run="r2")
    plane = tale.chronicle().plane
    found = rest_of(plane, plane.runs[RunId("r2")], tale.now)
    assert found is not None
    assert found.spent_usd == 0
    assert found.cost_usd is not None
    assert found.cost_usd.p50 == pytest.approx(0.5, rel=0.3)


def test_an_attempt_that_was_not_counted_makes_the_whole_unknown():
    tale = tale_of(task("a", **CRUD), task("b", **CRUD), task("c", **CRUD))
    attempt(tale, "a", 5, 2.0)
    lands(tale, "a")
    attempt(tale, "b", 5)
    found = rest(tale)
    assert found is not None
    assert (found.spent_usd, found.cost_usd) == (None, None)
    assert told(tale, TOLD).forecast.cost_usd is None


def test_where_no_model_is_used_there_is_no_cost():
    tale = tale_of(task("a"), task("b"))
    tale.takes("roy", "a", simulated=True)
    tale.wait(1)
    tale.finishes("a")
    found = rest(tale)
    assert found is not None
    assert (found.spent_usd, found.cost_usd) == (None, None)


def test_a_run_that_ended_has_no_rest():
    tale = tale_of(task("a"))
    attempt(tale, "a", 5)
    lands(tale, "a")
    assert rest(tale) is None
    tale.record(f"run/{RUN}", RunCompleted())
    assert rest(tale) is None


def test_a_group_in_the_middle_has_a_rest():
    tale = tale_of(task("a", estimate_minutes=10.0), task("b", estimate_minutes=20.0), grouped=True)
    attempt(tale, "a", 5)
    found = rest(tale)
    assert found is not None
    assert found.tasks_left == 2
    assert 10 < found.minutes.p50 < 40


async def test_the_status_shows_what_is_left_of_each_unfinished_run():
    desk, tale = Desk(), tale_of(*TRIO)
    for event in tale.events:
        await desk.record(event.stream, event.fact)
    (row,) = (await status(desk.store, desk.clock)).runs
    assert row.forecast is not None
    assert row.forecast.tasks_left == 3
    assert msgspec.json.encode(row)


def test_who_watches_gets_a_new_one_only_now_and_then():
    tale = tale_of(task("a", estimate_minutes=30.0))
    plane, eye = tale.chronicle().plane, Foresight(every_seconds=5)
    first = eye.rest(plane, RunId(RUN), tale.now)
    assert first is not None
    assert eye.rest(plane, RunId(RUN), tale.now + timedelta(seconds=4)) is first
    assert eye.rest(plane, RunId(RUN), tale.now + timedelta(seconds=5)) is not first
    assert eye.rest(plane, RunId("another"), tale.now) is None


def test_the_herald_speaks_after_a_landing_and_never_too_often():
    tale = tale_of(task("a"), task("b"), task("c"))
    herald = Herald(every_seconds=60)

    def news() -> list[str]:
        return list(herald.news(tale.chronicle().plane, [RunId(RUN)], tale.now))

    assert news() == []
    tale.wait(2)
    assert news() == []
    attempt(tale, "a", 2)
    lands(tale, "a")
    (line,) = news()
    assert line.startswith("1 landed, about ")
    attempt(tale, "b", 0.5)
    lands(tale, "b")
    assert news() == []
    tale.wait(1)
    assert len(news()) == 1


# --- after ----------------------------------------------------------------------------------------

TOLD = RunForecast(Spread(10, 20), Spread(1.0, 2.0), 1.4, ("time: by estimates",), gates=2)


def told(tale: Tale, forecast: RunForecast | None):
    """The same tale, of a run that began with this forecast."""
    tale.events = [
        replace(event, fact=replace(event.fact, forecast=forecast))
        if isinstance(event.fact, RunStarted)
        else event
        for event in tale.events
    ]
    return run_report(tale.chronicle(), RunId(RUN), Seen(tale.now, None, "0:00"))


def ended(minutes: float, cost: float | None = 1.5) -> Tale:
    tale = tale_of(task("a"))
    attempt(tale, "a", minutes, cost)
    lands(tale, "a")
    tale.record(f"run/{RUN}", RunCompleted())
    return tale


@pytest.mark.parametrize(
    ("minutes", "came"), [(9, "within_p50"), (15, "within_p80"), (25, "beyond_p80")]
)
def test_a_run_is_held_to_its_forecast(minutes: float, came: str):
    found = told(ended(minutes), TOLD)
    assert found.forecast is not None
    assert (found.forecast.came, found.forecast.minutes) == (came, minutes)
    assert (found.forecast.cost_usd, found.forecast.conflicts) == (1.5, 0)
    assert found.metrics.conflicts_predicted == 1


def test_the_page_shows_what_was_expected_beside_what_came():
    page = report_text(told(ended(15), TOLD))
    assert "| Time | 10 min | 20 min | 15 min |" in page
    assert "| Cost | $1.00 | $2.00 | $1.50 |" in page
    assert "| Conflicts | 1.40 |  | 0 |" in page
    assert "It took longer than expected, and no longer than eight times of ten." in page
    assert "- time: by estimates" in page


def test_a_cost_that_nobody_knows_is_said_to_be_unknown():
    page = report_text(told(ended(15, None), replace(TOLD, cost_usd=None, conflicts=None)))
    assert "| Cost | not known |  | not known |" in page
    assert "| Conflicts | not known |  | 0 |" in page


def test_a_run_without_a_forecast_has_no_such_part():
    found = told(ended(15), None)
    assert (found.forecast, found.metrics.conflicts_predicted) == (None, None)
    assert "## Forecast" not in report_text(found)


def test_while_it_goes_on_it_has_not_come_to_anything():
    tale = tale_of(task("a"))
    tale.wait(30)
    found = told(tale, TOLD)
    assert found.forecast is not None
    assert found.forecast.came is None
    assert "| So far |" in report_text(found)


def test_sentences():
    assert money(0.004) == "less than $0.01"
    assert money(0) == "$0.00"
    assert forecast_told(TOLD) == (
        "10 min, eight times of ten 20 min; $1.00, eight times of ten $2.00"
    )
