"""The event log in an SQLite file."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import apsw

from interlock.adapters.sqlite.connection import connect, one_row
from interlock.adapters.sqlite.rows import (
    EVENTS_AFTER,
    HEAD,
    STREAM_AFTER,
    STREAM_HEADS,
    head_of,
    stored_of,
)
from interlock.adapters.sqlite.store import SqliteStore
from interlock.engine.chain import Head, Stored, Verification, verify_chain
from interlock.engine.doorbell import LocalDoorbell
from interlock.engine.errors import EngineError
from interlock.engine.ports import Fence, Recorded, StreamWrite
from interlock.engine.records import prepare, recorded_now, recorded_of

PAGE = 500


class SqliteEventLog:
    """The events of a `SqliteStore`; closing the log closes the store."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def append(
        self, writes: Sequence[StreamWrite], at: datetime, fence: Fence | None = None
    ) -> Sequence[Recorded]:
        prepared = prepare(writes, at, fence)
        writer = self._store.writer
        if writer.full:
            await writer.room()
        verdict = await writer.append(prepared)
        if isinstance(verdict, EngineError):
            raise verdict
        return recorded_now(prepared, verdict)

    async def read(self, after: int, limit: int = 1000) -> Sequence[Recorded]:
        return await self._store.read(
            lambda connection: [
                recorded_of(stored_of(row))
                for row in connection.execute(EVENTS_AFTER, (after, limit))
            ]
        )

    async def read_stream(
        self, stream: str, after: int = 0, limit: int = 1000
    ) -> Sequence[Recorded]:
        return await self._store.read(
            lambda connection: [
                recorded_of(stored_of(row))
                for row in connection.execute(STREAM_AFTER, (stream, after, limit))
            ]
        )

    async def head(self) -> Head:
        return await self._store.read(lambda connection: head_of(one_row(connection, HEAD)))

    async def stored(self, after: int = 0) -> AsyncIterator[Stored]:
        while page := await self._store.read(partial(_page, after)):
            for row in page:
                yield row
            after = page[-1].position

    async def verify(self, expected: Head | None = None) -> Verification:
        view = await self._store.read(lambda _: _View(self._store.path))
        try:
            heads, head = await self._store.read(view.heads)
            return await verify_chain(self._walk(view), heads, head, expected)
        finally:
            await self._store.read(view.close)

    def listen(self) -> LocalDoorbell:
        return self._store.listen()

    async def close(self) -> None:
        await self._store.close()

    async def _walk(self, view: "_View") -> AsyncIterator[Stored]:
        after = 0
        while page := await self._store.read(partial(view.page, after)):
            for row in page:
                yield row
            after = page[-1].position


def _page(after: int, connection: apsw.Connection) -> list[Stored]:
    return [stored_of(row) for row in connection.execute(EVENTS_AFTER, (after, PAGE))]


class _View:
    """The whole log at one moment: rows and heads fit together although appends go on.

    Its methods are queries for `SqliteStore.read`, but ask a connection of their own.
    """

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        self._connection.execute("BEGIN")

    def heads(self, _: apsw.Connection) -> tuple[Mapping[str, Head], Head]:
        heads = {row[0]: head_of(row[1:]) for row in self._connection.execute(STREAM_HEADS)}
        return heads, head_of(one_row(self._connection, HEAD))

    def page(self, after: int, _: apsw.Connection) -> list[Stored]:
        return _page(after, self._connection)

    def close(self, _: apsw.Connection) -> None:
        self._connection.close()
