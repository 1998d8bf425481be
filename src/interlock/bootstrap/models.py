"""The model gateway of a worker and its book, opened when the first attempt needs them.

Most workers of most projects start programs that pay nobody: they open no database and no door.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from interlock.adapters.processes.place import socket_folder_of
from interlock.adapters.system.clock import SystemClock
from interlock.domain.usage import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from interlock.bootstrap.site import Site
    from interlock.domain.ids import RepoId, TaskId
    from interlock.domain.settings import Settings
    from interlock.workers.models.ports import (
        Caps,
        Charge,
        Ledger,
        Meter,
        ModelGateway,
        OverCap,
        Worst,
    )

LEDGER_FILE: Final = "models.db"
DOORS_FOLDER: Final = "doors"

DRAIN_SECONDS: Final = 3.0
"""What an agent left unread is read on for so long, to learn its cost; its task waits for it."""


class LateLedger:
    """A book that is opened when something is written, or when there is something to read."""

    def __init__(self, opening: Callable[[], Awaitable[Ledger]], is_there: bool) -> None:
        self._opening, self._is_there = opening, is_there
        self._opened: Ledger | None = None
        self._one = asyncio.Lock()

    async def reserve(
        self, request: str, charge: Charge, worst: Worst, caps: Caps
    ) -> OverCap | None:
        return await (await self._open()).reserve(request, charge, worst, caps)

    async def settle(self, request: str, usage: Usage) -> None:
        await (await self._open()).settle(request, usage)

    async def of_attempt(self, lease: str) -> Usage:
        return await (await self._open()).of_attempt(lease) if self._has_any() else Usage()

    async def of_task(self, task_id: TaskId) -> Usage:
        return await (await self._open()).of_task(task_id) if self._has_any() else Usage()

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    def _has_any(self) -> bool:
        return self._is_there or self._opened is not None

    async def _open(self) -> Ledger:
        async with self._one:
            if self._opened is None:
                self._opened = await self._opening()
        return self._opened


class LateModels:
    """A gateway that is made for the first attempt that needs one."""

    def __init__(self, site: Site, keys: Mapping[str, str], ledger: Ledger) -> None:
        self._site, self._keys, self._ledger = site, keys, ledger
        self._made: ModelGateway | None = None

    @asynccontextmanager
    async def opened(self, charge: Charge, settings: Settings, caps: Caps) -> AsyncIterator[Meter]:
        if self._made is None:
            from interlock.adapters.modelgateway.gateway import LoopbackModels

            folder = socket_folder_of(self._site.folders.common) / DOORS_FOLDER
            self._made = LoopbackModels(
                self._keys, self._ledger, SystemClock(), folder, DRAIN_SECONDS
            )
        async with self._made.opened(charge, settings, caps) as meter:
            yield meter


def ledger_of(site: Site, settings: Settings, repo_id: RepoId) -> LateLedger:
    """Beside the log: a file in solo, tables of the same database in fleet."""
    if settings.store.profile == "solo":
        file = site.folders.store / LEDGER_FILE
        return LateLedger(lambda: _in_file(file), file.exists())
    dsn = settings.store.postgres
    return LateLedger(lambda: _in_database(dsn, repo_id), is_there=True)


async def _in_file(file: Path) -> Ledger:
    from interlock import __version__
    from interlock.adapters.sqlite.ledger import SqliteLedger

    return await SqliteLedger.open(file, SystemClock(), release=__version__)


async def _in_database(dsn: str, repo_id: RepoId) -> Ledger:
    from interlock.adapters.postgres.ledger import PostgresLedger
    from interlock.bootstrap.stores import schema_of

    return await PostgresLedger.connect(dsn, schema_of(repo_id), SystemClock())
