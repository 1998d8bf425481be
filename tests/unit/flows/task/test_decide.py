"""One task as truth tables: where it stands and what is around it -> what happens next."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from interlock.domain.attempt import Answered, AttemptLoss
from interlock.domain.change import ChangeSet
from interlock.domain.command import (
    AnswerTask,
    ApproveTask,
    CancelTask,
    HoldTask,
    PrioritiseTask,
    RejectTask,
    RetryTask,
    TaskCommand,
)
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    AttemptProgressed,
    AttemptStarted,
    QuestionAnswered,
    QuestionAsked,
    UsageCounted,
)
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import (
    ChangeJudged,
    ChangeLanded,
    Judgement,
    LandingIntended,
    LandingRefusal,
    LandingRefused,
)
from interlock.domain.facts.lease import LeaseEnded, LeaseGranted
from interlock.domain.facts.task import (
    BudgetRaised,
    Requeue,
    TaskAnswered,
    TaskApproved,
    TaskCancelled,
    TaskFailed,
    TaskHeld,
    TaskMadeReady,
    TaskParked,
    TaskPaused,
    TaskPrioritised,
    TaskRejected,
    TaskRequeued,
    TaskResumed,
    TaskRetried,
    TaskRouted,
    TaskSkipped,
    TaskSubmitted,
)
from interlock.domain.ids import CommitId, RepoId, RunId, TaskId, Token, WorkerId, lease_id_of
from interlock.domain.lifecycle import Refusal
from interlock.domain.result import REFUSED, Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import Activity, PlannedTask, Priority, TaskStatus
from interlock.domain.usage import Usage
from interlock.flows.task.commands import on_command
from interlock.flows.task.decide import (
    Around,
    Decision,
    Judge,
    Land,
    Prepare,
    Record,
    SendFreeze,
    SendJob,
    Wait,
    decide,
)
from interlock.flows.task.news import (
    FACTS_PER_ATTEMPT_MAX,
    on_asked,
    on_declined,
    on_finished,
    on_frozen,
    on_judged,
    on_landed,
    on_metered,
    on_not_landed,
    on_prepared,
    on_progress,
    on_questioned,
    on_started,
)
from interlock.flows.task.picture import TaskPicture
from interlock.flows.task.state import ImpossibleHistory, fold, submitted

NOW = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(seconds=9), NOW - timedelta(seconds=9)
LIMITS = RunLimits(max_attempts=3, losses_in_a_row=5)
ID, T1, W1 = TaskId("r-a"), Token(1), WorkerId("w1")
LEASE = LeaseGranted(lease_id_of(ID, T1), W1, T1, 1, NOW, 60.0)
STARTED = AttemptStarted(1, T1, W1)
CHANGE = ChangeSet(RepoId("repo"), ID, CommitId("b"), CommitId("h"))
CHANGED, FAILED = Result(Outcome.CHANGED, CHANGE), Result(Outcome.FAILED, summary="no")
FINISHED = AttemptFinished(1, T1, CHANGED)
PASSED = ChangeJudged(1, Judgement.PASSED)
INTENT = LandingIntended("r-a#1", 1, T1, CommitId("b"), CommitId("c"))
FROZEN = Around(interrupted_by="p0 goes first", interrupt_at=LATER)


def task(*facts: Fact) -> TaskPicture:
    planned = PlannedTask("a", "A")  # type: ignore[arg-type]
    picture = submitted(TaskSubmitted(ID, RunId("r"), RepoId("repo"), planned, 0, 1.0), NOW)
    for fact in facts:
        picture = fold(picture, fact, NOW)
    return picture


PROPOSED = task()
BACKLOG = task(TaskRouted("unscored"))
READY = task(TaskRouted("unscored"), TaskMadeReady())
_READY = (TaskRouted("unscored"), TaskMadeReady())
CLAIMED = task(*_READY, LEASE)
WORKING = task(*_READY, LEASE, STARTED)
PAUSED = task(*_READY, LEASE, STARTED, TaskPaused("p0 goes first"))
VERIFYING = task(*_READY, LEASE, STARTED, FINISHED)
REVIEW = task(*_READY, LEASE, STARTED, FINISHED, PASSED)
MERGING = task(*_READY, LEASE, STARTED, FINISHED, PASSED, INTENT)
DONE = task(*_READY, LEASE, STARTED, FINISHED, PASSED, INTENT, ChangeLanded("r-a#1", CommitId("c")))
HELD = task(TaskRouted("unscored"), TaskHeld("let me see"))
LOST = AttemptAbandoned(1, T1, AttemptLoss.LOST, "silence")
PARKED = task(*_READY, LEASE, STARTED, LOST, TaskParked("which?"))
FAILED_TASK = task(*_READY, LEASE, STARTED, LOST, TaskFailed("used up"))
SOON = NOW + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("standing", "around", "expected"),
    [
        (PROPOSED, Around(), Record((TaskRouted("nothing scores tasks in this release"),))),
        (BACKLOG, Around(), Record((TaskMadeReady(),))),
        (BACKLOG, Around(waits_for="b"), Wait("b")),
        (BACKLOG, Around(skip="no", waits_for="b"), Record((TaskSkipped("no"),))),
        (READY, Around(), Wait("a free worker")),
        (READY, Around(waits_for="its run is paused"), Wait("its run is paused")),
        (replace(READY, not_before=LATER), Around(), Wait("a free worker", LATER)),
        (replace(READY, not_before=BEFORE), Around(), Wait("a free worker")),
        (CLAIMED, Around(), SendJob()),
        (CLAIMED, Around(lease_over="silence"), Record((LeaseEnded(T1, "silence"),))),
        (CLAIMED, Around(interrupted_by="stop"), Record((LeaseEnded(T1, "stop", lost=False),))),
        (WORKING, Around(), Wait("its worker")),
        (WORKING, FROZEN, SendFreeze(LATER)),
        (PAUSED, Around(), Record((TaskResumed(),))),
        (PAUSED, FROZEN, Wait("p0 goes first")),
        (VERIFYING, Around(), Judge()),
        (VERIFYING, Around(judging_waits_for="b"), Wait("b")),
        (REVIEW, Around(), Prepare()),
        (REVIEW, Around(landing_waits_for="b"), Wait("b")),
        (MERGING, Around(), Land()),
        (MERGING, Around(landing_waits_for="stop"), Wait("stop")),
        (HELD, Around(), Wait("a person: let me see")),
        (PARKED, Around(), Wait("a person: which?")),
        (FAILED_TASK, Around(), Wait("used up")),
        (DONE, Around(), Wait("")),
    ],
)
def test_decide(standing: TaskPicture, around: Around, expected: Decision) -> None:
    assert decide(standing, around, LIMITS, NOW) == expected


@pytest.mark.parametrize(
    ("standing", "around", "facts"),
    [
        (
            WORKING,
            Around(lease_over="silence"),
            (LOST, TaskRequeued(Requeue.WORKER_LOST, not_before=SOON)),
        ),
        (
            WORKING,
            replace(FROZEN, interrupt_at=BEFORE),
            (
                AttemptAbandoned(1, T1, AttemptLoss.INTERRUPTED, "p0 goes first"),
                TaskRequeued(Requeue.INTERRUPTED),
            ),
        ),
        (
            PAUSED,
            replace(FROZEN, interrupt_at=None),
            (
                TaskResumed(),
                AttemptAbandoned(1, T1, AttemptLoss.INTERRUPTED, "p0 goes first"),
                TaskRequeued(Requeue.INTERRUPTED),
            ),
        ),
        (
            PAUSED,
            Around(lease_over="silence"),
            (TaskResumed(), LOST, TaskRequeued(Requeue.WORKER_LOST, not_before=SOON)),
        ),
        (
            replace(WORKING, losses_in_a_row=4),
            Around(lease_over="silence"),
            (
                LOST,
                TaskFailed("interrupted 5 times in a row, the last: silence", "worker_lost"),
            ),
        ),
    ],
    ids=["lost", "interrupted", "frozen and interrupted", "frozen and lost", "once too often"],
)
def test_an_attempt_that_is_taken_away(
    standing: TaskPicture, around: Around, facts: tuple[Fact, ...]
) -> None:
    assert decide(standing, around, LIMITS, NOW) == Record(facts)


def test_the_backoff_doubles_and_is_bounded() -> None:
    def seconds(losses: int) -> float:
        tried = replace(WORKING, losses_in_a_row=losses)
        found = decide(tried, Around(lease_over="x"), RunLimits(losses_in_a_row=99), NOW)
        assert isinstance(found, Record)
        requeued = found.facts[-1]
        assert isinstance(requeued, TaskRequeued)
        assert requeued.not_before is not None
        return (requeued.not_before - NOW).total_seconds()

    assert [seconds(n) for n in (0, 1, 2, 3, 10, 40)] == [5, 10, 20, 40, 300, 300]


def test_a_gate_that_could_not_run_is_tried_again_later() -> None:
    waiting = replace(VERIFYING, not_before=LATER)
    assert decide(waiting, Around(), LIMITS, NOW) == Wait(
        "the gate could not run and is tried again", LATER
    )
    assert decide(waiting, Around(), LIMITS, LATER) == Judge()


# --- news from its worker -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "standing", [READY, WORKING, PAUSED, VERIFYING, REVIEW, MERGING, DONE, PARKED]
)
def test_only_a_claimed_task_starts_or_is_declined(standing: TaskPicture) -> None:
    assert on_started(standing) == ()
    assert on_declined(standing, "no disk", LIMITS) == ()


def test_a_start_and_a_refusal() -> None:
    assert on_started(CLAIMED) == (STARTED,)
    assert on_declined(CLAIMED, "no disk", LIMITS) == (LeaseEnded(T1, "declined: no disk"),)
    worn = replace(CLAIMED, losses_in_a_row=4)
    assert on_declined(worn, "no disk", LIMITS)[1] == TaskHeld(
        "5 workers in a row did not begin: no disk"
    )


@pytest.mark.parametrize(
    ("standing", "percent", "activity", "facts"),
    [
        (WORKING, 40, None, (AttemptProgressed(T1, 40),)),
        (WORKING, 0, None, ()),
        (WORKING, 0, Activity.RED, (AttemptProgressed(T1, 0, Activity.RED),)),
        (WORKING, 400, None, (AttemptProgressed(T1, 100),)),
        (WORKING, -4, Activity.RED, (AttemptProgressed(T1, 0, Activity.RED),)),
        (replace(WORKING, percent=60), 50, None, ()),
        (
            replace(WORKING, percent=60),
            50,
            Activity.RED,
            (AttemptProgressed(T1, 60, Activity.RED),),
        ),
        (CLAIMED, 40, None, (STARTED, AttemptProgressed(T1, 40))),
        (PAUSED, 40, None, ()),
        (VERIFYING, 40, None, ()),
    ],
)
def test_progress(
    standing: TaskPicture, percent: int, activity: Activity | None, facts: tuple[Fact, ...]
) -> None:
    assert on_progress(standing, percent, activity) == facts


def test_progress_beyond_the_limit_is_chatter() -> None:
    talkative = replace(WORKING, version=WORKING.started_version + FACTS_PER_ATTEMPT_MAX + 1)
    assert on_progress(talkative, 40, None) == ()


def test_frozen_only_when_asked_to() -> None:
    assert on_frozen(WORKING, FROZEN) == (TaskPaused("p0 goes first"),)
    assert on_frozen(WORKING, Around()) == on_frozen(PAUSED, FROZEN) == ()
    assert on_frozen(WORKING, replace(FROZEN, interrupt_at=None)) == ()


PARKED_NOW = AttemptAbandoned(1, T1, AttemptLoss.PARKED, "which?")


@pytest.mark.parametrize(
    ("standing", "first"),
    [(CLAIMED, (STARTED,)), (WORKING, ()), (PAUSED, (TaskResumed(),))],
    ids=["overtook its start", "working", "overtook its thaw"],
)
def test_an_end_may_overtake_what_came_before(
    standing: TaskPicture, first: tuple[Fact, ...]
) -> None:
    assert on_asked(standing, "which?") == (*first, PARKED_NOW, TaskParked("which?"))
    assert on_finished(standing, CHANGED, LIMITS, NOW) == (*first, FINISHED)


ASKED = QuestionAsked(T1, "q1", "may I?", "Bash", "make")
ASKING = task(*_READY, LEASE, STARTED, ASKED)


def test_a_question_at_work_is_told_once_and_answered_once() -> None:
    assert on_questioned(WORKING, ASKED) == (ASKED,)
    assert on_questioned(CLAIMED, ASKED) == (STARTED, ASKED)
    assert on_questioned(ASKING, ASKED) == ()
    assert on_questioned(DONE, ASKED) == ()
    answered = QuestionAnswered(T1, "q1", "allow")
    assert on_command(ASKING, AnswerTask(ID, "allow")) == (answered,)
    again = on_command(task(*_READY, LEASE, STARTED, ASKED, answered), AnswerTask(ID, "allow"))
    assert isinstance(again, Refusal)


def test_an_answer_that_was_on_its_way_when_the_agent_was_parked_is_not_lost() -> None:
    answered = task(*_READY, LEASE, STARTED, ASKED, QuestionAnswered(T1, "q1", "allow"))
    requeued = TaskRequeued(Requeue.ANSWERED, feedback="allow")
    over = replace(PARKED_NOW, detail="may I?")
    assert on_asked(answered, "may I?", "Bash") == (over, requeued)
    assert on_asked(ASKING, "may I?", "Bash") == (over, TaskParked("may I?", "Bash"))


def test_what_a_person_said_to_an_agent_that_died_is_kept_for_the_next() -> None:
    answered = task(*_READY, LEASE, STARTED, ASKED, QuestionAnswered(T1, "q1", "allow"), LOST)
    assert answered.answered == Answered("may I?", "allow", "Bash", "make")
    assert task(*_READY, LEASE, STARTED, ASKED, LOST).answered is None
    done = task(*_READY, LEASE, STARTED, ASKED, QuestionAnswered(T1, "q1", "allow"), FINISHED)
    assert done.answered is None


def test_more_of_what_ran_out_is_given_by_a_person_and_stays_given() -> None:
    parked = TaskParked("no more tokens", cap="tokens_per_task")
    over = replace(PARKED_NOW, detail="no more tokens")
    assert on_asked(WORKING, "no more tokens", cap="tokens_per_task") == (over, parked)
    broke = task(*_READY, LEASE, STARTED, LOST, parked)
    facts = on_command(broke, AnswerTask(ID, "go on"))
    requeued = TaskRequeued(Requeue.ANSWERED, feedback="go on")
    assert facts == (BudgetRaised("tokens_per_task"), TaskAnswered("go on"), requeued)
    assert isinstance(facts, tuple)
    richer = task(*_READY, LEASE, STARTED, LOST, parked, *facts)
    assert richer.grants == ("tokens_per_task",)
    assert richer.parked_for == ""


def test_money_of_an_attempt_that_is_over_still_counts() -> None:
    one, more = Usage(1, input_tokens=5), Usage(2, input_tokens=9)
    assert on_metered(WORKING, T1, one) == (UsageCounted(T1, one),)
    counted = task(*_READY, LEASE, STARTED, UsageCounted(T1, one), LOST, TaskFailed("no"))
    assert counted.usage == one
    assert on_metered(counted, T1, more) == (UsageCounted(T1, more),)
    assert on_metered(counted, T1, one) == ()
    assert on_metered(counted, Token(7), more) == ()


@pytest.mark.parametrize("standing", [READY, VERIFYING, REVIEW, MERGING, DONE, HELD, FAILED_TASK])
def test_an_end_that_comes_too_late_is_nothing(standing: TaskPicture) -> None:
    assert on_asked(standing, "which?") == ()
    assert on_finished(standing, CHANGED, LIMITS, NOW) == ()


def test_an_agent_that_cannot_be_started_is_not_started_again() -> None:
    refused = Result(Outcome.FAILED, summary="no key", error_class=REFUSED)
    finished = AttemptFinished(1, T1, refused)
    failed = TaskFailed("no key", REFUSED)
    assert on_finished(WORKING, refused, LIMITS, NOW) == (finished, failed)


def test_how_an_attempt_ends() -> None:
    def after(picture: TaskPicture, result: Result) -> tuple[Fact, ...]:
        return on_finished(picture, result, LIMITS, NOW)[1:]

    assert after(WORKING, CHANGED) == after(WORKING, Result(Outcome.UNCHANGED)) == ()
    assert after(WORKING, FAILED) == (TaskRequeued(Requeue.ATTEMPT_FAILED, feedback="no"),)
    last = replace(WORKING, attempts_spent=2)
    failed = TaskFailed("3 attempts failed, the last: no", "attempt_failed")
    assert after(last, FAILED) == (failed,)
    away = Result(Outcome.INFRASTRUCTURE, summary="no")
    assert after(last, away) == (TaskRequeued(Requeue.INFRASTRUCTURE, not_before=SOON),)


# --- outcomes of acts -----------------------------------------------------------------------------


def test_evidence() -> None:
    def facts(
        judgement: Judgement, standing: TaskPicture = VERIFYING, attempt: int = 1
    ) -> tuple[Fact, ...]:
        return on_judged(standing, ChangeJudged(attempt, judgement, "red"), LIMITS, NOW)

    assert facts(Judgement.PASSED) == (ChangeJudged(1, Judgement.PASSED, "red"),)
    failed = ChangeJudged(1, Judgement.FAILED, "red")
    assert facts(Judgement.FAILED) == (failed, TaskRequeued(Requeue.GATE_FAILED, feedback="red"))
    errs = ChangeJudged(1, Judgement.ERROR, "red", retry_at=SOON)
    assert facts(Judgement.ERROR) == (errs,)
    assert facts(Judgement.PASSED, attempt=2) == ()
    assert facts(Judgement.PASSED, REVIEW) == facts(Judgement.PASSED, WORKING) == ()


def test_a_gate_that_never_runs_fails_its_task_and_is_no_pass() -> None:
    worn = replace(VERIFYING, losses_in_a_row=4)
    facts = on_judged(worn, ChangeJudged(1, Judgement.ERROR, "no pytest"), LIMITS, NOW)
    assert facts[0] == ChangeJudged(1, Judgement.ERROR, "no pytest")
    assert facts[1] == TaskFailed(
        "the gates could not run 5 times in a row: no pytest", "gate_error"
    )


def test_landing() -> None:
    assert on_prepared(REVIEW, CommitId("b"), CommitId("c")) == (INTENT,)
    assert on_prepared(MERGING, CommitId("b"), CommitId("c")) == ()
    assert on_landed(MERGING, "r-a#1", CommitId("c")) == (ChangeLanded("r-a#1", CommitId("c")),)
    assert on_landed(MERGING, "r-a#2", CommitId("c")) == ()
    assert on_landed(DONE, "r-a#1", CommitId("c")) == ()


@pytest.mark.parametrize(
    ("standing", "key", "refusal", "then"),
    [
        (MERGING, "r-a#1", LandingRefusal.TARGET_MOVED, ()),
        (MERGING, "r-a#1", LandingRefusal.RED, (TaskRequeued(Requeue.LANDING_REFUSED),)),
        (REVIEW, None, LandingRefusal.CONFLICT, (TaskRequeued(Requeue.LANDING_REFUSED),)),
    ],
)
def test_a_refused_landing(
    standing: TaskPicture, key: str | None, refusal: LandingRefusal, then: tuple[Fact, ...]
) -> None:
    refused = LandingRefused(key, refusal)
    assert on_not_landed(standing, refused, LIMITS, NOW) == (refused, *then)


def test_a_refusal_of_another_landing_is_nothing() -> None:
    moved = LandingRefusal.TARGET_MOVED
    for standing, key in ((MERGING, "r-a#2"), (MERGING, None), (REVIEW, "r-a#1"), (DONE, None)):
        assert on_not_landed(standing, LandingRefused(key, moved), LIMITS, NOW) == ()


def test_each_landing_has_a_key_of_its_own() -> None:
    moved = LandingRefused("r-a#1", LandingRefusal.TARGET_MOVED)
    again = fold(fold(MERGING, moved, NOW), PASSED, NOW)
    intent = on_prepared(again, CommitId("b2"), CommitId("c2"))[0]
    assert isinstance(intent, LandingIntended)
    assert (intent.key, intent.attempt) == ("r-a#2", 1)


# --- commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("standing", "command", "facts"),
    [
        (READY, CancelTask(ID, "no"), (TaskCancelled("no"),)),
        (WORKING, CancelTask(ID), (TaskCancelled(),)),
        (READY, HoldTask(ID), (TaskHeld("held by a person"),)),
        (HELD, ApproveTask(ID, "ok", "mind"), (TaskApproved("ok", "mind"),)),
        (HELD, RejectTask(ID, "no"), (TaskRejected("no"),)),
        (REVIEW, RejectTask(ID, "no"), (TaskRejected("no"),)),
        (FAILED_TASK, RetryTask(ID), (TaskRetried(),)),
        (
            PARKED,
            AnswerTask(ID, "this"),
            (TaskAnswered("this"), TaskRequeued(Requeue.ANSWERED, feedback="this")),
        ),
        (WORKING, PrioritiseTask(ID, Priority.P0), (TaskPrioritised(Priority.P0),)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_commands(standing: TaskPicture, command: TaskCommand, facts: tuple[Fact, ...]) -> None:
    assert on_command(standing, command) == facts


@pytest.mark.parametrize(
    ("standing", "command"),
    [
        (MERGING, CancelTask(ID)),
        (DONE, CancelTask(ID)),
        (WORKING, HoldTask(ID)),
        (READY, ApproveTask(ID)),
        (WORKING, RejectTask(ID)),
        (READY, RetryTask(ID)),
        (WORKING, AnswerTask(ID, "this")),
        (DONE, PrioritiseTask(ID, Priority.P0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_refused_command_says_what_is_possible(
    standing: TaskPicture, command: TaskCommand
) -> None:
    refusal = on_command(standing, command)
    assert isinstance(refusal, Refusal)
    assert refusal.state is standing.status
    assert refusal.hint


# --- the picture ----------------------------------------------------------------------------------


def test_a_cancelled_attempt_has_an_end() -> None:
    cancelled = fold(WORKING, TaskCancelled("no"), LATER)
    assert (cancelled.status, cancelled.lease) == (TaskStatus.CANCELLED, None)
    assert (cancelled.attempts[-1].ended_at, cancelled.attempts[-1].loss) == (
        LATER,
        AttemptLoss.INTERRUPTED,
    )


def test_a_history_the_table_does_not_allow_is_refused() -> None:
    for standing, fact in ((DONE, TaskMadeReady()), (READY, LOST), (READY, FINISHED)):
        with pytest.raises(ImpossibleHistory):
            fold(standing, fact, NOW)


def test_what_lives_on_after_a_retry() -> None:
    retried = fold(replace(FAILED_TASK, attempts_spent=3, losses_in_a_row=4), TaskRetried(), LATER)
    assert (retried.attempts_spent, retried.losses_in_a_row, retried.reason) == (0, 0, "")
    assert (retried.attempts_made, retried.token, retried.completed_at) == (1, T1, None)
