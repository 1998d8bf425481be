"""How long a plane takes to be back, after a million events.

A start begins with opening the SQLite file and ends when the first report, waiting since before the
start, is settled: the history is read, the epoch is raised, every open task has been looked at, and
what followed is durable. The last run is cut off in the middle, so there is something to look at.
With a snapshot, as many events follow it as a plane lets pass before it saves the next one.
"""

import asyncio
import time
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from benchmarks.document import Result, Scale, rounded
from benchmarks.histories import Template, tell
from benchmarks.places import folder
from benchmarks.stage import REPO, YEAR
from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.clock import EPOCH
from interlock.adapters.pretend.world import PretendWorld, Target
from interlock.adapters.sqlite.log import SqliteEventLog
from interlock.adapters.sqlite.store import SqliteStore
from interlock.adapters.system.clock import SystemClock
from interlock.domain.ids import WorkerId
from interlock.engine.dispatch import Alive, Order, Report
from interlock.engine.ports import Snapshot
from interlock.flows.run.news import Options, Ports
from interlock.flows.run.recovery import snapshot_of
from interlock.flows.run.service import Plane

TASKS_PER_RUN: Final = 50
START_SECONDS_MAX: Final = 3.0
_OPTIONS: Final = Options("bench", "bench", worker_silence_seconds=YEAR)


class Start(msgspec.Struct, frozen=True):
    """One start of a plane."""

    seconds: float
    events: int
    snapshot: Snapshot
    """Of the picture that it had."""


def measure(scale: Scale) -> list[Result]:
    events = min(scale.events, scale.of(scale.events, 2_000))
    tail = min(_OPTIONS.snapshot_every - 10, events // 2)
    template = Template(scale.of(TASKS_PER_RUN, 5))
    with folder() as place:
        path = place / "log.db"
        began = time.perf_counter()
        following = asyncio.run(_generate(path, template, 1, events - tail, new=True))
        slow = asyncio.run(_start(path, None))
        asyncio.run(_generate(path, template, following, tail, new=False))
        generated = time.perf_counter() - began - slow.seconds
        fast = [asyncio.run(_start(path, slow.snapshot)) for _ in range(scale.times)]
    seconds = median(start.seconds for start in fast)
    speed = slow.events / slow.seconds
    return [
        Result(
            "start_with_snapshot", rounded(seconds), "s", "the same without", rounded(slow.seconds),
            rounded(seconds / slow.seconds), f"< {START_SECONDS_MAX:.0f} s",
            seconds < START_SECONDS_MAX,
            f"{fast[0].events} events, {tail} of them after the snapshot "
            f"of {len(slow.snapshot.data) / 1e6:.1f} MB",
        ),
        Result(
            "start_without_snapshot", rounded(slow.seconds), "s",
            note=f"measured once, over {slow.events} events: {speed:,.0f} events/s; "
            f"making the history took {generated:.0f} s",
        ),
    ]  # fmt: skip


async def _generate(path: Path, template: Template, first: int, events: int, *, new: bool) -> int:
    log = SqliteEventLog(await SqliteStore.open(path))
    if new:
        prologue = template.prologue()
        await log.append(prologue, EPOCH)
        events -= sum(len(write.events) for write in prologue)
    following = await tell(log, template, first, events)
    await log.close()
    return following


class _OneReport:
    """A dispatch in which one report has been waiting."""

    def __init__(self) -> None:
        self.report: Report = Alive(id="report-1", worker_id=WorkerId("w0"), session=1)
        self.settled_at = 0.0
        self.settled = asyncio.Event()
        self._waiting = asyncio.Queue[_OneReport]()
        self._waiting.put_nowait(self)

    async def send(self, worker: WorkerId, order: Order) -> None:
        """Nobody listens."""

    async def receive(self) -> "_OneReport":
        return await self._waiting.get()

    async def settle(self) -> None:
        self.settled_at = time.perf_counter()
        self.settled.set()

    async def close(self) -> None:
        """Nothing to close."""


class _Kept:
    """Always the same snapshot, or none: one start must not help the next."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot

    async def load(self, name: str) -> Snapshot | None:  # noqa: ARG002 - there is only one
        return self._snapshot

    async def save(self, name: str, snapshot: Snapshot) -> None:
        """Not kept."""


async def _start(path: Path, snapshot: Snapshot | None) -> Start:
    clock, dispatch = SystemClock(), _OneReport()
    world, blobs = PretendWorld(Target(), clock), MemoryBlobs(MemoryStore())
    began = time.perf_counter()
    log = SqliteEventLog(await SqliteStore.open(path))
    plane = Plane(REPO, Ports(log, _Kept(snapshot), blobs, dispatch, world, clock), _OPTIONS)
    async with asyncio.TaskGroup() as group:
        acting = group.create_task(plane.run())
        await dispatch.settled.wait()
        plane.stop()
        await acting
    await log.close()
    picture = plane.picture
    return Start(dispatch.settled_at - began, picture.position, snapshot_of(picture))
