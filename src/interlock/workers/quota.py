"""The disk that all attempts of this host share: room before a start, and whom a full disk ends.

Counting means a look at every file of every workspace, so one worker counts for all: what it found
stays in `<store>/disk.json` for a while. Nobody is refused because of what was counted earlier.
"""

import asyncio
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from interlock.engine.ports import Clock
from interlock.workers.folders import bytes_under
from interlock.workers.sites import Site, Sites

RESERVE_BYTES: Final = 200_000_000
"""What the disk itself must keep free: the log has to be written whatever the agents do."""

AT_START_SECONDS: Final = 30.0
AT_WORK_SECONDS: Final = 2.0
"""Who starts takes a count of that age, who watches an attempt a fresher one."""

_MEGABYTE: Final = 1_000_000


class Quota:
    """Looks at all sites of this host; nothing is counted that lies elsewhere."""

    def __init__(self, sites: Sites, store: Path, clock: Clock) -> None:
        self._sites, self._store, self._clock = sites, store, clock
        self._kept = store / "disk.json"

    async def refusal(self, limit_bytes: int) -> str:
        """Why nothing more may start; empty where there is room."""
        known = self._known(AT_START_SECONDS)
        used = limit_bytes if known is None else sum(known.values())
        if used >= limit_bytes:  # Only what was counted just now is a reason.
            used = await asyncio.to_thread(self._used, limit_bytes)
        free = shutil.disk_usage(self._store).free
        if used >= limit_bytes:
            return (
                f"workspaces and homes use {_mb(used)} of the {_mb(limit_bytes)} that "
                "[limits] disk allows: raise it, or remove finished work under .worktrees"
            )
        if free < RESERVE_BYTES:
            return (
                f"the disk of {self._store} has {_mb(free)} left, and {_mb(RESERVE_BYTES)} are "
                "kept for the log: free some space on it"
            )
        return ""

    async def too_much(self, site: Site, limit_bytes: int) -> str:
        """Why this attempt must end: all together use too much, and none uses more than this."""
        by_task = await asyncio.to_thread(self._counted, AT_WORK_SECONDS)
        used, own = sum(by_task.values()), by_task.get(site.task_id, 0)
        if used < limit_bytes or own < max(by_task.values()):
            return ""
        return (
            f"it filled the disk quota: workspaces and homes use {_mb(used)} of the "
            f"{_mb(limit_bytes)} that [limits] disk allows, and its own {_mb(own)} are the most"
        )

    def _used(self, limit_bytes: int) -> int:
        used = sum(self._counted(AT_START_SECONDS).values())
        return used if used < limit_bytes else sum(self._by_task().values())

    def _counted(self, seconds: float) -> Mapping[str, int]:
        """Counted no longer ago than that, by whichever worker; who counts now counts for all."""
        known = self._known(seconds)
        if known is not None:
            return known
        with self._counting() as alone:
            known = self._known(seconds if alone else 2 * seconds)
            if known is not None:
                return known
            counted = self._by_task()
            if alone:
                self._keep(counted)
            return counted

    def _known(self, seconds: float) -> Mapping[str, int] | None:
        try:
            age = self._clock.now().timestamp() - self._kept.stat().st_mtime
            kept = msgspec.json.decode(self._kept.read_bytes(), type=dict[str, int])
        except (OSError, UnicodeDecodeError, msgspec.DecodeError):
            return None
        return kept if 0 <= age < seconds else None

    def _keep(self, counted: Mapping[str, int]) -> None:
        fresh = self._kept.with_suffix(".new")
        with suppress(OSError):  # On a full disk everybody counts for themselves.
            fresh.write_bytes(msgspec.json.encode(counted))
            fresh.replace(self._kept)

    @contextmanager
    def _counting(self) -> Iterator[bool]:
        """Whether nobody else counts; the lock is gone with its process."""
        lock = self._locked()
        try:
            yield lock is not None
        finally:
            if lock is not None:
                os.close(lock)

    def _locked(self) -> int | None:
        try:
            lock = os.open(self._kept.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return None
        return lock

    def _by_task(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for folder in self._sites.watched:
            if not folder.is_dir():
                continue
            for entry in folder.iterdir():
                # Anybody may put a folder there, with a name that is no text.
                task = _task_of(os.fsencode(entry.name).decode(errors="replace"))
                sizes[task] = sizes.get(task, 0) + bytes_under(entry)
        return sizes


def _task_of(name: str) -> str:
    """Workspaces and homes are called after the task, attempts after their lease."""
    return name.partition("@")[0].partition("+")[0]


def _mb(size: int) -> str:
    return f"{size / _MEGABYTE:,.0f} MB"
