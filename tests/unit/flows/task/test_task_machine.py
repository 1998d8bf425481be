"""Random reports, acts, commands and troubles: the task never leaves the table and never breaks."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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
from interlock.domain.facts.attempt import AttemptStarted, QuestionAsked, UsageCounted
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import (
    ChangeJudged,
    ChangeLanded,
    Judgement,
    LandingRefusal,
    LandingRefused,
)
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.task import COSTLY, TaskRequeued, TaskRetried, TaskSubmitted
from interlock.domain.ids import CommitId, RepoId, RunId, TaskId, Token, WorkerId, lease_id_of
from interlock.domain.lifecycle import PREVIOUS, TABLE, Refusal
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import Activity, PlannedTask, Priority
from interlock.domain.task import TaskStatus as S
from interlock.domain.usage import Usage
from interlock.flows.task.commands import on_command
from interlock.flows.task.decide import (
    Around,
    Record,
    decide,
)
from interlock.flows.task.news import (
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
from interlock.flows.task.state import fold, submitted

ID = TaskId("r-a")
AT = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)
LIMITS = RunLimits(max_attempts=3, losses_in_a_row=3)
LEASED = {S.CLAIMED, S.IN_PROGRESS, S.PAUSED}
SUBMITTED = TaskSubmitted(ID, RunId("r"), RepoId("repo"), PlannedTask("a", "A"), 0, 1.0)  # type: ignore[arg-type]

sentences = st.sampled_from(["", "because"])
arounds = st.builds(
    Around,
    skip=st.sampled_from(["", "", "", "no"]),
    waits_for=sentences,
    judging_waits_for=sentences,
    landing_waits_for=sentences,
    lease_over=st.sampled_from(["", "", "silence"]),
    interrupted_by=sentences,
    interrupt_at=st.none() | st.integers(-60, 60).map(lambda s: AT + timedelta(seconds=s)),
)
commands = st.sampled_from(
    [
        CancelTask(ID),
        HoldTask(ID),
        ApproveTask(ID, modifications="mind"),
        RejectTask(ID),
        RetryTask(ID),
        AnswerTask(ID, "this"),
        *(PrioritiseTask(ID, priority) for priority in Priority),
    ]
)
CHANGE = ChangeSet(RepoId("repo"), ID, CommitId("b"), CommitId("h"))
STEPS = {(source, row.target) for row in TABLE for source in row.sources}


def allowed(before: TaskPicture, after: TaskPicture) -> bool:
    back = before.status is S.PAUSED and after.status is before.previous
    moves = {target for source, target in STEPS if source is before.status}
    return before.status is after.status or back or after.status in moves - {PREVIOUS}


class TaskMachine(RuleBasedStateMachine):
    """One task, whatever happens to it, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = AT
        self.task = submitted(SUBMITTED, AT)
        self.history: list[tuple[Fact, datetime]] = []

    def take(self, facts: tuple[Fact, ...]) -> None:
        for fact in facts:
            before, self.task = self.task, fold(self.task, fact, self.now)
            self.history.append((fact, self.now))
            assert allowed(before, self.task), f"{before.status} -> {self.task.status}: {fact}"
            assert self.task.version == before.version + 1

    @rule(around=arounds)
    def look(self, around: Around) -> None:
        decision = decide(self.task, around, LIMITS, self.now)
        assert decision == decide(self.task, around, LIMITS, self.now)
        if isinstance(decision, Record):
            assert decision.facts
            self.take(decision.facts)

    @rule(seconds=st.integers(1, 600))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.task.status is S.READY)
    @rule()
    def is_granted(self) -> None:
        token, worker = Token(self.task.token + 1), WorkerId("w")
        number = self.task.attempts_made + 1
        lease = LeaseGranted(lease_id_of(ID, token), worker, token, number, self.now, 60.0)
        self.take((lease,))

    @rule()
    def starts(self) -> None:
        self.take(on_started(self.task))

    @rule()
    def declines(self) -> None:
        self.take(on_declined(self.task, "no disk", LIMITS))

    @rule(percent=st.integers(-5, 120), activity=st.none() | st.sampled_from(Activity))
    def progresses(self, percent: int, activity: Activity | None) -> None:
        self.take(on_progress(self.task, percent, activity))

    @rule(around=arounds)
    def freezes(self, around: Around) -> None:
        self.take(on_frozen(self.task, around))

    @rule(cap=st.sampled_from(["", "tokens_per_task"]))
    def asks(self, cap: str) -> None:
        self.take(on_asked(self.task, "which?", cap=cap))

    @rule(question=st.sampled_from(["q1", "q2"]))
    def asks_at_work(self, question: str) -> None:
        asked = QuestionAsked(self.task.token, question, "may I?", "Bash")
        self.take(on_questioned(self.task, asked))

    @rule(late=st.booleans(), requests=st.integers(0, 5))
    def uses_models(self, late: bool, requests: int) -> None:
        usage = Usage(requests, input_tokens=10 * requests)
        self.take(on_metered(self.task, Token(self.task.token - late), usage))

    @rule(outcome=st.sampled_from(Outcome))
    def finishes(self, outcome: Outcome) -> None:
        change = CHANGE if outcome is Outcome.CHANGED else None
        self.take(on_finished(self.task, Result(outcome, change), LIMITS, self.now))

    @rule(judgement=st.sampled_from(Judgement), late=st.booleans())
    def is_judged(self, judgement: Judgement, late: bool) -> None:
        attempt = self.task.attempts_made - late
        self.take(on_judged(self.task, ChangeJudged(attempt, judgement), LIMITS, self.now))

    @rule(prepared=st.sampled_from([None, CommitId("c")]))
    def is_prepared(self, prepared: CommitId | None) -> None:
        self.take(on_prepared(self.task, CommitId("b"), prepared))

    @rule(late=st.booleans())
    def lands(self, late: bool) -> None:
        self.take(on_landed(self.task, self.key(late), CommitId("c")))

    @rule(refusal=st.sampled_from(LandingRefusal), key=st.booleans(), late=st.booleans())
    def does_not_land(self, refusal: LandingRefusal, key: bool, late: bool) -> None:
        refused = LandingRefused(self.key(late) if key else None, refusal)
        self.take(on_not_landed(self.task, refused, LIMITS, self.now))

    def key(self, late: bool) -> str:
        return f"{ID}#{self.task.landings - late}"

    @rule(command=commands)
    def somebody_asks(self, command: TaskCommand) -> None:
        answer = on_command(self.task, command)
        if isinstance(answer, Refusal):
            assert answer.state is self.task.status
        else:
            self.take(answer)

    @invariant()
    def folding_again_gives_the_same_picture(self) -> None:
        again = submitted(SUBMITTED, AT)
        for fact, at in self.history:
            again = fold(again, fact, at)
        assert again == self.task

    @invariant()
    def a_lease_is_held_exactly_while_a_worker_has_it(self) -> None:
        assert (self.task.lease is not None) == (self.task.status in LEASED)
        granted = [f.token for f, _ in self.history if isinstance(f, LeaseGranted)]
        assert granted == sorted(set(granted))

    @invariant()
    def nobody_asks_at_work_who_does_not_work(self) -> None:
        assert self.task.asking is None or self.task.lease is not None

    @invariant()
    def what_was_used_is_what_was_counted_last_of_every_attempt(self) -> None:
        last: dict[Token, Usage] = {}
        for fact, _ in self.history:
            if isinstance(fact, UsageCounted):
                last[fact.token] = fact.usage
        counted = sum((usage.tokens for usage in last.values()), 0)
        assert (0 if self.task.usage is None else self.task.usage.tokens) == counted

    @invariant()
    def an_intent_is_open_exactly_while_it_is_merging(self) -> None:
        assert (self.task.landing is not None) == (self.task.status is S.MERGING)

    @invariant()
    def it_lands_at_most_once(self) -> None:
        landed = [i for i, (f, _) in enumerate(self.history) if isinstance(f, ChangeLanded)]
        assert len(landed) <= 1
        if landed:
            later = [type(f) for f, _ in self.history[landed[0] :]]
            assert AttemptStarted not in later

    @invariant()
    def tries_are_bounded(self) -> None:
        spent = 0
        for fact, _ in self.history:
            if isinstance(fact, TaskRetried):
                spent = 0
            spent += isinstance(fact, TaskRequeued) and fact.cause in COSTLY
        assert spent == self.task.attempts_spent < LIMITS.max_attempts


TestTask = TaskMachine.TestCase
