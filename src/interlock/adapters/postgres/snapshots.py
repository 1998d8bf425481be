"""Snapshots as one row per name."""

from typing import Final, LiteralString

from interlock.adapters.postgres.database import Connection, Database
from interlock.adapters.postgres.schema import prepare
from interlock.engine.ports import Snapshot

_LOAD: Final[LiteralString] = "SELECT position, format, data FROM snapshots WHERE name = %s"
_SAVE: Final[LiteralString] = """
INSERT INTO snapshots (name, position, format, data) VALUES (%s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE
    SET position = excluded.position, format = excluded.format, data = excluded.data
    WHERE snapshots.position <= excluded.position
"""


class PostgresSnapshots:
    """The newest picture of each name, beside the log it was folded from."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def connect(cls, dsn: str, schema: str) -> "PostgresSnapshots":
        database = Database(dsn, schema)
        await prepare(database)
        return cls(database)

    async def load(self, name: str) -> Snapshot | None:
        async def work(connection: Connection) -> Snapshot | None:
            cursor = await connection.execute(_LOAD, [name], binary=True)
            row = await cursor.fetchone()
            return None if row is None else Snapshot(*row)

        return await self._database.run(work)

    async def save(self, name: str, snapshot: Snapshot) -> None:
        values = (name, snapshot.position, snapshot.format, snapshot.data)

        async def work(connection: Connection) -> None:
            await connection.execute(_SAVE, values)

        await self._database.run(work)

    async def close(self) -> None:
        await self._database.close()
