"""How fast facts are recorded on SQLite, against SQLite alone.

The reference writes the same rows into the same tables with the same synchronous setting, in
transactions of as many rows as there are producers: it neither encodes nor hashes nor checks
anything, and nobody waits for it. Every append is one fact, as it is for a plane with little to do.
Both sides take turns, so that a slow moment of the disk meets both.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.document import Result, Scale, rounded
from benchmarks.places import folder
from interlock.adapters.sqlite.connection import connect
from interlock.adapters.sqlite.log import SqliteEventLog
from interlock.adapters.sqlite.rows import row_of
from interlock.adapters.sqlite.schema import prepare_store
from interlock.adapters.sqlite.store import SqliteStore
from interlock.domain.actor import Actor
from interlock.domain.facts.attempt import AttemptProgressed
from interlock.domain.ids import Token
from interlock.domain.task import Activity
from interlock.engine.chain import Stored
from interlock.engine.ports import NewEvent, StreamWrite

AT: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PLANE: Final = Actor("plane", "bench", "plane")
SHARE_MIN: Final = 0.5
TURNS: Final = 9
"""A disk is fast at one moment and slow at the next, so more turns than elsewhere."""

AGAINST: Final = "raw apsw, same rows, indexes, synchronous and batch"

_INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MOVE_STREAM = (
    "INSERT INTO streams VALUES (?, ?, ?) ON CONFLICT (stream) "
    "DO UPDATE SET version = excluded.version, hash = excluded.hash"
)
_MOVE_HEAD = "UPDATE head SET position = ?, hash = ?"


def measure(scale: Scale) -> list[Result]:
    turns = scale.of(TURNS, 1)
    alone = _compare(1, scale.of(400, 20), turns)
    together = _compare(64, scale.of(200, 5), turns)
    together.goal = f">= {SHARE_MIN} of raw"
    together.met = together.ratio is not None and together.ratio >= SHARE_MIN
    if not together.met:
        why = (
            "besides writing, an append encodes, hashes twice and wakes its caller, and producers "
            "that all wait for one flush leave processor and disk to work in turns"
        )
        together.note = f"{together.note}; {why}"
    return [alone, together]


def _compare(producers: int, each: int, turns: int) -> Result:
    rates: list[tuple[float, float]] = []
    with folder() as place:
        for turn in range(turns):
            ours, rows = asyncio.run(_ours(place / f"ours-{turn}" / "log.db", producers, each))
            rates.append((ours, _raw(place / f"raw-{turn}" / "log.db", rows, producers)))
    ours, raw = (median(values) for values in zip(*rates, strict=True))
    ratio = median(ours / raw for ours, raw in rates)
    name = f"append_per_second_{producers}_producer" + ("s" if producers > 1 else "")
    spread = ", ".join(f"{ours / raw:.2f}" for ours, raw in rates)
    return Result(
        name, rounded(ours), "1/s", AGAINST, rounded(raw), rounded(ratio),
        note=f"{producers * each} appends a turn; ratio of each turn: {spread}",
    )  # fmt: skip


async def _ours(path: Path, producers: int, each: int) -> tuple[float, list[Stored]]:
    log = SqliteEventLog(await SqliteStore.open(path))

    async def produce(producer: int) -> None:
        stream = f"task/r-2026-01-05-t{producer}"
        for version in range(each):
            fact = AttemptProgressed(Token(1), version % 100, Activity.GREEN)
            await log.append([StreamWrite(stream, version, (NewEvent(fact, PLANE),))], AT)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for producer in range(producers):
            group.create_task(produce(producer))
    seconds = time.perf_counter() - began
    rows = [row async for row in log.stored()]
    await log.close()
    return producers * each / seconds, rows


def commits_of_one_row(path: Path, count: int, pause: Callable[[], float]) -> list[float]:
    """The milliseconds of each, with raw apsw and pauses of so many seconds between them."""
    rows = asyncio.run(_ours(path.with_name(f"{path.name}.ours"), 1, count))[1]
    found = []
    for seconds in _transactions(path, rows, 1):
        found.append(1e3 * seconds)
        time.sleep(pause())
    return found


def _raw(path: Path, stored: Sequence[Stored], batch: int) -> float:
    return len(stored) / sum(_transactions(path, stored, batch))


def _transactions(path: Path, stored: Sequence[Stored], batch: int) -> Iterator[float]:
    """The seconds of each transaction of so many rows."""
    lock, rows = prepare_store(path, "bench"), [row_of(row) for row in stored]
    connection = connect(path)
    for start in range(0, len(rows), batch):
        page = rows[start : start + batch]
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT, page)
        connection.executemany(_MOVE_STREAM, [(row[1], row[2], row[8]) for row in page])
        connection.execute(_MOVE_HEAD, (page[-1][0], page[-1][9]))
        connection.execute("COMMIT")
        yield time.perf_counter() - began
    connection.close()
    lock.release()
