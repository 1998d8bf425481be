"""Workers as people ask about them: what each can do, does and did, folded from the whole log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final, Literal

from msgspec.structs import asdict, replace

from interlock.control.pictures import worker_row
from interlock.control.read_models import WorkerCard, WorkerList
from interlock.control.store import Store
from interlock.control.tasks import picture_of
from interlock.domain.facts.attempt import (
    AttemptAbandoned,
    AttemptFinished,
    AttemptProgressed,
    AttemptStarted,
)
from interlock.domain.facts.change import ChangeJudged, Judgement
from interlock.domain.facts.lease import LeaseGranted, LeaseRenewed
from interlock.domain.facts.task import TaskCancelled
from interlock.domain.facts.worker import WorkerCameBack, WorkerRegistered
from interlock.domain.ids import TaskId, WorkerId
from interlock.domain.result import Outcome
from interlock.domain.worker import TaskHistory
from interlock.engine.ports import EventLog, Recorded

Ending = Literal["success", "failed", "abandoned"]

_PAGE: Final = 2_000
_SIGNS_OF_LIFE: Final = (LeaseRenewed, AttemptStarted, AttemptProgressed, AttemptFinished)
_GOOD: Final = frozenset({Outcome.CHANGED, Outcome.UNCHANGED})


class Pasts:
    """What every worker did, as far as the events so far tell it."""

    def __init__(self) -> None:
        self.history: dict[WorkerId, list[TaskHistory]] = {}
        self.heard: dict[WorkerId, datetime] = {}
        self._holder: dict[TaskId, WorkerId] = {}

    def take(self, event: Recorded) -> None:
        match event.fact:
            case WorkerRegistered(worker_id=worker_id) | WorkerCameBack(worker_id=worker_id):
                self.heard[worker_id] = event.at
            case _:
                if event.stream.startswith("task/"):
                    self._on_task(TaskId(event.stream.removeprefix("task/")), event)

    def _on_task(self, task_id: TaskId, event: Recorded) -> None:
        if isinstance(event.fact, LeaseGranted):
            self._holder[task_id] = event.fact.worker_id
        holder = self._holder.get(task_id)
        if holder is None:
            return
        if isinstance(event.fact, _SIGNS_OF_LIFE):
            self.heard[holder] = event.at
        match event.fact:
            case AttemptStarted():
                self.history.setdefault(holder, []).append(TaskHistory(task_id, event.at))
            case AttemptFinished(result=result):
                good = result.outcome in _GOOD
                self._end(holder, task_id, "success" if good else "failed", event.at)
            case AttemptAbandoned() | TaskCancelled():
                self._end(holder, task_id, "abandoned", event.at)
            case ChangeJudged(judgement=Judgement.FAILED | Judgement.CONFLICT):
                self._end(holder, task_id, "failed", None)
            case _:
                return

    def _end(self, worker: WorkerId, task_id: TaskId, result: Ending, at: datetime | None) -> None:
        """Close the worker's last line about the task; a gate's word later changes its result."""
        lines = self.history.get(worker, [])
        for index in reversed(range(len(lines))):
            line = lines[index]
            if line.task_id == task_id:
                if at is None or line.completed_at is None:
                    completed = at or line.completed_at
                    lines[index] = replace(line, completed_at=completed, result=result)
                return


async def _events(log: EventLog) -> AsyncIterator[Recorded]:
    seen = 0
    while page := await log.read(seen, _PAGE):
        for event in page:
            yield event
        seen = page[-1].position


async def worker_list(store: Store) -> WorkerList:
    """Everybody, by id. A person sends no heartbeat: what they did last counts as one."""
    plane, pasts = await picture_of(store), Pasts()
    async for event in _events(store.log):
        pasts.take(event)
    cards = []
    for worker_id in sorted(plane.workers):
        worker = plane.workers[worker_id]
        row = worker_row(plane, worker)
        card = WorkerCard(
            **asdict(row),
            registered_at=worker.registered_at,
            last_heartbeat=pasts.heard.get(worker_id),
            current_task=row.holds[0] if row.holds else None,
            history=tuple(pasts.history.get(worker_id, ())),
        )
        cards.append(card)
    return WorkerList(tuple(cards))
