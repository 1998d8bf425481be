"""The front desk itself: one object with everything a face may ask, each answer a document."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from interlock.control import doctor, plans, queries
from interlock.control.commands import Commands
from interlock.control.errors import NoHistory
from interlock.control.read_models import (
    AuditReport,
    Checkup,
    LogEntry,
    PlaneRow,
    PlanSeen,
    Status,
)
from interlock.control.store import StoreOpener
from interlock.domain.ids import RepoId
from interlock.domain.settings import Settings
from interlock.engine.ports import Clock, IdSource


class Equipment(msgspec.Struct, frozen=True):
    """What the desk works with; everything is opened only when it is needed."""

    open_store: StoreOpener
    read_settings: Callable[[], Settings]
    instruments: Callable[[], doctor.Instruments]
    clock: Clock
    ids: IdSource


class FrontDesk:
    """Commands and queries on one repository."""

    def __init__(self, equipment: Equipment) -> None:
        self._with = equipment

    async def status(self) -> Status:
        """Where everything stands; of a repository in which nothing ran, an empty one."""
        try:
            async with self._with.open_store() as store:
                return await queries.status(store, self._with.clock)
        except NoHistory as none:
            return Status(
                at=self._with.clock.now(),
                repository=none.repository,
                store=none.where,
                profile=none.profile,
                events=0,
                plane=PlaneRow(False, None, None, None, None, (), 0),
                runs=(),
                tasks=(),
                workers=(),
            )

    async def log(self, question: queries.LogQuestion) -> AsyncGenerator[LogEntry, None]:
        async with self._with.open_store() as store:
            async for entry in queries.log_entries(store.log, question):
                yield entry

    async def follow(self, question: queries.LogQuestion) -> AsyncGenerator[LogEntry, None]:
        async with self._with.open_store() as store:
            async for entry in queries.follow(store.log, question):
                yield entry

    async def audit(self, head: str | None) -> AuditReport:
        expected = None if head is None else queries.parse_head(head)
        async with self._with.open_store() as store:
            return await queries.audit(store.log, expected)

    @asynccontextmanager
    async def commands(self) -> AsyncIterator[Commands]:
        """Commands on the configured store, which is made when there is none."""
        async with self._with.open_store(create=True) as store:
            repo_id = store.repo_id or RepoId(self._with.ids.new("repo-"))
            equipment = self._with
            yield Commands(repo_id, store.log, store.open_blobs, equipment.clock, equipment.ids)

    def look_at_plan(self, content: bytes, where: str, workers: int | None) -> PlanSeen:
        """The dry run of a plan file; nothing is recorded."""
        return plans.look(content, where, self._with.read_settings(), workers)

    async def checkup(self) -> Checkup:
        return await doctor.checkup(self._with.instruments())
