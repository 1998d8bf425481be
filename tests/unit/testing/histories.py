"""Small histories told fact by fact to a referee, each fact in the stream it belongs to."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from interlock.adapters.pretend.world import LandedCommit
from interlock.domain.actor import Actor
from interlock.domain.change import ChangeSet
from interlock.domain.facts.attempt import AttemptFinished, AttemptStarted
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import ChangeJudged, ChangeLanded, Judgement, LandingIntended
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.plane import PlaneStarted
from interlock.domain.facts.run import RunPlanned, RunStarted
from interlock.domain.facts.task import TaskMadeReady, TaskRouted, TaskSubmitted
from interlock.domain.facts.worker import WorkerRegistered
from interlock.domain.goal import Goal
from interlock.domain.group import StageGroup
from interlock.domain.ids import (
    BlobId,
    CommitId,
    RepoId,
    RunId,
    TaskId,
    Token,
    WorkerId,
    lease_id_of,
)
from interlock.domain.plan import AffinityRule
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import PlannedTask
from interlock.testing.simulation.referee import Referee

AT = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)
REPO, RUN = RepoId("repo"), RunId("r")
PLANE = Actor("plane", "p1", "plane")
PERSON = Actor("person", "ada", "test")
CHANGED = Result(Outcome.CHANGED, ChangeSet(REPO, TaskId("?"), CommitId("b"), CommitId("h")))


def task_id(name: str) -> TaskId:
    return TaskId(f"{RUN}-{name}")


class History:
    """What a referee is told; `verdict` is the set of what it holds against it."""

    def __init__(self) -> None:
        self.referee = Referee()
        self.commits: list[LandedCommit] = []
        self._versions: dict[str, int] = {}
        self._position = 0

    @property
    def verdict(self) -> set[str]:
        return {violation.invariant for violation in self.referee.violations}

    def tell(self, stream: str, *facts: Fact, by: Actor = PLANE) -> "History":
        for fact in facts:
            self._position += 1
            self._versions[stream] = self._versions.get(stream, 0) + 1
            at = AT + timedelta(seconds=self._position)
            self.referee.see(self._position, stream, self._versions[stream], at, by, fact)
        return self

    def task(self, name: str, *facts: Fact, by: Actor = PLANE) -> "History":
        return self.tell(f"task/{task_id(name)}", *facts, by=by)

    def run(self, *facts: Fact, by: Actor = PLANE) -> "History":
        return self.tell(f"run/{RUN}", *facts, by=by)

    def plane(self, *facts: Fact, by: Actor = PLANE) -> "History":
        return self.tell(f"plane/{REPO}", *facts, by=by)

    def worker(self, name: str, **more: object) -> "History":
        registered = WorkerRegistered(WorkerId(name), "agent", name, **more)  # type: ignore[arg-type]
        return self.tell(f"worker/{name}", registered)

    # --- whole passages ---------------------------------------------------------------------------

    def open(
        self,
        *tasks: PlannedTask,
        limits: RunLimits | None = None,
        groups: tuple[StageGroup, ...] = (),
        affinity: tuple[AffinityRule, ...] = (),
        flags: tuple[str, ...] = (),
    ) -> "History":
        """A plane, three workers, and a run whose tasks are all ready for their first lease."""
        limits = limits or RunLimits()
        self.tell(f"epoch/{REPO}", PlaneStarted(REPO, 1, PLANE.id, "test"))
        for name in ("w1", "w2", "w3"):
            self.worker(name, capacity=9)
        goal, count = Goal("g", flags), len(tasks)
        self.run(RunStarted(RUN, REPO, goal, BlobId("b"), count, limits, groups, affinity))
        group_of = {stage: group.id for group in groups for stage in group.stages}
        for index, planned in enumerate(tasks):
            group = group_of.get(planned.id)
            fact = TaskSubmitted(task_id(planned.id), RUN, REPO, planned, index, 1.0, group)
            self.task(planned.id, fact)
        self.run(RunPlanned(count))
        for planned in tasks:
            self.task(planned.id, TaskRouted("unscored"), TaskMadeReady())
        return self

    def lease(self, name: str, token: int = 1, attempt: int = 1, worker: str = "w1") -> "History":
        return self.task(name, granted(name, token, attempt, worker))

    def begin(self, name: str, token: int = 1, attempt: int = 1, worker: str = "w1") -> "History":
        started = AttemptStarted(attempt, Token(token), WorkerId(worker))
        return self.lease(name, token, attempt, worker).task(name, started)

    def end(self, name: str, token: int = 1, attempt: int = 1) -> "History":
        return self.task(name, AttemptFinished(attempt, Token(token), CHANGED))

    def judge(self, name: str, attempt: int = 1) -> "History":
        return self.task(name, ChangeJudged(attempt, Judgement.PASSED))

    def work(self, name: str) -> "History":
        """One good attempt, judged."""
        return self.begin(name).end(name).judge(name)

    def land(self, name: str) -> "History":
        """The intent, the commit on the target, the outcome."""
        intent = intended(name, base=self.head)
        self.task(name, intent)
        self.push(name)
        return self.task(name, ChangeLanded(intent.key, intent.prepared))

    def done(self, name: str) -> "History":
        return self.work(name).land(name)

    @property
    def head(self) -> str:
        return self.commits[-1].commit if self.commits else "base"

    def push(self, name: str, token: int = 1) -> None:
        commit = CommitId(f"c-{name}")
        self.commits.append(LandedCommit(commit, f"{name}#1", task_id(name), Token(token)))

    def finish(self, commits: Sequence[LandedCommit] | None = None, ended: bool = True) -> set[str]:
        self.referee.finish(self.commits if commits is None else commits, ended)
        return self.verdict


def granted(
    name: str, token: int = 1, attempt: int = 1, worker: str = "w1", lease: str = ""
) -> LeaseGranted:
    shown = Token(token)
    lease_id = lease or lease_id_of(task_id(name), shown)
    return LeaseGranted(lease_id, WorkerId(worker), shown, attempt, AT, 60.0)  # type: ignore[arg-type]


def intended(
    name: str, token: int = 1, attempt: int = 1, key: str = "", base: str = "base"
) -> LandingIntended:
    commit = CommitId(f"c-{name}")
    return LandingIntended(key or f"{name}#1", attempt, Token(token), CommitId(base), commit)


def planned(name: str, **more: object) -> PlannedTask:
    return PlannedTask(name, name.upper(), **more)  # type: ignore[arg-type]
