"""Benches of people are cleared away when their tasks are over, beside the plane that acts.

The folder goes; work in it that is not exactly what landed is kept under `refs/interlock/` first.
Looked at again and again, and after each start, so that nothing depends on having been there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from interlock.control.store import Store
from interlock.domain.ids import CommitId, RepoId, TaskId, WorkerId
from interlock.domain.lifecycle import ENDED
from interlock.domain.task import TaskStatus
from interlock.engine.errors import EngineError
from interlock.engine.ports import Clock
from interlock.flows.run.recovery import read_picture
from interlock.flows.task.picture import TaskPicture
from interlock.repository.ports import WorkspaceRefused
from interlock.workers.by_hand import ByHand

LOOK_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 5.0
"""Folders that nobody needs may wait; those who work beside them shall not."""

OVER: Final = ENDED - {TaskStatus.FAILED}
"""A person may want another try at a failed task, on the bench as it is."""

_log = logging.getLogger(__name__)


class Tidying:
    """Sees to the benches of one repository for as long as this process `acts`."""

    def __init__(self, hands: ByHand, store: Store, clock: Clock, acts: Callable[[], bool]) -> None:
        self._hands, self._store, self._clock, self._acts = hands, store, clock, acts
        self._given_up: set[tuple[WorkerId, TaskId]] = set()
        self._one = asyncio.Lock()

    async def keep(self) -> None:
        """Until it is cancelled."""
        bell = self._store.log.listen()
        try:
            while True:
                await bell.rung(LOOK_SECONDS)
                await self.look()
                await self._clock.sleep(PAUSE_SECONDS)
        finally:
            bell.close()

    async def look(self) -> None:
        """Clear what can be cleared now; a bench that cannot be is told once, and stays."""
        async with self._one:
            standing = [each for each in self._hands.standing() if each not in self._given_up]
            if not standing or not self._acts():
                return
            try:
                tasks = await self._tasks_over()
            except EngineError:
                return  # The plane needs the same part, and tells of its loss.
            for worker_id, task_id in standing:
                if task_id in tasks:
                    await self._clear(worker_id, tasks[task_id])

    async def _tasks_over(self) -> dict[TaskId, TaskPicture]:
        store = self._store
        plane = await read_picture(store.log, store.snapshots, store.repo_id or RepoId(""))
        return {task.id: task for task in plane.tasks.values() if task.status in OVER}

    async def _clear(self, worker_id: WorkerId, task: TaskPicture) -> None:
        try:
            sentence = await self._hands.clear(worker_id, task.id, _landed(task))
        except (EngineError, WorkspaceRefused, OSError) as error:
            self._given_up.add((worker_id, task.id))
            sentence = f"The bench of {worker_id} for {task.id} could not be cleared away: {error}"
        if sentence:
            _log.warning(sentence)


def _landed(task: TaskPicture) -> CommitId | None:
    """The commit that was handed in, where it is the one that landed."""
    change = None if task.result is None else task.result.change
    return change.head if change is not None and task.status is TaskStatus.DONE else None
