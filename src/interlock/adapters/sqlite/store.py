"""One open store: its lock, its two connections, its writer and its bells."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw
import msgspec

from interlock.adapters.sqlite.bells import Belfry
from interlock.adapters.sqlite.committer import Committer
from interlock.adapters.sqlite.connection import Synchronous, connect, one_row
from interlock.adapters.sqlite.faults import lost
from interlock.adapters.sqlite.files import FileGuard, StoreLock
from interlock.adapters.sqlite.rows import HEAD, head_of
from interlock.adapters.sqlite.schema import CURRENT, Schema, prepare_store
from interlock.adapters.sqlite.writer import Writer
from interlock.engine.doorbell import LocalDoorbell

T = TypeVar("T")


class _Opened(msgspec.Struct, frozen=True):
    """What opening leaves in hand."""

    path: Path
    lock: StoreLock
    guard: FileGuard
    writing: apsw.Connection
    reading: apsw.Connection


class SqliteStore:
    """A file that holds log and snapshots; `SqliteEventLog` and `SqliteSnapshots` are its faces.

    It belongs to the event loop it was opened in. Reads run in a thread of their own and never wait
    for writes.
    """

    def __init__(self, opened: _Opened) -> None:
        """Use `open`."""
        self.path = path = opened.path
        self._lock, self._guard, self._reading = opened.lock, opened.guard, opened.reading
        self._readers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="interlock-log-reader")
        self._belfry = Belfry(path, self._position)
        committer = Committer(path, opened.writing, opened.guard)
        self.writer = Writer(committer, self._belfry.heard, self._belfry.ring_others)
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        release: str = "unreleased",
        synchronous: Synchronous = "FULL",
        schema: Schema = CURRENT,
    ) -> "SqliteStore":
        """Make it if there is none, migrate it if it is older; raises StoreRefused, PartLost."""
        return cls(await asyncio.to_thread(_open_files, path, release, synchronous, schema))

    async def read(self, query: Callable[[apsw.Connection], T]) -> T:
        """Run `query` with the reading connection, in the reader's thread."""
        if self._closed:
            raise RuntimeError("the event log is closed")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._guarded, query)

    def listen(self) -> LocalDoorbell:
        if self._closed:
            raise RuntimeError("the event log is closed")
        return self._belfry.listen()

    async def close(self) -> None:
        """Write what was submitted, then let go of everything; closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        await self.writer.close()
        await self._belfry.close()
        await asyncio.to_thread(self._readers.shutdown)
        self._reading.close()
        self._lock.release()

    def _guarded(self, query: Callable[[apsw.Connection], T]) -> T:
        self._guard.check()
        try:
            return query(self._reading)
        except (apsw.Error, OSError, UnicodeDecodeError) as error:
            raise lost(error, self.path, self._reading) from error

    async def _position(self) -> int:
        return (await self.read(lambda connection: head_of(one_row(connection, HEAD)))).position


def _open_files(path: Path, release: str, synchronous: Synchronous, schema: Schema) -> _Opened:
    path = path.resolve()  # every process must find the same bells
    lock = prepare_store(path, release, schema)
    connections: list[apsw.Connection] = []
    try:
        for _ in range(2):
            connection = connect(path, synchronous)
            connections.append(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            one_row(connection, HEAD)
        writing, reading = connections
        reading.execute("PRAGMA query_only = 1")
        return _Opened(path, lock, FileGuard(path), writing, reading)
    except (apsw.Error, OSError) as error:
        _let_go(lock, connections)
        raise lost(error, path) from error
    except BaseException:
        _let_go(lock, connections)
        raise


def _let_go(lock: StoreLock, connections: list[apsw.Connection]) -> None:
    for connection in connections:
        connection.close()
    lock.release()
