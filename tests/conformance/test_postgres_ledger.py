"""The book in PostgreSQL keeps the contract of books."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio

from interlock.adapters.postgres.ledger import PostgresLedger
from interlock.adapters.postgres.snapshots import PostgresSnapshots
from interlock.engine.errors import PartLost, StoreRefused
from interlock.engine.ports import Clock, Snapshot
from interlock.testing.conformance.ledgers import CHARGE, FREE, USED, WORST, DayClock, LedgerSuite
from interlock.testing.servers import PostgresServer, postgres_server

SCHEMAS = itertools.count()


class LedgersInPostgres:
    def __init__(self, url: str) -> None:
        self.url, self.schema = url, f"ledger_{next(SCHEMAS)}"
        self._opened: list[PostgresLedger] = []

    async def open(self, clock: Clock) -> PostgresLedger:
        self._opened.append(await PostgresLedger.connect(self.url, self.schema, clock))
        return self._opened[-1]

    async def close(self) -> None:
        for ledger in self._opened:
            await ledger.close()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest_asyncio.fixture
async def house(server: PostgresServer) -> AsyncIterator[LedgersInPostgres]:
    house = LedgersInPostgres(server.url)
    yield house
    await house.close()


class TestPostgresLedger(LedgerSuite):
    """In one schema, opened several times."""


async def test_it_lives_beside_the_log(house: LedgersInPostgres) -> None:
    snapshots = await PostgresSnapshots.connect(house.url, house.schema)
    await snapshots.save("board", Snapshot(1, "f", b"x"))
    ledger = await house.open(DayClock())
    await ledger.reserve("a", CHARGE, WORST, FREE)
    assert await snapshots.load("board") == Snapshot(1, "f", b"x")
    await snapshots.close()


async def test_several_may_make_it_at_once(house: LedgersInPostgres) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(house.open(DayClock()))


async def test_a_newer_layout_is_refused(house: LedgersInPostgres) -> None:
    await house.open(DayClock())
    async with await psycopg.AsyncConnection.connect(house.url) as connection:
        query = f"UPDATE {house.schema}.meta SET value = '2' WHERE name = 'ledger'"
        await connection.execute(query.encode())
    with pytest.raises(StoreRefused, match="layout 2"):
        await house.open(DayClock())


async def test_a_server_that_is_gone_is_told_and_comes_back() -> None:
    with postgres_server() as server:
        ledger = await PostgresLedger.connect(server.url, "a", DayClock())
        await ledger.reserve("a", CHARGE, WORST, FREE)
        server.kill()
        with pytest.raises(PartLost, match=r"store \(PostgreSQL\)"):
            await asyncio.wait_for(ledger.settle("a", USED), 2)
        server.start()
        await ledger.settle("a", USED)
        assert await ledger.of_attempt("lease") == USED
        await ledger.close()
