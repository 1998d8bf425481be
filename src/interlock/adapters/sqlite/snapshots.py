"""Snapshots in the file of the log, so that a store is one thing to copy."""

from interlock.adapters.sqlite.store import SqliteStore
from interlock.engine.ports import Snapshot

_LOAD = "SELECT position, format, data FROM snapshots WHERE name = ?"
_SAVE = (
    "INSERT INTO snapshots VALUES (?, ?, ?, ?) ON CONFLICT (name) "
    "DO UPDATE SET position = excluded.position, format = excluded.format, data = excluded.data "
    "WHERE excluded.position >= position"
)


class SqliteSnapshots:
    """The newest picture per name of a `SqliteStore`."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def load(self, name: str) -> Snapshot | None:
        row = await self._store.read(
            lambda connection: connection.execute(_LOAD, (name,)).fetchone()
        )
        return None if row is None else Snapshot(*row)

    async def save(self, name: str, snapshot: Snapshot) -> None:
        values = (name, snapshot.position, snapshot.format, snapshot.data)
        await self._store.writer.room()
        await self._store.writer.change(lambda connection: connection.execute(_SAVE, values))
