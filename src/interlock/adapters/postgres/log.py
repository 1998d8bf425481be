"""The event log in a schema of its own, so that many repositories share one database."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final, LiteralString

import msgspec
from psycopg.rows import TupleRow

from interlock.adapters.postgres.database import PART, Connection, Database
from interlock.adapters.postgres.doorbell import Listener
from interlock.adapters.postgres.schema import prepare as prepare_schema
from interlock.adapters.postgres.writer import Writer
from interlock.domain.actor import Actor
from interlock.engine.chain import EMPTY, Head, Stored, Verification, verify_chain
from interlock.engine.doorbell import LocalDoorbell
from interlock.engine.errors import PartLost
from interlock.engine.ports import Fence, Recorded, StreamWrite
from interlock.engine.records import prepare, recorded_of

PAGE: Final = 1000

_COLUMNS: Final[LiteralString] = """
SELECT position, stream, version, type, fact_version, at,
       actor_kind, actor_id, actor_via, data, stream_hash, hash
FROM events
"""
_BY_POSITION: Final[LiteralString] = (
    _COLUMNS + "WHERE position > %s AND position <= %s ORDER BY position LIMIT %s"
)
_BY_STREAM: Final[LiteralString] = (
    _COLUMNS + "WHERE stream = %s AND version > %s ORDER BY version LIMIT %s"
)
_HEAD: Final[LiteralString] = "SELECT position, hash FROM log_head"
_HEADS: Final[LiteralString] = "SELECT stream, version, hash FROM stream_heads"
_LAST: Final[LiteralString] = "SELECT coalesce(max(position), 0) FROM events"
_END: Final = 2**63 - 1


class _Ends(msgspec.Struct, frozen=True):
    """Every head of the log and its last event, as of one instant."""

    head: Head
    heads: dict[str, Head]
    last: int


class PostgresEventLog:
    """One process's end of a log that several processes share."""

    def __init__(self, database: Database, listener: Listener, writer: Writer) -> None:
        self._database = database
        self._listener = listener
        self._writer = writer

    @classmethod
    async def connect(cls, dsn: str, schema: str) -> "PostgresEventLog":
        """Creates the tables where there are none; raises PartLost or StoreRefused."""
        database = Database(dsn, schema)
        await prepare_schema(database)
        listener = Listener(database)
        await listener.start()
        return cls(database, listener, Writer(database, listener.grown_to))

    async def append(
        self, writes: Sequence[StreamWrite], at: datetime, fence: Fence | None = None
    ) -> Sequence[Recorded]:
        return await self._writer.append(prepare(writes, at, fence))

    async def read(self, after: int, limit: int = 1000) -> Sequence[Recorded]:
        return [recorded_of(row) for row in await self._page(after, _END, limit)]

    async def read_stream(
        self, stream: str, after: int = 0, limit: int = 1000
    ) -> Sequence[Recorded]:
        rows = await self._rows(_BY_STREAM, [stream, after, limit])
        return [recorded_of(row) for row in rows]

    async def head(self) -> Head:
        return await self._database.run(_head_of)

    async def stored(self, after: int = 0) -> AsyncIterator[Stored]:
        async for row in self._stored(after, _END):
            yield row

    async def verify(self, expected: Head | None = None) -> Verification:
        """Against the ends as of one instant; what is appended meanwhile is left to the next."""
        ends = await self._database.run(_ends_of)
        return await verify_chain(self._stored(0, ends.last), ends.heads, ends.head, expected)

    def listen(self) -> LocalDoorbell:
        return self._listener.listen()

    async def close(self) -> None:
        await self._writer.close()
        await self._listener.close()
        await self._database.close()

    async def _stored(self, after: int, last: int) -> AsyncIterator[Stored]:
        """Page by page: a slow reader holds no transaction open, and events never change."""
        while page := await self._page(after, last, PAGE):
            for row in page:
                yield row
            after = page[-1].position

    async def _page(self, after: int, last: int, limit: int) -> list[Stored]:
        return await self._rows(_BY_POSITION, [after, last, limit])

    async def _rows(self, query: LiteralString, values: Sequence[int | str]) -> list[Stored]:
        async def work(connection: Connection) -> list[TupleRow]:
            cursor = await connection.execute(query, values, binary=True)
            return await cursor.fetchall()

        return [_stored_of(row) for row in await self._database.run(work)]


def _stored_of(row: TupleRow) -> Stored:
    position, stream, version, kind, fact_version, at, *actor, data, stream_hash, hash_ = row
    who = Actor(*actor)
    return Stored(position, stream, version, kind, fact_version, at, who, data, stream_hash, hash_)


async def _head_of(connection: Connection) -> Head:
    row = await (await connection.execute(_HEAD, binary=True)).fetchone()
    if row is None:
        raise PartLost(PART, "the row with the log's head is gone", "Restore it from a backup")
    return Head(*row)


async def _ends_of(connection: Connection) -> _Ends:
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = await (await connection.execute(_HEAD, binary=True)).fetchone()
        found = await (await connection.execute(_HEADS, binary=True)).fetchall()
        last = await (await connection.execute(_LAST)).fetchone()
    heads = {stream: Head(version, hash_) for stream, version, hash_ in found}
    return _Ends(EMPTY if row is None else Head(*row), heads, 0 if last is None else last[0])
