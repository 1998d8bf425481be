"""The pretend disk that several logs, as if in several processes, share."""

from collections.abc import Callable

from interlock.domain.ids import BlobId
from interlock.engine.chain import EMPTY, Head, Stored
from interlock.engine.doorbell import LocalDoorbell
from interlock.engine.errors import PartLost
from interlock.engine.ports import Snapshot
from interlock.engine.records import Chained


class MemoryStore:
    """Rows that outlive the logs opened on them, as a file outlives a process.

    `broken` makes everything on it fail, as a disk would that is pulled out; None puts it back.
    """

    def __init__(self) -> None:
        self.events: list[Stored] = []
        self.streams: dict[str, list[Stored]] = {}
        self.heads: dict[str, Head] = {}
        self.head: Head = EMPTY
        self.snapshots: dict[str, Snapshot] = {}
        self.blobs: dict[BlobId, bytes] = {}
        self.broken: PartLost | None = None
        self._bells: list[LocalDoorbell] = []  # a list, because the order of ringing must not vary

    def check(self) -> None:
        if self.broken is not None:
            raise self.broken

    def head_of(self, stream: str) -> Head:
        return self.heads.get(stream, EMPTY)

    def write(self, chained: Chained) -> None:
        for row in chained.rows:
            self.events.append(row)
            self.streams.setdefault(row.stream, []).append(row)
        self.heads.update(chained.heads)
        self.head = chained.head
        if chained.rows:
            for bell in self._bells:
                bell.ring(chained.head.position)

    def listen(self, forget: Callable[[LocalDoorbell], None]) -> LocalDoorbell:
        def forget_everywhere(bell: LocalDoorbell) -> None:
            self._bells.remove(bell)
            forget(bell)

        bell = LocalDoorbell(forget_everywhere)
        self._bells.append(bell)
        return bell
