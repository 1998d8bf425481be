"""From facts to rows and back, for every log adapter alike.

An append takes two steps. `prepare` encodes the facts; it runs in the caller and needs nothing of
the log. `chain_on` decides against the heads of the log whether the append holds and links its rows
into both chains; an adapter calls it inside the transaction in which it writes them:

    prepared = prepare(writes, at, fence)
    chained = chain_on(prepared, log_head, head_of_stream)      # or raises Conflict, FencedOut
    ... write chained.rows, chained.heads and chained.head, all or none ...
    return recorded_now(prepared, chained)
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256

import msgspec

from interlock.domain.actor import Actor
from interlock.domain.codec import FACTS, decode, encode
from interlock.domain.facts.base import Fact
from interlock.engine.chain import Head, Stored
from interlock.engine.errors import Conflict, FencedOut, PartLost
from interlock.engine.ports import Fence, NewEvent, Recorded, StreamWrite

PART = "event log"
"""What the log is called when it is out of order."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One encoded fact; `sealed` is what its stream hash covers after stream and version."""

    event: NewEvent
    type: str
    fact_version: int
    data: bytes
    sealed: bytes


class Page(msgspec.Struct, frozen=True, gc=False):
    """The lines of one stream write, and the stream's name as it goes into the hash."""

    stream: str
    sealed_stream: bytes
    expected: int | None
    lines: Sequence[Line]


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """An append that needs only its place in the log."""

    at: datetime
    at_text: str
    pages: Sequence[Page]
    fence: Fence | None


class Chained(msgspec.Struct, frozen=True, gc=False):
    """An append at its place: rows to write, new heads of its streams, new head of the log."""

    rows: Sequence[Stored]
    heads: Mapping[str, Head]
    head: Head


@lru_cache(maxsize=64)  # many appends share one instant, and reading it is a tenth of their cost
def text_of(at: datetime) -> str:
    """RFC 3339 in UTC, always with microseconds: one form, which sorts like the time."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone; the log keeps instants in UTC")
    return _in_utc(at).isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


def _in_utc(at: datetime) -> datetime:
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def instant_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def prepare(writes: Sequence[StreamWrite], at: datetime, fence: Fence | None = None) -> Prepared:
    at_text = text_of(at)
    sealed_at = _seal(at_text.encode())
    pages = [
        Page(
            write.stream,
            _seal(write.stream.encode()),
            write.expected,
            [_line_of(event, sealed_at) for event in write.events],
        )
        for write in writes
    ]
    return Prepared(_in_utc(at), at_text, pages, fence)


def chain_on(prepared: Prepared, head: Head, head_of: Callable[[str], Head]) -> Chained:
    """Decide and link; the fence and each `expected` are judged in the order given."""
    _check_fence(prepared.fence, head_of)
    heads: dict[str, Head] = {}
    rows: list[Stored] = []
    position, log_hash = head.position, head.hash
    for page in prepared.pages:
        before = heads.get(page.stream) or head_of(page.stream)
        version, stream_hash = before.position, before.hash
        if page.expected is not None and page.expected != version:
            raise Conflict(page.stream, page.expected, version)
        for line in page.lines:
            position += 1
            version += 1
            stream_hash = _stream_hash(stream_hash, page.sealed_stream, version, line.sealed)
            log_hash = _log_hash(log_hash, position, stream_hash)
            rows.append(
                Stored(
                    position, page.stream, version, line.type, line.fact_version,
                    prepared.at_text, line.event.actor, line.data, stream_hash, log_hash,
                )
            )  # fmt: skip
        if page.lines:
            heads[page.stream] = Head(version, stream_hash)
    return Chained(rows, heads, Head(position, log_hash))


def recorded_now(prepared: Prepared, chained: Chained) -> list[Recorded]:
    """What an append returns: its facts are still in hand and need no decoding."""
    at, rows = prepared.at, iter(chained.rows)
    return [
        Recorded(row.position, row.stream, row.version, at, row.actor, line.event.fact)
        for page in prepared.pages
        for line, row in zip(page.lines, rows, strict=False)
    ]


def recorded_of(row: Stored) -> Recorded:
    """Read a row back; content that no fact can have means that the store is damaged."""
    try:
        fact = decode(row.type, row.fact_version, row.data)
        at = instant_of(row.at)
    except (msgspec.DecodeError, ValueError) as error:
        raise PartLost(
            PART,
            f"position {row.position} ({row.type}) cannot be read: {error}",
            "Run `interlock audit verify` and restore the store from a backup",
        ) from error
    return Recorded(row.position, row.stream, row.version, at, row.actor, fact)


def _line_of(event: NewEvent, sealed_at: bytes) -> Line:
    kind = type(event.fact)
    data = encode(event.fact)
    sealed = b"".join((_sealed_kind(kind), sealed_at, _sealed_actor(event.actor), _seal(data)))
    return Line(event, kind.__name__, kind.VERSION, data, sealed)


def _check_fence(fence: Fence | None, head_of: Callable[[str], Head]) -> None:
    if fence is None:
        return
    actual = head_of(fence.stream).position
    if actual != fence.version:
        raise FencedOut(fence.stream, fence.version, actual)


def _seal(part: bytes) -> bytes:
    """Length before content, as in `chain.py`, but hashed in one go instead of part by part."""
    return len(part).to_bytes(8, "big") + part


@lru_cache(maxsize=256)
def _sealed_kind(kind: type[Fact]) -> bytes:
    if FACTS.get(kind.__name__) is not kind:
        raise TypeError(f"{kind.__module__}.{kind.__name__} is no fact the codec could read back")
    return _seal(kind.__name__.encode()) + _seal(str(kind.VERSION).encode())


@lru_cache(maxsize=1024)
def _sealed_actor(actor: Actor) -> bytes:
    return _seal(actor.kind.encode()) + _seal(actor.id.encode()) + _seal(actor.via.encode())


_HASH_SIZE = _seal(bytes(32))[:8]


def _stream_hash(previous: bytes, sealed_stream: bytes, version: int, sealed: bytes) -> bytes:
    """`chain.stream_hash_of` for parts that are sealed already; a test holds the two together."""
    number = b"%d" % version
    size = len(number).to_bytes(8, "big")
    return sha256(b"".join((_HASH_SIZE, previous, sealed_stream, size, number, sealed))).digest()


def _log_hash(previous: bytes, position: int, stream_hash: bytes) -> bytes:
    """`chain.hash_of`, likewise."""
    number = b"%d" % position
    size = len(number).to_bytes(8, "big")
    return sha256(b"".join((_HASH_SIZE, previous, size, number, _HASH_SIZE, stream_hash))).digest()
