"""The whole history told per run, task and worker, in one pass over the log.

The plane's picture forgets what no decision needs: earlier judgings, who approved what, when a
worker came and went. Reports, the journal and `why` are about exactly that.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from interlock.control.stories import RunStory, Span, TaskStory, WorkerStory, next_story
from interlock.domain.actor import Actor
from interlock.domain.command import StartRun
from interlock.domain.facts.command import CommandGiven
from interlock.domain.facts.group import GroupVerifying
from interlock.domain.facts.run import RunCompleted, RunFailed, RunStarted
from interlock.domain.facts.task import TaskSubmitted
from interlock.domain.facts.worker import WorkerCameBack, WorkerRegistered, WorkerWentOffline
from interlock.domain.ids import RunId, TaskId, WorkerId
from interlock.engine.ports import EventLog, Recorded
from interlock.flows.run.pictures import PlanePicture
from interlock.flows.run.recovery import happened
from interlock.flows.run.state import fold

PAGE: Final = 2_000


class Chronicle:
    """Takes every event once, in order; `plane` is the picture of the same moment."""

    def __init__(self, plane: PlanePicture) -> None:
        self.plane = plane
        self.runs: dict[RunId, RunStory] = {}
        self.tasks: dict[TaskId, TaskStory] = {}
        self.workers: dict[WorkerId, WorkerStory] = {}
        self._askers: dict[RunId, Actor] = {}

    def take(self, event: Recorded) -> None:
        self.plane = replace(fold(self.plane, happened(event)), position=event.position)
        kind, _, name = event.stream.partition("/")
        match kind:
            case "task":
                self._take_task(TaskId(name), event)
            case "run":
                self._take_run(RunId(name), event)
            case "worker":
                self._take_worker(WorkerId(name), event)
            case _:
                self._take_command(event)

    def tasks_of(self, run_id: RunId) -> list[TaskStory]:
        """In the order of the plan."""
        found = [story for story in self.tasks.values() if story.picture.run_id == run_id]
        return sorted(found, key=lambda story: story.picture.index)

    @property
    def newest_run(self) -> RunStory | None:
        return max(self.runs.values(), key=lambda run: (run.started_at, run.id), default=None)

    def _take_command(self, event: Recorded) -> None:
        if isinstance(event.fact, CommandGiven) and isinstance(event.fact.command, StartRun):
            self._askers[event.fact.command.run_id] = event.actor

    def _take_run(self, run_id: RunId, event: Recorded) -> None:
        if isinstance(event.fact, RunStarted):
            asker = self._askers.get(run_id)
            self.runs[run_id] = RunStory(event.fact, event.at, event.at, asker)
            return
        run = replace(self.runs[run_id], last_at=event.at)
        match event.fact:
            case GroupVerifying(group):
                run = replace(run, verifying=(*run.verifying, (group, event.at)))
            case RunCompleted():
                run = replace(run, ended_at=event.at, outcome="completed")
            case RunFailed(reasons):
                run = replace(run, ended_at=event.at, outcome="failed", reasons=reasons)
            case _:
                run = replace(run, last_at=event.at)
        self.runs[run_id] = run

    def _take_task(self, task_id: TaskId, event: Recorded) -> None:
        before = self.tasks.get(task_id)
        if before is None:
            if not isinstance(event.fact, TaskSubmitted):
                return
            story = TaskStory(self.plane.tasks[task_id], event.at)
        else:
            picture = self.plane.tasks.get(task_id, before.picture)
            story = next_story(before, event, picture)
        self.tasks[task_id] = story
        run_id = story.picture.run_id
        if run_id in self.runs:
            self.runs[run_id] = replace(self.runs[run_id], last_at=event.at)

    def _take_worker(self, worker_id: WorkerId, event: Recorded) -> None:
        before = self.workers.get(worker_id)
        match event.fact:
            case WorkerRegistered() as fact:
                spans = () if before is None else before.online
                self.workers[worker_id] = WorkerStory(fact, _opened(spans, event.at))
            case WorkerCameBack() if before is not None:
                online = _opened(before.online, event.at)
                self.workers[worker_id] = replace(before, online=online)
            case WorkerWentOffline() if before is not None:
                online = _closed(before.online, event.at)
                self.workers[worker_id] = replace(before, online=online)


async def read_on(log: EventLog, chronicle: Chronicle) -> None:
    """Everything that was recorded after what the chronicle has seen."""
    while events := await log.read(chronicle.plane.position, PAGE):
        for event in events:
            chronicle.take(event)


def _opened(spans: tuple[Span, ...], at: datetime) -> tuple[Span, ...]:
    return spans if spans and spans[-1].end is None else (*spans, Span(at))


def _closed(spans: tuple[Span, ...], at: datetime) -> tuple[Span, ...]:
    if not spans or spans[-1].end is not None:
        return spans
    return (*spans[:-1], replace(spans[-1], end=at))
