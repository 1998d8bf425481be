"""How often a task came to a person, and how each time ended."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.attempt import AttemptLoss
from interlock.domain.command import AnswerTask, ApproveTask, RejectTask, RetryTask
from interlock.domain.facts.attempt import AttemptAbandoned, QuestionAnswered, QuestionAsked
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import (
    ChangeApproved,
    ChangeJudged,
    Judgement,
    LandingRefusal,
    LandingRefused,
)
from interlock.domain.facts.task import (
    Requeue,
    TaskAnswered,
    TaskApproved,
    TaskCancelled,
    TaskFailed,
    TaskHeld,
    TaskMadeReady,
    TaskParked,
    TaskRejected,
    TaskRequeued,
    TaskRetried,
)
from interlock.domain.ids import TaskId, Token
from interlock.review.decide import Undecidable, command_for
from interlock.review.question import blocked_by, question_of, waiting_for
from interlock.review.state import About, Case, Cases, Told, fold

AT = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)
TASK = TaskId("r-a")
HELD_CHANGE = ChangeJudged(1, Judgement.PASSED, held="it changes interlock.toml")

OPENING = {
    About.START: TaskHeld("held by a person"),
    About.QUESTION: TaskParked("which database?"),
    About.PERMISSION: QuestionAsked(Token(1), "q1", "May it run `make`?", "Bash"),
    About.BUDGET: TaskParked("the task has used all it may", cap="tokens_per_task"),
    About.FAILURE: TaskFailed("3 attempts failed"),
    About.CHANGE: HELD_CHANGE,
}
SETTLING = {
    About.START: TaskApproved("fine"),
    About.QUESTION: TaskAnswered("the new one"),
    About.PERMISSION: QuestionAnswered(Token(1), "q1", "allow"),
    About.BUDGET: TaskAnswered("go on"),
    About.FAILURE: TaskRetried("fixed"),
    About.CHANGE: ChangeApproved(1, "fine"),
}


def cases_of(*facts: Fact) -> Cases:
    cases = Cases()
    for number, fact in enumerate(facts):
        cases = fold(cases, Told(AT + timedelta(minutes=number), "person:ada", fact))
    return cases


def the_case(*facts: Fact) -> Case:
    (case,) = cases_of(*facts).all
    return case


@pytest.mark.parametrize("about", About)
def test_what_comes_to_a_person_is_open_until_they_decide(about: About):
    case = the_case(OPENING[about])
    assert (case.number, case.about, case.open, case.opened_at) == (1, about, True, AT)
    settled = the_case(OPENING[about], SETTLING[about])
    assert settled.ended is not None
    assert settled.ended.by == "person:ada"
    assert settled.ended.ending in ("approved", "answered", "retried")


@pytest.mark.parametrize("about", About)
@pytest.mark.parametrize("end", [TaskRejected("no"), TaskCancelled("no")])
def test_an_end_of_the_task_settles_whatever_was_asked(about: About, end: Fact):
    assert not the_case(OPENING[about], end).open


def test_each_time_has_a_number_of_its_own():
    held, approved = OPENING[About.START], SETTLING[About.START]
    cases = cases_of(held, approved, TaskMadeReady(), held).all
    assert [(case.number, case.open) for case in cases] == [(1, False), (2, True)]


def test_a_question_stays_the_same_one_when_its_agent_is_parked():
    asked = OPENING[About.PERMISSION]
    parked = TaskParked("May it run `make`?", "Bash")
    over = AttemptAbandoned(1, Token(1), AttemptLoss.PARKED)
    case = the_case(asked, over, parked)
    assert (case.number, case.about, case.open) == (1, About.PERMISSION, True)


def test_nobody_is_asked_for_an_agent_that_is_gone():
    case = the_case(OPENING[About.PERMISSION], AttemptAbandoned(1, Token(1), AttemptLoss.LOST))
    assert case.ended is not None
    assert case.ended.ending == "overtaken"


def test_a_held_change_that_was_approved_is_not_asked_about_again():
    moved = LandingRefused(None, LandingRefusal.TARGET_MOVED)
    assert cases_of(HELD_CHANGE, ChangeApproved(1), moved, HELD_CHANGE).open is None
    again = ChangeJudged(2, Judgement.PASSED, held="it changes interlock.toml")
    assert cases_of(HELD_CHANGE, ChangeApproved(1), again).open is not None


def test_a_change_judged_anew_for_a_moved_target_stays_the_same_question():
    assert the_case(HELD_CHANGE, HELD_CHANGE).number == 1


def test_a_change_that_goes_back_to_work_needs_no_approval_any_more():
    failed = ChangeJudged(1, Judgement.FAILED, "tests failed")
    for overtaking in (failed, TaskRequeued(Requeue.LANDING_REFUSED)):
        case = the_case(HELD_CHANGE, overtaking)
        assert case.ended is not None
        assert case.ended.ending == "overtaken"


def test_a_failed_or_unjudged_change_is_nobodys_question():
    for judgement in (Judgement.FAILED, Judgement.ERROR, Judgement.TARGET_RED, Judgement.CONFLICT):
        assert not cases_of(ChangeJudged(1, judgement, held="settings")).all


def test_nothing_is_decided_when_the_deadline_passes():
    case = the_case(OPENING[About.START])
    assert case.deadline == AT + timedelta(hours=24)
    assert not case.overdue(case.deadline)
    assert case.overdue(case.deadline + timedelta(seconds=1))
    assert case.open


anything = st.sampled_from([*OPENING.values(), *SETTLING.values(), TaskMadeReady(),
    TaskRequeued(Requeue.ANSWERED), TaskRejected("no"), TaskCancelled()])  # fmt: skip


@given(st.lists(anything, max_size=20))
def test_at_most_the_last_case_is_open_whatever_happens(facts: list[Fact]):
    cases = cases_of(*facts)
    assert [case.number for case in cases.all] == list(range(1, len(cases.all) + 1))
    assert all(not case.open for case in cases.all[:-1])
    assert cases_of(*facts) == cases


# --- decisions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("about", "command"),
    [
        (About.START, ApproveTask(TASK, "yes")),
        (About.CHANGE, ApproveTask(TASK, "yes")),
        (About.QUESTION, AnswerTask(TASK, "yes")),
        (About.FAILURE, RetryTask(TASK, "yes")),
    ],
)
def test_approving_means_what_the_case_asks(about: About, command: object):
    case = the_case(OPENING[about])
    assert command_for(TASK, case, "approve", "yes") == command
    assert command_for(TASK, case, "reject", "no") == RejectTask(TASK, "no")


def test_a_permission_is_given_or_refused_and_the_task_goes_on():
    case = the_case(OPENING[About.PERMISSION])
    assert command_for(TASK, case, "approve", "") == AnswerTask(TASK, "allow")
    assert command_for(TASK, case, "reject", "use make") == AnswerTask(TASK, "deny: use make")


def test_more_money_is_given_or_the_task_ends():
    case = the_case(OPENING[About.BUDGET])
    assert isinstance(command_for(TASK, case, "approve", ""), AnswerTask)
    assert command_for(TASK, case, "reject", "enough") == RejectTask(TASK, "enough")


def test_a_question_wants_an_answer():
    case = the_case(OPENING[About.QUESTION])
    refused = command_for(TASK, case, "approve", "  ")
    assert isinstance(refused, Undecidable)
    assert "--reason" in refused.why


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_what_is_settled_is_not_decided_twice(verdict: str):
    case = the_case(OPENING[About.START], SETTLING[About.START])
    refused = command_for(TASK, case, verdict, "")  # type: ignore[arg-type]
    assert refused == Undecidable("it was approved by person:ada at 2031-05-06 07:09 UTC")


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("about", About)
def test_every_question_says_what_either_answer_means_and_what_waiting_means(about: About):
    question = question_of(the_case(OPENING[about]), blocked=2)
    assert [option.name for option in question.options] == ["approve", "reject"]
    assert all(option.pros and option.cons for option in question.options)
    assert "2 tasks that depend on it" in question.default
    assert question.minutes > 0


def test_braces_in_a_question_are_just_text():
    case = the_case(TaskParked("use {asked} or {0}?"))
    assert question_of(case, 0).text == "use {asked} or {0}?"


def test_who_waits_for_a_task_waits_through_others_too():
    after = {"b": ["a"], "c": ["b", "x"], "d": ["x"], "a": []}
    ids = {TaskId(k): [TaskId(v) for v in vs] for k, vs in after.items()}
    waiting = waiting_for(ids)
    assert blocked_by(TaskId("a"), waiting) == {"b", "c"}
    assert blocked_by(TaskId("c"), waiting) == frozenset()


def test_a_circle_ends_the_search():
    ids = {TaskId("a"): [TaskId("b")], TaskId("b"): [TaskId("a")]}
    assert blocked_by(TaskId("a"), waiting_for(ids)) == {"b"}
