"""Connections to one schema of a PostgreSQL server; a few are kept, and no wait is endless.

A pooler in between must hand out whole sessions: settings and notifications belong to a session.
"""

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, LiteralString, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from interlock.engine.errors import DiskFull, PartLost

PART: Final = "store (PostgreSQL)"
CONNECTIONS_MAX: Final = 4
CONNECT_SECONDS_MAX: Final = 5
ANSWER_SECONDS_MAX: Final = 10.0

MEND_LINK: Final = "Check that the server runs and can be reached, then start again"

_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_DISK_FULL: Final = "53100"
_LOCK_TIMEOUT: Final = "55P03"
_LINK_ENDED: Final = ("08", "57P", "25P03")
"""The server ended the connection: a failure of the line, a shutdown, a transaction left idle."""

# Set by a statement and not as start-up options, which poolers drop without a word. The order of
# the times counts: a process frozen inside a transaction loses it before those who wait for its
# locks give up, and the server gives up before this side does, so that it can say why.
_SETTINGS: Final[LiteralString] = """
SELECT set_config('search_path', %s, false),
       set_config('statement_timeout', '8s', false),
       set_config('lock_timeout', '6s', false),
       set_config('idle_in_transaction_session_timeout', '4s', false),
       set_config('synchronous_commit',
                  CASE current_setting('synchronous_commit')
                      WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)
"""

Connection = psycopg.AsyncConnection[TupleRow]
_Result = TypeVar("_Result")


class LinkLost(PartLost):
    """The connection ended before the answer came; another one may still work."""


class Database:
    """One schema on one server; connects when something is asked of it."""

    def __init__(self, dsn: str, schema: str) -> None:
        if _SCHEMA.fullmatch(schema) is None:
            raise ValueError(
                f"{schema!r} cannot name a schema: use up to 63 of a-z, 0-9 and _, no digit first"
            )
        self.schema = schema
        self._dsn = _with_defaults(dsn)
        self._kept: list[Connection] = []
        self._slots = asyncio.Semaphore(CONNECTIONS_MAX)
        self._closed = False

    async def connect(self) -> Connection:
        """A connection of one's own, to be closed by the caller; it commits each statement."""
        self._check_open()
        with told_as_part():
            connection = await psycopg.AsyncConnection.connect(self._dsn, autocommit=True)
        async with closed_on_error(connection):
            await connection.execute(_SETTINGS, [self.schema])
        return connection

    async def run(self, work: Callable[[Connection], Awaitable[_Result]]) -> _Result:
        """Do what may be done twice: where a kept connection has died, a new one does it again."""
        async with self._slot():
            self._check_open()
            if self._kept:
                try:
                    return await self._use(self._kept.pop(), work)
                except LinkLost:
                    await self._drop_kept()
            return await self._use(await self.connect(), work)

    async def close(self) -> None:
        self._closed = True
        await self._drop_kept()

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Nobody queues for long behind others who wait for a silent server."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await self._slots.acquire()
        except TimeoutError as error:
            raise PartLost(PART, "none of its connections is free", MEND_LINK) from error
        try:
            yield
        finally:
            self._slots.release()

    async def _use(
        self, connection: Connection, work: Callable[[Connection], Awaitable[_Result]]
    ) -> _Result:
        async with closed_on_error(connection):
            result = await work(connection)
        if self._closed:
            await connection.close()
        else:
            self._kept.append(connection)
        return result

    async def _drop_kept(self) -> None:
        while self._kept:
            await self._kept.pop().close()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the connections to PostgreSQL are closed")


@asynccontextmanager
async def closed_on_error(connection: Connection) -> AsyncIterator[None]:
    """Bounds what is asked of a connection; an error ends it, which undoes what was open."""
    try:
        with told_as_part(), _cut_off_after(connection, ANSWER_SECONDS_MAX):
            yield
    except BaseException:
        _cut(connection)
        await connection.close()
        raise


@contextmanager
def told_as_part() -> Iterator[None]:
    """What the server or the way to it refuses, as a sentence about this part."""
    try:
        yield
    except psycopg.Error as error:
        raise _part_lost(error) from error


def _part_lost(error: psycopg.Error) -> PartLost:
    detail = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    state = error.sqlstate
    if state == _DISK_FULL:
        return DiskFull(PART, detail)
    if state is None or state.startswith(_LINK_ENDED):
        return LinkLost(PART, detail, MEND_LINK)
    if state == _LOCK_TIMEOUT:
        return PartLost(
            PART,
            "somebody else keeps a lock on its tables",
            "Find the session in pg_stat_activity, end it, then start again",
        )
    return PartLost(PART, detail, "See the server's log, mend it there, then start again")


@contextmanager
def _cut_off_after(connection: Connection, seconds: float) -> Iterator[None]:
    """For a server that is there but silent: cancelling would wait for its answer."""
    timer = asyncio.get_running_loop().call_later(seconds, _cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: Connection) -> None:
    """Shut down, not closed: whoever waits on the line is told at once, whatever its family."""
    with (
        suppress(OSError, psycopg.Error),
        socket.socket(socket.AF_UNIX, fileno=os.dup(connection.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


def _with_defaults(dsn: str) -> str:
    """What holds unless the configured address says otherwise."""
    defaults = {
        "application_name": "interlock",
        "connect_timeout": str(CONNECT_SECONDS_MAX),
        "keepalives_idle": "10",
        "keepalives_interval": "3",
        "keepalives_count": "3",
        "tcp_user_timeout": str(int(ANSWER_SECONDS_MAX * 1000)),
        "target_session_attrs": "read-write",  # of several hosts the one that leads
    }
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise ValueError(f"the address of the PostgreSQL server cannot be read: {error}") from error
    return make_conninfo(dsn, **{name: defaults[name] for name in defaults.keys() - given.keys()})
