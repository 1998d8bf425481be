"""Events as rows of the table `events`, in the order of its columns."""

from functools import lru_cache
from typing import cast

import msgspec

from interlock.domain.actor import Actor
from interlock.engine.chain import Head, Stored

EventRow = tuple[int, str, int, str, int, str, str, bytes, bytes, bytes]

EVENTS_AFTER = "SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?"
STREAM_AFTER = "SELECT * FROM events WHERE stream = ? AND version > ? ORDER BY version LIMIT ?"
HEAD = "SELECT position, hash FROM head"
STREAM_HEAD = "SELECT version, hash FROM streams WHERE stream = ?"
STREAM_HEADS = "SELECT stream, version, hash FROM streams"

_ENCODE = msgspec.json.Encoder(order="deterministic").encode
_DECODE = msgspec.json.Decoder(Actor).decode


def row_of(event: Stored) -> EventRow:
    return (
        event.position, event.stream, event.version, event.type, event.fact_version,
        event.at, actor_text(event.actor), event.data, event.stream_hash, event.hash,
    )  # fmt: skip


def stored_of(row: tuple[object, ...]) -> Stored:
    position, stream, version, kind, fact_version, at, actor, data, stream_hash, log_hash = cast(
        "EventRow", row
    )
    return Stored(
        position, stream, version, kind, fact_version,
        at, _actor_of(actor), data, stream_hash, log_hash,
    )  # fmt: skip


def head_of(row: tuple[object, ...]) -> Head:
    return Head(*cast("tuple[int, bytes]", row))


@lru_cache(maxsize=1024)
def actor_text(actor: Actor) -> str:
    return _ENCODE(actor).decode()


@lru_cache(maxsize=1024)
def _actor_of(text: str) -> Actor:
    """Text that is no actor was tampered with; it stands for itself, so that the hashes tell."""
    try:
        return _DECODE(text)
    except msgspec.DecodeError:
        return Actor("plane", text, "unreadable")
