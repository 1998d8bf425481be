"""The referee: one good history passes, and every invariant bites where a bad one is planted."""

from datetime import datetime, timedelta, timezone

import pytest

from interlock.adapters.pretend.world import LandedCommit
from interlock.domain.actor import Actor
from interlock.domain.attempt import AttemptLoss
from interlock.domain.command import Pause
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    AttemptProgressed,
    AttemptStarted,
)
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import (
    ChangeJudged,
    ChangeLanded,
    Judgement,
    LandingRefusal,
    LandingRefused,
)
from interlock.domain.facts.command import CommandAccepted, CommandGiven
from interlock.domain.facts.group import (
    GroupBlocked,
    GroupInterrupted,
    GroupPassed,
    GroupRestarted,
    GroupSettled,
    GroupStarted,
    GroupVerifying,
)
from interlock.domain.facts.lease import LeaseEnded, LeaseRenewed
from interlock.domain.facts.plane import (
    EmergencyStopped,
    P0Began,
    P0Ended,
    PartLost,
    PlaneStarted,
    StartsPaused,
    StartsResumed,
)
from interlock.domain.facts.run import (
    RunCompleted,
    RunFailed,
    RunPaused,
    RunPlanned,
    RunStarted,
)
from interlock.domain.facts.task import (
    Requeue,
    TaskCancelled,
    TaskFailed,
    TaskMadeReady,
    TaskPaused,
    TaskPrioritised,
    TaskRequeued,
    TaskResumed,
    TaskRetried,
    TaskSkipped,
    TaskSubmitted,
)
from interlock.domain.facts.worker import WorkerWentOffline
from interlock.domain.goal import Goal
from interlock.domain.group import StageFailure, StageGroup
from interlock.domain.ids import (
    BlobId,
    CommandId,
    CommitId,
    GroupId,
    TaskId,
    TaskName,
    Token,
    WorkerId,
)
from interlock.domain.plan import AffinityRule
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import Dependency, Priority
from interlock.testing.simulation.referee import RULES, VIOLATIONS_MAX, Referee
from tests.unit.testing.histories import (
    AT,
    CHANGED,
    PERSON,
    PLANE,
    REPO,
    RUN,
    History,
    granted,
    intended,
    planned,
    task_id,
)

ONE = GroupId(1)
STEPS = (GroupSettled(ONE), GroupVerifying(ONE))


def after(*names: str, at: int = 100) -> tuple[Dependency, ...]:
    return tuple(Dependency(TaskName(name), at=at) for name in names)


def pair(*, parallel: bool = True) -> History:
    group = StageGroup(ONE, (TaskName("a"), TaskName("b")), parallel=parallel)
    return History().open(planned("a"), planned("b"), groups=(group,))


def started(*, parallel: bool = True) -> History:
    return pair(parallel=parallel).run(GroupStarted(ONE, (TaskName("a"), TaskName("b"))))


def failure(name: str) -> StageFailure:
    stage = TaskName(name)
    return StageFailure(stage, task_id(name), "default", "gate_failed", "red", None, "default")


def again(cause: Requeue) -> TaskRequeued:
    return TaskRequeued(cause)


def fails(history: History, attempt: int, cause: Requeue = Requeue.ATTEMPT_FAILED) -> History:
    failed = AttemptFinished(attempt, Token(attempt), Result(Outcome.FAILED))
    return history.begin("a", attempt, attempt).task("a", failed, again(cause))


def interrupted(history: History, attempt: int) -> History:
    lost = AttemptAbandoned(attempt, Token(attempt), AttemptLoss.LOST)
    return history.begin("a", attempt, attempt).task("a", lost, again(Requeue.WORKER_LOST))


# --- what is right --------------------------------------------------------------------------------


def test_a_good_history_passes() -> None:
    history = History().open(planned("a"), planned("b", depends_on=after("a")), planned("c"))
    given = CommandGiven(CommandId("k"), Pause())
    history.tell(f"command/{REPO}", given, by=PERSON)
    history.tell(f"answer/{REPO}", CommandAccepted(CommandId("k")))
    history.begin("a").task("a", AttemptProgressed(Token(1), 40), LeaseRenewed(Token(1), AT))
    history.end("a").judge("a").land("a").done("b")
    history.lease("c").task("c", LeaseEnded(Token(1), "expired"))
    history.begin("c", 2).task("c", TaskCancelled("not needed"), by=PERSON)
    assert history.finish() == set()


def test_a_parallel_group_with_a_failed_stage_passes_after_its_restart() -> None:
    history = started().begin("a").begin("b", worker="w2").end("a").end("b").run(*STEPS).judge("a")
    failed = ChangeJudged(1, Judgement.FAILED)
    history.land("a").task("b", failed, again(Requeue.GATE_FAILED))
    history.run(GroupBlocked(ONE, (failure("b"),)), GroupRestarted(ONE, (TaskName("b"),)))
    history.begin("b", 2, 2).end("b", 2, 2).run(*STEPS).judge("b", 2)
    prepared = intended("b", 2, 2, base=history.head)
    history.task("b", prepared).push("b", 2)
    history.task("b", ChangeLanded("b#1", prepared.prepared)).run(GroupPassed(ONE), RunCompleted())
    assert history.finish() == set()


def test_what_a_p0_task_froze_goes_on_after_it() -> None:
    history = History().open(planned("a"), planned("fire", priority=Priority.P0))
    history.begin("a").plane(P0Began(task_id("fire"))).task("a", TaskPaused("p0 goes first"))
    history.done("fire").plane(P0Ended(task_id("fire"))).task("a", TaskResumed()).end("a")
    assert history.finish() == set()


def test_a_frozen_attempt_that_ends_at_once_never_went_on() -> None:
    history = History().open(planned("a"), planned("fire"), limits=RunLimits(workers=1))
    history.begin("a").plane(P0Began(task_id("fire"))).task("a", TaskPaused("p0 goes first"))
    lost = AttemptAbandoned(1, Token(1), AttemptLoss.INTERRUPTED)
    history.begin("fire").task("a", TaskResumed(), lost, again(Requeue.INTERRUPTED))
    assert history.finish() == set()


def test_a_partial_dependency_lets_start_early_and_land_late() -> None:
    history = History().open(planned("a"), planned("b", depends_on=after("a", at=50)))
    history.begin("a").task("a", AttemptProgressed(Token(1), 50)).work("b")
    assert history.verdict == set()
    assert history.land("b").verdict == {"dependencies"}


# --- leases and tokens ----------------------------------------------------------------------------


def test_one_live_lease() -> None:
    assert "one-live-lease" in History().open(planned("a")).lease("a").lease("a", 2).verdict


def test_tokens_grow_and_lease_ids_are_new() -> None:
    over = LeaseEnded(Token(2), "expired")
    history = History().open(planned("a")).lease("a", 2).task("a", over)
    assert history.lease("a", 1).verdict == {"one-live-lease"}
    history = History().open(planned("a")).lease("a", 2).task("a", over)
    assert history.task("a", granted("a", 3, lease=f"{task_id('a')}@2")).verdict == {
        "one-live-lease"
    }


def test_whoever_leaves_a_workers_hands_has_no_lease() -> None:
    history = History().open(planned("a")).begin("a").task("a", again(Requeue.WORKER_LOST))
    assert history.verdict == {"one-live-lease"}


@pytest.mark.parametrize(
    "late",
    [
        LeaseRenewed(Token(1), AT),
        LeaseEnded(Token(1), "expired"),
        AttemptStarted(2, Token(1), WorkerId("w1")),
        AttemptProgressed(Token(1), 50),
        AttemptFinished(2, Token(1), CHANGED),
        AttemptAbandoned(2, Token(1), AttemptLoss.LOST),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_fencing(late: Fact) -> None:
    history = interrupted(History().open(planned("a")), 1)
    assert "fencing" in history.task("a", late).verdict
    history = interrupted(History().open(planned("a")), 1).begin("a", 2, 2)
    assert "fencing" in history.task("a", late).verdict


def test_a_lease_goes_to_a_worker_that_can_take_it() -> None:
    gone = WorkerWentOffline(WorkerId("w1"), "died")
    assert History().open(planned("a")).tell("worker/w1", gone).lease("a").verdict == {
        "fitting-worker"
    }
    assert History().open(planned("a", skills=("sql",))).lease("a").verdict == {"fitting-worker"}
    history = History().open(planned("a"), planned("b")).worker("small")
    assert history.lease("a", worker="small").lease("b", worker="small").verdict == {
        "fitting-worker"
    }


# --- the life of a task ---------------------------------------------------------------------------


def test_lifecycle() -> None:
    assert History().open(planned("a")).task("a", TaskMadeReady()).verdict == {"lifecycle"}
    assert History().task("nobody", TaskMadeReady()).verdict == {"lifecycle"}


def test_a_task_is_submitted_once() -> None:
    again_submitted = TaskSubmitted(task_id("a"), RUN, REPO, planned("a"), 0, 1.0)
    history = History().open(planned("a"))
    assert history.task("a", again_submitted).verdict == {"lifecycle"}
    late = TaskSubmitted(task_id("b"), RUN, REPO, planned("b"), 1, 1.0)
    assert History().open(planned("a")).task("b", late).verdict == {"lifecycle"}


def test_attempts_are_counted() -> None:
    history = fails(fails(History().open(planned("a")), 1), 2)
    assert history.verdict == set()
    assert fails(history, 3).verdict == {"attempts"}


def test_a_retry_gives_fresh_attempts() -> None:
    history = fails(fails(History().open(planned("a")), 1), 2).begin("a", 3, 3)
    failed = AttemptFinished(3, Token(3), Result(Outcome.FAILED))
    history.task("a", failed, TaskFailed("used up"))
    history.task("a", TaskRetried(), by=PERSON)
    assert fails(fails(history, 4), 5).verdict == set()


def test_losses_in_a_row_are_bounded() -> None:
    history = History().open(planned("a"), limits=RunLimits(losses_in_a_row=2))
    assert interrupted(interrupted(history, 1), 2).verdict == set()
    assert interrupted(history, 3).verdict == {"attempts"}


def test_attempts_have_consecutive_numbers_and_end_once() -> None:
    assert History().open(planned("a")).begin("a", attempt=2).verdict == {"attempts"}
    lost = AttemptAbandoned(1, Token(1), AttemptLoss.LOST)
    assert History().open(planned("a")).lease("a").task("a", lost).verdict == {"attempts"}
    assert History().open(planned("a")).begin("a").task(
        "a", LeaseEnded(Token(1), "expired")
    ).verdict == {"attempts", "lifecycle"}


def test_only_the_last_attempt_is_judged() -> None:
    history = fails(History().open(planned("a")), 1).begin("a", 2, 2).end("a", 2, 2)
    assert history.judge("a", 1).verdict == {"attempts"}


def test_progress_never_goes_back() -> None:
    history = History().open(planned("a")).begin("a").task("a", AttemptProgressed(Token(1), 50))
    assert history.task("a", AttemptProgressed(Token(1), 40)).verdict == {"attempts"}


def test_facts_per_attempt() -> None:
    history = History().open(planned("a")).begin("a")
    history.task("a", *[LeaseRenewed(Token(1), AT)] * 198)
    assert history.verdict == set()
    assert history.task("a", LeaseRenewed(Token(1), AT)).verdict == {"facts-per-attempt"}


# --- landing --------------------------------------------------------------------------------------


def test_one_landing_at_a_time() -> None:
    history = History().open(planned("a"), planned("b")).work("a").work("b")
    history.task("a", intended("a")).task("b", intended("b"))
    assert history.verdict == {"nothing-twice"}


def test_a_landing_key_is_used_once() -> None:
    history = History().open(planned("a")).work("a").task("a", intended("a"))
    history.task("a", LandingRefused("a#1", LandingRefusal.TARGET_MOVED)).judge("a")
    assert history.task("a", intended("a")).verdict == {"nothing-twice"}


def test_nothing_lands_twice() -> None:
    history = History().open(planned("a")).done("a")
    assert "nothing-twice" in history.task("a", ChangeLanded("a#1", CommitId("c-a"))).verdict
    assert "nothing-twice" in History().open(planned("a")).done("a").lease("a", 2, 2).verdict


def test_what_landed_was_intended() -> None:
    history = History().open(planned("a")).work("a").task("a", intended("a"))
    assert history.task("a", ChangeLanded("a#1", CommitId("other"))).verdict == {"nothing-twice"}


def test_the_target_has_nothing_that_was_not_intended() -> None:
    history = History().open(planned("a")).work("a")
    history.push("a")
    assert history.finish() == {"nothing-twice"}


def test_the_target_has_no_task_twice() -> None:
    history = History().open(planned("a")).done("a")
    history.push("a")
    assert "nothing-twice" in history.finish()


def test_what_landed_is_on_the_target() -> None:
    assert History().open(planned("a")).done("a").finish(commits=[]) == {"nothing-twice"}


def test_what_is_on_the_target_is_recorded_unless_the_history_was_cut_off() -> None:
    history = History().open(planned("a")).work("a").task("a", intended("a"))
    history.push("a")
    assert history.finish(ended=False) == set()
    assert history.finish(ended=True) == {"nothing-twice"}


def test_what_was_refused_is_not_on_the_target() -> None:
    history = History().open(planned("a")).work("a").task("a", intended("a"))
    history.push("a")
    history.task("a", LandingRefused("a#1", LandingRefusal.TARGET_MOVED))
    assert history.finish(ended=False) == {"nothing-twice"}


def test_only_the_open_landing_is_refused() -> None:
    moved = LandingRefused("a#9", LandingRefusal.TARGET_MOVED)
    history = History().open(planned("a")).work("a").task("a", intended("a"))
    assert history.task("a", moved).verdict == {"nothing-twice"}


def test_somebody_elses_push_is_nobodys_fault() -> None:
    history = History().open(planned("a")).done("a")
    history.commits.append(LandedCommit(CommitId("theirs"), None, None, Token(0)))
    assert history.finish() == set()


def test_fenced_landing() -> None:
    history = History().open(planned("a")).work("a")
    assert history.task("a", intended("a", token=7)).verdict == {"fenced-landing"}
    history = History().open(planned("a")).work("a").task("a", intended("a"))
    history.push("a", token=2)
    assert history.finish(ended=False) == {"fenced-landing"}


def test_a_commit_lies_on_the_base_it_was_made_for() -> None:
    history = History().open(planned("a"), planned("b")).done("a").work("b")
    history.task("b", intended("b", base="elsewhere")).push("b")
    assert history.finish(ended=False) == {"fenced-landing"}


# --- what must come first -------------------------------------------------------------------------


@pytest.mark.parametrize("at", [50, 100])
def test_dependencies(at: int) -> None:
    history = History().open(planned("a"), planned("b", depends_on=after("a", at=at)))
    assert history.lease("b").verdict == {"dependencies"}


def test_a_partial_dependency_is_gone_with_its_attempt() -> None:
    history = History().open(planned("a"), planned("b", depends_on=after("a", at=50)))
    history.begin("a").task("a", AttemptProgressed(Token(1), 90))
    lost = AttemptAbandoned(1, Token(1), AttemptLoss.LOST)
    history.task("a", lost, again(Requeue.WORKER_LOST)).lease("a", 2, 2)
    assert history.lease("b").verdict == {"dependencies"}


def test_a_group_counts_by_estimate() -> None:
    group = StageGroup(ONE, (TaskName("a"), TaskName("b")))
    tasks = (planned("a", estimate_minutes=3.0), planned("b", estimate_minutes=1.0))
    for share, expected in ((75, set()), (76, {"dependencies"})):
        late = planned("c", depends_on=(Dependency(group=ONE, at=share),))
        history = History().open(*tasks, late, groups=(group,))
        history.run(GroupStarted(ONE, (TaskName("a"), TaskName("b"))))
        history.begin("a").end("a").begin("b").end("b").run(*STEPS).judge("a").land("a")
        assert history.lease("c").verdict == expected


def test_conditional() -> None:
    skipped = TaskSkipped("its condition is false")
    assert History().open(planned("a", when="perf")).lease("a").verdict == {"conditional"}
    history = History().open(planned("a", when="perf"), flags=("perf",))
    assert "conditional" in history.task("a", skipped).verdict
    assert "conditional" in History().open(planned("a")).task("a", skipped).verdict


@pytest.mark.parametrize(
    ("limits", "affinity"),
    [
        (RunLimits(workers=1), ()),
        (RunLimits(parallel_stages=1), ()),
        (RunLimits(), (AffinityRule(("default",), 1, "cpu"),)),
    ],
    ids=["workers", "stages", "affinity"],
)
def test_limits(limits: RunLimits, affinity: tuple[AffinityRule, ...]) -> None:
    group = StageGroup(ONE, (TaskName("a"), TaskName("b")))
    history = History().open(
        planned("a"), planned("b"), limits=limits, affinity=affinity, groups=(group,)
    )
    history.run(GroupStarted(ONE, group.stages)).lease("a")
    assert history.verdict == set()
    assert history.lease("b", worker="w2").verdict == {"limits"}


def test_limits_hold_when_frozen_work_goes_on() -> None:
    history = History().open(planned("a"), planned("fire"), limits=RunLimits(workers=1))
    history.begin("a").plane(P0Began(task_id("fire"))).task("a", TaskPaused("p0 goes first"))
    history.lease("fire").plane(P0Ended(task_id("fire")))
    assert history.verdict == set()
    history.task("a", TaskResumed())
    assert history.finish() == {"limits"}


# --- groups ---------------------------------------------------------------------------------------


def test_no_stage_before_its_group() -> None:
    assert pair().lease("a").verdict == {"groups"}


def test_no_group_before_those_it_depends_on() -> None:
    two = StageGroup(GroupId(2), (TaskName("b"),), depends_on=(ONE,))
    history = History().open(
        planned("a"), planned("b"), groups=(StageGroup(ONE, (TaskName("a"),)), two)
    )
    assert history.run(GroupStarted(GroupId(2), two.stages)).verdict == {"groups"}


def test_a_parallel_group_is_judged_when_it_has_settled() -> None:
    assert started().begin("a").end("a").judge("a").verdict == {"groups"}


def test_a_sequential_group_goes_stage_by_stage() -> None:
    assert started(parallel=False).done("a").lease("b").verdict == set()
    assert started(parallel=False).lease("b").verdict == {"groups"}


def test_a_group_passes_as_a_whole() -> None:
    history = started().begin("a").end("a").begin("b").end("b").run(*STEPS).judge("a").land("a")
    assert history.run(GroupPassed(ONE)).verdict == {"groups"}


@pytest.mark.parametrize("named", [(), ("a",), ("a", "b"), ("b", "b")])
def test_a_blocked_group_reports_exactly_what_failed(named: tuple[str, ...]) -> None:
    history = started().begin("a").end("a").begin("b").end("b").run(*STEPS).judge("a").land("a")
    report = tuple(failure(name) for name in named)
    assert history.run(GroupBlocked(ONE, report)).verdict == {"groups"}


def test_only_what_failed_runs_again() -> None:
    history = started().begin("a").end("a").begin("b").end("b").run(*STEPS).judge("a").land("a")
    history.run(GroupBlocked(ONE, (failure("b"),)))
    both = GroupRestarted(ONE, (TaskName("a"), TaskName("b")))
    assert history.run(both).verdict == {"groups"}


def test_groups_go_step_by_step_and_stop_for_a_reason() -> None:
    assert pair().run(GroupVerifying(ONE)).verdict == {"groups"}
    assert started().run(GroupInterrupted(ONE, "p0", task_id("a"))).verdict == {"groups"}
    assert pair().run(GroupSettled(GroupId(9))).verdict == {"groups"}


# --- p0, stop, pause ------------------------------------------------------------------------------


def test_p0_has_the_plane_to_itself() -> None:
    tasks = (planned("a"), planned("b"), planned("fire", depends_on=after("a")))
    history = History().open(*tasks).plane(P0Began(task_id("fire")))
    assert history.lease("a").verdict == set()
    assert history.lease("b").verdict == {"p0"}


def test_frozen_work_waits_for_the_end_of_p0() -> None:
    history = History().open(planned("a"), planned("fire")).begin("a")
    history.plane(P0Began(task_id("fire"))).task("a", TaskPaused("p0"), TaskResumed())
    assert history.lease("fire").verdict == {"p0"}


def test_nothing_freezes_and_nothing_ends_without_a_p0() -> None:
    assert History().open(planned("a")).begin("a").task("a", TaskPaused("?")).verdict == {"p0"}
    assert History().open(planned("a")).plane(P0Ended(task_id("a"))).verdict == {"p0"}


@pytest.mark.parametrize("held", [EmergencyStopped(), StartsPaused()])
def test_no_lease_while_stopped_or_paused(held: Fact) -> None:
    assert History().open(planned("a")).plane(held, by=PERSON).lease("a").verdict == {"stop"}
    history = History().open(planned("a")).plane(held, StartsResumed(), by=PERSON)
    assert history.lease("a").verdict == set()


def test_no_lease_in_a_paused_run_and_none_without_a_part() -> None:
    history = History().open(planned("a")).run(RunPaused(), by=PERSON)
    assert history.lease("a").verdict == {"stop"}
    assert History().open(planned("a")).plane(PartLost("git", "gone")).lease("a").verdict == {
        "stop"
    }


def test_nothing_begins_or_lands_while_stopped() -> None:
    history = History().open(planned("a")).lease("a").plane(EmergencyStopped(), by=PERSON)
    begun = AttemptStarted(1, Token(1), WorkerId("w1"))
    assert history.task("a", begun).verdict == {"stop"}
    history = History().open(planned("a")).work("a").plane(EmergencyStopped(), by=PERSON)
    assert history.task("a", intended("a")).verdict == {"stop"}


# --- the plane, runs, commands, actors ------------------------------------------------------------


def test_epochs_count_up_and_fence() -> None:
    history = History().open(planned("a"))
    history.tell(f"epoch/{REPO}", PlaneStarted(REPO, 3, "p2", "test"))
    assert history.verdict == {"epochs"}
    history = History().open(planned("a"))
    p2 = Actor("plane", "p2", "plane")
    history.tell(f"epoch/{REPO}", PlaneStarted(REPO, 2, "p2", "test"), by=p2)
    assert history.task("a", granted("a"), by=p2).verdict == set()
    late = AttemptStarted(1, Token(1), WorkerId("w1"))
    assert history.task("a", late, by=PLANE).verdict == {"epochs"}


def test_every_fact_has_an_actor_and_people_decide_for_themselves() -> None:
    nobody = Actor("person", "", "test")
    assert History().open(planned("a")).task("a", granted("a"), by=nobody).verdict == {"actors"}
    assert History().open(planned("a")).task("a", TaskCancelled()).verdict == {"actors"}
    urgent = TaskPrioritised(Priority.HIGH)
    assert History().open(planned("a")).task("a", urgent, by=PERSON).verdict == set()


def test_commands_are_answered_once() -> None:
    given, answered = CommandGiven(CommandId("k"), Pause()), CommandAccepted(CommandId("k"))
    history = History().tell(f"command/{REPO}", given, by=PERSON)
    assert history.finish(ended=False) == set()
    assert history.finish() == {"commands"}
    history = History().tell(f"command/{REPO}", given, by=PERSON)
    assert history.tell(f"answer/{REPO}", answered).finish() == set()
    assert history.tell(f"answer/{REPO}", answered).verdict == {"commands"}
    assert History().tell(f"answer/{REPO}", answered).verdict == {"commands"}
    twice = History().tell(f"command/{REPO}", given, given, by=PERSON)
    assert twice.verdict == {"commands"}


def test_a_run_starts_once_and_its_plan_is_complete_once() -> None:
    history = History().open(planned("a"))
    assert history.run(RunPlanned(1)).verdict == {"runs"}
    begun = RunStarted(RUN, REPO, Goal("g"), BlobId("b"), 2, RunLimits())
    assert History().open(planned("a")).run(begun).verdict == {"runs"}
    assert History().run(begun, RunPlanned(2)).verdict == {"runs"}


def test_a_run_ends_when_everything_in_it_has() -> None:
    assert History().open(planned("a")).run(RunCompleted()).verdict == {"runs"}
    assert History().open(planned("a")).run(RunFailed(("?",))).verdict == {"runs"}
    assert History().open(planned("a")).done("a").run(RunCompleted()).verdict == set()


def test_the_log_has_no_gap_and_tells_utc() -> None:
    def told(position: int, version: int, at: datetime = AT) -> set[str]:
        referee = Referee()
        fact = PlaneStarted(REPO, 1, "p1", "test")
        referee.see(position, "epoch/repo", version, at, PLANE, fact)
        return {violation.invariant for violation in referee.violations}

    assert told(1, 1) == set()
    assert told(2, 1) == told(1, 2) == {"order"}
    assert told(1, 1, AT.astimezone(timezone(timedelta(hours=9)))) == {"order"}


# --- the referee itself ---------------------------------------------------------------------------


def test_a_violation_says_where_and_what() -> None:
    history = History().open(planned("a"))
    history.lease("a").lease("a", 2)
    violation = next(v for v in history.referee.violations if v.invariant == "one-live-lease")
    assert violation.position == 11
    assert violation.detail == "task/r-a: r-a@2 is granted while r-a@1 is live"


def test_violations_are_bounded() -> None:
    referee = Referee()
    for _ in range(VIOLATIONS_MAX + 5):
        referee.complain("anything", "at all")
    assert len(referee.violations) == VIOLATIONS_MAX


def test_one_fault_is_one_violation() -> None:
    history = History().open(planned("a")).task("a", TaskMadeReady()).done("a")
    assert [v.invariant for v in history.referee.violations] == ["lifecycle"]
    assert history.finish() == {"lifecycle"}


def test_every_invariant_has_a_short_kebab_case_name() -> None:
    names = {name for rules in RULES.values() for name, _ in rules}
    assert all(name == name.lower() and len(name) < 20 and " " not in name for name in names)


def test_a_stranger_to_the_log_is_no_task() -> None:
    history = History().open(planned("a"))
    history.tell(f"task/{TaskId('r-z')}", granted("z"))
    assert history.verdict == {"lifecycle"}
