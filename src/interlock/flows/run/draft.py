"""One turn of the plane on paper: facts fold as they are decided and are written all at once.

If the append fails the draft is dropped and the picture before it still holds; nothing was told to
anybody, because orders and acts leave a draft only after its facts are durable.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from interlock.domain.actor import Actor
from interlock.domain.facts.attempt import AttemptAbandoned
from interlock.domain.facts.base import Fact
from interlock.domain.facts.lease import LeaseEnded
from interlock.domain.facts.run import RunPlanned
from interlock.domain.facts.task import TaskCancelled
from interlock.domain.ids import GroupId, RunId, TaskId, WorkerId
from interlock.domain.lifecycle import WORKING
from interlock.domain.task import TaskStatus
from interlock.engine.dispatch import Interrupt, Order
from interlock.engine.ports import NewEvent, StreamWrite
from interlock.flows.run.pictures import Happened, PlanePicture, RunPicture, version_of
from interlock.flows.run.state import fold, group_of
from interlock.flows.task.picture import TaskPicture

FACTS_MAX: Final = 1_000
"""A turn stops deciding here and goes on in the next, so that no append grows without bound."""

_TAKES_THE_LEASE: Final = (AttemptAbandoned, LeaseEnded, TaskCancelled)
"""Facts that end a lease without its worker's doing: the worker is told to stop."""


class Dirty:
    """What should be looked at again, in the order in which it was noticed."""

    def __init__(self) -> None:
        self.tasks: dict[TaskId, None] = {}
        self.groups: dict[tuple[RunId, GroupId], None] = {}
        self.runs: dict[RunId, None] = {}
        self.p0 = self.landing = self.starts = False

    def __bool__(self) -> bool:
        return bool(
            self.tasks or self.groups or self.runs or self.p0 or self.landing or self.starts
        )

    def everything(self, plane: PlanePicture) -> None:
        """After a restart nothing is known to be settled."""
        for run_id in plane.active_runs:
            run = plane.runs[run_id]
            self.runs[run_id] = None
            self.groups |= {(run_id, group): None for group in sorted(run.groups)}
            self.tasks |= {run.task_ids[index]: None for index in sorted(run.task_ids)}
        self.p0 = self.landing = self.starts = True


class Draft:
    """The picture as it would be, the facts that make it so, and what to tell afterwards."""

    def __init__(self, plane: PlanePicture, dirty: Dirty, now: datetime, me: Actor) -> None:
        self.plane, self.dirty, self.now, self._me = plane, dirty, now, me
        self.facts = 0
        self.orders: list[tuple[WorkerId, Order]] = []
        self.ended_leases: list[str] = []
        self.granted: list[TaskId] = []
        self._writes: list[tuple[str, int, list[NewEvent]]] = []

    @property
    def full(self) -> bool:
        return self.facts >= FACTS_MAX

    def writes(self) -> list[StreamWrite]:
        """In the order of the decisions: folding the log must go the way this draft went."""
        return [
            StreamWrite(stream, expected, tuple(events))
            for stream, expected, events in self._writes
        ]

    def record(self, stream: str, *facts: Fact, actor: Actor | None = None) -> None:
        by = actor or self._me
        for fact in facts:
            version = version_of(self.plane, stream)
            if not self._writes or self._writes[-1][0] != stream:
                self._writes.append((stream, version, []))
            self._writes[-1][2].append(NewEvent(fact, by))
            self.facts += 1
            self.fold(Happened(stream, version + 1, self.now, by, fact))

    def fold(self, event: Happened) -> None:
        """Take one event into the picture and note who has to look again."""
        before, self.plane = self.plane, fold(self.plane, event)
        if self.plane is before:
            return
        kind, _, name = event.stream.partition("/")
        match kind:
            case "task":
                self._task_moved(
                    before.tasks.get(TaskId(name)), self.plane.tasks[TaskId(name)], event.fact
                )
            case "run":
                self._run_moved(RunId(name), event.fact)
            case "worker":
                self.dirty.starts = True
                self.dirty.tasks |= dict.fromkeys(self.plane.workers[WorkerId(name)].holds)
            case "plane":
                self._plane_moved()
            case _:
                return  # Epochs, commands and answers move nothing by themselves.

    def _task_moved(self, before: TaskPicture | None, after: TaskPicture, fact: Fact) -> None:
        self.dirty.tasks[after.id] = None
        if before is None:
            return
        self._lease_moved(before, after, fact)
        if before.status is not after.status or before.percent != after.percent:
            self._others_concerned(before, after)
        if before.priority is not after.priority or after.status is TaskStatus.READY:
            self.dirty.p0 = self.dirty.starts = True

    def _lease_moved(self, before: TaskPicture, after: TaskPicture, fact: Fact) -> None:
        if before.lease is not None and (after.lease is None or after.lease.id != before.lease.id):
            self.ended_leases.append(before.lease.id)
            if isinstance(fact, _TAKES_THE_LEASE):
                self.orders.append((before.lease.worker_id, Interrupt(before.lease.id)))
        if after.lease is not None and before.lease is None:
            self.granted.append(after.id)

    def _others_concerned(self, before: TaskPicture, after: TaskPicture) -> None:
        """Who waits for this task, its group and run, and for what it no longer uses."""
        run, over = self.plane.runs[after.run_id], before.ended != after.ended
        for dependent in run.dependents.get(after.id, ()):
            group = self.plane.tasks[dependent].group
            if group is not None and before.status is not after.status:
                self.dirty.groups[run.id, group] = None
            if over or after.percent > before.percent:
                self.dirty.tasks[dependent] = None
        if after.group is not None:
            self.dirty.groups[run.id, after.group] = None
        if after.ended:
            self.dirty.runs[run.id] = None
        if over:
            self.dirty.runs[run.id] = None
            if after.group is not None:
                self._look_at_stages(run, run.group_dependents.get(after.group, ()))
                self._next_stage(run, after)
        if before.status in WORKING and after.status not in WORKING:
            self.dirty.tasks |= dict.fromkeys(self.plane.frozen)
        if before.status is not after.status:
            self.dirty.tasks |= dict.fromkeys(self.plane.stuck)
        self.dirty.p0 = self.dirty.p0 or bool(self.plane.p0 or self.plane.p0_waiting)
        self.dirty.landing = self.dirty.starts = True

    def _next_stage(self, run: RunPicture, after: TaskPicture) -> None:
        """One after another: the end of a stage concerns the one behind it."""
        group = run.groups[after.group] if after.group is not None else None
        if group is not None and not group.parallel:
            self.dirty.tasks |= dict.fromkeys(group.stages)

    def _look_at_stages(self, run: RunPicture, tasks: Iterable[TaskId]) -> None:
        """Look at these tasks, and at their groups: what was hopeless there may go on now."""
        for task_id in tasks:
            self.dirty.tasks[task_id] = None
            group = self.plane.tasks[task_id].group
            if group is not None:
                self.dirty.groups[run.id, group] = None

    def _run_moved(self, run_id: RunId, fact: Fact) -> None:
        run = self.plane.runs[run_id]
        self.dirty.runs[run_id] = None
        self.dirty.p0 = self.dirty.starts = self.dirty.landing = True
        if isinstance(fact, RunPlanned):
            self.dirty.tasks |= {run.task_ids[index]: None for index in range(run.tasks)}
            self.dirty.groups |= {(run_id, group): None for group in sorted(run.groups)}
        moved = group_of(fact)
        if moved is None:
            return
        self.dirty.groups[run_id, moved] = None
        self.dirty.groups |= {(run_id, group): None for group in run.groups_after.get(moved, ())}
        self.dirty.tasks |= dict.fromkeys(run.groups[moved].stages)
        self._look_at_stages(run, run.group_dependents.get(moved, ()))

    def _plane_moved(self) -> None:
        """Pause, stop, p0 and lost parts concern everything that is on its way."""
        self.dirty.everything(self.plane)
