"""A plane on paper: facts, reports and commands go in, turns are settled; no clock, no port."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from interlock.domain.actor import Actor
from interlock.domain.change import ChangeSet
from interlock.domain.command import Command
from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import ChangeJudged, Judgement
from interlock.domain.facts.command import CommandAccepted, CommandGiven, CommandRefused
from interlock.domain.facts.run import RunPlanned, RunStarted
from interlock.domain.facts.task import TaskSubmitted
from interlock.domain.goal import Goal
from interlock.domain.group import GroupStatus, StageGroup
from interlock.domain.ids import (
    BlobId,
    CommandId,
    CommitId,
    GroupId,
    RepoId,
    RunId,
    TaskId,
    TaskName,
    WorkerId,
)
from interlock.domain.plan import AffinityRule
from interlock.domain.result import Outcome, Result
from interlock.domain.run import RunLimits
from interlock.domain.task import Dependency, PlannedTask, TaskStatus
from interlock.engine.dispatch import Asked, Finished, Joined, Order, Progressed, Report, Started
from interlock.flows.run import commands, reports
from interlock.flows.run.draft import Dirty, Draft
from interlock.flows.run.pictures import (
    GivenCommand,
    Happened,
    PlanePicture,
    command_stream,
    empty,
    plane_stream,
    run_stream,
    task_stream,
)
from interlock.flows.run.settle import Wishes, settle
from interlock.flows.task import news
from interlock.flows.task.picture import TaskPicture

AT = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)
REPO, RUN = RepoId("repo"), RunId("r")
ME = Actor("plane", "p1", "plane")
PERSON = Actor("person", "ada", "test")


def task_id(name: str) -> TaskId:
    return TaskId(f"{RUN}-{name}")


def planned(name: str, *after: str, **more: object) -> PlannedTask:
    """A task; `after` names what it depends on, `a@50` only half of it."""
    found = tuple(_dependency(text) for text in after)
    return PlannedTask(name, name.upper(), depends_on=found, **more)  # type: ignore[arg-type]


def _dependency(text: str) -> Dependency:
    name, _, at = text.partition("@")
    return Dependency(TaskName(name), at=int(at or 100))


def group(
    number: int, *stages: str, after: tuple[int, ...] = (), parallel: bool = True
) -> StageGroup:
    before = tuple(GroupId(other) for other in after)
    return StageGroup(GroupId(number), tuple(TaskName(s) for s in stages), before, parallel)


class Scene:
    """One plane with one run, turn by turn; `history` is everything that was recorded."""

    def __init__(
        self,
        *tasks: PlannedTask,
        limits: RunLimits | None = None,
        groups: tuple[StageGroup, ...] = (),
        affinity: tuple[AffinityRule, ...] = (),
        flags: tuple[str, ...] = (),
    ) -> None:
        self.plane: PlanePicture = empty(REPO)
        self.now = AT
        self.history: list[Happened] = []
        self.told: list[tuple[WorkerId, Order]] = []
        self.wishes = Wishes()
        self.silent: set[TaskId] = set()
        self._dirty = Dirty()
        self._reports = 0
        goal = Goal("g", flags)
        limits = limits or RunLimits()
        count = len(tasks)
        run = RunStarted(RUN, REPO, goal, BlobId("b"), count, limits, groups, affinity)
        self.record(run_stream(RUN), run)
        group_of = {stage: one.id for one in groups for stage in one.stages}
        for index, task in enumerate(tasks):
            minutes = task.estimate_minutes or 1.0
            its = group_of.get(task.id)
            fact = TaskSubmitted(task_id(task.id), RUN, REPO, task, index, minutes, its)
            self.record(task_stream(task_id(task.id)), fact)
        self.record(run_stream(RUN), RunPlanned(count))

    # --- what goes in -----------------------------------------------------------------------------

    def record(self, stream: str, *facts: Fact, actor: Actor = ME) -> None:
        """These facts are true, whatever anybody would have decided; nothing is settled."""
        draft = self._draft()
        draft.record(stream, *facts, actor=actor)
        self._take(draft)

    def on_plane(self, *facts: Fact) -> "Scene":
        self.record(plane_stream(REPO), *facts)
        return self.turn()

    def turn(self, *news: Report) -> "Scene":
        """Take the reports, settle what follows."""
        draft = self._draft()
        for report in news:
            reports.take(draft, report)
        self.wishes = settle(draft, lambda task: "silence" if task.id in self.silent else "")
        self._take(draft)
        self.told = draft.orders
        return self

    def pass_time(self, seconds: float, look_at: Iterable[str] = ()) -> "Scene":
        self.now += timedelta(seconds=seconds)
        self._dirty.starts = True
        self._dirty.tasks |= {task_id(name): None for name in look_at}
        return self.turn()

    def ask(self, command: Command) -> CommandAccepted | CommandRefused | None:
        """A person's command, carried out and settled; the answer comes back."""
        number = CommandId(f"c{len(self.history)}")
        self.record(command_stream(REPO), CommandGiven(number, command), actor=PERSON)
        draft = self._draft()
        commands.answer(draft, GivenCommand(number, command, PERSON))
        self.wishes = settle(draft, lambda _: "")
        self._take(draft)
        self.told = draft.orders
        answers = [e.fact for e in self.history if e.stream.startswith("answer/")]
        last = answers[-1] if answers else None
        assert last is None or isinstance(last, CommandAccepted | CommandRefused)
        return last

    def _draft(self) -> Draft:
        return Draft(self.plane, self._dirty, self.now, ME)

    def _take(self, draft: Draft) -> None:
        versions = {e.stream: e.version for e in self.history}
        for write in draft.writes():
            for event in write.events:
                version = versions[write.stream] = versions.get(write.stream, 0) + 1
                event_now = Happened(write.stream, version, self.now, event.actor, event.fact)
                self.history.append(event_now)
        self.plane = draft.plane

    # --- workers ----------------------------------------------------------------------------------

    def join(self, name: str, session: int = 1, **more: object) -> "Scene":
        return self.turn(self.joined(name, session, **more))

    def joined(self, name: str, session: int = 1, **more: object) -> Joined:
        return Joined(
            id=self._id(),
            worker_id=WorkerId(name),
            session=session,
            type="agent",
            name=name,
            **more,  # type: ignore[arg-type]
        )

    def about(self, kind: type, name: str, **more: object) -> Report:
        """A report of the worker that holds the task, showing its live token."""
        task = self.task(name)
        assert task.lease is not None
        base = {
            "id": self._id(),
            "worker_id": task.lease.worker_id,
            "session": task.lease.session,
            "task_id": task.id,
            "lease": task.lease.id,
            "token": task.lease.token,
        }
        report: Report = kind(**(base | more))
        return report

    def _id(self) -> str:
        self._reports += 1
        return f"report {self._reports}"

    def begin(self, *names: str) -> "Scene":
        return self.turn(*(self.about(Started, name) for name in names))

    def progress(self, name: str, percent: int) -> "Scene":
        return self.turn(self.about(Progressed, name, percent=percent))

    def park(self, name: str, question: str = "which?") -> "Scene":
        return self.turn(self.about(Asked, name, question=question))

    def finish(self, *names: str, outcome: Outcome = Outcome.CHANGED) -> "Scene":
        return self.turn(*(self.about(Finished, n, result=self._result(n, outcome)) for n in names))

    def _result(self, name: str, outcome: Outcome) -> Result:
        change = ChangeSet(REPO, task_id(name), CommitId("base"), CommitId("head"))
        return Result(outcome, change if outcome is Outcome.CHANGED else None, "as it went")

    # --- acts -------------------------------------------------------------------------------------

    def judge(self, name: str, judgement: Judgement = Judgement.PASSED) -> "Scene":
        task = self.task(name)
        evidence = ChangeJudged(task.attempts_made, judgement, "the gate's words")
        return self._act(name, news.on_judged(task, evidence, self.limits, self.now))

    def intend(self, name: str) -> "Scene":
        return self._act(name, news.on_prepared(self.task(name), CommitId("base"), CommitId("c")))

    def land(self, name: str) -> "Scene":
        self.intend(name)
        landing = self.task(name).landing
        assert landing is not None
        return self._act(name, news.on_landed(self.task(name), landing.key, landing.prepared))

    def _act(self, name: str, facts: tuple[Fact, ...]) -> "Scene":
        self.record(task_stream(task_id(name)), *facts)
        return self.turn()

    def work(self, *names: str) -> "Scene":
        return self.begin(*names).finish(*names)

    def done(self, *names: str) -> "Scene":
        """From the lease to the target."""
        for name in names:
            self.work(name).judge(name).land(name)
        return self

    # --- what comes out ---------------------------------------------------------------------------

    @property
    def limits(self) -> RunLimits:
        return self.plane.runs[RUN].limits

    def task(self, name: str) -> TaskPicture:
        return self.plane.tasks[task_id(name)]

    def status(self, name: str) -> TaskStatus:
        return self.task(name).status

    def statuses(self, *names: str) -> list[str]:
        return [self.status(name).value for name in names]

    def group(self, number: int) -> GroupStatus:
        return self.plane.runs[RUN].groups[GroupId(number)].status

    def recorded(self, kind: type[Fact]) -> list[Fact]:
        return [event.fact for event in self.history if isinstance(event.fact, kind)]
