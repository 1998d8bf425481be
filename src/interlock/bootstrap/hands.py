"""People's benches, as the front desk asks for them."""

from __future__ import annotations

from pathlib import Path

from interlock.bootstrap.environments import surroundings_of
from interlock.bootstrap.site import choose_box, find_site
from interlock.config import read_settings
from interlock.control.people import Bench, Harvest
from interlock.domain.ids import TaskId, WorkerId
from interlock.workers import by_hand


class Benches:
    """`Hands` of the repository that a folder lies in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def make(self, worker_id: WorkerId, task_id: TaskId, target: str) -> Bench:
        made = await (await self._hands()).make(worker_id, task_id, target)
        return Bench(made.base, made.branch, made.path)

    async def collect(self, worker_id: WorkerId, task_id: TaskId, bench: Bench) -> Harvest:
        known = by_hand.Bench(bench.base, bench.branch, bench.path)
        found = await (await self._hands()).collect(worker_id, task_id, known)
        return Harvest(found.head, found.files, found.pack)

    async def _hands(self) -> by_hand.ByHand:
        site = await find_site(self._folder)
        box = await choose_box(read_settings(site.place.root).sandbox.minimum)
        return by_hand.ByHand(
            by_hand.HandTools(
                sandbox=box.sandbox,
                workspaces=site.workspaces,
                trees=site.trees,
                around=surroundings_of(site),
                store=site.folders.store,
                repository=site.folders.root,
            )
        )
