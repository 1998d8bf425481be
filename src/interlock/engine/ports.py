"""What the engine needs from the world, as the smallest Protocols that suites can prove."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from interlock.domain.actor import Actor
from interlock.domain.facts.base import Fact
from interlock.domain.ids import BlobId
from interlock.engine.chain import Head, Stored, Verification


class Clock(Protocol):
    """Time comes in here, so that a run can be repeated under a pretend clock."""

    def now(self) -> datetime:
        """The instant, in UTC, to the microsecond."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump and that stand still while the machine is suspended."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class IdSource(Protocol):
    """New identities, drawn once and then recorded."""

    def new(self, prefix: str) -> str: ...


class NewEvent(msgspec.Struct, frozen=True):
    """A fact about to be recorded, and who is behind it."""

    fact: Fact
    actor: Actor


class StreamWrite(msgspec.Struct, frozen=True):
    """Facts for one stream, valid only while it stands at `expected` (None: wherever it stands)."""

    stream: str
    expected: int | None
    events: tuple[NewEvent, ...]


class Fence(msgspec.Struct, frozen=True):
    """The write holds only while this other stream stands at this version."""

    stream: str
    version: int


class Recorded(msgspec.Struct, frozen=True):
    """A fact read back from the log."""

    position: int
    stream: str
    version: int
    at: datetime
    actor: Actor
    fact: Fact


class Doorbell(Protocol):
    """One listener's wake-up: it says that the log has grown, never what was written."""

    async def rung(self, timeout_seconds: float | None = None) -> bool:
        """Wait until something was appended since the last call; False when the time is over."""
        ...

    @property
    def position(self) -> int | None:
        """How far the log went at the last ring; None: unknown, read and see."""
        ...

    def close(self) -> None: ...


class EventLog(Protocol):
    """An append-only log with one total order. Reading never blocks writing."""

    async def append(
        self, writes: Sequence[StreamWrite], at: datetime, fence: Fence | None = None
    ) -> Sequence[Recorded]:
        """Record all or nothing: durable when it returns, in this order, at consecutive positions.

        Raises Conflict, FencedOut, or PartLost; after PartLost it may or may not be durable.
        """
        ...

    async def read(self, after: int, limit: int = 1000) -> Sequence[Recorded]:
        """The next events in order; whoever read up to a position missed nothing before it."""
        ...

    async def read_stream(
        self, stream: str, after: int = 0, limit: int = 1000
    ) -> Sequence[Recorded]:
        """The next events of one stream, after a version of that stream."""
        ...

    async def head(self) -> Head:
        """The last position and its hash."""
        ...

    def stored(self, after: int = 0) -> AsyncIterator[Stored]:
        """The raw events in order, for audits and exports."""
        ...

    async def verify(self, expected: Head | None = None) -> Verification:
        """Check both chains and every head; names the first broken link."""
        ...

    def listen(self) -> Doorbell:
        """A wake-up for appends of any process from now on."""
        ...

    async def close(self) -> None: ...


class Snapshot(msgspec.Struct, frozen=True):
    """A folded picture up to a position, in a format that may be thrown away at any time."""

    position: int
    format: str
    data: bytes


class Snapshots(Protocol):
    """Where pictures are kept so that a start does not depend on the length of history."""

    async def load(self, name: str) -> Snapshot | None: ...

    async def save(self, name: str, snapshot: Snapshot) -> None:
        """Keep the newest per name; an older position never replaces a newer one."""
        ...


class Blobs(Protocol):
    """Content-addressed bytes: logs, patches, plans."""

    async def put(self, data: bytes) -> BlobId:
        """Durable when it returns; the same content twice is one blob."""
        ...

    async def get(self, blob: BlobId) -> bytes:
        """Raises BlobMissing; content that does not match its hash is PartLost, never returned."""
        ...

    async def has(self, blob: BlobId) -> bool: ...

    async def erase(self, blob: BlobId) -> None:
        """Forget the content; erasing twice is fine. The caller records the fact."""
        ...


class LiveFeed(Protocol):
    """News for screens: may be lost, never waited for, bounded per listener."""

    async def publish(self, topic: str, data: bytes) -> None: ...

    def subscribe(self, topic: str, backlog_max: int = 1000) -> "Subscription":
        """Messages published from now on; a slow listener loses the oldest."""
        ...

    async def close(self) -> None: ...


class Subscription(Protocol):
    """One listener of a live feed."""

    async def next(self) -> bytes: ...

    @property
    def lost(self) -> int:
        """How many messages were dropped because this listener was slow."""
        ...

    async def close(self) -> None: ...


class Leadership(Protocol):
    """The right to be the one plane. The log's fence protects; this only avoids quarrels."""

    async def acquire(self, holder: str) -> bool:
        """Try once to become the holder; False while another one is alive."""
        ...

    async def renew(self) -> bool:
        """Still the holder? To be asked every few seconds where the right can expire."""
        ...

    async def release(self) -> None: ...

    async def holder(self) -> str | None:
        """Who acts now, as far as one can see."""
        ...
