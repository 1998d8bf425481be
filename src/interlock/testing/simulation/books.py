"""The referee's books: small mutable entries of its own, so that no wrong fold can blind it."""

from __future__ import annotations

from typing import Final, Generic, TypeVar, cast

import msgspec

from interlock.domain.facts.attempt import AttemptFinished, AttemptProgressed, AttemptStarted
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
from interlock.domain.facts.run import RunStarted
from interlock.domain.facts.task import (
    TaskAnswered,
    TaskApproved,
    TaskCancelled,
    TaskFailed,
    TaskHeld,
    TaskMadeReady,
    TaskParked,
    TaskPaused,
    TaskRejected,
    TaskRequeued,
    TaskResumed,
    TaskRetried,
    TaskRouted,
    TaskSkipped,
    TaskSubmitted,
)
from interlock.domain.facts.worker import WorkerRegistered
from interlock.domain.group import StageGroup
from interlock.domain.ids import CommandId, GroupId, LeaseId, RepoId, TaskId, TaskName, Token
from interlock.domain.lifecycle import PREVIOUS, TABLE, Trigger
from interlock.domain.result import Outcome
from interlock.domain.task import TaskStatus as S

SATISFIED: Final = (S.DONE, S.SKIPPED)
GOOD: Final = (Outcome.CHANGED, Outcome.UNCHANGED)

TRIGGERS: Final[dict[type[Fact], Trigger]] = {
    TaskRouted: Trigger.ROUTE,
    TaskMadeReady: Trigger.RELEASE,
    TaskSkipped: Trigger.SKIP,
    TaskHeld: Trigger.HOLD,
    TaskApproved: Trigger.APPROVE,
    TaskRejected: Trigger.REJECT,
    LeaseGranted: Trigger.CLAIM,
    LeaseEnded: Trigger.GIVE_UP_LEASE,
    AttemptStarted: Trigger.START,
    AttemptProgressed: Trigger.PROGRESS,
    TaskParked: Trigger.PARK,
    TaskAnswered: Trigger.ANSWER,
    TaskRequeued: Trigger.REQUEUE,
    TaskFailed: Trigger.EXHAUST,
    TaskRetried: Trigger.RETRY,
    TaskPaused: Trigger.PAUSE,
    TaskResumed: Trigger.RESUME,
    TaskCancelled: Trigger.CANCEL,
    LandingIntended: Trigger.ACCEPT,
    ChangeLanded: Trigger.LAND,
}
_JUDGED: Final = {Judgement.PASSED: Trigger.PASS_GATES, Judgement.FAILED: Trigger.FAIL_GATES}
_NEXT: Final = {(source, row.trigger): row.target for row in TABLE for source in row.sources}
_TARGETS: Final = {row.trigger: row.target for row in TABLE}


def trigger_of(fact: Fact) -> Trigger | None:
    """The trigger a fact pulls; None for news that leave the status alone."""
    trigger = TRIGGERS.get(type(fact))
    if trigger is not None:
        return trigger
    match fact:
        case AttemptFinished():
            return Trigger.FINISH if fact.result.outcome in GOOD else None
        case ChangeJudged():
            return _JUDGED.get(fact.judgement)
        case LandingRefused():
            moved = fact.refusal is LandingRefusal.TARGET_MOVED
            return Trigger.JUDGE_AGAIN if moved else Trigger.BOUNCE
        case _:
            return None


class GroupEntry:
    """One stage group and where its own facts say it stands."""

    def __init__(self, group: StageGroup) -> None:
        self.id, self.stages, self.depends_on = group.id, group.stages, group.depends_on
        self.parallel = group.parallel
        self.status = "planned"


class RunEntry:
    """One run: its limits, its groups, its tasks by name, and how many of them work."""

    def __init__(self, fact: RunStarted) -> None:
        self.id, self.limits, self.affinity = fact.run_id, fact.limits, fact.affinity
        self.flags = frozenset(fact.goal.flags)
        self.expected = fact.tasks
        self.groups: dict[GroupId, GroupEntry] = {g.id: GroupEntry(g) for g in fact.groups}
        self.tasks: dict[TaskName, TaskEntry] = {}
        self.working_agents: dict[str, int] = {}
        self.working_stages = 0
        self.planned = self.paused = self.ended = False


class TaskEntry:
    """One task, as far as the referee cares."""

    def __init__(self, fact: TaskSubmitted, run: RunEntry) -> None:
        self.id, self.run, self.planned = fact.task_id, run, fact.planned
        self.group = None if fact.group is None else run.groups.get(fact.group)
        self.status: S = S.PROPOSED
        self.previous: S | None = None
        self.lease: LeaseGranted | None = None
        self.token = Token(0)
        self.attempts = 0
        self.running = False
        self.percent = 0
        self.facts = 0
        self.costly = 0
        self.losses = 0
        self.intent: LandingIntended | None = None
        self.landed: ChangeLanded | None = None

    @property
    def satisfied(self) -> bool:
        return self.status in SATISFIED

    @property
    def works(self) -> bool:
        """A worker holds it and does not hold still."""
        return self.lease is not None and self.status is not S.PAUSED

    def may(self, trigger: Trigger) -> bool:
        return (self.status, trigger) in _NEXT

    def pull(self, trigger: Trigger) -> None:
        """Follow the fact even against the table: one fault is one violation, not a hundred."""
        before = self.status
        target = _NEXT.get((before, trigger), _TARGETS[trigger])
        self.status = (self.previous or S.IN_PROGRESS) if target == PREVIOUS else S(target)
        if trigger is Trigger.PAUSE:
            self.previous = before


class WorkerEntry:
    """One worker: whether it is there, what it can do, and how many leases it holds."""

    def __init__(self, fact: WorkerRegistered) -> None:
        self.holds = 0
        self.register(fact)

    def register(self, fact: WorkerRegistered) -> None:
        self.online, self.session, self.capacity = True, fact.session, fact.capacity
        self.agent, self.capabilities = fact.agent, frozenset(fact.capabilities)


class Intent(msgspec.Struct, frozen=True):
    """A landing that was announced."""

    task: TaskEntry
    fact: LandingIntended


class Books:
    """Everything the referee knows."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskEntry] = {}
        self.runs: dict[str, RunEntry] = {}
        self.workers: dict[str, WorkerEntry] = {}
        self.leases: set[LeaseId] = set()
        self.intents: dict[str, Intent] = {}
        self.open_intents: set[str] = set()
        self.refused: set[str] = set()
        self.p0: set[TaskId] = set()
        self.stopped = self.paused = self.part_lost = False
        self.commands: set[CommandId] = set()
        self.answers: set[CommandId] = set()
        self.epochs: dict[RepoId, int] = {}
        self.processes: dict[RepoId, str] = {}
        self.working = 0


Subject = TaskEntry | RunEntry | WorkerEntry | Books | None
_F = TypeVar("_F", bound=Fact)


class Seen(Generic[_F]):
    """One fact, the books as they stand before it, and the entry that its stream is about."""

    __slots__ = ("books", "fact", "subject")

    def __init__(self, books: Books, subject: Subject, fact: _F) -> None:
        self.books, self.subject, self.fact = books, subject, fact

    @property
    def task(self) -> TaskEntry:
        return cast("TaskEntry", self.subject)

    @property
    def run(self) -> RunEntry:
        return cast("RunEntry", self.subject)

    @property
    def worker(self) -> WorkerEntry:
        return cast("WorkerEntry", self.subject)


def subject_of(books: Books, stream: str) -> Subject:
    """Whom a stream is about; the books stand for the plane, None for whom nobody introduced."""
    kind, _, name = stream.partition("/")
    match kind:
        case "task":
            return books.tasks.get(name)
        case "run":
            return books.runs.get(name)
        case "worker":
            return books.workers.get(name)
        case _:
            return books


def stages_of(run: RunEntry, group: GroupEntry) -> list[TaskEntry]:
    return [run.tasks[name] for name in group.stages if name in run.tasks]
