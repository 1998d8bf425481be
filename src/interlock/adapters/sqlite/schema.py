"""The layout of the file, and the way from no file or an older layout to today's.

A store says in its header whose it is (`application_id`) and which layout it has (`user_version`).
It is made under another name and renamed, so that a half-made one is never met. A layout changes
only while nobody else has the store open, and after a copy was put beside it.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import apsw
import msgspec

from interlock.adapters.sqlite.connection import connect, one_row
from interlock.adapters.sqlite.faults import lost
from interlock.adapters.sqlite.files import StoreLock, beside, flush_folder, make_folder, wal_of
from interlock.engine.errors import StoreRefused

APPLICATION_ID = 0x494C4F47
"""`ILOG`: tells our files from any other SQLite file, whatever they are called."""

OPEN_SECONDS_MAX = 10.0
LOOK_AGAIN_SECONDS = 0.02

State = Literal["missing", "older", "current"]


class Schema(msgspec.Struct, frozen=True):
    """A layout: how to make it, and how to come to it (`migrations[n]` leads from n to n + 1)."""

    version: int
    create: tuple[str, ...]
    migrations: Mapping[int, tuple[str, ...]]


CURRENT = Schema(
    version=1,
    create=(
        """CREATE TABLE events (
            position INTEGER PRIMARY KEY,
            stream TEXT NOT NULL,
            version INTEGER NOT NULL,
            type TEXT NOT NULL,
            fact_version INTEGER NOT NULL,
            at TEXT NOT NULL,
            actor TEXT NOT NULL,
            data BLOB NOT NULL,
            stream_hash BLOB NOT NULL,
            hash BLOB NOT NULL,
            UNIQUE (stream, version)
        ) STRICT""",
        """CREATE TABLE streams (
            stream TEXT PRIMARY KEY,
            version INTEGER NOT NULL,
            hash BLOB NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE head (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            position INTEGER NOT NULL,
            hash BLOB NOT NULL
        ) STRICT""",
        "INSERT INTO head VALUES (1, 0, zeroblob(32))",
        """CREATE TABLE snapshots (
            name TEXT PRIMARY KEY,
            position INTEGER NOT NULL,
            format TEXT NOT NULL,
            data BLOB NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ),
    migrations={},
)


def prepare_store(path: Path, release: str, schema: Schema = CURRENT) -> StoreLock:
    """Make or migrate the store if needed; the lock that comes back keeps its layout as it is."""
    make_folder(path)
    lock = StoreLock(path)
    try:
        _bring_up_to_date(path, release, schema, lock)
    except (apsw.Error, OSError) as error:
        lock.release()
        raise lost(error, path) from error
    except BaseException:
        lock.release()
        raise
    return lock


def _bring_up_to_date(path: Path, release: str, schema: Schema, lock: StoreLock) -> None:
    """Several processes may arrive at once: one does the work, the others look again."""
    deadline = time.monotonic() + OPEN_SECONDS_MAX
    while True:
        if lock.share() and _state_of(path, schema) == "current":
            return
        if lock.take_alone():
            _change_layout(path, release, schema)
        elif time.monotonic() > deadline:
            raise StoreRefused(
                f"{path} has to be migrated to layout {schema.version} of release {release}, but "
                "other processes have it open: stop them and start again"
            )
        else:
            time.sleep(LOOK_AGAIN_SECONDS)


def _change_layout(path: Path, release: str, schema: Schema) -> None:
    match _state_of(path, schema):
        case "missing":
            _create(path, release, schema)
        case "older":
            _migrate(path, release, schema)
        case "current":
            pass


def _state_of(path: Path, schema: Schema) -> State:
    if not path.exists():
        if wal_of(path).exists():
            raise StoreRefused(
                f"{path} is missing, but {wal_of(path)} with its latest events is there: put the "
                "file back, or remove both to begin a new history"
            )
        return "missing"
    _check_header(path)
    connection = connect(path)
    try:
        version = int(str(one_row(connection, "PRAGMA user_version")[0]))
        if version > schema.version:
            raise _too_new(path, version, schema, connection)
    finally:
        connection.close()
    return "current" if version == schema.version else "older"


def _check_header(path: Path) -> None:
    """Refuse foreign files before SQLite opens them, because opening can already change a file.

    SQLite's own file layer reads here: closing a file opened otherwise drops the locks that this
    process holds on it.
    """
    if path.stat().st_size == 0:
        raise StoreRefused(
            f"{path} is empty, which a store never is: remove it, or restore a backup"
        )
    with_header = apsw.VFSFile(
        "", str(path), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0]
    )
    try:
        header = with_header.xRead(100, 0)
    finally:
        with_header.xClose()
    if not header.startswith(b"SQLite format 3\x00"):
        raise StoreRefused(f"{path} is not an event log: move it away, or name another file")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreRefused(
            f"{path} belongs to another program: name another file for the event log"
        )


def _too_new(path: Path, version: int, schema: Schema, connection: apsw.Connection) -> StoreRefused:
    try:
        writer = f"release {one_row(connection, _RELEASE)[0]}"
    except apsw.SQLError:
        writer = "a newer release"
    return StoreRefused(
        f"{path} has layout {version}, written by {writer}; this release reads layouts up to "
        f"{schema.version}: use {writer} or a later one"
    )


_RELEASE = "SELECT value FROM meta WHERE key = 'release'"
_SET_RELEASE = (
    "INSERT INTO meta VALUES ('release', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def _create(path: Path, release: str, schema: Schema) -> None:
    unfinished = beside(path, "new")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL, 0o600))
    connection = connect(unfinished)
    try:
        connection.execute("BEGIN")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema.version}")
        for statement in schema.create:
            connection.execute(statement)
        connection.execute(_SET_RELEASE, (release,))
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    unfinished.rename(path)
    flush_folder(path)


def _migrate(path: Path, release: str, schema: Schema) -> None:
    connection = connect(path)
    try:
        version = int(str(one_row(connection, "PRAGMA user_version")[0]))
        missing = [step for step in range(version, schema.version) if step not in schema.migrations]
        if missing:
            raise StoreRefused(
                f"{path} has layout {version}, and this release cannot migrate from layout "
                f"{missing[0]}: open it once with an earlier release"
            )
        _back_up(connection, beside(path, f"layout-{version}.backup"))
        connection.execute("BEGIN IMMEDIATE")
        for step in range(version, schema.version):
            for statement in schema.migrations[step]:
                connection.execute(statement)
        connection.execute(_SET_RELEASE, (release,))
        connection.execute(f"PRAGMA user_version = {schema.version}")
        connection.execute("COMMIT")
    finally:
        connection.close()


def _back_up(connection: apsw.Connection, target: Path) -> None:
    """A copy that has its name only once it is whole and on the disk."""
    unfinished = beside(target, "unfinished")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL, 0o600))
    copy = connect(unfinished)
    try:
        with copy.backup("main", connection, "main") as backup:
            backup.step()
        # The copy is its only file then, not one with a write-ahead log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        copy.close()
    unfinished.rename(target)
    flush_folder(target)
