"""The event log in PostgreSQL: the suite, and what only a server can do wrong."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator

import psycopg
import pytest
import pytest_asyncio
from psycopg.rows import TupleRow

from interlock.adapters.postgres import database, writer
from interlock.adapters.postgres.log import PostgresEventLog
from interlock.adapters.postgres.schema import VERSION
from interlock.domain.actor import Actor
from interlock.engine.chain import EMPTY, Head, Stored
from interlock.engine.errors import Conflict, DiskFull, PartLost, StoreRefused
from interlock.engine.ports import StreamWrite
from interlock.testing.conformance.event_log import EventLogSuite
from interlock.testing.conformance.houses import RawLog
from interlock.testing.conformance.samples import AT, VARIED_FACTS, events_of, everything, write
from interlock.testing.servers import PostgresServer, postgres_server

SCHEMAS = itertools.count()


class PostgresLogHouse:
    """A schema of its own on a shared server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.schema = f"repository_{next(SCHEMAS)}"
        self._opened: list[PostgresEventLog] = []

    async def open(self) -> PostgresEventLog:
        self._opened.append(await PostgresEventLog.connect(self.url, self.schema))
        return self._opened[-1]

    async def close(self) -> None:
        for log in self._opened:
            await log.close()

    async def ask(self, statement: str) -> list[TupleRow]:
        """As an administrator would, beside the log."""
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            await connection.execute(f"SET search_path TO {self.schema}".encode())
            cursor = await connection.execute(statement.encode())
            return [] if cursor.description is None else await cursor.fetchall()

    async def tamper(self, change: Callable[[RawLog], None]) -> None:
        raw = await self._read_raw()
        change(raw)
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            await connection.execute(f"SET search_path TO {self.schema}".encode())
            await connection.execute(
                "ALTER TABLE events DROP CONSTRAINT IF EXISTS events_stream_version_key"
            )
            await connection.execute("TRUNCATE events, stream_heads")
            for row in raw.events:
                await connection.execute(
                    f"INSERT INTO events VALUES ({', '.join(['%s'] * 12)})".encode(),
                    _values_of(row),
                )
            for stream, head in raw.heads.items():
                await connection.execute(
                    "INSERT INTO stream_heads VALUES (%s, %s, %s)",
                    [stream, head.position, head.hash],
                )
            await connection.execute(
                "UPDATE log_head SET position = %s, hash = %s", [raw.head.position, raw.head.hash]
            )

    async def _read_raw(self) -> RawLog:
        events = await self.ask("SELECT * FROM events ORDER BY position")
        heads = await self.ask("SELECT stream, version, hash FROM stream_heads")
        ((position, hash_),) = await self.ask("SELECT position, hash FROM log_head")
        return RawLog(
            [Stored(*row[:6], Actor(*row[6:9]), *row[9:]) for row in events],
            {stream: Head(version, stream_hash) for stream, version, stream_hash in heads},
            Head(position, hash_),
        )


def _values_of(row: Stored) -> list[object]:
    actor = (row.actor.kind, row.actor.id, row.actor.via)
    place = (row.position, row.stream, row.version, row.type, row.fact_version, row.at)
    return [*place, *actor, row.data, row.stream_hash, row.hash]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest_asyncio.fixture
async def house(server: PostgresServer) -> AsyncIterator[PostgresLogHouse]:
    house = PostgresLogHouse(server.url)
    yield house
    await house.close()


class TestPostgresEventLog(EventLogSuite):
    """The suite, on the fixture above."""


class TestSharing:
    """Several repositories and processes on one server."""

    async def test_each_schema_is_a_log_of_its_own(
        self, house: PostgresLogHouse, server: PostgresServer
    ) -> None:
        neighbour = PostgresLogHouse(server.url)
        log, other = await house.open(), await neighbour.open()
        bell = other.listen()
        await log.append([write("a", 0, "x")], AT)
        assert await other.head() == EMPTY
        assert not await bell.rung(0.1)
        await other.append([write("a", 0, "y")], AT)
        assert len(await everything(log)) == 1
        await neighbour.close()

    async def test_all_may_create_it_at_once(self, house: PostgresLogHouse) -> None:
        logs = await asyncio.gather(*(house.open() for _ in range(6)))
        await logs[0].append([write("a", 0, "x")], AT)
        assert (await logs[5].head()).position == 1

    @pytest.mark.parametrize(
        "schema", ["", "Plane", "a-b", "1st", "x" * 64, 'a"; DROP TABLE events']
    )
    async def test_a_name_that_needs_quotes_is_refused(
        self, server: PostgresServer, schema: str
    ) -> None:
        with pytest.raises(ValueError, match="cannot name a schema"):
            await PostgresEventLog.connect(server.url, schema)

    async def test_a_slow_reader_holds_no_transaction(self, house: PostgresLogHouse) -> None:
        log = await house.open()
        await log.append([write("a", 0, *map(str, range(2500)))], AT)
        rows = log.stored()
        first = [await anext(rows) for _ in range(1500)]
        busy = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        assert await house.ask(busy) == [(0,)]
        rest = [row async for row in rows]
        assert [row.position for row in (*first, *rest)] == list(range(1, 2501))

    async def test_appends_meanwhile_do_not_confuse_the_check(
        self, house: PostgresLogHouse
    ) -> None:
        log, other = await house.open(), await house.open()

        async def write_on() -> None:
            for number in range(30):
                await other.append([write(f"s{number % 3}", None, "x")], AT)

        async with asyncio.TaskGroup() as group:
            group.create_task(write_on())
            for _ in range(10):
                assert (await log.verify()).ok

    async def test_commits_are_shared_and_still_in_order(self, house: PostgresLogHouse) -> None:
        log = await house.open()
        before = await house.ask("SELECT pg_current_xact_id()::text::bigint")
        await asyncio.gather(*(log.append([write("a", None, str(n))], AT) for n in range(200)))
        after = await house.ask("SELECT pg_current_xact_id()::text::bigint")
        assert [event.version for event in await everything(log)] == list(range(1, 201))
        assert after[0][0] - before[0][0] < 20


class TestRefusing:
    """A store of somebody else or of another time."""

    async def test_a_newer_format_is_refused_and_left_alone(self, house: PostgresLogHouse) -> None:
        await (await house.open()).close()
        await house.ask(f"UPDATE meta SET value = '{VERSION + 1}' WHERE name = 'version'")
        with pytest.raises(StoreRefused, match="newer release"):
            await house.open()
        assert (str(VERSION + 1),) in await house.ask("SELECT value FROM meta")

    @pytest.mark.parametrize(
        "table",
        [
            "CREATE TABLE customers (id int)",
            "CREATE TABLE meta (id int)",
            "CREATE VIEW meta AS SELECT 1",
        ],
    )
    async def test_a_foreign_schema_is_refused_and_left_alone(
        self, house: PostgresLogHouse, table: str
    ) -> None:
        await house.ask(f"CREATE SCHEMA {house.schema}")
        await house.ask(table)
        with pytest.raises(StoreRefused, match="not Interlock's"):
            await house.open()
        assert await house.ask("SELECT to_regclass('events')") == [(None,)]

    async def test_a_schema_prepared_by_an_administrator_is_used(
        self, house: PostgresLogHouse
    ) -> None:
        await house.ask(f"CREATE SCHEMA {house.schema}")
        assert await (await house.open()).head() == EMPTY

    async def test_a_database_in_another_encoding_is_refused(self, server: PostgresServer) -> None:
        house = PostgresLogHouse(server.url)
        async with await psycopg.AsyncConnection.connect(server.url, autocommit=True) as connection:
            await connection.execute(
                "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
            )
        with pytest.raises(StoreRefused, match="LATIN1"):
            await PostgresEventLog.connect(server.url_of("latin"), house.schema)

    async def test_a_text_it_cannot_store_harms_no_neighbour(self, house: PostgresLogHouse) -> None:
        log = await house.open()
        actor = Actor("person", "ann\x00", "cli")
        outcomes = await asyncio.gather(
            log.append([write("a", 0, "x")], AT),
            log.append([write("b\x00", 0, "x")], AT),
            log.append([StreamWrite("c", 0, events_of(VARIED_FACTS[0], actor=actor))], AT),
            log.append([write("d", 1, "x")], AT),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes[1:]] == [ValueError, ValueError, Conflict]
        assert (await log.head()).position == 1

    async def test_an_address_that_cannot_be_read(self) -> None:
        with pytest.raises(ValueError, match="address of the PostgreSQL server"):
            await PostgresEventLog.connect("postgresql://host:port:port/x=%", "a")

    async def test_a_full_disk_is_told_as_such(self, house: PostgresLogHouse) -> None:
        log = await house.open()
        await log.append([write("a", 0, "kept")], AT)
        await house.ask(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE 'could not extend file' USING ERRCODE = '53100'; END$$"
        )
        await house.ask(
            "CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION full_disk()"
        )
        outcomes = await asyncio.gather(
            *(log.append([write("a", 1, "x")], AT) for _ in range(3)), return_exceptions=True
        )
        assert {type(outcome) for outcome in outcomes} <= {DiskFull, Conflict}
        assert isinstance(outcomes[0], DiskFull)
        await house.ask("DROP TRIGGER full_disk ON events")
        await log.append([write("a", 1, "y")], AT)
        assert (await log.verify()).ok


class TestLosing:
    """A server, or a way to it, that is gone and comes back."""

    async def test_a_server_that_is_not_there(self) -> None:
        began = time.monotonic()
        with pytest.raises(PartLost, match=r"store \(PostgreSQL\) is out of order"):
            await PostgresEventLog.connect("postgresql://postgres@/x?host=/nowhere", "a")
        assert time.monotonic() - began < 2

    async def test_a_killed_server_is_told_to_who_waits_and_forgiven_later(self) -> None:
        with postgres_server() as server:
            house = PostgresLogHouse(server.url)
            log = await house.open()
            bell = log.listen()
            await log.append([write("a", 0, "kept")], AT)
            assert await bell.rung(1)
            async with held_lock(house):
                waiting = [
                    asyncio.create_task(log.append([write("a", None, "x")], AT)) for _ in range(3)
                ]
                await asyncio.sleep(0.1)
                assert not any(task.done() for task in waiting)
                server.kill()
                for task in waiting:
                    with pytest.raises(PartLost):
                        await asyncio.wait_for(task, 2)
            assert await bell.rung(2)
            for attempt in (log.append([write("a", 1, "x")], AT), log.read(0), log.head()):
                with pytest.raises(PartLost):
                    await asyncio.wait_for(attempt, 2)
            server.start()
            assert len(await log.read(0)) == 1
            await log.append([write("a", 1, "again")], AT)
            assert await bell.rung(5)
            assert (await log.verify()).ok
            await house.close()

    async def test_a_silent_server_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "ANSWER_SECONDS_MAX", 0.3)
        monkeypatch.setattr(database, "CONNECT_SECONDS_MAX", 2)
        with postgres_server() as server:
            house = PostgresLogHouse(server.url)
            log = await house.open()
            await log.append([write("a", 0, "x")], AT)
            await log.read(0)
            async with held_lock(house):
                server.suspend()  # takes no new connections; the lock silences the old one
                append = asyncio.create_task(log.append([write("a", 1, "x")], AT))
                with pytest.raises(PartLost, match="timeout"):
                    await asyncio.wait_for(append, 8)
                server.resume()
            await log.append([write("a", 1, "y")], AT)
            await house.close()

    async def test_a_connection_cut_while_idle_is_replaced(self, house: PostgresLogHouse) -> None:
        log = await house.open()
        await log.append([write("a", 0, "x")], AT)
        await log.read(0)
        await cut_connections(house)
        await log.append([write("a", 1, "y")], AT)
        assert len(await log.read(0)) == 2

    async def test_a_listener_that_was_cut_hears_again(self, house: PostgresLogHouse) -> None:
        log, other = await house.open(), await house.open()
        bell = log.listen()
        await cut_connections(house)
        assert await bell.rung(1)
        await other.append([write("a", 0, "x")], AT)
        assert await bell.rung(5)

    async def test_a_writer_that_froze_loses_its_turn(
        self, house: PostgresLogHouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = await house.open()
        monkeypatch.setattr(database, "_SETTINGS", database._SETTINGS.replace("'4s'", "'300ms'"))
        frozen = await database.Database(house.url, house.schema).connect()
        await writer._begin(frozen, {"a"})
        append = asyncio.create_task(log.append([write("a", 0, "x")], AT))
        await asyncio.sleep(0.1)
        assert not append.done()
        assert len(await asyncio.wait_for(append, 3)) == 1
        await frozen.close()

    async def test_a_row_that_is_gone_is_told(self, house: PostgresLogHouse) -> None:
        log = await house.open()
        await house.ask("DELETE FROM log_head")
        for attempt in (log.append([write("a", 0, "x")], AT), log.head()):
            with pytest.raises(PartLost, match="head is gone"):
                await attempt

    async def test_closing_records_what_was_accepted(self, house: PostgresLogHouse) -> None:
        log = await house.open()
        appends = [asyncio.create_task(log.append([write("a", None, "x")], AT)) for _ in range(20)]
        await asyncio.sleep(0)
        await log.close()
        assert [len(await append) for append in appends] == [1] * 20
        assert (await (await house.open()).head()).position == 20


class held_lock:  # noqa: N801 - reads as a statement
    """Another process in the middle of a write, which may die with its server."""

    def __init__(self, house: PostgresLogHouse) -> None:
        self._house = house

    async def __aenter__(self) -> None:
        self._connection = await psycopg.AsyncConnection.connect(self._house.url)
        await self._connection.execute(
            f"SELECT * FROM {self._house.schema}.log_head FOR UPDATE".encode()
        )

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()


async def cut_connections(house: PostgresLogHouse) -> None:
    """As a restarted firewall would."""
    await house.ask(
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
        "WHERE application_name = 'interlock'"
    )
