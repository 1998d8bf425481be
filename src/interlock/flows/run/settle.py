"""Level-triggered: look again at what moved and decide afresh, until nothing more follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.ids import RunId, TaskId, Token, lease_id_of
from interlock.domain.run import RunLimits
from interlock.domain.task import TaskStatus
from interlock.engine.dispatch import Freeze, Job, Thaw
from interlock.flows.run import assign as assignment
from interlock.flows.run import decide as run_decide
from interlock.flows.run import groups, p0
from interlock.flows.run.around import around, next_landing
from interlock.flows.run.draft import Draft
from interlock.flows.run.pictures import PlanePicture, plane_stream, run_stream, task_stream
from interlock.flows.task.decide import Judge, Land, Prepare, Record, SendFreeze, SendJob, Wait
from interlock.flows.task.decide import decide as decide_task
from interlock.flows.task.picture import TaskPicture


class Wishes(msgspec.Struct):
    """What a settled draft wants from the world, besides being recorded."""

    jobs: list[TaskId] = []
    freezes: list[TaskId] = []
    acts: dict[TaskId, Judge | Prepare | Land] = {}
    plans: dict[RunId, None] = {}
    alarms: dict[TaskId, datetime] = {}


def settle(
    draft: Draft, lease_over: Callable[[TaskPicture], str], *, grants: bool = True
) -> Wishes:
    """Run every decision whose ground moved; the rest of a full draft waits for the next turn.

    Without `grants` nobody is given work.
    """
    wishes, dirty = Wishes(), draft.dirty
    while dirty and not draft.full:
        if dirty.tasks:
            _look_at_task(draft, wishes, dirty.tasks.popitem()[0], lease_over)
        elif dirty.groups:
            run_id, group_id = dirty.groups.popitem()[0]
            run = draft.plane.runs[run_id]
            draft.record(run_stream(run_id), *groups.decide(draft.plane, run, run.groups[group_id]))
        elif dirty.runs:
            _look_at_run(draft, wishes, dirty.runs.popitem()[0])
        elif dirty.p0:
            dirty.p0 = False
            draft.record(plane_stream(draft.plane.repo_id), *p0.decide(draft.plane))
        elif dirty.landing:
            dirty.landing = False
            first = next_landing(draft.plane)
            if first is not None:
                dirty.tasks[first] = None
        elif grants:
            _grant(draft, wishes)
        else:
            dirty.starts = False
    return wishes


def _look_at_run(draft: Draft, wishes: Wishes, run_id: RunId) -> None:
    run = draft.plane.runs.get(run_id)
    if run is None or run.ended:
        return
    if not run.planned:
        wishes.plans[run_id] = None
    draft.record(run_stream(run.id), *run_decide.decide(draft.plane, run))


def _look_at_task(
    draft: Draft, wishes: Wishes, task_id: TaskId, lease_over: Callable[[TaskPicture], str]
) -> None:
    task = draft.plane.tasks.get(task_id)
    if task is None or (task.ended and task.status is not TaskStatus.FAILED):
        return
    limits = draft.plane.runs[task.run_id].limits
    decision = decide_task(task, around(draft.plane, task, lease_over(task)), limits, draft.now)
    match decision:
        case Record(facts):
            draft.record(task_stream(task_id), *facts)
            _thaw_if_resumed(draft, task)
        case Wait(_, until):
            if until is not None:
                wishes.alarms[task_id] = until
        case SendJob():
            wishes.jobs.append(task_id)
        case SendFreeze(until):
            wishes.freezes.append(task_id)
            wishes.alarms[task_id] = until
        case Judge() | Prepare() | Land():
            wishes.acts[task_id] = decision


def _thaw_if_resumed(draft: Draft, before: TaskPicture) -> None:
    after = draft.plane.tasks[before.id]
    goes_on = before.status is TaskStatus.PAUSED and after.status is TaskStatus.IN_PROGRESS
    if goes_on and after.lease is not None:
        draft.orders.append((after.lease.worker_id, Thaw(after.lease.id)))


def _grant(draft: Draft, wishes: Wishes) -> None:
    """One lease to one worker; the flag stays up until nobody can be given anything."""
    grant = assignment.assign(draft.plane, draft.now)
    if isinstance(grant, assignment.Hold):
        wishes.alarms[grant.task_id] = grant.until
    if not isinstance(grant, assignment.Grant):
        draft.dirty.starts = False
        return
    task = draft.plane.tasks[grant.task_id]
    worker = draft.plane.workers[grant.worker_id]
    limits: RunLimits = draft.plane.runs[task.run_id].limits
    token = Token(task.token + 1)
    draft.record(
        task_stream(task.id),
        LeaseGranted(
            lease_id=lease_id_of(task.id, token),
            worker_id=worker.id,
            token=token,
            attempt=task.attempts_made + 1,
            expires_at=draft.now + timedelta(seconds=limits.lease_seconds),
            seconds=limits.lease_seconds,
            session=worker.session,
        ),
    )


def job_of(plane: PlanePicture, task: TaskPicture) -> Job | None:
    """The order that brings a claimed task to its worker."""
    lease = task.lease
    if lease is None:
        return None
    run, heads = plane.runs[task.run_id], plane.heads
    return Job(
        lease.id,
        task.id,
        task.run_id,
        lease.worker_id,
        lease.token,
        lease.attempt,
        lease.seconds,
        task.planned,
        task.feedback,
        task.feedback_log,
        run.settings,
        run.target,
        heads.get(run.target),
        task.grants,
        task.answered,
    )


def freeze_of(task: TaskPicture) -> Freeze | None:
    return None if task.lease is None else Freeze(task.lease.id)
