"""The one thread of a process that writes: whatever waits goes into one transaction.

    append -> pending -> [one hand-over per turn of the loop] -> queue
        -> the thread commits all of it -> [one call back per batch] -> each caller has its verdict

Under many producers one flush of the disk serves all of them, and the threads meet once per batch.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

import apsw
import msgspec

from interlock.adapters.sqlite.committer import Change, Committer, Verdict
from interlock.engine.errors import PartLost
from interlock.engine.records import Chained, Prepared

BATCH_MAX = 512
WAITING_MAX = 2048
"""More callers than this wait before they enter the queue."""


class _Append(msgspec.Struct, frozen=True, gc=False):
    """One caller's append and where its verdict goes."""

    prepared: Prepared
    future: asyncio.Future[Verdict]


class _Other(msgspec.Struct, frozen=True, gc=False):
    """Another change to the file, in a transaction of its own."""

    change: Change
    future: asyncio.Future[None]


_Job = _Append | _Other


class Writer:
    """Owns the committer and its thread.

    `on_written` hears of each commit on the loop; `ring_others` hears of it in the thread. After a
    fault of the disk nothing more is tried: what SQLite still has in memory proves nothing.
    """

    def __init__(
        self,
        committer: Committer,
        on_written: Callable[[int], None],
        ring_others: Callable[[int], None],
    ) -> None:
        self._committer = committer
        self._on_written, self._ring_others = on_written, ring_others
        self._loop = asyncio.get_running_loop()
        self._waiting, self._room = 0, asyncio.Event()
        self._pending: list[_Job] = []
        self._queue: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._closed = False
        self._lost: PartLost | None = None
        self._thread = threading.Thread(target=self._run, name="interlock-log-writer", daemon=True)
        self._thread.start()

    async def room(self) -> None:
        """Wait until `append` may be called; to be asked only while `full`."""
        while self.full:
            self._room.clear()
            await self._room.wait()

    @property
    def full(self) -> bool:
        return self._waiting >= WAITING_MAX

    def append(self, prepared: Prepared) -> asyncio.Future[Verdict]:
        """The verdict, once durable; a refusal is a result too, a fault of the disk is raised."""
        future: asyncio.Future[Verdict] = self._loop.create_future()
        self._submit(_Append(prepared, future))
        return future

    def change(self, change: Change) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self._loop.create_future()
        self._submit(_Other(change, future))
        return future

    async def close(self) -> None:
        """Everything submitted so far is written first."""
        if not self._closed:
            self._closed = True
            self._hand_over()
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _submit(self, job: _Job) -> None:
        if self._closed:
            raise RuntimeError("the event log is closed")
        self._check()
        self._pending.append(job)
        self._waiting += 1
        if len(self._pending) == 1:
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        if self._pending:
            self._queue.put(self._pending)
            self._pending = []

    def _run(self) -> None:
        while (jobs := self._next_batch()) is not None:
            appends = [job for job in jobs if isinstance(job, _Append)]
            if appends:
                self._serve(appends)
            for job in jobs:
                if isinstance(job, _Other):
                    self._serve_other(job)
        self._committer.close()

    def _next_batch(self) -> list[_Job] | None:
        batch = self._queue.get()
        while batch is not None and len(batch) < BATCH_MAX:
            try:
                more = self._queue.get_nowait()
            except Empty:
                break
            if more is None:
                self._queue.put(None)
                break
            batch.extend(more)
        return batch

    def _serve(self, appends: Sequence[_Append]) -> None:
        try:
            self._check()
            verdicts = self._committer.append([append.prepared for append in appends])
        except PartLost as error:
            self._give_up(appends, error)
            return
        written = any(isinstance(verdict, Chained) and verdict.rows for verdict in verdicts)
        position = self._committer.position if written else None
        self._on_loop(lambda: self._settle(appends, verdicts, position))
        if position is not None:
            self._ring_others(position)

    def _serve_other(self, job: _Other) -> None:
        try:
            self._check()
            self._committer.change(job.change)
        except PartLost as error:
            self._give_up([job], error)
            return
        self._on_loop(lambda: self._settle_other(job))

    def _check(self) -> None:
        if self._lost is not None:
            raise self._lost

    def _give_up(self, jobs: Sequence[_Job], error: PartLost) -> None:
        if not isinstance(error.__cause__, apsw.BusyError):
            self._lost = error
        self._on_loop(lambda: self._reject(jobs, error))

    def _on_loop(self, act: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(act)

    def _settle(
        self, appends: Sequence[_Append], verdicts: Sequence[Verdict], position: int | None
    ) -> None:
        for append, verdict in zip(appends, verdicts, strict=True):
            if not append.future.done():  # its caller may have been cancelled meanwhile
                append.future.set_result(verdict)
        self._make_room(len(appends))
        if position is not None:
            self._on_written(position)

    def _settle_other(self, job: _Other) -> None:
        if not job.future.done():
            job.future.set_result(None)
        self._make_room(1)

    def _reject(self, jobs: Sequence[_Job], error: PartLost) -> None:
        for job in jobs:
            if not job.future.done():
                job.future.set_exception(error)
        self._make_room(len(jobs))

    def _make_room(self, settled: int) -> None:
        self._waiting -= settled
        self._room.set()
