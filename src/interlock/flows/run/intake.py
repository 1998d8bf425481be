"""From a validated plan to the facts of its run: the frame, then every task, in portions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final, TypeGuard

import msgspec

from interlock.domain.command import AmendRun, Command, StartRun
from interlock.domain.facts.base import Fact
from interlock.domain.facts.run import RunPlanned, RunStarted
from interlock.domain.facts.task import TaskSubmitted
from interlock.domain.ids import BlobId, CommandId, RunId, TaskName, task_id_of
from interlock.domain.lifecycle import Refusal
from interlock.domain.plan import Plan
from interlock.engine.errors import BlobMissing
from interlock.engine.ports import Blobs
from interlock.engine.supervisor import Supervisor
from interlock.flows.run import commands
from interlock.flows.run.amending import amendments, objection
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


class Reading:
    """Plans on their way from the blobs, each read once at a time; they come back as news."""

    def __init__(
        self, blobs: Blobs, supervisor: Supervisor, tell: Callable[[PlanLoaded], Awaitable[None]]
    ) -> None:
        self._blobs, self._supervisor, self._tell = blobs, supervisor, tell

    def want(self, plane: PlanePicture, run_id: RunId) -> None:
        """The tasks of this run are not all in the log: read its plan."""
        blob = _plan_of(plane, run_id)
        if blob is not None:
            self._start(f"plan:{run_id}", run_id, blob, None)

    def want_amended(self, plane: PlanePicture) -> None:
        """Somebody changed the plan of an unfinished run: read what it became."""
        for given in plane.commands:
            if isinstance(given.command, AmendRun):
                run_id, blob = given.command.run_id, given.command.plan
                self._start(f"amended plan:{given.id}", run_id, blob, given.id)

    def _start(self, name: str, run_id: RunId, blob: BlobId, amends: CommandId | None) -> None:
        if not self._supervisor.runs(name):
            self._supervisor.start(name, self._load(run_id, blob, amends))

    async def _load(self, run_id: RunId, blob: BlobId, amends: CommandId | None) -> None:
        await self._tell(await load(self._blobs, run_id, blob, amends))


async def load(
    blobs: Blobs, run_id: RunId, blob: BlobId, amends: CommandId | None = None
) -> PlanLoaded:
    try:
        plan = msgspec.json.decode(await blobs.get(blob), type=Plan)
    except (BlobMissing, msgspec.MsgspecError) as fault:
        return PlanLoaded(run_id, None, str(fault), amends)
    return PlanLoaded(run_id, plan, amends=amends)


async def load_wanted(blobs: Blobs, plane: PlanePicture) -> list[PlanLoaded]:
    """Every plan that a waiting command is about."""
    found = []
    for given in plane.commands:
        match given.command:
            case StartRun(run_id=run_id, plan=plan):
                found.append(await load(blobs, run_id, plan))
            case AmendRun(run_id=run_id, plan=plan):
                found.append(await load(blobs, run_id, plan, given.id))
            case _:
                continue
    return found


class Intake:
    """The plans at hand whose tasks are not all in the log; after a crash they go on."""

    def __init__(self) -> None:
        self._plans: dict[RunId, tuple[Plan, Mapping[TaskName, float]]] = {}

    def has(self, run_id: RunId) -> bool:
        return run_id in self._plans

    def _amend(self, draft: Draft, loaded: PlanLoaded) -> None:
        given = next((c for c in draft.plane.commands if c.id == loaded.amends), None)
        if given is None or not isinstance(given.command, AmendRun):
            return  # Answered by then.
        run = draft.plane.runs.get(loaded.run_id)
        if run is None or loaded.plan is None:
            wrong = loaded.fault or "there is no such unfinished run"
        else:
            wrong = objection(run, loaded.plan)
        if wrong or run is None or loaded.plan is None:
            commands.reply(draft, given, Refusal(None, "amend", (), wrong))
            return
        minutes = remaining_minutes(loaded.plan)
        plan = given.command.plan
        for stream, fact in list(amendments(draft.plane, run, loaded.plan, plan, minutes)):
            draft.record(stream, fact, actor=given.actor)
        draft.dirty.everything(draft.plane)
        commands.reply(draft, given, None, run_id=run.id)

    def loaded(self, draft: Draft, loaded: PlanLoaded) -> None:
        """The frame of the run and the answer to its command first; its tasks follow."""
        if loaded.amends is not None:
            self._amend(draft, loaded)
            return
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

    def submit(self, draft: Draft) -> bool:
        """The next portion of every plan at hand; False when there was none."""
        for run_id in sorted(self._plans):
            run = draft.plane.runs.get(run_id)
            if run is None or run.planned:
                del self._plans[run_id]
                continue
            for stream, fact in _missing_tasks(run, *self._plans[run_id]):
                draft.record(stream, fact)
            draft.dirty.runs[run.id] = None
        return bool(self._plans)


def _plan_of(plane: PlanePicture, run_id: RunId) -> BlobId | None:
    given = _starting(plane, run_id)
    if given is not None:
        return given[1].plan
    run = plane.runs.get(run_id)
    return None if run is None else run.plan


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
        settings=command.settings,
        settings_digest=command.settings_digest,
        target=command.target,
        base=command.base,
        source=command.source,
        forecast=command.forecast,
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
