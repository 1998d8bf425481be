"""What a suite needs of the adapter under test: its fixture `house` is one of these."""

from collections.abc import Callable
from typing import Protocol

from interlock.domain.ids import BlobId
from interlock.engine.chain import Head, Stored
from interlock.engine.ports import Blobs, EventLog, LiveFeed, Snapshots


class RawLog:
    """All rows of a log, laid open; whatever is changed here is written back as it stands."""

    def __init__(self, events: list[Stored], heads: dict[str, Head], head: Head) -> None:
        self.events, self.heads, self.head = events, heads, head


class LogHouse(Protocol):
    """One empty log that can be opened several times, as by several processes."""

    async def open(self) -> EventLog: ...

    async def tamper(self, change: Callable[[RawLog], None]) -> None:
        """Read every row, let `change` have its way, write all back behind the log's back."""
        ...


class SnapshotsHouse(Protocol):
    """One empty snapshot store that can be opened several times."""

    async def open(self) -> Snapshots: ...


class BlobsHouse(Protocol):
    """One empty blob store that can be opened several times."""

    async def open(self) -> Blobs: ...

    async def spoil(self, blob: BlobId) -> None:
        """Change the content behind the store's back."""
        ...


class LiveFeedHouse(Protocol):
    """One live feed that can be opened several times; in-process feeds return the same one."""

    async def open(self) -> LiveFeed: ...

    async def settle(self) -> None:
        """Return when every subscription so far is in effect and every message delivered."""
        ...
