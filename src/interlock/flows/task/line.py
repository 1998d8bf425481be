"""The line to the target: whoever is judged looks at what the target will be when its turn comes.

    A   judged on the target of now
    B   behind A: its gates look at A and B together while A's still run

When A has landed, the tree that B would make is the very tree its gates have seen, and its verdict
is found instead of made. When A has not, nothing was claimed: B is judged on the target of now, as
if nobody had stood before it. So a line saves time and never decides anything.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from interlock.domain.ids import CommitId, TaskId


class Place:
    """One change in line, for as long as it may still land."""

    def __init__(self, task_id: TaskId, ahead: Place | None) -> None:
        self.task_id, self.ahead = task_id, ahead
        self._merged, self._judged, self._left = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._commit: CommitId | None = None

    def merged(self, commit: CommitId) -> None:
        """What the target would be with this change, if all before it land."""
        self._commit = commit
        self._merged.set()

    def judged(self) -> None:
        """It may land now; nobody needs to wait for its gates any more."""
        self._merged.set()
        self._judged.set()

    def leave(self) -> None:
        """It has landed, or it will not in a while."""
        self._left.set()
        self.judged()

    @property
    def gone(self) -> bool:
        return self._left.is_set()

    async def expected(self) -> CommitId | None:
        """The target with this change in it, as far as that can be told."""
        await self._merged.wait()
        return None if self.gone else self._commit

    async def over(self, patience_seconds: float) -> None:
        """Wait for its gates, and then a while for its landing."""
        await self._judged.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds):
                await self._left.wait()
        self.leave()


class Line:
    """Everybody on the way to one branch, in the order of arrival."""

    def __init__(self) -> None:
        self._places: list[Place] = []

    def join(self, task_id: TaskId) -> Place:
        self.leave(task_id)
        self._places = [place for place in self._places if not place.gone]
        place = Place(task_id, self._places[-1] if self._places else None)
        self._places.append(place)
        return place

    def leave(self, task_id: TaskId) -> None:
        for place in self._places:
            if place.task_id == task_id:
                place.leave()
