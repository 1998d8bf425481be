"""People as workers: they register, claim what they choose, begin, and hand in like any other."""

from __future__ import annotations

from datetime import datetime, timedelta

from interlock.domain.actor import Actor
from interlock.domain.command import BeginTask, ClaimTask, RegisterWorker, SubmitTask
from interlock.domain.facts.base import Fact
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.worker import WorkerRegistered
from interlock.domain.ids import Token, lease_id_of
from interlock.domain.lifecycle import Refusal, allowed_from
from interlock.domain.task import TaskStatus
from interlock.flows.run.around import new_starts_wait_for, waits_for
from interlock.flows.run.draft import Draft
from interlock.flows.run.indexes import want_of
from interlock.flows.run.limits import room_for
from interlock.flows.run.pictures import PlanePicture, WorkerPicture, worker_stream
from interlock.flows.task import news
from interlock.flows.task.news import Beginning
from interlock.flows.task.picture import TaskPicture

Facts = tuple[Fact, ...]


def register(draft: Draft, actor: Actor, command: RegisterWorker) -> Refusal | None:
    """A person is known from now on; saying it again says anew what they can do."""
    worker = draft.plane.workers.get(command.worker_id)
    if worker is not None and worker.type != "human":
        return Refusal(None, "register", (), f"{worker.id} is an agent's worker already")
    registered = WorkerRegistered(
        command.worker_id,
        "human",
        command.name,
        agent="",
        capabilities=command.capabilities,
        capacity=command.capacity,
    )
    draft.record(worker_stream(command.worker_id), registered, actor=actor)
    return None


def on_command(
    draft: Draft, task: TaskPicture, command: ClaimTask | BeginTask | SubmitTask
) -> Facts | Refusal:
    match command:
        case ClaimTask():
            return _claim(draft, task, command)
        case BeginTask():
            return _begin(task, command)
        case SubmitTask():
            return _submit(draft, task, command)


def _claim(draft: Draft, task: TaskPicture, command: ClaimTask) -> Facts | Refusal:
    refused = _cannot_claim(draft.plane, task, command, draft.now)
    if refused:
        return Refusal(task.status, "claim", allowed_from(task.status), refused)
    limits = draft.plane.runs[task.run_id].limits
    token = Token(task.token + 1)
    time = timedelta(days=limits.claim_days)
    return (
        LeaseGranted(
            lease_id=lease_id_of(task.id, token),
            worker_id=command.worker_id,
            token=token,
            attempt=task.attempts_made + 1,
            expires_at=draft.now + time,
            seconds=time.total_seconds(),
            by_hand=True,
        ),
    )


def _cannot_claim(plane: PlanePicture, task: TaskPicture, command: ClaimTask, now: datetime) -> str:
    """Why this person cannot have this task now; empty when they can."""
    run, worker = plane.runs[task.run_id], plane.workers.get(command.worker_id)
    if worker is None or worker.type != "human":
        return (
            f"no person is registered as {command.worker_id}: "
            "interlock worker register --type human --name NAME"
        )
    if task.lease is not None:
        return f"{task.lease.worker_id} holds it"
    if task.status is not TaskStatus.READY:
        waits = waits_for(plane, task, now) if task.status is TaskStatus.BACKLOG else ""
        return f"it waits for {waits}" if waits else "only a ready task can be claimed"
    return _cannot_work(plane, task, worker) or new_starts_wait_for(plane, run, task)


def _cannot_work(plane: PlanePicture, task: TaskPicture, worker: WorkerPicture) -> str:
    missing = sorted(set(task.planned.skills) - set(worker.capabilities))
    if missing:
        return f"{worker.id} lacks the skills {', '.join(missing)}"
    if not worker.free:
        return f"{worker.id} holds {_named(plane, worker)} already"
    full = not room_for(plane, want_of(task))
    return "as many tasks as the limits allow are being worked on" if full else ""


def _named(plane: PlanePicture, worker: WorkerPicture) -> str:
    return ", ".join(plane.tasks[held].planned.id for held in worker.holds)


def _begin(task: TaskPicture, command: BeginTask) -> Facts | Refusal:
    refusal = _not_held(task, "begin", command)
    if refusal is not None:
        return refusal
    if task.status is not TaskStatus.CLAIMED:
        return Refusal(task.status, "begin", allowed_from(task.status), "it has begun already")
    return news.on_started(task, Beginning(command.base, command.branch, command.path))


def _submit(draft: Draft, task: TaskPicture, command: SubmitTask) -> Facts | Refusal:
    refusal = _not_held(task, "submit", command)
    if refusal is not None:
        return refusal
    limits = draft.plane.runs[task.run_id].limits
    return news.on_finished(task, command.result, limits, draft.now)


def _not_held(task: TaskPicture, asked: str, command: BeginTask | SubmitTask) -> Refusal | None:
    lease = task.lease
    if lease is not None and lease.by_hand and lease.worker_id == command.worker_id:
        return None
    holder = "nobody holds it" if lease is None else f"{lease.worker_id} holds it"
    hint = f"{holder}, not {command.worker_id}: claim it first"
    return Refusal(task.status, asked, allowed_from(task.status), hint)
