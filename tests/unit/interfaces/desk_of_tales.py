"""The doors of the command line with a desk behind them that knows one tale."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from interlock.adapters.memory.log import MemoryEventLog
from interlock.adapters.memory.snapshots import MemorySnapshots
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.ids import PretendIds
from interlock.control.desk import Equipment, FrontDesk
from interlock.control.errors import NoHistory
from interlock.control.store import Store
from interlock.control.why import Sight
from interlock.domain.ids import CommitId
from interlock.engine.ports import NewEvent, StreamWrite
from interlock.interfaces.cli.doors import Doors
from interlock.repository.ports import BlamedLine
from tests.unit.control.desks import Nobody
from tests.unit.control.tales import REPO, Tale


class StillClock:
    """The minute that the tale has come to."""

    def __init__(self, tale: Tale) -> None:
        self._tale = tale

    def now(self):
        return self._tale.now

    def monotonic(self) -> float:
        return self._tale.minute * 60

    async def sleep(self, seconds: float) -> None:
        self._tale.wait(seconds / 60)


class OneLine:
    """A repository in which every line comes from the same commit."""

    def __init__(self, line: BlamedLine | None) -> None:
        self._line = line

    async def blame(self, branch: str, path: str, line: int | None) -> BlamedLine | None:
        known = branch == "main" and path == "app.py" and (line is None or line < 99)
        return self._line if known else None

    async def head_of(self, branch: str) -> CommitId | None:
        return CommitId("9" * 40) if branch == "main" else None


def desk_of(tale: Tale | None, root: Path, line: BlamedLine | None = None) -> FrontDesk:
    """No tale: nothing has ever run here."""

    @asynccontextmanager
    async def opened(*, create: bool = False) -> AsyncIterator[Store]:
        if tale is None:
            raise NoHistory("store.db", str(root), "solo")
        memory = MemoryStore()
        log = MemoryEventLog(memory)
        for event in tale.events:
            write = StreamWrite(event.stream, None, (NewEvent(event.fact, event.actor),))
            await log.append([write], event.at)
        yield Store(
            where="memory", profile="solo", repository=str(root), repo_id=REPO, log=log,
            snapshots=MemorySnapshots(memory), leadership=Nobody("p1"), open_blobs=lambda: None,
        )  # type: ignore[arg-type] # fmt: skip

    async def sight() -> Sight:
        seen = OneLine(line)
        return Sight(root, "main", seen, seen)

    return FrontDesk(
        Equipment(
            open_store=opened,
            read_settings=lambda: None,  # type: ignore[arg-type,return-value]
            instruments=lambda: None,  # type: ignore[arg-type,return-value]
            clock=StillClock(tale or Tale()),
            ids=PretendIds(),
            open_sight=sight,
        )
    )


def doors_of(tale: Tale | None, root: Path, line: BlamedLine | None = None) -> Doors:
    nothing = dict.fromkeys(Doors._fields, lambda *_: 0)
    known = {"open_desk": lambda _: desk_of(tale, root, line), "colour": lambda: False}
    return Doors(**{**nothing, **known})  # type: ignore[arg-type]
