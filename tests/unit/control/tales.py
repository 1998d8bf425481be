"""A history told in minutes, fact by fact, as the plane would have recorded it."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from interlock.control.chronicle import Chronicle
from interlock.domain.actor import Actor
from interlock.domain.change import ChangeSet
from interlock.domain.command import StartRun
from interlock.domain.facts.attempt import AttemptFinished, AttemptProgressed, AttemptStarted
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import ChangeJudged, ChangeLanded, Judgement, LandingIntended
from interlock.domain.facts.command import CommandGiven
from interlock.domain.facts.group import GroupStarted
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.run import RunPlanned, RunStarted
from interlock.domain.facts.task import TaskMadeReady, TaskRouted, TaskSubmitted
from interlock.domain.facts.worker import WorkerRegistered
from interlock.domain.goal import Goal
from interlock.domain.group import StageGroup
from interlock.domain.ids import (
    BlobId,
    CommandId,
    CommitId,
    GroupId,
    RepoId,
    RunId,
    TaskId,
    TaskName,
    Token,
    WorkerId,
    lease_id_of,
    task_id_of,
)
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import PlannedTask, Priority
from interlock.domain.verdict import GateOutcome, GateVerdict
from interlock.engine.ports import Recorded
from interlock.flows.run.pictures import empty

REPO = RepoId("repo-1")
RUN = RunId("r1")
BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ANA = Actor("person", "ana", "cli")
PLANE = Actor("plane", "p1", "plane")


def passed(gate: str = "tests", seconds: float = 30.0, **more: object) -> GateVerdict:
    return GateVerdict(gate, GateOutcome.PASSED, "t" * 40, seconds=seconds, **more)  # type: ignore[arg-type]


def red(gate: str = "tests", detail: str = "2 of 9 tests failed") -> GateVerdict:
    return GateVerdict(gate, GateOutcome.FAILED, "t" * 40, detail, 30.0, BlobId("f" * 64))


class Tale:
    """Each step happens at the minute the tale has come to; `chronicle` is what it leaves."""

    def __init__(self) -> None:
        self.minute = 0.0
        self.events: list[Recorded] = []
        self._versions: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self._tasks: Counter[str] = Counter()
        self._holders: dict[str, str] = {}

    @property
    def now(self) -> datetime:
        return BEGIN + timedelta(minutes=self.minute)

    def wait(self, minutes: float) -> None:
        self.minute += minutes

    def chronicle(self) -> Chronicle:
        chronicle = Chronicle(empty(REPO))
        for event in self.events:
            chronicle.take(event)
        return chronicle

    def record(self, stream: str, *facts: Fact, actor: Actor = PLANE) -> None:
        for fact in facts:
            self._versions[stream] += 1
            position, version = len(self.events) + 1, self._versions[stream]
            self.events.append(Recorded(position, stream, version, self.now, actor, fact))

    def of(self, name: str, *facts: Fact, actor: Actor = PLANE, run: str = RUN) -> None:
        self.record(f"task/{task_id_of(RunId(run), TaskName(name))}", *facts, actor=actor)

    # --- people and workers -----------------------------------------------------------------------

    def asks(self, run: str = RUN, goal: str = "Log in") -> None:
        """Ana asks for a run."""
        start = StartRun(RunId(run), Goal(goal), BlobId("0" * 64), RunLimits())
        given = CommandGiven(CommandId(f"c-{run}"), start)
        self.record(f"command/{REPO}", given, actor=ANA)

    def joins(self, name: str, title: str = "", kind: str = "agent", skills: tuple[str, ...] = ()):
        fact = WorkerRegistered(WorkerId(name), kind, title or name, capabilities=skills)  # type: ignore[arg-type]
        self.record(f"worker/{name}", fact)

    # --- a run ------------------------------------------------------------------------------------

    def begins(
        self, *tasks: PlannedTask, run: str = RUN, goal: str = "Log in", grouped: bool = False
    ) -> None:
        """Every task is ready at once; `grouped` makes them the stages of group 1."""
        stages = tuple(planned.id for planned in tasks)
        group = GroupId(1) if grouped else None
        groups = (StageGroup(GroupId(1), stages),) if grouped else ()
        started = RunStarted(
            RunId(run), REPO, Goal(goal), BlobId("0" * 64), len(tasks), RunLimits(), groups,
            settings_digest="d" * 64, target="main", base=CommitId("b" * 40),
        )  # fmt: skip
        self.record(f"run/{run}", started)
        for index, planned in enumerate(tasks):
            task_id = task_id_of(RunId(run), planned.id)
            submitted = TaskSubmitted(task_id, RunId(run), REPO, planned, index, 10.0, group)
            self.of(planned.id, submitted, TaskRouted("unscored"), run=run)
        self.record(f"run/{run}", RunPlanned(len(tasks)))
        if grouped:
            self.record(f"run/{run}", GroupStarted(GroupId(1), stages))
        for planned in tasks:
            self.of(planned.id, TaskMadeReady(), run=run)

    def claims(self, worker: str, name: str, run: str = RUN, *, by_hand: bool = False) -> None:
        task_id = task_id_of(RunId(run), TaskName(name))
        self._tokens[task_id] += 1
        self._holders[task_id] = worker
        token = Token(self._tokens[task_id])
        lease = lease_id_of(task_id, token)
        until = self.now + timedelta(minutes=1)
        granted = LeaseGranted(lease, WorkerId(worker), token, token, until, 60.0, by_hand=by_hand)
        self.of(name, granted, run=run)

    def starts(self, name: str, run: str = RUN, box: str = "bubblewrap", simulated: bool = False):
        task_id = task_id_of(RunId(run), TaskName(name))
        number = self._tokens[task_id]
        worker = WorkerId(self._holders[task_id])
        base, branch = CommitId("b" * 40), f"interlock/{task_id}"
        self.of(
            name,
            AttemptStarted(number, Token(number), worker, base, branch, "/w", box, simulated),
            run=run,
        )

    def takes(self, worker: str, name: str, run: str = RUN, **how: object) -> None:
        """Claimed and begun at once."""
        self.claims(worker, name, run)
        self.starts(name, run, **how)  # type: ignore[arg-type]

    def comes(self, name: str, percent: int, run: str = RUN) -> None:
        """The worker says how far it is."""
        token = Token(self._number(name, run))
        self.of(name, AttemptProgressed(token, percent), run=run)

    def finishes(
        self, name: str, outcome: Outcome = Outcome.CHANGED, summary: str = "", run: str = RUN
    ):
        task_id = task_id_of(RunId(run), TaskName(name))
        head = CommitId("c" * 40)
        changed = outcome is Outcome.CHANGED
        change = ChangeSet(REPO, task_id, CommitId("b" * 40), head) if changed else None
        result = Result(outcome, change, summary, log=BlobId("a" * 64))
        number = self._number(name, run)
        self.of(name, AttemptFinished(number, Token(number), result), run=run)

    def judged(self, name: str, *verdicts: GateVerdict, run: str = RUN, **more: object) -> None:
        """By these gates: passed when all of them passed."""
        good = all(verdict.outcome is GateOutcome.PASSED for verdict in verdicts)
        how = more.pop("how", Judgement.PASSED if good else Judgement.FAILED)
        number = self._number(name, run)
        self.of(name, ChangeJudged(number, how, verdicts=verdicts, **more), run=run)  # type: ignore[arg-type]

    def lands(self, name: str, commit: str = "e" * 40, run: str = RUN, note: str = "") -> None:
        number, key = self._number(name, run), f"{name}#1"
        base, made = CommitId("b" * 40), CommitId(commit)
        self.of(name, LandingIntended(key, number, Token(number), base, made), run=run)
        self.of(name, ChangeLanded(key, made, note), run=run)

    def does(
        self, worker: str, name: str, minutes: float, commit: str = "e" * 40, run: str = RUN
    ) -> None:
        """The whole way, without a hitch."""
        self.takes(worker, name, run)
        self.wait(minutes)
        self.finishes(name, run=run)
        self.judged(name, passed(), run=run)
        self.lands(name, commit, run)

    def _number(self, name: str, run: str) -> int:
        return self._tokens[task_id_of(RunId(run), TaskName(name))]


def task(name: str, title: str = "", priority: Priority = Priority.MEDIUM, **more: object):
    return PlannedTask(TaskName(name), title or name.title(), priority=priority, **more)  # type: ignore[arg-type]


def task_id(name: str, run: str = RUN) -> TaskId:
    return task_id_of(RunId(run), TaskName(name))
