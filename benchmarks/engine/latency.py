"""How long a report waits for the decision that follows, with many tasks in flight.

Latency is the real time from the moment at which a worker's `Finished` reaches the plane's end of
the dispatch until the plane settles that report. Settling comes last in a turn: by then the end of
the attempt is durable, the freed worker's next task is granted and durable in the same append, its
job is sent, and the judging has been started.

So many tasks are in progress all the time: each `Finished` is answered by a job, and that at once
by a `Started`. Reports come at random instants, on average one per task every ten seconds (but
twenty a second at least, where there are enough tasks), whether or not the plane is ready: what
waits behind another turn is measured with its waiting. Judging and landing take no time, but each
of their outcomes is a turn and an append of its own.

Log: an SQLite file, synchronous FULL, real clock. `commit` is the part of a latency in which the
writer's thread was inside a `COMMIT` (write-ahead log and fsync, until Python has the thread
again); `rest` is what is left. Beside each stands one commit of a single row by raw apsw, on the
same disk, with pauses as long as those between two reports.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

import apsw
import msgspec

from benchmarks.document import Result, Scale, percentile, rounded
from benchmarks.engine.appending import commits_of_one_row
from benchmarks.places import folder
from benchmarks.stage import REPO, YEAR, limits_for, start_run
from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.world import PretendWorld, Target
from interlock.adapters.sqlite.log import SqliteEventLog
from interlock.adapters.sqlite.snapshots import SqliteSnapshots
from interlock.adapters.sqlite.store import SqliteStore
from interlock.adapters.system.clock import SystemClock
from interlock.domain.change import ChangeSet
from interlock.domain.ids import CommitId, TaskName, WorkerId
from interlock.domain.plan import Plan
from interlock.domain.result import Outcome
from interlock.domain.result import Result as Work
from interlock.domain.task import PlannedTask
from interlock.engine.dispatch import Finished, Job, Joined, Order, Report, Started
from interlock.flows.run.news import Options, Ports
from interlock.flows.run.service import Plane

IN_FLIGHT: Final = (1, 200, 1_000)
REPORT_EVERY_SECONDS: Final = 10.0
PER_SECOND_MIN: Final = 20.0
P95_MS_MAX: Final = 5.0
HELD_TO_THE_GOAL: Final = 200
AGAINST: Final = "one row committed by raw apsw, at the same pace"
RAW_COMMITS: Final = 100
QUIET_SECONDS: Final = 0.5


class Turn(msgspec.Struct, frozen=True):
    """One turn of the measurement: milliseconds, each report in the same place of each list."""

    whole: list[float]
    commit: list[float]
    raw: list[float]

    @property
    def rest(self) -> list[float]:
        return [whole - commit for whole, commit in zip(self.whole, self.commit, strict=True)]


def measure(scale: Scale) -> list[Result]:
    sizes = scale.of_all(IN_FLIGHT, (1, 5))
    samples = scale.of(300, 5)
    turns: dict[int, list[Turn]] = {size: [] for size in sizes}
    for number in range(scale.times):
        for size in sizes:
            with folder() as place:
                pause = partial(Random(number).expovariate, _per_second(size))
                raw = commits_of_one_row(place / "raw.db", scale.of(RAW_COMMITS, 5), pause)
                bench = _Bench(size, samples, number)
                whole, commit = asyncio.run(bench.run(place / "log.db"))
                turns[size].append(Turn(whole, commit, raw))
    return [_told(size, percent, turns[size]) for size in sizes for percent in (50, 95)]


def _per_second(in_flight: int) -> float:
    return max(PER_SECOND_MIN, in_flight / REPORT_EVERY_SECONDS)


def _told(size: int, percent: int, turns: Sequence[Turn]) -> Result:
    whole, commit, rest, raw = (
        median(percentile(values, percent) for values in lists)
        for lists in (
            [turn.whole for turn in turns],
            [turn.commit for turn in turns],
            [turn.rest for turn in turns],
            [turn.raw for turn in turns],
        )
    )
    result = Result(
        f"decision_p{percent}_{size}_in_flight", rounded(whole), "ms",
        AGAINST, rounded(raw), rounded(whole / raw),
        note=f"p{percent} of the part in commits {commit:.2f} ms, of the rest {rest:.2f} ms",
    )  # fmt: skip
    if size == HELD_TO_THE_GOAL and percent == 95:
        result.goal, result.met = f"< {P95_MS_MAX:.0f} ms", whole < P95_MS_MAX
        if not result.met:
            result.note = f"{result.note}; {_why(whole, rest, raw)}"
    return result


def _why(whole: float, rest: float, raw: float) -> str:
    if raw >= P95_MS_MAX:
        return f"at p95 this disk needs {raw:.1f} ms for one commit alone"
    if rest < P95_MS_MAX:
        return f"without commits it would be met, and {whole / raw:.1f} of them fit into it"
    return "the rest alone is too long: this process waited for a core, or behind other turns"


class _Delivery:
    """A report in the plane's hands, and the instant at which it came."""

    def __init__(self, report: Report, bench: "_Bench") -> None:
        self.report, self._bench = report, bench
        self._came = time.perf_counter()

    async def settle(self) -> None:
        if isinstance(self.report, Finished):
            self._bench.settled(self._came)


class _Bench:
    """The plane's end of a dispatch whose workers are this very object."""

    def __init__(self, in_flight: int, samples: int, seed: int) -> None:
        self._in_flight, self._samples = in_flight, samples
        self._dice = Random(seed)
        self._arrived: asyncio.Queue[_Delivery] = asyncio.Queue()
        self._working: list[Job] = []
        self._reports = 0
        self._spans: list[tuple[float, float]] = []
        self._commits: list[tuple[float, float]] = []
        self._commit_began = 0.0
        self._moved = asyncio.Event()

    # --- Dispatch -----------------------------------------------------------------------------

    async def send(self, worker: WorkerId, order: Order) -> None:
        if isinstance(order, Job) and worker == order.worker_id:
            self._bring(self._started(order))
            self._working.append(order)
            self._moved.set()

    async def receive(self) -> _Delivery:
        return await self._arrived.get()

    async def close(self) -> None:
        """Nothing to close."""

    # --- workers ------------------------------------------------------------------------------

    def _join(self, name: str) -> None:
        self._bring(Joined(id=self._new_id(), worker_id=WorkerId(name), type="agent", name=name))

    def _started(self, job: Job) -> Started:
        return Started(
            id=self._new_id(),
            worker_id=job.worker_id,
            task_id=job.task_id,
            lease=job.lease,
            token=job.token,
        )

    def _bring(self, report: Report) -> None:
        self._arrived.put_nowait(_Delivery(report, self))

    def _new_id(self) -> str:
        self._reports += 1
        return f"report-{self._reports}"

    def _finish_one(self) -> None:
        job = self._working.pop(self._dice.randrange(len(self._working)))
        change = ChangeSet(REPO, job.task_id, CommitId("base"), CommitId(job.task_id))
        self._bring(
            Finished(
                id=self._new_id(),
                worker_id=job.worker_id,
                task_id=job.task_id,
                lease=job.lease,
                token=job.token,
                result=Work(Outcome.CHANGED, change),
            )
        )

    # --- measuring ----------------------------------------------------------------------------

    def settled(self, came: float) -> None:
        self._spans.append((came, time.perf_counter()))
        self._moved.set()

    def _executed(self, told: dict[str, Any]) -> None:
        """SQLite tells of the beginning and the end of each statement, in the writer's thread."""
        if told["sql"] == "COMMIT" and told["code"] == apsw.SQLITE_TRACE_STMT:
            self._commit_began = time.perf_counter()
        elif told["sql"] == "COMMIT":
            self._commits.append((self._commit_began, time.perf_counter()))

    async def run(self, path: Path) -> tuple[list[float], list[float]]:
        """For each report its latency and the commits in it, in milliseconds."""
        store = await SqliteStore.open(path)
        log, memory, clock = SqliteEventLog(store), MemoryStore(), SystemClock()
        blobs, world = MemoryBlobs(memory), PretendWorld(Target(), clock)
        both = apsw.SQLITE_TRACE_STMT | apsw.SQLITE_TRACE_PROFILE
        await store.writer.change(lambda writing: writing.trace_v2(both, self._executed))
        ports = Ports(log, SqliteSnapshots(store), blobs, self, world, clock)
        plane = Plane(REPO, ports, Options("bench", "bench", worker_silence_seconds=YEAR))
        async with asyncio.TaskGroup() as group:
            acting = group.create_task(plane.run())
            for number in range(self._in_flight):
                self._join(f"w{number}")
            await start_run(log, blobs, clock, self._plan(), limits_for(self._in_flight))
            await self._until(lambda: len(self._working) == self._in_flight)
            await asyncio.sleep(QUIET_SECONDS)  # until everything of the start is settled
            await self._keep_finishing()
            plane.stop()
            await acting
        await log.close()
        whole = [1e3 * (settled - came) for came, settled in self._spans]
        return whole, [1e3 * self._committing(*span) for span in self._spans]

    def _plan(self) -> Plan:
        count = self._in_flight + self._samples
        names = (f"t{number}" for number in range(count))
        return Plan("bench", tuple(PlannedTask(TaskName(name), name) for name in names))

    async def _keep_finishing(self) -> None:
        for _ in range(self._samples):
            await asyncio.sleep(self._dice.expovariate(_per_second(self._in_flight)))
            await self._until(lambda: bool(self._working))
            self._finish_one()
        await self._until(lambda: len(self._spans) == self._samples)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self._moved.clear()
            await self._moved.wait()

    def _committing(self, came: float, settled: float) -> float:
        return sum(
            max(0.0, min(ended, settled) - max(began, came)) for began, ended in self._commits
        )
