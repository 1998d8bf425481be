"""The right to act as a lease in one row, judged by the clock of the database alone.

A holder renews it every few seconds. When that stops for `ttl_seconds`, the next one who asks gets
it with a higher epoch, and the old holder's renewal finds an epoch that is no longer its own.
"""

from typing import Final, LiteralString

from interlock.adapters.postgres.database import Connection, Database
from interlock.adapters.postgres.schema import prepare

TTL_SECONDS: Final = 15.0

# `clock_timestamp()` and not `now()`: a statement may have waited for the row since it began.
_ACQUIRE: Final[LiteralString] = """
UPDATE plane_lease
SET holder = %(holder)s, epoch = epoch + 1,
    expires_at = clock_timestamp() + make_interval(secs => %(ttl)s)
WHERE expires_at <= clock_timestamp()
RETURNING epoch
"""
# Without a look at the expiry: as long as the epoch stands, nobody else acted in between.
_RENEW: Final[LiteralString] = """
UPDATE plane_lease SET expires_at = clock_timestamp() + make_interval(secs => %(ttl)s)
WHERE epoch = %(epoch)s
RETURNING epoch
"""
_RELEASE: Final[LiteralString] = """
UPDATE plane_lease SET holder = NULL, expires_at = '-infinity' WHERE epoch = %(epoch)s
"""
_HOLDER: Final[LiteralString] = (
    "SELECT holder FROM plane_lease WHERE expires_at > clock_timestamp()"
)


class PostgresLeadership:
    """A lease with an epoch, shared by every control node of one repository."""

    def __init__(self, database: Database, ttl_seconds: float = TTL_SECONDS) -> None:
        self._database = database
        self._ttl_seconds = ttl_seconds
        self._epoch: int | None = None

    @classmethod
    async def connect(
        cls, dsn: str, schema: str, ttl_seconds: float = TTL_SECONDS
    ) -> "PostgresLeadership":
        database = Database(dsn, schema)
        await prepare(database)
        return cls(database, ttl_seconds)

    async def acquire(self, holder: str) -> bool:
        if await self.renew():
            return True
        row = await self._ask(_ACQUIRE, {"holder": holder, "ttl": self._ttl_seconds})
        self._epoch = None if row is None else int(str(row))
        return self._epoch is not None

    async def renew(self) -> bool:
        if self._epoch is None:
            return False
        if await self._ask(_RENEW, {"epoch": self._epoch, "ttl": self._ttl_seconds}) is None:
            self._epoch = None
        return self._epoch is not None

    async def release(self) -> None:
        epoch, self._epoch = self._epoch, None
        if epoch is not None:
            await self._ask(_RELEASE, {"epoch": epoch})

    async def holder(self) -> str | None:
        found = await self._ask(_HOLDER, {})
        return None if found is None else str(found)

    async def close(self) -> None:
        await self._database.close()

    async def _ask(
        self, statement: LiteralString, values: dict[str, str | int | float]
    ) -> object | None:
        """The first column of the first row, if the statement gave one."""

        async def work(connection: Connection) -> object | None:
            cursor = await connection.execute(statement, values)
            row = None if cursor.description is None else await cursor.fetchone()
            return None if row is None else row[0]

        return await self._database.run(work)
