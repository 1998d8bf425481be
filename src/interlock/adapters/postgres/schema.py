"""The tables of one repository, and how those of an older release become those of this one.

`meta` names the format and its version. A program brings an older version up to its own, and leaves
a newer or a foreign one alone.
"""

from typing import Final, LiteralString

import psycopg

from interlock.adapters.postgres.database import Connection, Database
from interlock.engine.errors import StoreRefused

FORMAT: Final = "interlock"

_FIRST: Final[LiteralString] = """
CREATE TABLE meta (
    name text PRIMARY KEY,
    value text NOT NULL
);
CREATE TABLE events (
    position bigint PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    type text NOT NULL,
    fact_version integer NOT NULL,
    at text NOT NULL,
    actor_kind text NOT NULL,
    actor_id text NOT NULL,
    actor_via text NOT NULL,
    data bytea NOT NULL,
    stream_hash bytea NOT NULL,
    hash bytea NOT NULL,
    UNIQUE (stream, version)
);
CREATE TABLE stream_heads (
    stream text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    hash bytea NOT NULL
);
CREATE TABLE log_head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint NOT NULL,
    hash bytea NOT NULL
);
INSERT INTO log_head (position, hash) VALUES (0, decode(repeat('00', 32), 'hex'));
CREATE TABLE snapshots (
    name text PRIMARY KEY,
    position bigint NOT NULL,
    format text NOT NULL,
    data bytea NOT NULL
);
CREATE TABLE plane_lease (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    holder text,
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL
);
INSERT INTO plane_lease (epoch, expires_at) VALUES (0, '-infinity');
"""

STEPS: Final[tuple[LiteralString, ...]] = (_FIRST,)
"""Step n leads from version n to n + 1; a step that was released never changes."""

VERSION: Final = len(STEPS)

_LOCK: Final[LiteralString] = (
    "SELECT pg_advisory_xact_lock(hashtextextended('interlock ' || %s, 0))"
)
_FOUND: Final[LiteralString] = """
SELECT to_regnamespace(%(schema)s) IS NOT NULL,
       to_regclass(%(schema)s || '.meta') IS NOT NULL,
       EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(%(schema)s)),
       current_setting('server_encoding')
"""


async def prepare(database: Database) -> None:
    """Create the tables, or bring them up to this release, once, whoever else starts just now."""

    async def work(connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute(_LOCK, [database.schema])
            version = await _version_of(connection, database.schema)
            if version < VERSION:
                await _migrate(connection, version)

    await database.run(work)


async def _version_of(connection: Connection, schema: str) -> int:
    cursor = await connection.execute(_FOUND, {"schema": schema})
    found = await cursor.fetchone()
    exists, has_meta, has_tables, encoding = found or (False, False, False, "")
    if encoding != "UTF8":
        raise StoreRefused(f"the database is encoded as {encoding}: create one with encoding UTF8")
    if not exists:
        await connection.execute(f"CREATE SCHEMA {schema}".encode())
    if not has_tables:
        return 0
    if not has_meta:
        raise _foreign(schema)
    return await _version_in_meta(connection, schema)


async def _version_in_meta(connection: Connection, schema: str) -> int:
    try:
        cursor = await connection.execute("SELECT name, value FROM meta")
        meta = {str(name): str(value) for name, value in await cursor.fetchall()}
    except (psycopg.errors.UndefinedColumn, psycopg.errors.WrongObjectType) as error:
        raise _foreign(schema) from error
    if meta.get("format") != FORMAT or not meta.get("version", "").isdecimal():
        raise _foreign(schema)
    version = int(meta["version"])
    if version > VERSION:
        raise StoreRefused(
            f"the schema {schema} was written by a newer release (format {version}, this one knows "
            f"{VERSION}): use that release or a newer one"
        )
    return version


async def _migrate(connection: Connection, version: int) -> None:
    for step in STEPS[version:]:
        await connection.execute(step)
    for name, value in (("format", FORMAT), ("version", str(VERSION))):
        await connection.execute(
            "INSERT INTO meta (name, value) VALUES (%s, %s) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [name, value],
        )


def _foreign(schema: str) -> StoreRefused:
    return StoreRefused(
        f"the schema {schema} holds tables that are not Interlock's: configure another schema"
    )
