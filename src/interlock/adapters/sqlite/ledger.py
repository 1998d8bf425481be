"""The book of model use as a file beside the log: `ledger.db`, shared by every worker process.

One transaction books a request to its task, its run and its day, or refuses it; what several
coroutines want at once goes into one transaction. What is not settled when a process dies stays
set aside. Nothing waits for the disk, which would cost every request more than all the rest: what
was booked survives the end of any process, but a power cut may take the last moments.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import apsw

from interlock.adapters.sqlite.connection import Synchronous, connect, one_row
from interlock.adapters.sqlite.faults import Fault, lost
from interlock.adapters.sqlite.files import FileGuard, StoreLock
from interlock.adapters.sqlite.schema import Schema, prepare_store
from interlock.domain.ids import TaskId
from interlock.domain.usage import Usage
from interlock.engine.errors import DiskFull, PartLost
from interlock.engine.ports import Clock
from interlock.workers.models.booked import COLUMNS, Booked, booked, usage_of
from interlock.workers.models.caps import Sum, over_cap
from interlock.workers.models.ports import Caps, Charge, OverCap, Worst
from interlock.workers.models.spending import set_aside

PART: Final = "ledger of model use (SQLite)"

_FIGURES: Final = ", ".join(
    f"{name} INTEGER" if name == "cost_nano" else f"{name} INTEGER NOT NULL" for name in COLUMNS
)
LEDGER: Final = Schema(
    version=1,
    create=(
        f"""CREATE TABLE requests (
            request TEXT PRIMARY KEY,
            run TEXT NOT NULL,
            task TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            lease TEXT NOT NULL,
            day TEXT NOT NULL,
            settled INTEGER NOT NULL,
            {_FIGURES}
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX requests_of_task ON requests (task)",
        "CREATE INDEX requests_of_lease ON requests (lease)",
        """CREATE TABLE sums (
            name TEXT PRIMARY KEY,
            tokens INTEGER NOT NULL,
            nano_usd INTEGER NOT NULL,
            held_tokens INTEGER NOT NULL,
            held_nano_usd INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ),
    migrations={},
)

_NAMES: Final = ", ".join(COLUMNS)
_KNOWN: Final = "SELECT 1 FROM requests WHERE request = ?"
_SET_ASIDE: Final = (
    f"INSERT INTO requests (request, run, task, attempt, lease, day, settled, {_NAMES}) "  # noqa: S608 - our names
    f"VALUES (?, ?, ?, ?, ?, ?, 0{', ?' * len(COLUMNS)})"
)
_HELD: Final = (
    "SELECT task, run, day, unknown_tokens, unknown_nano FROM requests "
    "WHERE request = ? AND settled = 0"
)
_SETTLE: Final = (
    f"UPDATE requests SET settled = 1, {', '.join(f'{name} = ?' for name in COLUMNS)} "  # noqa: S608 - our names
    "WHERE request = ?"
)
_SUM: Final = "SELECT tokens, nano_usd, held_tokens, held_nano_usd FROM sums WHERE name = ?"
_ADD: Final = """
INSERT INTO sums VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
    tokens = tokens + excluded.tokens,
    nano_usd = nano_usd + excluded.nano_usd,
    held_tokens = held_tokens + excluded.held_tokens,
    held_nano_usd = held_nano_usd + excluded.held_nano_usd
"""
_ADDED: Final = (
    f"SELECT count(*), {', '.join(f'sum({name})' for name in COLUMNS)}, count(cost_nano) "  # noqa: S608 - our names
    "FROM requests WHERE "
)

_Result = TypeVar("_Result")
_Work = Callable[[], object]


class SqliteLedger:
    """One open book. It belongs to the event loop it was opened in."""

    def __init__(self, opened: "_Opened", clock: Clock) -> None:
        """Use `open`."""
        self._opened, self._clock = opened, clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="interlock-ledger")
        self._waiting: list[tuple[_Work, asyncio.Future[object]]] = []
        self._writing: asyncio.Future[None] | None = None
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path,
        clock: Clock,
        *,
        release: str = "unreleased",
        synchronous: Synchronous = "NORMAL",
    ) -> "SqliteLedger":
        """Make it if there is none; raises StoreRefused, PartLost."""
        opened = await asyncio.to_thread(_Opened, path, release, synchronous)
        return cls(opened, clock)

    async def reserve(
        self, request: str, charge: Charge, worst: Worst, caps: Caps
    ) -> OverCap | None:
        day = self._clock.now().date().isoformat()
        return await self._do(lambda: self._reserve(request, charge, day, worst, caps))

    async def settle(self, request: str, usage: Usage) -> None:
        await self._do(lambda: self._settle(request, booked(usage)))

    async def of_attempt(self, lease: str) -> Usage:
        return await self._do(lambda: self._of("lease = ?", lease))

    async def of_task(self, task_id: TaskId) -> Usage:
        return await self._do(lambda: self._of("task = ?", task_id))

    async def close(self) -> None:
        """Write what was asked for, then let go; closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        while self._writing is not None:
            await asyncio.wait({self._writing})
        await asyncio.to_thread(self._thread.shutdown)
        self._opened.close()

    # --- in the ledger's thread, inside a transaction -------------------------------------------

    def _reserve(
        self, request: str, charge: Charge, day: str, worst: Worst, caps: Caps
    ) -> OverCap | None:
        connection = self._opened.connection
        if connection.execute(_KNOWN, (request,)).fetchone():
            return None
        names = _sum_names(charge.task_id, charge.run_id, day)
        task, run, today = map(self._sum, names)
        over = over_cap(task, run, today, worst, caps)
        if over is not None:
            return over
        held = booked(set_aside(worst))
        who = (request, charge.run_id, charge.task_id, charge.attempt, charge.lease, day)
        connection.execute(_SET_ASIDE, (*who, *_values(held)))
        connection.executemany(_ADD, [(name, 0, 0, held.tokens, held.nano) for name in names])
        return None

    def _settle(self, request: str, came_to: Booked) -> None:
        connection = self._opened.connection
        row = connection.execute(_HELD, (request,)).fetchone()
        if row is None:
            return
        task, run, day, held_tokens, held_nano = row
        connection.execute(_SETTLE, (*_values(came_to), request))
        change = (came_to.tokens, came_to.nano, -held_tokens, -held_nano)
        connection.executemany(_ADD, [(name, *change) for name in _sum_names(task, run, day)])

    def _sum(self, name: str) -> Sum:
        row = self._opened.connection.execute(_SUM, (name,)).fetchone()
        return Sum() if row is None else Sum(*row)

    def _of(self, where: str, value: str) -> Usage:
        rows, *figures, priced = one_row(self._opened.connection, _ADDED + where, value)
        return usage_of(_added(rows, figures, priced))

    # --- transactions ---------------------------------------------------------------------------

    async def _do(self, work: Callable[[], _Result]) -> _Result:
        if self._closed:
            raise RuntimeError("the ledger is closed")
        results: list[_Result] = []
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting.append((lambda: results.append(work()), done))
        self._next()
        await done
        return results[0]

    def _next(self) -> None:
        """Everything that waits goes into one transaction, one at a time."""
        if self._writing is not None or not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        work = [each for each, _ in batch]
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._thread, self._opened.transact, work)
        self._writing.add_done_callback(lambda written: self._written(written, batch))

    def _written(
        self,
        written: asyncio.Future[None],
        batch: Sequence[tuple[_Work, asyncio.Future[object]]],
    ) -> None:
        self._writing = None
        error = written.exception()
        for _, done in batch:
            if not done.done():
                done.set_result(None) if error is None else done.set_exception(error)
        self._next()


class _Opened:
    """The file, its connection, its lock and its guard."""

    def __init__(self, path: Path, release: str, synchronous: Synchronous) -> None:
        self._path = path = path.resolve()
        self._lock: StoreLock = _told_as_ledger(lambda: prepare_store(path, release, LEDGER))
        try:
            self.connection = connect(path, synchronous)
            self.connection.execute("PRAGMA journal_mode = WAL")
            one_row(self.connection, "SELECT count(*) FROM sums")
            self._guard = FileGuard(path)
        except (apsw.Error, OSError) as error:
            self._lock.release()
            raise _lost(error, path) from error

    def transact(self, work: Sequence[_Work]) -> None:
        """All of it or nothing."""
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                for each in work:
                    each()
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
        except (apsw.Error, OSError, UnicodeDecodeError) as error:
            raise _lost(error, self._path, self.connection) from error
        _told_as_ledger(self._guard.check)

    def close(self) -> None:
        self.connection.close()
        self._lock.release()


def _sum_names(task: str, run: str, day: str) -> tuple[str, str, str]:
    return f"task/{task}", f"run/{run}", f"day/{day}"


def _values(entry: Booked) -> tuple[int | None, ...]:
    return tuple(getattr(entry, name) for name in COLUMNS)


def _added(rows: object, figures: Sequence[object], priced: object) -> Booked:
    """A sum of nothing is NULL in SQL; one without a price has none."""
    named = dict(zip(COLUMNS, figures, strict=True))
    whole = {name: int(str(value or 0)) for name, value in named.items()}
    cost = whole.pop("cost_nano")
    return Booked(**whole, cost_nano=cost if rows == priced else None)


def _lost(error: Fault, path: Path, connection: apsw.Connection | None = None) -> PartLost:
    return _as_ledger(lost(error, path, connection))


def _as_ledger(error: PartLost) -> PartLost:
    if isinstance(error, DiskFull):
        return DiskFull(PART, error.detail)
    return PartLost(PART, error.detail, error.mend)


def _told_as_ledger(work: Callable[[], _Result]) -> _Result:
    try:
        return work()
    except PartLost as error:
        raise _as_ledger(error) from error
