"""People's benches, as the front desk asks for them and as a plane clears them away."""

from __future__ import annotations

from pathlib import Path

from interlock.bootstrap.environments import surroundings_of
from interlock.bootstrap.site import Site, choose_box, find_site
from interlock.config import read_settings
from interlock.domain.bench import Bench, Harvest
from interlock.domain.ids import TaskId, WorkerId
from interlock.sandbox.ports import Sandbox
from interlock.workers.by_hand import ByHand, HandTools


class Benches:
    """`Hands` of the repository that a folder lies in; a box is looked for when one is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def make(self, worker_id: WorkerId, task_id: TaskId, target: str) -> Bench:
        return await (await self._hands()).make(worker_id, task_id, target)

    async def collect(self, worker_id: WorkerId, task_id: TaskId, bench: Bench) -> Harvest:
        return await (await self._hands()).collect(worker_id, task_id, bench)

    async def _hands(self) -> ByHand:
        site = await find_site(self._folder)
        box = await choose_box(read_settings(site.place.root).sandbox.minimum)
        return hands_of(site, box.sandbox)


def hands_of(site: Site, sandbox: Sandbox) -> ByHand:
    return ByHand(
        HandTools(
            sandbox=sandbox,
            workspaces=site.workspaces,
            trees=site.trees,
            around=surroundings_of(site),
            store=site.folders.store,
            repository=site.folders.root,
        )
    )
