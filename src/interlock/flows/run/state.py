"""The fold: from the facts of every stream to the picture of everything one plane acts on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import singledispatch
from typing import Final

from msgspec.structs import replace
from rpds import HashTrieMap

from interlock.domain.facts.base import Fact
from interlock.domain.facts.change import ChangeLanded
from interlock.domain.facts.command import CommandAccepted, CommandGiven, CommandRefused
from interlock.domain.facts.group import (
    GroupBlocked,
    GroupInterrupted,
    GroupPassed,
    GroupRecovered,
    GroupRestarted,
    GroupSettled,
    GroupStarted,
    GroupVerifying,
)
from interlock.domain.facts.plane import (
    EmergencyStopped,
    P0Began,
    P0Ended,
    PartLost,
    PartRestored,
    PlaneStarted,
    StartsPaused,
    StartsResumed,
)
from interlock.domain.facts.run import (
    RunAmended,
    RunCompleted,
    RunFailed,
    RunPaused,
    RunPlanned,
    RunResumed,
    RunStarted,
)
from interlock.domain.facts.task import TaskEdited, TaskSubmitted
from interlock.domain.facts.worker import WorkerCameBack, WorkerRegistered, WorkerWentOffline
from interlock.domain.group import GroupStatus, StageGroup
from interlock.domain.ids import (
    GroupId,
    RunId,
    TaskId,
    TaskName,
    WorkerId,
    task_id_of,
)
from interlock.domain.run import RunStatus
from interlock.domain.task import TaskStatus
from interlock.flows.run.indexes import (
    admit,
    lease_moved,
    p0_moved,
    put_worker,
    queued,
    rebuilt,
    status_moved,
    unqueued,
    with_item,
    without_item,
)
from interlock.flows.run.pictures import (
    GivenCommand,
    GroupPicture,
    Happened,
    PlanePicture,
    RunPicture,
    WorkerPicture,
    version_of,
)
from interlock.flows.task.state import ImpossibleHistory, submitted
from interlock.flows.task.state import fold as fold_task

ANSWERS_KEPT: Final = 256
"""Answered commands whose ids are remembered, so that a repeat is recognised."""

RUNS_KEPT: Final = 20
"""Ended runs whose tasks stay in the picture; older ones are read from their streams."""

_GroupFact = (
    GroupStarted | GroupSettled | GroupVerifying | GroupPassed | GroupBlocked
    | GroupRestarted | GroupInterrupted | GroupRecovered
)  # fmt: skip


def fold(plane: PlanePicture, event: Happened) -> PlanePicture:
    """The picture after one more event; an event it already contains changes nothing."""
    kind, _, name = event.stream.partition("/")
    if kind == "task":
        return _fold_task(plane, TaskId(name), event)
    if event.version <= version_of(plane, event.stream):
        return plane
    if kind == "run":
        return _fold_run(plane, RunId(name), event)
    if kind == "worker":
        return _fold_worker(plane, WorkerId(name), event)
    counted = replace(plane, versions=plane.versions.insert(event.stream, event.version))
    return _on_plane(event.fact, counted, event)


def _fold_task(plane: PlanePicture, task_id: TaskId, event: Happened) -> PlanePicture:
    before = plane.tasks.get(task_id)
    if before is None:
        if not isinstance(event.fact, TaskSubmitted):
            return plane  # A task of a run that left the picture long ago.
        return admit(plane, submitted(event.fact, event.at))
    if event.version <= before.version:
        return plane
    after = fold_task(before, event.fact, event.at)
    plane = replace(plane, tasks=plane.tasks.insert(task_id, after))
    if isinstance(event.fact, ChangeLanded) and event.fact.commit is not None:
        target = plane.runs[after.run_id].target
        heads = plane.heads.insert(target, event.fact.commit)
        plane = replace(plane, landed_at=event.at, heads=heads)
    if isinstance(event.fact, TaskEdited):
        return rebuilt(plane)
    if after.lease is not before.lease:
        plane = lease_moved(plane, before, after)
    if after.status is not before.status:
        plane = status_moved(plane, before, after)
    if after.priority is not before.priority:
        plane = p0_moved(plane, after)
        if after.status is TaskStatus.READY:
            plane = queued(unqueued(plane, before), after)
    return plane


# --- runs and groups ------------------------------------------------------------------------------


def _fold_run(plane: PlanePicture, run_id: RunId, event: Happened) -> PlanePicture:
    fact = event.fact
    if isinstance(fact, RunStarted):
        run = _run_of(fact, event.at)
        return replace(
            plane,
            runs=plane.runs.insert(run.id, run),
            active_runs=with_item(plane.active_runs, run.id),
            heads=plane.heads if run.base is None else plane.heads.insert(run.target, run.base),
        )
    before = plane.runs.get(run_id)
    if before is None:
        return plane
    run = replace(_on_run(fact, before, event.at), version=before.version + 1)
    plane = replace(plane, runs=plane.runs.insert(run_id, run))
    return _run_over(plane, run) if run.ended and not before.ended else plane


def _run_of(fact: RunStarted, at: datetime) -> RunPicture:
    return RunPicture(
        id=fact.run_id,
        repo_id=fact.repo_id,
        goal=fact.goal,
        plan=fact.plan,
        limits=fact.limits,
        tasks=fact.tasks,
        affinity=fact.affinity,
        started_at=at,
        groups=HashTrieMap({g.id: _group_of(fact.run_id, g) for g in fact.groups}),
        groups_after=groups_after(fact.groups),
        settings=fact.settings,
        target=fact.target,
        base=fact.base,
        source=fact.source,
    )


def groups_after(
    groups: Iterable[StageGroup | GroupPicture],
) -> HashTrieMap[GroupId, tuple[GroupId, ...]]:
    """For each group the groups that wait for it."""
    after: dict[GroupId, tuple[GroupId, ...]] = {}
    for group in sorted(groups, key=lambda group: group.id):
        for before in group.depends_on:
            after[before] = (*after.get(before, ()), group.id)
    return HashTrieMap(after)


def _group_of(run_id: RunId, group: StageGroup) -> GroupPicture:
    stages = tuple(task_id_of(run_id, TaskName(stage)) for stage in group.stages)
    return GroupPicture(group.id, stages, group.depends_on, group.parallel)


def _run_over(plane: PlanePicture, run: RunPicture) -> PlanePicture:
    """The tasks of runs that ended long ago leave the picture: it must not grow for ever."""
    ended = (*plane.ended_runs, run.id)
    plane = replace(
        plane, active_runs=without_item(plane.active_runs, run.id), ended_runs=ended[-RUNS_KEPT:]
    )
    for gone in ended[:-RUNS_KEPT]:
        tasks, unmet = plane.tasks, plane.unmet
        for task_id in plane.runs[gone].task_ids.values():
            tasks, unmet = tasks.discard(task_id), unmet.discard(task_id)
        plane = replace(plane, tasks=tasks, unmet=unmet, runs=plane.runs.discard(gone))
    return plane


@singledispatch
def _on_run(fact: Fact, run: RunPicture, at: datetime) -> RunPicture:
    raise ImpossibleHistory(f"{type(fact).__name__} does not belong to run {run.id} at {at}")


@_on_run.register
def _planned(fact: RunPlanned, run: RunPicture, at: datetime) -> RunPicture:
    return replace(run, planned=True, status=RunStatus.ACTIVE)


@_on_run.register
def _amended(fact: RunAmended, run: RunPicture, at: datetime) -> RunPicture:
    return replace(run, plan=fact.plan, tasks=fact.tasks)


@_on_run.register
def _run_paused(fact: RunPaused, run: RunPicture, at: datetime) -> RunPicture:
    return replace(run, paused=True, status=RunStatus.PAUSED)


@_on_run.register
def _run_resumed(fact: RunResumed, run: RunPicture, at: datetime) -> RunPicture:
    return replace(run, paused=False, status=RunStatus.ACTIVE if run.planned else RunStatus.CREATED)


@_on_run.register
def _completed(fact: RunCompleted, run: RunPicture, at: datetime) -> RunPicture:
    return replace(run, status=RunStatus.COMPLETED, ended_at=at)


@_on_run.register
def _run_failed(fact: RunFailed, run: RunPicture, at: datetime) -> RunPicture:
    return replace(run, status=RunStatus.FAILED, reasons=fact.reasons, ended_at=at)


_Moves = GroupStarted | GroupSettled | GroupVerifying | GroupPassed | GroupBlocked | GroupRestarted
_GROUP_STATUS: Final[dict[type[Fact], GroupStatus]] = {
    GroupStarted: GroupStatus.RUNNING,
    GroupSettled: GroupStatus.SETTLED,
    GroupVerifying: GroupStatus.VERIFYING,
    GroupPassed: GroupStatus.PASSED,
    GroupBlocked: GroupStatus.BLOCKED,
    GroupRestarted: GroupStatus.RUNNING,
}


@_on_run.register
def _group_moved(fact: _Moves, run: RunPicture, at: datetime) -> RunPicture:
    group = run.groups[fact.group]
    report = fact.report if isinstance(fact, GroupBlocked) else group.report
    return _with_group(run, replace(group, status=_GROUP_STATUS[type(fact)], report=report))


@_on_run.register
def _group_interrupted(fact: GroupInterrupted, run: RunPicture, at: datetime) -> RunPicture:
    """It remembers where to go on, and whose fault the interruption is."""
    group = run.groups[fact.group]
    cause = GroupStatus.INTERRUPTED if fact.p0 else GroupStatus.INFRASTRUCTURE_FAILURE
    return _with_group(run, replace(group, status=cause, before=group.status))


@_on_run.register
def _group_recovered(fact: GroupRecovered, run: RunPicture, at: datetime) -> RunPicture:
    group = run.groups[fact.group]
    return _with_group(run, replace(group, status=group.before))


def _with_group(run: RunPicture, group: GroupPicture) -> RunPicture:
    return replace(run, groups=run.groups.insert(group.id, group))


def group_of(fact: Fact) -> GroupId | None:
    """The group a fact is about, if it is about one."""
    return fact.group if isinstance(fact, _GroupFact) else None


# --- workers --------------------------------------------------------------------------------------


def _fold_worker(plane: PlanePicture, worker_id: WorkerId, event: Happened) -> PlanePicture:
    before = plane.workers.get(worker_id)
    match event.fact:
        case WorkerRegistered() as fact:
            worker = WorkerPicture(
                worker_id,
                fact.type,
                fact.name,
                fact.agent,
                fact.capabilities,
                fact.capacity,
                event.at if before is None else before.registered_at,
                fact.session,
                holds=() if before is None else before.holds,
                version=event.version,
            )
        case WorkerWentOffline() if before is not None:
            worker = replace(before, online=False, version=event.version)
        case WorkerCameBack() as fact if before is not None:
            worker = replace(before, online=True, session=fact.session, version=event.version)
        case _:
            raise ImpossibleHistory(
                f"{type(event.fact).__name__} does not belong to worker {worker_id}"
            )
    return put_worker(plane, worker)


# --- the plane itself -----------------------------------------------------------------------------


@singledispatch
def _on_plane(fact: Fact, plane: PlanePicture, event: Happened) -> PlanePicture:
    raise ImpossibleHistory(
        f"{type(fact).__name__} does not belong to {event.stream} ({plane.repo_id})"
    )


@_on_plane.register
def _epoch_began(fact: PlaneStarted, plane: PlanePicture, event: Happened) -> PlanePicture:
    return plane


@_on_plane.register
def _starts_paused(fact: StartsPaused, plane: PlanePicture, event: Happened) -> PlanePicture:
    return replace(plane, paused=fact.reason or "paused by a person")


@_on_plane.register
def _starts_resumed(fact: StartsResumed, plane: PlanePicture, event: Happened) -> PlanePicture:
    return replace(plane, paused="", stopped="")


@_on_plane.register
def _stopped(fact: EmergencyStopped, plane: PlanePicture, event: Happened) -> PlanePicture:
    return replace(plane, stopped=fact.reason or "emergency stop")


@_on_plane.register
def _part_lost(fact: PartLost, plane: PlanePicture, event: Happened) -> PlanePicture:
    return replace(plane, lost_part=f"{fact.part} is out of order: {fact.detail}")


@_on_plane.register
def _part_restored(fact: PartRestored, plane: PlanePicture, event: Happened) -> PlanePicture:
    return replace(plane, lost_part="")


@_on_plane.register
def _p0_began(fact: P0Began, plane: PlanePicture, event: Happened) -> PlanePicture:
    return replace(plane, p0=with_item(plane.p0, fact.task_id), p0_since=plane.p0_since or event.at)


@_on_plane.register
def _p0_ended(fact: P0Ended, plane: PlanePicture, event: Happened) -> PlanePicture:
    p0 = without_item(plane.p0, fact.task_id)
    return replace(plane, p0=p0, p0_since=plane.p0_since if p0 else None)


@_on_plane.register
def _given(fact: CommandGiven, plane: PlanePicture, event: Happened) -> PlanePicture:
    """A command given twice, because its giver heard no answer, is one command."""
    if fact.command_id in plane.answered or any(c.id == fact.command_id for c in plane.commands):
        return plane
    given = GivenCommand(fact.command_id, fact.command, event.actor)
    return replace(plane, commands=(*plane.commands, given))


@_on_plane.register
def _answered(
    fact: CommandAccepted | CommandRefused, plane: PlanePicture, event: Happened
) -> PlanePicture:
    return replace(
        plane,
        commands=tuple(c for c in plane.commands if c.id != fact.command_id),
        answered=(*plane.answered, fact.command_id)[-ANSWERS_KEPT:],
    )
