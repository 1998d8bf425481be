"""Two hundred worker processes on one machine: all land, and an idle worker does not wait for us.

The workers, their boxes, git and the log are real. Agents and gates are trivial, and called so: an
agent waits until all of them are at work, then writes one line; the gate is `true`. What is seen is
what a crowd costs (memory, messages, one plane that gives out work), not what agents do.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from benchmarks.document import Part, Result, Scale, percentile, rounded
from benchmarks.places import folder
from interlock.bootstrap.stores import STORE_FILE, opener_of_file
from interlock.control.run_document import RunReport
from interlock.domain.facts.attempt import AttemptAbandoned, AttemptFinished, AttemptStarted
from interlock.domain.facts.lease import LeaseEnded, LeaseGranted
from interlock.domain.facts.task import TaskMadeReady, TaskRequeued
from interlock.domain.facts.worker import WorkerCameBack, WorkerRegistered
from interlock.domain.ids import WorkerId
from interlock.engine.ports import EventLog, Recorded
from interlock.testing.replaying.gits import environment, git
from interlock.testing.replaying.playing import PROGRAM

GOAL_MS: Final = 100.0
SECONDS_MAX: Final = 1_500.0
LOOK_SECONDS: Final = 0.5
WORKER: Final = b"interlock.bootstrap.worker"
_SOURCES: Final = Path(__file__).parents[1] / "src"

_SETTINGS: Final = """\
[project]
target = "main"
[sandbox]
read = ["{gate}"]
[agents.default]
backend = "command"
run = ["sh", "-c", "eval \\"$INTERLOCK_PROMPT\\"; echo done > {{task.id}}.txt"]
[gates.trivial]
run = "true"
reads = "exit-code"
"""


class Memory(msgspec.Struct, frozen=True):
    """Of one worker process: what it has, and its share of what it has together with others."""

    resident: int
    share: int


class Crowd(msgspec.Struct, frozen=True):
    """What was seen of one run."""

    report: RunReport
    events: list[Recorded]
    seen: dict[int, float]
    memory: list[Memory]
    plane: Memory
    gathered_seconds: float
    landed_seconds: float


def measure(scale: Scale) -> list[Result]:
    workers = scale.of(200, 20)
    with folder() as place:
        crowd = asyncio.run(_run(place, workers))
    tasks = crowd.report.tasks
    landed = sum(task.state == "done" for task in tasks)
    waits = assignments(crowd.events, crowd.seen)
    gathering = [1e3 * wait for name, wait in waits if name.startswith("c")]
    settled = [1e3 * wait for name, wait in waits if name.startswith("m")]
    hellos = [1e3 * seconds for seconds in hellos_to_leases(crowd.events)]
    mib = 2**20
    resident = median(each.resident for each in crowd.memory) / mib
    share = median(each.share for each in crowd.memory) / mib
    return [
        Result("workers_at_once", len(crowd.memory), "processes", goal=f">= {workers}",
               met=len(crowd.memory) >= workers, note=f"boxes: {', '.join(crowd.report.boxes)}"),
        Result("landed", landed, "tasks", goal=f"all {len(tasks)}", met=landed == len(tasks),
               note="trivial agents, trivial gate (`true`)"),
        _assignment("assignment_p95", settled, "while the crowd stands idle"),
        _assignment("assignment_p95_gathering", gathering, "while its processes are being started"),
        Result(
            "hello_to_lease_p95",
            rounded(percentile(hellos, 95)),
            "ms",
            note="from a worker's own clock, before it clears up and says hello, to its first "
            "lease, while all the others are being started",
        ),
        Result("worker_share", rounded(share), "MiB",
               note="PSS, median: its own memory and its part of what all share"),
        Result("worker_resident", rounded(resident), "MiB", note="RSS, median"),
        Result("plane_share", rounded(crowd.plane.share / mib), "MiB", note="PSS"),
        Result("until_all_at_work", rounded(crowd.gathered_seconds), "s",
               note="from the command to the last of the crowd in its box"),
        Result("until_all_landed", rounded(crowd.landed_seconds), "s", note="from there on"),
    ]  # fmt: skip


def _assignment(name: str, waits: Sequence[float], when: str) -> Result:
    p95 = percentile(waits, 95)
    note = (
        f"{len(waits)} leases {when}: from task ready and worker idle until another process reads "
        f"the lease in the log; at most {max(waits):.0f} ms"
    )
    goal = f"< {GOAL_MS:.0f} ms"
    return Result(name, rounded(p95), "ms", goal=goal, met=p95 < GOAL_MS, note=note)


PARTS: Final[Mapping[str, Part]] = {"workers": measure}


# --- the run --------------------------------------------------------------------------------------


async def _run(place: Path, workers: int) -> Crowd:
    root, gate = place / "repo", place / "gate"
    _repository(root, gate, workers)
    reader, began = Reader(root / ".git" / "interlock"), time.monotonic()
    with _command(root, workers) as run:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(reader.follow())
            while reader.at_work < workers:
                _demand(run, began)
                await asyncio.sleep(LOOK_SECONDS)
            gathered = time.monotonic() - began
            memory = [_memory(pid) for pid in _workers(root)]
            plane = _memory(run.pid)
            released = time.monotonic()
            while run.poll() is None:
                _release(gate / "start")
                _demand(run, began)
                await asyncio.sleep(LOOK_SECONDS)
            seconds = time.monotonic() - released
            reading.cancel()
    report = msgspec.json.decode((place / "report.json").read_bytes(), type=RunReport)
    return Crowd(report, reader.events, reader.seen, memory, plane, gathered, seconds)


class Reader:
    """Another process's view of the log: what is in it, and when it could be read."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self.events: list[Recorded] = []
        self.seen: dict[int, float] = {}
        self.at_work = 0

    async def follow(self) -> None:
        while not (self._store / STORE_FILE).exists():  # noqa: ASYNC110 - nothing rings before
            await asyncio.sleep(LOOK_SECONDS)
        async with opener_of_file(self._store)() as opened:
            bell = opened.log.listen()
            try:
                while True:
                    await self._take(opened.log)
                    await bell.rung(LOOK_SECONDS)
            finally:
                bell.close()
                await self._take(opened.log)

    async def _take(self, log: EventLog) -> None:
        position = self.events[-1].position if self.events else 0
        while page := await log.read(position, 1_000):
            now, position = time.time(), page[-1].position
            self.events.extend(page)
            self.seen.update((event.position, now) for event in page)
            self.at_work += sum(isinstance(event.fact, AttemptStarted) for event in page)


def _repository(root: Path, gate: Path, workers: int) -> None:
    """One task for each worker, which waits for all others, and some for when everybody is idle."""
    root.mkdir()
    gate.mkdir()
    os.mkfifo(gate / "start", 0o644)
    git(root, "init", "-q", "-b", "main")
    (root / "interlock.toml").write_text(_SETTINGS.format(gate=gate))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Settings")
    waits = f"cat '{gate}/start' > /dev/null"
    crowd = [{"id": f"c{n}", "title": f"c{n}", "prompt": waits} for n in range(workers)]
    more = [
        {
            "id": f"m{n}",
            "title": f"m{n}",
            "prompt": "true",
            "depends_on": [each["id"] for each in crowd],
        }
        for n in range(workers // 4)
    ]
    plan = {"goal": "A crowd", "tasks": crowd + more}
    (root.parent / "plan.json").write_bytes(msgspec.json.encode(plan))


@contextmanager
def _command(root: Path, workers: int) -> "Iterator[subprocess.Popen[bytes]]":
    words = ["run", "--json", "--parallel", str(workers), str(root.parent / "plan.json")]
    with (root.parent / "report.json").open("wb") as out, (root.parent / "said").open("wb") as err:
        run = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words],
            cwd=root,
            env=environment() | {"PYTHONPATH": str(_SOURCES)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            yield run
        finally:
            for pid in (run.pid, *_workers(root)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            run.wait()


def _demand(run: "subprocess.Popen[bytes]", began: float) -> None:
    if time.monotonic() - began > SECONDS_MAX:
        raise RuntimeError(f"the crowd is not through after {SECONDS_MAX:.0f} s")
    if run.poll() not in (None, 0, 1):
        raise RuntimeError(f"the run ended with exit code {run.returncode}")


def _release(fifo: Path) -> None:
    """Whoever waits at the gate now goes through it; nobody there is no error."""
    with suppress(OSError):
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))


# --- what is seen ---------------------------------------------------------------------------------


def assignments(
    events: Sequence[Recorded], seen: Mapping[int, float]
) -> Sequence[tuple[str, float]]:
    """For each lease: from a ready task and an idle worker until anybody can read the lease.

    The turn that grants a lease is often the one that hears of the idle worker, so the log alone
    would say nothing: it knows when a turn began, not when what it decided was durable.
    """
    ready: dict[str, datetime] = {}
    idle: dict[WorkerId, datetime] = {}
    holds: dict[str, WorkerId] = {}
    found: list[tuple[str, float]] = []
    for event in events:
        match event.fact:
            case TaskMadeReady():
                ready[event.stream] = event.at
            case TaskRequeued(not_before=later):
                ready[event.stream] = max(event.at, later or event.at)
            case WorkerRegistered(worker_id=worker) | WorkerCameBack(worker_id=worker):
                idle[worker] = event.at
            case LeaseGranted(worker_id=worker):
                holds[event.stream] = worker
                since = max(ready[event.stream], idle[worker])
                task = event.stream.rpartition("-")[2]
                found.append((task, seen[event.position] - since.timestamp()))
            case AttemptFinished() | AttemptAbandoned() | LeaseEnded():
                idle[holds[event.stream]] = event.at
            case _:
                continue
    return found


def hellos_to_leases(events: Sequence[Recorded]) -> Iterator[float]:
    """For each worker the seconds from its birth, which its session names, to its first lease."""
    born: dict[WorkerId, float] = {}
    for event in events:
        match event.fact:
            case WorkerRegistered(worker_id=worker, session=session):
                born[worker] = session / 1e3
            case LeaseGranted(worker_id=worker) if worker in born:
                yield event.at.timestamp() - born.pop(worker)
            case _:
                continue


def _workers(root: Path) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if WORKER in words and os.fsencode(root) in words:
                    found.append(int(entry.name))
    return found


def _memory(pid: int) -> Memory:
    rows = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    )
    kib = {name: int(row.split()[0]) for name, row in rows.items()}
    return Memory(kib["Rss"] * 1024, kib["Pss"] * 1024)
