"""The disk that all attempts of this host share: room before a start, and whom a full disk ends."""

import asyncio
import shutil
from pathlib import Path
from typing import Final

from interlock.workers.folders import bytes_under
from interlock.workers.sites import Site, Sites

RESERVE_BYTES: Final = 200_000_000
"""What the disk itself must keep free: the log has to be written whatever the agents do."""

_MEGABYTE: Final = 1_000_000


class Quota:
    """Looks at all sites of this host; nothing is counted that lies elsewhere."""

    def __init__(self, sites: Sites, store: Path) -> None:
        self._sites, self._store = sites, store

    async def refusal(self, limit_bytes: int) -> str:
        """Why nothing more may start; empty where there is room."""
        used = sum((await asyncio.to_thread(self._by_task)).values())
        if used >= limit_bytes:
            return (
                f"workspaces and homes use {_mb(used)} of the {_mb(limit_bytes)} that "
                "[limits] disk allows: raise it, or remove finished work under .worktrees"
            )
        free = await asyncio.to_thread(lambda: shutil.disk_usage(self._store).free)
        if free < RESERVE_BYTES:
            return (
                f"the disk of {self._store} has {_mb(free)} left, and {_mb(RESERVE_BYTES)} are "
                "kept for the log: free some space on it"
            )
        return ""

    async def too_much(self, site: Site, limit_bytes: int) -> str:
        """Why this attempt must end: all together use too much, and none uses more than this."""
        by_task = await asyncio.to_thread(self._by_task)
        used, own = sum(by_task.values()), by_task.get(site.task_id, 0)
        if used < limit_bytes or own < max(by_task.values()):
            return ""
        return (
            f"it filled the disk quota: workspaces and homes use {_mb(used)} of the "
            f"{_mb(limit_bytes)} that [limits] disk allows, and its own {_mb(own)} are the most"
        )

    def _by_task(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for folder in self._sites.watched:
            if not folder.is_dir():
                continue
            for entry in folder.iterdir():
                task = _task_of(entry.name)
                sizes[task] = sizes.get(task, 0) + bytes_under(entry)
        return sizes


def _task_of(name: str) -> str:
    """Workspaces and homes are called after the task, attempts after their lease."""
    return name.partition("@")[0].partition("+")[0]


def _mb(size: int) -> str:
    return f"{size / _MEGABYTE:,.0f} MB"
