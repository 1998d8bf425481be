"""The writing end: what waits is recorded in one transaction, each append on its own terms.

A transaction takes two round trips. The first locks the log's head, so that among all processes one
writes at a time, positions have no gaps and become visible in their order; it also reads the heads
of the streams in question. Then each append is judged here; one that is refused is told so and
leaves no trace. The second round trip writes the rest, rings the doorbells and commits.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final, LiteralString

import msgspec
import psycopg

from interlock.adapters.postgres.database import (
    PART,
    Connection,
    Database,
    LinkLost,
    closed_on_error,
)
from interlock.adapters.postgres.doorbell import NOTIFY
from interlock.engine.chain import EMPTY, Head, Stored
from interlock.engine.errors import Conflict, FencedOut, PartLost
from interlock.engine.ports import Recorded
from interlock.engine.records import Chained, Prepared, chain_on, recorded_now

APPENDS_WAITING_MAX: Final = 1024
EVENTS_PER_COMMIT_MAX: Final = 2000

# The level is given whatever the server's default is: the streams' heads must be read as they are
# after the wait for the lock. One text with three statements and not a pipeline: psycopg may end a
# pipeline with a flush, after which the server does not end a transaction that is left idle.
_BEGIN: Final[LiteralString] = """
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT position, hash FROM log_head FOR UPDATE;
SELECT stream, version, hash FROM stream_heads WHERE stream = ANY(%s)
"""
_EVENTS: Final[LiteralString] = """
INSERT INTO events (position, stream, version, type, fact_version, at,
                    actor_kind, actor_id, actor_via, data, stream_hash, hash)
SELECT * FROM unnest(%b::bigint[], %b::text[], %b::bigint[], %b::text[], %b::integer[], %b::text[],
                     %b::text[], %b::text[], %b::text[], %b::bytea[], %b::bytea[], %b::bytea[])
"""
_STREAM_HEADS: Final[LiteralString] = """
INSERT INTO stream_heads (stream, version, hash)
SELECT * FROM unnest(%b::text[], %b::bigint[], %b::bytea[])
ON CONFLICT (stream) DO UPDATE SET version = excluded.version, hash = excluded.hash
"""
_LOG_HEAD: Final[LiteralString] = "UPDATE log_head SET position = %b, hash = %b"


class _Append(msgspec.Struct, frozen=True):
    """Somebody's append and the promise of its outcome."""

    prepared: Prepared
    outcome: asyncio.Future[Sequence[Recorded]]

    def events(self) -> int:
        return sum(len(page.lines) for page in self.prepared.pages)

    def streams(self) -> Iterable[str]:
        yield from (page.stream for page in self.prepared.pages)
        if self.prepared.fence is not None:
            yield self.prepared.fence.stream

    def fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


class _Ledger:
    """The heads of the log as they will stand, and the rows that lead there."""

    def __init__(self, head: Head, heads: dict[str, Head]) -> None:
        self.head = head
        self.heads = heads
        self.changed: dict[str, Head] = {}
        self.rows: list[Stored] = []

    def add(self, prepared: Prepared) -> Chained:
        chained = chain_on(prepared, self.head, lambda stream: self.heads.get(stream, EMPTY))
        self.head = chained.head
        self.heads.update(chained.heads)
        self.changed.update(chained.heads)
        self.rows.extend(chained.rows)
        return chained


class Writer:
    """The one coroutine of a process that writes to its log."""

    def __init__(self, database: Database, on_growth: Callable[[int], None]) -> None:
        self._database = database
        self._on_growth = on_growth
        self._connection: Connection | None = None
        self._room = asyncio.Semaphore(APPENDS_WAITING_MAX)
        self._waiting: list[_Append] = []
        self._news = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="postgres writer")

    async def append(self, prepared: Prepared) -> Sequence[Recorded]:
        _demand_storable(prepared)
        async with self._room:
            if self._closing:
                raise RuntimeError("the event log is closed")
            append = _Append(prepared, asyncio.get_running_loop().create_future())
            self._waiting.append(append)
            self._news.set()
            return await append.outcome

    async def close(self) -> None:
        """What was accepted is recorded first."""
        self._closing = True
        self._news.set()
        # Waited for and not awaited: cancelling the close must not cancel a transaction.
        await asyncio.wait((self._task,))

    async def _run(self) -> None:
        batch: list[_Append] = []
        try:
            while batch := await self._next_batch():
                await self._record(batch)
        finally:
            self._closing = True
            for append in (*batch, *self._waiting):
                append.fail(PartLost(PART, "its writer has ended", "Start again"))
            if self._connection is not None:
                await self._connection.close()

    async def _next_batch(self) -> list[_Append]:
        """Everything that waits, up to a limit; empty when the log is closed."""
        while not self._waiting and not self._closing:
            self._news.clear()
            await self._news.wait()
        batch: list[_Append] = []
        events = 0
        for append in self._waiting:
            events += append.events()
            if batch and events > EVENTS_PER_COMMIT_MAX:
                break
            batch.append(append)
        del self._waiting[: len(batch)]
        return batch

    async def _record(self, batch: list[_Append]) -> None:
        wanted = [append for append in batch if not append.outcome.done()]
        if not wanted:
            return
        try:
            connection, ledger = await self._lock({s for a in wanted for s in a.streams()})
            accepted = _judge(wanted, ledger)
            await self._write(connection, ledger)
        except PartLost as error:
            self._connection = None
            for append in wanted:
                append.fail(error)
        else:
            _tell(accepted)
            if ledger.rows:
                self._on_growth(ledger.head.position)

    async def _lock(self, streams: set[str]) -> tuple[Connection, _Ledger]:
        """Nothing has been written yet, so where an old connection has died a new one may try."""
        if self._connection is not None:
            try:
                return self._connection, await _begin(self._connection, streams)
            except LinkLost:
                self._connection = None
        self._connection = await self._database.connect()
        return self._connection, await _begin(self._connection, streams)

    async def _write(self, connection: Connection, ledger: _Ledger) -> None:
        async with closed_on_error(connection):
            if not ledger.rows:
                await connection.execute("ROLLBACK")
                return
            note = (self._database.schema, str(ledger.head.position))
            async with connection.pipeline():
                await connection.execute(_EVENTS, _columns_of(ledger.rows))
                await connection.execute(_STREAM_HEADS, _columns_of_heads(ledger.changed))
                await connection.execute(_LOG_HEAD, [ledger.head.position, ledger.head.hash])
                await connection.execute(NOTIFY, note)
                ended = await connection.execute("COMMIT")
            if ended.statusmessage != "COMMIT":
                raise PartLost(
                    PART, f"it answered a commit with {ended.statusmessage}", "See its log"
                )


async def _begin(connection: Connection, streams: set[str]) -> _Ledger:
    async with closed_on_error(connection):
        cursor = psycopg.AsyncClientCursor(connection)
        await cursor.execute(_BEGIN, [sorted(streams)])
        cursor.nextset()
        head = await cursor.fetchone()
        cursor.nextset()
        heads = {stream: Head(version, hash_) for stream, version, hash_ in await cursor.fetchall()}
        if head is None:
            raise PartLost(PART, "the row with the log's head is gone", "Restore it from a backup")
    return _Ledger(Head(*head), heads)


def _judge(batch: Sequence[_Append], ledger: _Ledger) -> list[tuple[_Append, Chained]]:
    """In the order they came; the refused are told at once, the others when it is durable."""
    accepted = []
    for append in batch:
        try:
            accepted.append((append, ledger.add(append.prepared)))
        except (Conflict, FencedOut) as refusal:
            append.fail(refusal)
    return accepted


def _tell(accepted: list[tuple[_Append, Chained]]) -> None:
    for append, chained in accepted:
        if not append.outcome.done():
            append.outcome.set_result(recorded_now(append.prepared, chained))


def _demand_storable(prepared: Prepared) -> None:
    """Refused before it waits: in a transaction it would take the appends of others along."""
    for page in prepared.pages:
        actors = (line.event.actor for line in page.lines)
        texts = (page.stream, *(text for actor in actors for text in (actor.id, actor.via)))
        if any("\x00" in text for text in texts):
            raise ValueError(f"{page.stream!r}: PostgreSQL cannot store a NUL in a text")


def _columns_of(rows: Sequence[Stored]) -> list[list[object]]:
    return [
        [row.position for row in rows],
        [row.stream for row in rows],
        [row.version for row in rows],
        [row.type for row in rows],
        [row.fact_version for row in rows],
        [row.at for row in rows],
        [row.actor.kind for row in rows],
        [row.actor.id for row in rows],
        [row.actor.via for row in rows],
        [row.data for row in rows],
        [row.stream_hash for row in rows],
        [row.hash for row in rows],
    ]


def _columns_of_heads(heads: dict[str, Head]) -> list[list[object]]:
    return [
        list(heads),
        [head.position for head in heads.values()],
        [head.hash for head in heads.values()],
    ]
