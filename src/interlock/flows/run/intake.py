"""From a validated plan to the facts of its run: the frame, then every task, in portions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final, TypeGuard

import msgspec

from interlock.domain.command import Command, StartRun
from interlock.domain.facts.base import Fact
from interlock.domain.facts.run import RunPlanned, RunStarted
from interlock.domain.facts.task import TaskSubmitted
from interlock.domain.ids import BlobId, RunId, TaskName, task_id_of
from interlock.domain.lifecycle import Refusal
from interlock.domain.plan import Plan
from interlock.engine.errors import BlobMissing
from interlock.engine.ports import Blobs
from interlock.engine.supervisor import Supervisor
from interlock.flows.run import commands
from interlock.flows.run.draft import Draft
from interlock.flows.run.news import PlanLoaded
from interlock.flows.run.pictures import (
    GivenCommand,
    PlanePicture,
    RunPicture,
    run_stream,
    task_stream,
)
from interlock.planning.graph import remaining_minutes

PORTION: Final = 500
"""Tasks submitted in one append; a plan of thousands comes in several."""


class Intake:
    """The plans on their way into the log; after a crash they go on where they were."""

    def __init__(
        self, blobs: Blobs, supervisor: Supervisor, tell: Callable[[PlanLoaded], Awaitable[None]]
    ) -> None:
        self._blobs, self._supervisor, self._tell = blobs, supervisor, tell
        self._plans: dict[RunId, tuple[Plan, Mapping[TaskName, float]]] = {}

    def want(self, plane: PlanePicture, run_id: RunId) -> None:
        """The tasks of this run are not all in the log: read its plan."""
        name = f"plan:{run_id}"
        if run_id in self._plans or self._supervisor.runs(name):
            return
        given = _starting(plane, run_id)
        run = plane.runs.get(run_id)
        if given is not None or run is not None:
            blob = given[1].plan if given is not None else plane.runs[run_id].plan
            self._supervisor.start(name, self._load(run_id, blob))

    async def _load(self, run_id: RunId, blob: BlobId) -> None:
        try:
            plan = msgspec.json.decode(await self._blobs.get(blob), type=Plan)
        except (BlobMissing, msgspec.MsgspecError) as fault:
            await self._tell(PlanLoaded(run_id, None, str(fault)))
        else:
            await self._tell(PlanLoaded(run_id, plan))

    def loaded(self, draft: Draft, loaded: PlanLoaded) -> None:
        """The frame of the run and the answer to its command first; its tasks follow."""
        given = _starting(draft.plane, loaded.run_id)
        if loaded.plan is None:
            if given is not None:
                sentence = f"its plan cannot be read: {loaded.fault}"
                commands.reply(draft, given[0], Refusal(None, "start", (), sentence))
            return
        self._plans[loaded.run_id] = (loaded.plan, remaining_minutes(loaded.plan))
        if given is not None:
            if loaded.run_id not in draft.plane.runs:
                started = _run_started(draft.plane, given[1], loaded.plan)
                draft.record(run_stream(started.run_id), started, actor=given[0].actor)
            commands.reply(draft, given[0], None, run_id=loaded.run_id)

    def submit(self, draft: Draft) -> None:
        """The next portion of every plan at hand."""
        for run_id in sorted(self._plans):
            run = draft.plane.runs.get(run_id)
            if run is None or run.planned:
                del self._plans[run_id]
                continue
            for stream, fact in _missing_tasks(run, *self._plans[run_id]):
                draft.record(stream, fact)
            draft.dirty.runs[run.id] = None


def wanted_starts(plane: PlanePicture) -> list[RunId]:
    """The runs that somebody asked for and nobody answered yet."""
    return [c.command.run_id for c in plane.commands if isinstance(c.command, StartRun)]


def _starting(plane: PlanePicture, run_id: RunId) -> tuple[GivenCommand, StartRun] | None:
    for given in plane.commands:
        if _starts(given.command, run_id):
            return given, given.command
    return None


def _starts(command: Command, run_id: RunId) -> TypeGuard[StartRun]:
    return isinstance(command, StartRun) and command.run_id == run_id


def _run_started(plane: PlanePicture, command: StartRun, plan: Plan) -> RunStarted:
    return RunStarted(
        run_id=command.run_id,
        repo_id=plane.repo_id,
        goal=command.goal,
        plan=command.plan,
        tasks=len(plan.tasks),
        limits=command.limits,
        groups=plan.groups,
        affinity=plan.affinity,
    )


def _missing_tasks(
    run: RunPicture, plan: Plan, remaining: Mapping[TaskName, float]
) -> Iterator[tuple[str, Fact]]:
    """The next portion of tasks that the log lacks; after the last one the plan is complete."""
    submitted = len(run.task_ids)
    group_of = {stage: group.id for group in plan.groups for stage in group.stages}
    for index in range(submitted, min(submitted + PORTION, len(plan.tasks))):
        planned = plan.tasks[index]
        task_id = task_id_of(run.id, planned.id)
        yield (
            task_stream(task_id),
            TaskSubmitted(
                task_id=task_id,
                run_id=run.id,
                repo_id=run.repo_id,
                planned=planned,
                index=index,
                remaining_minutes=remaining[planned.id],
                group=group_of.get(planned.id),
            ),
        )
    if submitted + PORTION >= len(plan.tasks):
        yield run_stream(run.id), RunPlanned(len(plan.tasks))
