"""Connections to the store's file, all set up alike."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import apsw

from interlock.adapters.sqlite.faults import BUSY_SECONDS_MAX

Synchronous = Literal["FULL", "NORMAL", "OFF"]
"""FULL: what was acknowledged survives a power cut. NORMAL: only the end of the process."""

WAL_BYTES_KEPT = 64 * 1024 * 1024


def connect(path: Path, synchronous: Synchronous = "FULL") -> apsw.Connection:
    """Open an existing file; it is never created here."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_handler(_patience())
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
    return connection


def one_row(connection: apsw.Connection, query: str, *values: str | int) -> tuple[object, ...]:
    """The only row of a query that always has one."""
    row: tuple[object, ...] | None = connection.execute(query, values).fetchone()
    if row is None:
        raise apsw.CorruptError(f"no row where there is always one: {query}")
    return row


def _patience() -> Callable[[int], bool]:
    """Wait for another process's transaction, with short naps of random length.

    SQLite's own handler naps up to 100 ms: beside a neighbour that commits without pause it would
    find the file locked again and again, and give up.
    """
    deadline = 0.0

    def wait(tries: int) -> bool:
        nonlocal deadline
        now = time.monotonic()
        if tries == 0:
            deadline = now + BUSY_SECONDS_MAX
        time.sleep(random.uniform(0.0003, 0.002))  # noqa: S311 - jitter, not a secret
        return now < deadline

    return wait
