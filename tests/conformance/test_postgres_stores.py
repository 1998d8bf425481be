"""Snapshots and the right to act in PostgreSQL."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio

from interlock.adapters.postgres.leadership import PostgresLeadership
from interlock.adapters.postgres.snapshots import PostgresSnapshots
from interlock.engine.errors import PartLost
from interlock.engine.ports import Leadership, Snapshot
from interlock.testing.conformance.leadership import ExpiringLeadershipSuite
from interlock.testing.conformance.snapshots import SnapshotsSuite
from interlock.testing.servers import PostgresServer, postgres_server

SCHEMAS = itertools.count()


class SnapshotsInPostgres:
    def __init__(self, url: str) -> None:
        self._url, self._schema = url, f"snapshots_{next(SCHEMAS)}"
        self._opened: list[PostgresSnapshots] = []

    async def open(self) -> PostgresSnapshots:
        self._opened.append(await PostgresSnapshots.connect(self._url, self._schema))
        return self._opened[-1]

    async def close(self) -> None:
        for snapshots in self._opened:
            await snapshots.close()


class LeaseInPostgres:
    def __init__(self, url: str) -> None:
        self._url, self._schema = url, f"lease_{next(SCHEMAS)}"
        self._opened: list[PostgresLeadership] = []

    async def open(self, ttl_seconds: float = 60) -> PostgresLeadership:
        self._opened.append(await PostgresLeadership.connect(self._url, self._schema, ttl_seconds))
        return self._opened[-1]

    async def lose(self, leadership: Leadership) -> None:
        """A lease knows nothing of processes; it only misses their renewals."""
        assert leadership in self._opened
        await self.let_expire()

    async def let_expire(self) -> None:
        """The clock that counts is the database's; moving the deadline is as good as moving it."""
        async with await psycopg.AsyncConnection.connect(self._url) as connection:
            await connection.execute(
                f"UPDATE {self._schema}.plane_lease SET expires_at = clock_timestamp()".encode()
            )

    async def close(self) -> None:
        for leadership in self._opened:
            await leadership.close()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


class TestPostgresSnapshots(SnapshotsSuite):
    @pytest_asyncio.fixture
    async def house(self, server: PostgresServer) -> AsyncIterator[SnapshotsInPostgres]:
        house = SnapshotsInPostgres(server.url)
        yield house
        await house.close()


class TestPostgresLeadership(ExpiringLeadershipSuite):
    @pytest_asyncio.fixture
    async def house(self, server: PostgresServer) -> AsyncIterator[LeaseInPostgres]:
        house = LeaseInPostgres(server.url)
        yield house
        await house.close()

    async def test_it_expires_by_itself(self, house: LeaseInPostgres) -> None:
        one, two = await house.open(ttl_seconds=1), await house.open()
        await one.acquire("one")
        assert not await two.acquire("two")
        await asyncio.sleep(1.05)
        assert await two.acquire("two")
        assert not await one.renew()

    async def test_renewing_puts_the_end_off(self, house: LeaseInPostgres) -> None:
        one, two = await house.open(), await house.open()
        await one.acquire("one")
        await house.let_expire()
        await one.renew()
        assert not await two.acquire("two")


async def test_a_killed_server_fails_both_until_it_is_back() -> None:
    with postgres_server() as server:
        snapshots = await PostgresSnapshots.connect(server.url, "a")
        leadership = await PostgresLeadership.connect(server.url, "a")
        await snapshots.save("board", Snapshot(1, "f", b"x"))
        await leadership.acquire("one")
        server.kill()
        for attempt in (snapshots.load("board"), leadership.renew(), leadership.holder()):
            with pytest.raises(PartLost, match=r"store \(PostgreSQL\)"):
                await asyncio.wait_for(attempt, 2)
        server.start()
        assert await snapshots.load("board") == Snapshot(1, "f", b"x")
        assert await leadership.renew()
        await snapshots.close()
        await leadership.close()
