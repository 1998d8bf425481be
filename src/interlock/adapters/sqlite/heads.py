"""The heads of the log and its streams, kept by the writer from one transaction to the next."""

import apsw

from interlock.adapters.sqlite.connection import one_row
from interlock.adapters.sqlite.rows import HEAD, STREAM_HEAD, head_of
from interlock.engine.chain import EMPTY, Head
from interlock.engine.records import Chained

CACHED_MAX = 50_000


class Heads:
    """What the file says, read again as soon as anybody else has written to it.

    Use it inside a transaction that holds the write lock; call `refresh` first.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._streams: dict[str, Head] = {}
        self._data_version: object = None
        self.log = EMPTY

    def refresh(self) -> None:
        """SQLite's data version moves when another connection commits, not when this one does."""
        (data_version,) = one_row(self._connection, "PRAGMA data_version")
        if data_version != self._data_version:
            self._streams.clear()
            self.log = head_of(one_row(self._connection, HEAD))
            self._data_version = data_version
        elif len(self._streams) > CACHED_MAX:
            self._streams.clear()

    def of(self, stream: str) -> Head:
        head = self._streams.get(stream)
        if head is None:
            row = self._connection.execute(STREAM_HEAD, (stream,)).fetchone()
            head = self._streams[stream] = EMPTY if row is None else head_of(row)
        return head

    def advance(self, chained: Chained) -> None:
        self._streams.update(chained.heads)
        self.log = chained.head

    def forget(self) -> None:
        """After a rollback nothing that was kept is true."""
        self._data_version = None
