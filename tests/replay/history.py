"""A recorded history: one event a line, every hash with it, and what its release saw at the end."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from interlock.adapters.memory.store import MemoryStore
from interlock.domain.actor import Actor
from interlock.engine.chain import Head, Stored
from interlock.flows.run.pictures import PlanePicture


class Line(msgspec.Struct, frozen=True):
    """One event; `data` stands there byte for byte, because the hashes cover the bytes."""

    position: int
    stream: str
    version: int
    type: str
    fact_version: int
    at: str
    actor: Actor
    data: msgspec.Raw
    stream_hash: str
    hash: str


class Ending(msgspec.Struct, frozen=True):
    """What the release that wrote a history saw at its end."""

    events: int
    head: str
    runs: dict[str, str]
    tasks: dict[str, str]


def ending_of(head: Head, plane: PlanePicture) -> Ending:
    return Ending(
        head.position,
        head.hash.hex(),
        {run_id: plane.runs[run_id].status.value for run_id in sorted(plane.runs)},
        {task_id: plane.tasks[task_id].status.value for task_id in sorted(plane.tasks)},
    )


def text_of(rows: Iterable[Stored]) -> bytes:
    lines = (
        Line(
            row.position, row.stream, row.version, row.type, row.fact_version, row.at, row.actor,
            msgspec.Raw(row.data), row.stream_hash.hex(), row.hash.hex(),
        )
        for row in rows
    )  # fmt: skip
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def rows_in(path: Path) -> list[Stored]:
    lines = [msgspec.json.decode(line, type=Line) for line in path.read_bytes().splitlines()]
    return [
        Stored(
            line.position, line.stream, line.version, line.type, line.fact_version, line.at,
            line.actor, bytes(line.data), bytes.fromhex(line.stream_hash), bytes.fromhex(line.hash),
        )
        for line in lines
    ]  # fmt: skip


def store_with(rows: Sequence[Stored]) -> MemoryStore:
    """A store that holds these rows as if they had been written to it."""
    store = MemoryStore()
    for row in rows:
        store.events.append(row)
        store.streams.setdefault(row.stream, []).append(row)
        store.heads[row.stream] = Head(row.version, row.stream_hash)
        store.head = Head(row.position, row.hash)
    return store
