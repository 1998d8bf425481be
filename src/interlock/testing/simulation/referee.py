"""A naive judge of a history: it sees every recorded fact and says what should never have been.

It keeps books of its own and knows nothing of how the flows fold and decide, so that no fault
there can blind it. Several facts of one append share one instant; only the order of positions
counts. What it watches over stands in `RULES`, by the fact that can break it:

    see(LeaseGranted) -> each rule of that fact asks the books, a sentence becomes a `Violation`
                      -> the fact is written down, and the next one is judged by it
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from interlock.adapters.pretend.world import LandedCommit
from interlock.domain.actor import Actor
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    AttemptProgressed,
    AttemptStarted,
    QuestionAnswered,
    QuestionAsked,
)
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import (
    ChangeJudged,
    ChangeLanded,
    LandingIntended,
    LandingRefused,
)
from interlock.domain.facts.command import CommandAccepted, CommandGiven, CommandRefused
from interlock.domain.facts.group import (
    GroupBlocked,
    GroupInterrupted,
    GroupPassed,
    GroupRestarted,
    GroupStarted,
)
from interlock.domain.facts.lease import LeaseEnded, LeaseGranted, LeaseRenewed
from interlock.domain.facts.plane import (
    EmergencyStopped,
    P0Began,
    P0Ended,
    PlaneStarted,
    StartsPaused,
    StartsResumed,
)
from interlock.domain.facts.run import (
    RunCompleted,
    RunFailed,
    RunPaused,
    RunPlanned,
    RunResumed,
    RunStarted,
)
from interlock.domain.facts.task import (
    BudgetRaised,
    TaskAnswered,
    TaskApproved,
    TaskCancelled,
    TaskFailed,
    TaskParked,
    TaskPaused,
    TaskPrioritised,
    TaskRejected,
    TaskRequeued,
    TaskResumed,
    TaskRetried,
    TaskSkipped,
    TaskSubmitted,
)
from interlock.domain.facts.worker import WorkerRegistered
from interlock.testing.simulation.bookkeeping import write
from interlock.testing.simulation.books import Books, Seen, TaskEntry, subject_of
from interlock.testing.simulation.housekeeping import GROUP_STEPS
from interlock.testing.simulation.rules import governing, grouping, landing, starting, working

VIOLATIONS_MAX: Final = 100
"""A history that is wrong from its beginning need not be told to its end."""

Rule = Callable[..., str]
_NO_OFFSET: Final = timedelta()

_TOKEN: Final = ("fencing", working.live_token)
_STEP: Final = ("groups", grouping.step_by_step)

RULES: Final[dict[type[Fact], tuple[tuple[str, Rule], ...]]] = {
    LeaseGranted: (
        ("one-live-lease", starting.one_live_lease),
        ("nothing-twice", starting.not_after_landing),
        ("stop", starting.not_while_held),
        ("conditional", starting.on_its_condition),
        ("fitting-worker", starting.worker_fits),
        ("dependencies", starting.far_enough),
        ("groups", starting.group_is_open),
        ("limits", starting.within_limits),
        ("p0", starting.p0_first),
    ),
    LeaseRenewed: (_TOKEN,),
    LeaseEnded: (
        _TOKEN,
        ("attempts", working.nothing_runs),
        ("attempts", working.losses_are_bounded),
    ),
    AttemptStarted: (
        _TOKEN,
        ("attempts", working.begins_once),
        ("stop", working.not_while_stopped),
    ),
    AttemptProgressed: (_TOKEN, ("attempts", working.goes_forward)),
    QuestionAsked: (_TOKEN,),
    QuestionAnswered: (_TOKEN,),
    AttemptFinished: (_TOKEN, ("attempts", working.ends_what_runs)),
    AttemptAbandoned: (_TOKEN, ("attempts", working.ends_what_runs)),
    TaskParked: (("one-live-lease", working.no_lease_left),),
    TaskFailed: (("one-live-lease", working.no_lease_left),),
    TaskRequeued: (
        ("one-live-lease", working.no_lease_left),
        ("attempts", working.tries_remain),
        ("attempts", working.losses_are_bounded),
    ),
    TaskSkipped: (("conditional", starting.not_skipped_on_its_condition),),
    TaskPaused: (("p0", grouping.freezes_for_p0),),
    ChangeJudged: (
        ("groups", grouping.judged_after_settling),
        ("attempts", landing.judged_is_last),
        ("attempts", working.losses_are_bounded),
    ),
    LandingIntended: (
        ("nothing-twice", landing.one_intent),
        ("fenced-landing", landing.intended_by_its_holder),
        ("dependencies", starting.all_landed),
        ("stop", working.not_while_stopped),
    ),
    ChangeLanded: (("nothing-twice", landing.lands_once),),
    LandingRefused: (("nothing-twice", landing.refuses_what_is_open),),
    **dict.fromkeys(GROUP_STEPS, (_STEP,)),
    GroupStarted: (_STEP, ("groups", grouping.after_its_groups)),
    GroupPassed: (_STEP, ("groups", grouping.all_satisfied)),
    GroupBlocked: (_STEP, ("groups", grouping.full_report)),
    GroupRestarted: (_STEP, ("groups", grouping.only_the_unfinished)),
    GroupInterrupted: (_STEP, ("groups", grouping.for_a_reason)),
    TaskSubmitted: (("lifecycle", governing.submitted_once),),
    PlaneStarted: (("epochs", governing.next_epoch),),
    P0Began: (("p0", governing.begins_and_ends),),
    P0Ended: (("p0", governing.begins_and_ends),),
    CommandGiven: (("commands", governing.given_once),),
    CommandAccepted: (("commands", governing.answers_a_command),),
    CommandRefused: (("commands", governing.answers_a_command),),
    RunStarted: (("runs", governing.run_starts_once),),
    RunPlanned: (("runs", governing.plan_is_complete),),
    RunCompleted: (("runs", governing.run_may_end),),
    RunFailed: (("runs", governing.run_may_end),),
}

_A_PERSONS: Final = frozenset(
    {
        TaskApproved, TaskRejected, TaskAnswered, TaskRetried, TaskCancelled, TaskPrioritised,
        QuestionAnswered, BudgetRaised,
        StartsPaused, StartsResumed, EmergencyStopped, RunPaused, RunResumed,
    }
)  # fmt: skip
"""Never the plane's own idea."""

_INTRODUCTIONS: Final = frozenset({TaskSubmitted, RunStarted, WorkerRegistered})


class Violation(msgspec.Struct, frozen=True):
    """What should always hold and did not, with the position at which it showed."""

    invariant: str
    detail: str
    position: int


class Referee:
    """Sees a history event by event; `violations` stays empty as long as all is well."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self._books = Books()
        self._versions: dict[str, int] = {}
        self._position = 0
        self._resumed: Seen[Fact] | None = None

    def see(
        self, position: int, stream: str, version: int, at: datetime, actor: Actor, fact: Fact
    ) -> None:
        """Judge one more event; events come in the order of the log."""
        if self._resumed is not None:
            self._judge_resumed(self._resumed, stream, fact)
        if at.utcoffset() != _NO_OFFSET:
            self.complain("order", f"{stream}: {at} is not in UTC")
        self._judge_envelope(position, stream, version, actor, fact)
        subject = subject_of(self._books, stream)
        if subject is None and type(fact) not in _INTRODUCTIONS:
            self.complain("lifecycle", f"{stream}: {type(fact).__name__} before anything else")
            return
        seen = Seen(self._books, subject, fact)
        if isinstance(subject, TaskEntry):
            self._ask("lifecycle", governing.by_the_table(seen), stream)
            self._ask("facts-per-attempt", working.few_facts(seen), stream)
        for invariant, rule in RULES.get(type(fact), ()):
            self._ask(invariant, rule(seen), stream)
        write(seen)
        if type(fact) is TaskResumed:
            self._resumed = seen

    def finish(self, target_commits: Sequence[LandedCommit], ended: bool) -> None:
        """Compare the history with the target; `ended`: nothing in it was cut off."""
        if self._resumed is not None:
            self._judge_resumed(self._resumed, "", None)
        for invariant, detail in landing.target_faults(self._books, target_commits, ended=ended):
            self.complain(invariant, detail)
        if ended:
            for invariant, detail in governing.unanswered(self._books):
                self.complain(invariant, detail)

    def complain(self, invariant: str, detail: str) -> None:
        """Note a violation at the present position."""
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(Violation(invariant, detail, self._position))

    def _ask(self, invariant: str, detail: str, stream: str) -> None:
        if detail:
            self.complain(invariant, f"{stream}: {detail}")

    def _judge_envelope(
        self, position: int, stream: str, version: int, actor: Actor, fact: Fact
    ) -> None:
        self._position, before = position, self._position
        if position != before + 1 or version != self._versions.get(stream, 0) + 1:
            self.complain("order", f"{stream} version {version} at {position}, after {before}")
        self._versions[stream] = version
        if not (str(actor.kind) and actor.id):
            self.complain("actors", f"{stream}: nobody stands behind {type(fact).__name__}")
        if actor.kind != "plane":
            return
        if type(fact) in _A_PERSONS:
            self.complain("actors", f"{stream}: the plane itself decided {type(fact).__name__}")
        processes = self._books.processes
        if processes and actor.id not in processes.values() and type(fact) is not PlaneStarted:
            self.complain("epochs", f"{stream}: {actor.id} writes, and it was succeeded")

    def _judge_resumed(self, seen: Seen[Fact], stream: str, then: Fact | None) -> None:
        """A thaw is judged by what comes next: an attempt that ends at once never went on."""
        self._resumed = None
        where = f"task/{seen.task.id}"
        if stream == where and isinstance(then, AttemptFinished | AttemptAbandoned):
            return
        self._ask("limits", starting.within_limits(seen), where)
        self._ask("p0", starting.p0_first(seen), where)
