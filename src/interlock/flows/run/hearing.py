"""Who was heard of when: the leases and workers of one plane, and what their silence means."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from interlock.domain.facts.lease import LeaseRenewed
from interlock.domain.facts.worker import WorkerWentOffline
from interlock.domain.ids import LeaseId, TaskId, WorkerId
from interlock.engine.dispatch import Report
from interlock.engine.heartbeats import Heartbeats
from interlock.engine.ports import Clock
from interlock.flows.run.draft import Draft
from interlock.flows.run.pictures import PlanePicture, task_stream, worker_stream
from interlock.flows.task.picture import TaskPicture

RENEWAL_RECORDED_EVERY: Final = timedelta(minutes=5)
"""The log gets a renewal now and then; the deadlines themselves are kept in memory."""


class Hearing:
    """Heartbeats of leases and workers. A person's claim has none and never runs out here."""

    def __init__(self, clock: Clock, worker_silence_seconds: float) -> None:
        self._clock, self._silence = clock, worker_silence_seconds
        self._heartbeats = Heartbeats(clock.now(), clock.monotonic())

    def everybody(self, plane: PlanePicture) -> None:
        """Nobody listened while no plane ran: everybody gets one window to be heard."""
        for task_id in plane.leased:
            self.lease(plane, plane.tasks[task_id])
        for worker_id in sorted(plane.workers):
            self._worker(plane, worker_id)

    def report(self, draft: Draft, report: Report, live: tuple[LeaseId, ...]) -> None:
        """A report is a sign of life of its worker and of the leases it named."""
        for lease_id in live:
            task = draft.plane.tasks.get(_task_of(lease_id))
            if task is not None and task.lease is not None and task.lease.id == lease_id:
                self.lease(draft.plane, task)
                if not _is_person(draft.plane, task.lease.worker_id):
                    _record_renewal(draft, task)
        self._worker(draft.plane, report.worker_id)

    def lease(self, plane: PlanePicture, task: TaskPicture) -> None:
        if task.lease is not None and not _is_person(plane, task.lease.worker_id):
            monotonic = self._clock.monotonic()
            self._heartbeats.hear(f"lease:{task.lease.id}", task.lease.seconds, monotonic)

    def forget(self, lease_id: str) -> None:
        self._heartbeats.forget(f"lease:{lease_id}")

    def _worker(self, plane: PlanePicture, worker_id: WorkerId) -> None:
        if not _is_person(plane, worker_id):
            self._heartbeats.hear(f"worker:{worker_id}", self._silence, self._clock.monotonic())

    def look(self, draft: Draft) -> None:
        """Note who fell silent; after a suspend everybody gets a new window instead."""
        monotonic = self._clock.monotonic()
        if self._heartbeats.look(draft.now, monotonic):
            draft.dirty.everything(draft.plane)  # Every alarm was set by a clock that has moved.
            return
        for name in self._heartbeats.overdue(monotonic):
            kind, _, rest = name.partition(":")
            if kind == "worker":
                self._heartbeats.forget(name)
                self._worker_silent(draft, WorkerId(rest))
                continue
            task = draft.plane.tasks.get(_task_of(rest))
            if task is None or task.lease is None or task.lease.id != rest:
                self._heartbeats.forget(name)  # It ended without this plane's doing.
            else:
                draft.dirty.tasks[task.id] = None

    def _worker_silent(self, draft: Draft, worker_id: WorkerId) -> None:
        worker = draft.plane.workers.get(worker_id)
        if worker is not None and worker.online:
            reason = f"nothing was heard of it for {self._silence:.0f} s"
            draft.record(worker_stream(worker_id), WorkerWentOffline(worker_id, reason))

    def lease_over(self, task: TaskPicture) -> str:
        """Why the task's lease has run out, if it has."""
        lease = task.lease
        if lease is None:
            return ""
        if lease.by_hand:
            over = self._clock.now() >= lease.expires_at
            days = lease.seconds / 86_400
            return f"{lease.worker_id} held it for {days:g} days" if over else ""
        if not self._heartbeats.silent(f"lease:{lease.id}", self._clock.monotonic()):
            return ""
        return f"nothing was heard from {lease.worker_id} for {lease.seconds:.0f} s"

    def seconds_to_next(self) -> float | None:
        deadline = self._heartbeats.next_deadline()
        return None if deadline is None else deadline - self._clock.monotonic()


def _record_renewal(draft: Draft, task: TaskPicture) -> None:
    lease = task.lease
    if lease is not None and draft.now >= lease.expires_at:
        # Each window is half of what has passed, so that even a week of work is a few dozen facts.
        passed = (draft.now - task.since) / 2
        window = max(RENEWAL_RECORDED_EVERY, timedelta(seconds=lease.seconds), passed)
        draft.record(task_stream(task.id), LeaseRenewed(lease.token, draft.now + window))


def _task_of(lease_id: str) -> TaskId:
    return TaskId(lease_id.rpartition("@")[0])


def _is_person(plane: PlanePicture, worker_id: WorkerId) -> bool:
    worker = plane.workers.get(worker_id)
    return worker is not None and worker.type == "human"
