"""Interlock with a stop watch: the same program, its calls to the outside timed from outside it.

    python -m benchmarks.traced FOLDER --name local-1 --box none   a worker, as a plane starts it
    plane(["run", "plan.json"])                                    a plane whose workers are these

Nothing of the program knows about it. Before its parts are imported the functions through which it
starts git and boxes are wrapped, and each call becomes a line in a file of this process: what it
was, for which task, from when to when. So does each wait of a thread of it for a processor.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import msgspec

from benchmarks.lateness import HELPER, Lateness

if TYPE_CHECKING:
    from interlock.adapters.git.standing import Standing
    from interlock.adapters.processes.link import SocketLink
    from interlock.domain.ids import CommitId
    from interlock.engine.acts import Candidate
    from interlock.engine.dispatch import Job, Report
    from interlock.gates.outbox import Folders
    from interlock.gates.service import _Flight
    from interlock.repository.ports import CommitWish
    from interlock.sandbox.box import Box
    from interlock.sandbox.ports import BoxOrder, RunningBox
    from interlock.workers.reins import Reins
    from interlock.workers.service import Over
    from interlock.workers.telling import Teller

_P = ParamSpec("_P")
_R = TypeVar("_R")

FOLDER: Final = "INTERLOCK_BENCH_SPANS"
COUNTED: Final = "counted"
"""Says of a process that the kernel counts its waits for a processor."""

WAITS_FROM: Final = 0.000_5
"""A lock that was free is no waiting."""


class Span(msgspec.Struct, frozen=True):
    """Something that one task waited for; seconds of the system's clock.

    `late` and `ran` are of one thread of a process, and of a task only where that one helps it.
    """

    kind: str
    what: str
    task: str
    begin: float
    end: float
    process: int = 0


_task: ContextVar[str] = ContextVar("task", default="")


class Tracer:
    """Writes one line a span; a line is whole or not there."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / f"{os.getpid()}.jsonl").open("ab", buffering=0)
        self._boxes: WeakKeyDictionary[object, tuple[str, str, float]] = WeakKeyDictionary()
        self._of_threads: deque[Span] = deque()
        self._lateness = Lateness(self._thread)

    def write(self, kind: str, what: str, begin: float, task: str | None = None) -> None:
        self._lateness.look()
        self._put(kind, what, _task.get() if task is None else task, begin, time.time())

    @contextmanager
    def span(self, kind: str, what: str = "") -> Iterator[None]:
        self._lateness.look()
        begin = time.time()
        try:
            yield
        finally:
            self.write(kind, what, begin)

    def install(self) -> None:
        """Before anything else of the program is imported."""
        self._lateness.install()
        self._git()
        self._boxes_of_bubblewrap()
        self._acts()
        self._attempts()
        self._tellings()
        self._waits()
        if self._lateness.counts:
            self._put(COUNTED, "", "", time.time(), time.time())
        self._imports_took = _cpu()

    def leave(self) -> None:
        """What this process itself used of the processor since it was ready."""
        self._put("cpu", Path(sys.argv[0]).name, "", 0.0, _cpu() - self._imports_took)

    def _put(self, kind: str, what: str, task: str, begin: float, end: float) -> None:
        """With what was seen of threads until now, which they may add to meanwhile."""
        lines = [Span(kind, what, task, begin, end, os.getpid())]
        while self._of_threads:
            lines.append(self._of_threads.popleft())
        self._file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))

    def _thread(self, kind: str, thread: str, begin: float, end: float) -> None:
        task = _task.get() if thread.startswith(HELPER) else ""
        self._of_threads.append(Span(kind, thread, task, begin, end, os.getpid()))

    def _git(self) -> None:
        from interlock.adapters.git import program

        real = program.run

        # Whoever imports it from now on gets this one.
        program.run = self._git_call(real, program._verb)  # type: ignore[assignment]  # noqa: SLF001
        from interlock.adapters.git.standing import Standing

        ask = self._git_call(Standing.ask, _verb_of)  # type: ignore[arg-type]
        Standing.ask = ask  # type: ignore[method-assign, assignment]
        self._commits()

    def _commits(self) -> None:
        """A commit that is written without a git is git's work all the same."""
        from interlock.adapters.git.trees import GitTrees

        real = GitTrees.commit

        async def commit(trees: GitTrees, wish: CommitWish) -> CommitId:
            with self.span("git", "commit"):
                return await real(trees, wish)

        GitTrees.commit = commit  # type: ignore[method-assign, assignment]

    def _git_call(
        self, real: Callable[_P, Awaitable[_R]], verb_of: Callable[[tuple[str, ...]], str]
    ) -> Callable[_P, Awaitable[_R]]:
        async def run(*words: _P.args, **more: _P.kwargs) -> _R:
            with self.span("git", verb_of(words[0])):  # type: ignore[arg-type]
                return await real(*words, **more)

        return run

    def _boxes_of_bubblewrap(self) -> None:
        from interlock.adapters.bubblewrap.sandbox import BubblewrapSandbox
        from interlock.sandbox.box import Box

        start, wait, kill = BubblewrapSandbox.start, Box.wait, Box.kill

        async def traced_start(sandbox: BubblewrapSandbox, order: BoxOrder) -> RunningBox:
            with self.span("box start", order.argv[0]):
                box = await start(sandbox, order)
            self._boxes[box] = (" ".join(order.argv)[:80], _task.get(), time.time())
            return box

        def ends(real: Callable[[Box], Awaitable[_R]]) -> Callable[[Box], Awaitable[_R]]:
            async def ending(box: Box) -> _R:
                try:
                    return await real(box)
                finally:
                    if known := self._boxes.pop(box, None):
                        self.write("box", known[0], known[2], known[1])

            return ending

        BubblewrapSandbox.start = traced_start  # type: ignore[method-assign, assignment]
        Box.wait, Box.kill = ends(wait), ends(kill)  # type: ignore[method-assign, assignment]

    def _acts(self) -> None:
        from interlock.flows.task.acts import RealActs

        for name in ("judge", "prepare", "land"):
            setattr(RealActs, name, self._act(name, getattr(RealActs, name)))

    def _act(
        self, name: str, real: Callable[[object, Candidate], Awaitable[_R]]
    ) -> Callable[[object, Candidate], Awaitable[_R]]:
        async def act(acts: object, about: Candidate) -> _R:
            _task.set(about.task_id)
            with self.span("act", name):
                return await real(acts, about)

        return act

    def _attempts(self) -> None:
        """Until its end is told; what is cleared away behind that belongs to no task."""
        from interlock.gates.service import Gates
        from interlock.workers.attempt import Attempt
        from interlock.workers.service import Gateway

        real, release, clear = Gateway.run, Attempt.release, Gates._clear  # noqa: SLF001

        async def run(gateway: Gateway, job: Job, teller: Teller, reins: Reins, over: Over) -> None:
            _task.set(job.task_id)
            begun = time.time()

            async def told() -> None:
                await over()
                self.write("attempt", "", begun)
                _task.set("")

            await real(gateway, job, teller, reins, told)

        async def released(attempt: Attempt) -> None:
            _task.set("")
            await release(attempt)

        async def cleared(gates: Gates, folders: Folders, pin: str) -> None:
            _task.set("")
            await clear(gates, folders, pin)

        Gateway.run = run  # type: ignore[method-assign, assignment]
        Attempt.release = released  # type: ignore[method-assign, assignment]
        Gates._clear = cleared  # type: ignore[method-assign, assignment]  # noqa: SLF001

    def _tellings(self) -> None:
        """While a worker waits until the plane has its report, either may have no processor."""
        from interlock.adapters.processes.link import SocketLink

        real = SocketLink.report

        async def report(link: SocketLink, report: Report) -> None:
            with self.span("telling", type(report).__name__):
                await real(link, report)

        SocketLink.report = report  # type: ignore[method-assign, assignment]

    def _waits(self) -> None:
        """Waiting for somebody else: a place among the gates, their evidence or git, the line."""
        from interlock.adapters.git import locks
        from interlock.flows.task.line import Place
        from interlock.gates import service

        tracer, acquire, alone = self, asyncio.Semaphore.acquire, locks._alone  # noqa: SLF001

        class Event(asyncio.Event):
            """An event that knows for how long it was waited for."""

            async def wait(self) -> Literal[True]:
                with tracer.span("waiting", "for the same evidence"):
                    return await super().wait()

        def flight(self: _Flight) -> None:
            self.over, self.evidence = Event(), None

        async def take(semaphore: asyncio.Semaphore) -> bool:
            with tracer._if_long("a place among the gates"):
                return bool(await acquire(semaphore))

        async def hold(path: Path) -> int:
            with tracer._if_long("a lock of git"):
                return await alone(path)

        expected, over = Place.expected, Place.over

        async def ahead(place: Place) -> CommitId | None:
            with tracer._if_long("the change ahead"):
                return await expected(place)

        async def landed(place: Place, patience_seconds: float) -> None:
            with tracer._if_long("the landing ahead"):
                await over(place, patience_seconds)

        Place.expected, Place.over = ahead, landed  # type: ignore[method-assign, assignment]
        service._Flight.__init__ = flight  # type: ignore[method-assign]  # noqa: SLF001
        asyncio.Semaphore.acquire = take  # type: ignore[method-assign, assignment]
        locks._alone = hold  # noqa: SLF001

    @contextmanager
    def _if_long(self, what: str) -> Iterator[None]:
        begin = time.time()
        yield
        if time.time() - begin > WAITS_FROM:
            self.write("waiting", what, begin)


def _verb_of(standing: Standing) -> str:
    """What a git that stays is asked for."""
    return standing._call().verb  # noqa: SLF001


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def plane(words: Sequence[str]) -> int:
    tracer = Tracer(Path(os.environ[FOLDER]))
    tracer.install()
    from interlock.bootstrap import main
    from interlock.bootstrap import plane as parts

    parts.WORKER_MODULE = "benchmarks.traced"  # type: ignore[misc]
    try:
        return main(words)
    finally:
        tracer.leave()


def worker() -> int:
    tracer = Tracer(Path(os.environ[FOLDER]))
    tracer.install()
    from interlock.bootstrap.worker import main

    try:
        return main()
    finally:
        tracer.leave()


if __name__ == "__main__":
    sys.exit(worker())
