"""The book of model use in the repository's schema, shared by workers on any host."""

from typing import Final, LiteralString

from interlock.adapters.postgres.database import Connection, Database
from interlock.adapters.postgres.schema import prepare
from interlock.domain.ids import TaskId
from interlock.domain.usage import Usage
from interlock.engine.errors import StoreRefused
from interlock.engine.ports import Clock
from interlock.workers.models.booked import Booked, booked, usage_of
from interlock.workers.models.caps import Sum, over_cap
from interlock.workers.models.ports import Caps, Charge, OverCap, Worst
from interlock.workers.models.spending import set_aside

LAYOUT: Final = "1"

_CREATE: Final[LiteralString] = """
CREATE TABLE IF NOT EXISTS ledger_requests (
    request text COLLATE "C" PRIMARY KEY,
    run text NOT NULL,
    task text COLLATE "C" NOT NULL,
    attempt bigint NOT NULL,
    lease text COLLATE "C" NOT NULL,
    day text NOT NULL,
    settled boolean NOT NULL DEFAULT false,
    requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    unknown_tokens bigint NOT NULL,
    cost_nano bigint,
    unknown_nano bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_requests_of_task ON ledger_requests (task);
CREATE INDEX IF NOT EXISTS ledger_requests_of_lease ON ledger_requests (lease);
CREATE TABLE IF NOT EXISTS ledger_sums (
    name text COLLATE "C" PRIMARY KEY,
    tokens bigint NOT NULL,
    nano_usd bigint NOT NULL,
    held_tokens bigint NOT NULL,
    held_nano_usd bigint NOT NULL
);
INSERT INTO meta (name, value) VALUES ('ledger', '1') ON CONFLICT (name) DO NOTHING;
"""
_LAYOUT: Final[LiteralString] = "SELECT value FROM meta WHERE name = 'ledger'"
# Every request moves the sum of its day, so they queue in any case; one lock for all three sums
# cannot be taken in the wrong order.
_LOCK: Final[LiteralString] = (
    "SELECT pg_advisory_xact_lock(hashtextextended('interlock ledger ' || %s, 0))"
)
_KNOWN: Final[LiteralString] = "SELECT 1 FROM ledger_requests WHERE request = %s"
_SET_ASIDE: Final[LiteralString] = """
INSERT INTO ledger_requests (
    request, run, task, attempt, lease, day, requests, input_tokens, cached_tokens,
    cache_write_tokens, output_tokens, reasoning_tokens, unknown_tokens, cost_nano, unknown_nano
) VALUES (
    %(request)s, %(run)s, %(task)s, %(attempt)s, %(lease)s, %(day)s, %(requests)s,
    %(input_tokens)s, %(cached_tokens)s, %(cache_write_tokens)s, %(output_tokens)s,
    %(reasoning_tokens)s, %(unknown_tokens)s, %(cost_nano)s, %(unknown_nano)s
)
"""
_HELD: Final[LiteralString] = """
SELECT task, run, day, unknown_tokens, unknown_nano FROM ledger_requests
WHERE request = %s AND NOT settled
"""
_SETTLE: Final[LiteralString] = """
UPDATE ledger_requests SET settled = true, requests = %(requests)s,
    input_tokens = %(input_tokens)s, cached_tokens = %(cached_tokens)s,
    cache_write_tokens = %(cache_write_tokens)s, output_tokens = %(output_tokens)s,
    reasoning_tokens = %(reasoning_tokens)s, unknown_tokens = %(unknown_tokens)s,
    cost_nano = %(cost_nano)s, unknown_nano = %(unknown_nano)s
WHERE request = %(request)s
"""
_SUMS: Final[LiteralString] = """
SELECT name, tokens, nano_usd, held_tokens, held_nano_usd FROM ledger_sums WHERE name = ANY(%s)
"""
_ADD: Final[LiteralString] = """
INSERT INTO ledger_sums
SELECT unnest(%(names)s::text[]), %(tokens)s, %(nano)s, %(held_tokens)s, %(held_nano)s
ON CONFLICT (name) DO UPDATE SET
    tokens = ledger_sums.tokens + excluded.tokens,
    nano_usd = ledger_sums.nano_usd + excluded.nano_usd,
    held_tokens = ledger_sums.held_tokens + excluded.held_tokens,
    held_nano_usd = ledger_sums.held_nano_usd + excluded.held_nano_usd
"""
_ADDED: Final[LiteralString] = """
SELECT coalesce(sum(requests), 0)::bigint, coalesce(sum(input_tokens), 0)::bigint,
    coalesce(sum(cached_tokens), 0)::bigint, coalesce(sum(cache_write_tokens), 0)::bigint,
    coalesce(sum(output_tokens), 0)::bigint, coalesce(sum(reasoning_tokens), 0)::bigint,
    coalesce(sum(unknown_tokens), 0)::bigint,
    CASE WHEN count(*) = count(cost_nano) THEN coalesce(sum(cost_nano), 0)::bigint END,
    coalesce(sum(unknown_nano), 0)::bigint
FROM ledger_requests
"""
_OF_LEASE: Final[LiteralString] = f"{_ADDED} WHERE lease = %s"
_OF_TASK: Final[LiteralString] = f"{_ADDED} WHERE task = %s"


class PostgresLedger:
    """The tables beside the log's; asked twice for the same, it answers the same."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use `connect`."""
        self._database, self._clock = database, clock

    @classmethod
    async def connect(cls, dsn: str, schema: str, clock: Clock) -> "PostgresLedger":
        """Make the tables if there are none; raises StoreRefused, PartLost."""
        database = Database(dsn, schema)
        await prepare(database)
        await database.run(lambda connection: _make(connection, schema))
        return cls(database, clock)

    async def reserve(
        self, request: str, charge: Charge, worst: Worst, caps: Caps
    ) -> OverCap | None:
        day = self._clock.now().date().isoformat()
        names = _sum_names(charge.task_id, charge.run_id, day)
        held = booked(set_aside(worst))
        row = _values(held) | {
            "request": request,
            "run": charge.run_id,
            "task": charge.task_id,
            "attempt": charge.attempt,
            "lease": charge.lease,
            "day": day,
        }

        async def work(connection: Connection) -> OverCap | None:
            async with connection.transaction():
                await connection.execute(_LOCK, [self._database.schema])
                known = await connection.execute(_KNOWN, [request])
                if await known.fetchone():
                    return None
                found = await connection.execute(_SUMS, [names])
                sums = {str(name): Sum(*each) for name, *each in await found.fetchall()}
                task, run, today = (sums.get(name, Sum()) for name in names)
                over = over_cap(task, run, today, worst, caps)
                if over is None:
                    await connection.execute(_SET_ASIDE, row)
                    await connection.execute(_ADD, _change(names, Booked(), held.tokens, held.nano))
                return over

        return await self._database.run(work)

    async def settle(self, request: str, usage: Usage) -> None:
        came_to = booked(usage)

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(_LOCK, [self._database.schema])
                found = await connection.execute(_HELD, [request])
                row = await found.fetchone()
                if row is None:
                    return
                task, run, day, held_tokens, held_nano = row
                await connection.execute(_SETTLE, _values(came_to) | {"request": request})
                names = _sum_names(task, run, day)
                change = _change(names, came_to, -held_tokens, -held_nano)
                await connection.execute(_ADD, change)

        await self._database.run(work)

    async def of_attempt(self, lease: str) -> Usage:
        return await self._of(_OF_LEASE, lease)

    async def of_task(self, task_id: TaskId) -> Usage:
        return await self._of(_OF_TASK, task_id)

    async def close(self) -> None:
        await self._database.close()

    async def _of(self, query: LiteralString, value: str) -> Usage:
        async def work(connection: Connection) -> Usage:
            found = await connection.execute(query, [value])
            row = await found.fetchone()
            return usage_of(Booked(*(row or ())))

        return await self._database.run(work)


async def _make(connection: Connection, schema: str) -> None:
    async with connection.transaction():
        await connection.execute(_LOCK, [schema])
        found = await connection.execute(_LAYOUT)
        row = await found.fetchone()
        if row is None:
            await connection.execute(_CREATE)
        elif row[0] != LAYOUT:
            raise StoreRefused(
                f"the ledger in schema {schema} has layout {row[0]}, this release knows {LAYOUT}: "
                "use the release that wrote it or a newer one"
            )


def _sum_names(task: str, run: str, day: str) -> list[str]:
    return [f"task/{task}", f"run/{run}", f"day/{day}"]


def _values(entry: Booked) -> dict[str, str | int | None]:
    return {name: getattr(entry, name) for name in entry.__struct_fields__}


def _change(
    names: list[str], settled: Booked, held_tokens: int, held_nano: int
) -> dict[str, int | list[str]]:
    return {
        "names": names,
        "tokens": settled.tokens,
        "nano": settled.nano,
        "held_tokens": held_tokens,
        "held_nano": held_nano,
    }
