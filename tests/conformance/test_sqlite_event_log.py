"""The log in a SQLite file is a log like any other."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import apsw
import pytest

from interlock.adapters.sqlite.log import SqliteEventLog
from interlock.adapters.sqlite.rows import (
    EVENTS_AFTER,
    HEAD,
    STREAM_HEADS,
    head_of,
    row_of,
    stored_of,
)
from interlock.adapters.sqlite.snapshots import SqliteSnapshots
from interlock.adapters.sqlite.store import SqliteStore
from interlock.testing.conformance.event_log import EventLogSuite
from interlock.testing.conformance.houses import RawLog
from interlock.testing.conformance.snapshots import SnapshotsSuite


class SqliteHouse:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "store" / "log.db"
        self.stores: list[SqliteStore] = []

    async def open_store(self) -> SqliteStore:
        self.stores.append(await SqliteStore.open(self.path))
        return self.stores[-1]

    async def close(self) -> None:
        for store in self.stores:
            await store.close()


class SqliteLogHouse(SqliteHouse):
    async def open(self) -> SqliteEventLog:
        return SqliteEventLog(await self.open_store())

    async def tamper(self, change: Callable[[RawLog], None]) -> None:
        connection = apsw.Connection(str(self.path))
        with connection:
            raw = RawLog(
                [stored_of(row) for row in connection.execute(EVENTS_AFTER, (0, -1))],
                {row[0]: head_of(row[1:]) for row in connection.execute(STREAM_HEADS)},
                head_of(connection.execute(HEAD).fetchone()),
            )
            change(raw)
            connection.execute("DELETE FROM events")
            connection.execute("DELETE FROM streams")
            connection.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(row_of, raw.events)
            )
            connection.executemany(
                "INSERT INTO streams VALUES (?, ?, ?)",
                [(stream, head.position, head.hash) for stream, head in raw.heads.items()],
            )
            connection.execute(
                "UPDATE head SET position = ?, hash = ?", (raw.head.position, raw.head.hash)
            )
        connection.close()


class SqliteSnapshotsHouse(SqliteHouse):
    async def open(self) -> SqliteSnapshots:
        return SqliteSnapshots(await self.open_store())


class TestSqliteEventLog(EventLogSuite):
    @pytest.fixture
    async def house(self, tmp_path: Path) -> AsyncIterator[SqliteLogHouse]:
        house = SqliteLogHouse(tmp_path)
        yield house
        await house.close()


class TestSqliteSnapshots(SnapshotsSuite):
    @pytest.fixture
    async def house(self, tmp_path: Path) -> AsyncIterator[SqliteSnapshotsHouse]:
        house = SqliteSnapshotsHouse(tmp_path)
        yield house
        await house.close()
