"""When a thread of ours wanted a processor and had none, as the kernel counts it.

    lateness = Lateness(tell)
    lateness.install()       # the loop of this process looks before it sleeps and when it woke
    lateness.look()          # tells what this thread did since its last look

It tells when a thread was `late`, and when it `ran`: a wait of one is nobody's loss while another
goes on with the work. Neither is a thread that sleeps, waits for the disk or for the interpreter.

The kernel keeps sums for each thread, not moments. A thread that slept waits as soon as it is woken
and until it runs, so what is found then has just passed: that is exact. Within a stretch of work
the order is not known; it is told as if the thread had run first and been late last.
"""

import contextlib
import os
import selectors
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import msgspec

_P = ParamSpec("_P")
_R = TypeVar("_R")
_Ready = list[tuple[selectors.SelectorKey, int]]

COUNTERS: Final = Path("/proc/thread-self/schedstat")
"""Of the thread that opens it, in nanoseconds: had a processor, waited for one; and how often."""

MAIN: Final = "main"
LOG: Final = "log"
HELPER: Final = "helper "
"""The threads, a helper with its number."""

RAN_FROM: Final = 0.000_05
"""Less is only the waking up itself, or going to sleep."""

Tell = Callable[[str, str, float, float], None]
"""Whether it was `late` or `ran`, which thread, from when to when."""


class Since(msgspec.Struct, frozen=True):
    """Between two looks of one thread: seconds that it ran and that it was late."""

    begin: float
    end: float
    ran: float
    late: float


class Counter:
    """The sums of one thread, read within a microsecond from a file that stays open."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.close = weakref.finalize(self, os.close, self._file)  # at the latest with its thread
        self.ran, self.waited = self._read()
        self.at = time.time()

    def since(self) -> Since:
        ran, waited, at = self.ran, self.waited, self.at
        self.ran, self.waited = self._read()
        self.at = time.time()
        return Since(at, self.at, self.ran - ran, self.waited - waited)

    def _read(self) -> tuple[float, float]:
        # The first figure of the file is behind while the thread runs, this clock is not.
        return time.thread_time(), int(os.pread(self._file, 64, 0).split()[1]) / 1e9


class Lateness:
    """The threads of this process; `counts` is False where the kernel does not."""

    def __init__(self, tell: Tell, path: Path = COUNTERS) -> None:
        self._tell, self._path = tell, path
        self._own = threading.local()
        self.counts = False
        with contextlib.suppress(OSError, ValueError, IndexError):
            self.counts = int(path.read_bytes().split()[0]) > 0  # else it was told not to count

    def look(self, thread: str = MAIN) -> None:
        if not self.counts:
            return
        counter: Counter | None = getattr(self._own, "counter", None)
        if counter is None:  # a helper was made for what it does now, and late if it waited
            counter = self._own.counter = Counter(self._path)
            since = Since(counter.at - counter.waited, counter.at, 0.0, counter.waited)
        else:
            since = counter.since()
        late_from = max(since.begin, since.end - since.late)
        ran_until = min(since.begin + since.ran, late_from)
        if ran_until > since.begin + RAN_FROM:
            self._tell("ran", thread, since.begin, ran_until)
        if since.end > late_from:
            self._tell("late", thread, late_from, since.end)

    def install(self) -> None:
        """Before the program is imported."""
        if self.counts:
            self._loops()
            self._threads()

    def _loops(self) -> None:
        look, real = self.look, selectors.DefaultSelector.select
        loop = threading.get_ident()

        def select(selector: selectors.DefaultSelector, timeout: float | None = None) -> _Ready:
            if (timeout is not None and timeout <= 0) or threading.get_ident() != loop:
                return real(selector, timeout)
            look()
            ready = real(selector, timeout)
            look()
            return ready

        selectors.DefaultSelector.select = select  # type: ignore[method-assign, assignment]

    def _threads(self) -> None:
        """Those that work while the loop sleeps: helpers for a moment, and the log's writer."""
        from interlock.adapters.sqlite.committer import Committer

        real, append = ThreadPoolExecutor.submit, Committer.append

        def submit(
            pool: ThreadPoolExecutor, work: Callable[_P, _R], *words: _P.args, **more: _P.kwargs
        ) -> Future[_R]:
            helps = partial(copy_context().run, self._watched(HELPER, work))
            return real(pool, helps, *words, **more)

        ThreadPoolExecutor.submit = submit  # type: ignore[method-assign, assignment]
        Committer.append = self._watched(LOG, append)  # type: ignore[method-assign]

    def _watched(self, thread: str, work: Callable[_P, _R]) -> Callable[_P, _R]:
        def watched(*words: _P.args, **more: _P.kwargs) -> _R:
            name = thread if thread == LOG else f"{thread}{threading.get_native_id()}"
            self.look(name)
            try:
                return work(*words, **more)
            finally:
                self.look(name)

        return watched
