"""The hash chains that make tampering visible, as plain functions every log adapter shares.

Each event carries two hashes. `stream_hash` covers the event's bytes and metadata and the event
before it in its stream; `hash` covers the position, `stream_hash` and the event at the position
before. A changed byte breaks the first, a removed, inserted or swapped event the second, a cut tail
shows against the heads that the log keeps apart (one per stream, one for the whole) and against any
head written down elsewhere.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping

import msgspec

from interlock.domain.actor import Actor

GENESIS = bytes(32)
"""The hash before the first event."""


class Stored(msgspec.Struct, frozen=True, gc=False):
    """An event as it lies in a log: undecoded bytes, their metadata and both hashes."""

    position: int
    stream: str
    version: int
    type: str
    fact_version: int
    at: str
    actor: Actor
    data: bytes
    stream_hash: bytes
    hash: bytes


class Head(msgspec.Struct, frozen=True, gc=False):
    """The end of a log or of one stream: how many events, and the hash of the last."""

    position: int
    hash: bytes


EMPTY = Head(0, GENESIS)


class Verification(msgspec.Struct, frozen=True):
    """The outcome of a tamper check; `first_broken` names the first place that does not hold."""

    events: int
    ok: bool
    first_broken: str | None
    head: Head


def stream_hash_of(previous: bytes, event: Stored) -> bytes:
    return _digest(
        previous,
        event.stream.encode(),
        str(event.version).encode(),
        event.type.encode(),
        str(event.fact_version).encode(),
        event.at.encode(),
        event.actor.kind.encode(),
        event.actor.id.encode(),
        event.actor.via.encode(),
        event.data,
    )


def hash_of(previous: bytes, position: int, stream_hash: bytes) -> bytes:
    return _digest(previous, str(position).encode(), stream_hash)


def _digest(*parts: bytes) -> bytes:
    """Length before content, so that no two different lists of parts read alike."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


class _Walk:
    """The running state of a verification: where the chains stand after the events seen so far."""

    def __init__(self) -> None:
        self.head = EMPTY
        self.streams: dict[str, Head] = {}
        self.seen_expected = False

    def take(self, event: Stored) -> str | None:
        """Follow both chains over one more event; the sentence says what is broken."""
        place = f"position {event.position} ({event.stream} version {event.version}, {event.type})"
        if event.position != self.head.position + 1:
            return f"position {self.head.position + 1}: missing, the next event is {place}"
        before = self.streams.get(event.stream, EMPTY)
        if event.version != before.position + 1:
            return f"{place}: its stream is at version {before.position}, an event is missing"
        if stream_hash_of(before.hash, event) != event.stream_hash:
            return f"{place}: its content does not match its hash"
        if hash_of(self.head.hash, event.position, event.stream_hash) != event.hash:
            return f"{place}: it does not follow the event before it"
        self.streams[event.stream] = Head(event.version, event.stream_hash)
        self.head = Head(event.position, event.hash)
        return None


async def verify_chain(
    events: AsyncIterator[Stored],
    heads: Mapping[str, Head],
    head: Head,
    expected: Head | None = None,
) -> Verification:
    """Walk the whole log against its heads and, if given, a head written down elsewhere."""
    walk = _Walk()
    count = 0
    expected_hash: bytes | None = (
        GENESIS if expected is not None and expected.position == 0 else None
    )
    async for event in events:
        broken = walk.take(event)
        if broken is not None:
            return Verification(count, False, broken, walk.head)
        count += 1
        if expected is not None and event.position == expected.position:
            expected_hash = event.hash
    broken = _ends_agree(walk, heads, head)
    if broken is None and expected is not None and expected_hash != expected.hash:
        broken = (
            f"position {expected.position}: the head written down elsewhere is not part of this log"
        )
    return Verification(count, broken is None, broken, walk.head)


def _ends_agree(walk: _Walk, heads: Mapping[str, Head], head: Head) -> str | None:
    for stream in sorted(heads.keys() | walk.streams.keys()):
        kept, found = heads.get(stream), walk.streams.get(stream)
        if found is None and kept is not None:
            return f"stream {stream}: dropped, its {kept.position} events are gone"
        if kept is None or found is None:
            return f"stream {stream}: its head is gone"
        if kept.position > found.position:
            return f"stream {stream}: cut after {found.position}, its head is at {kept.position}"
        if kept != found:
            return f"stream {stream}: its head does not match its last event"
    if head != walk.head:
        place = f"position {walk.head.position + 1}"
        return f"{place}: the tail is cut, the log's head is at {head.position}"
    return None
