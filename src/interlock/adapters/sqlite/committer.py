"""One transaction for a batch of appends: judged one by one, written and flushed together."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import apsw

from interlock.adapters.sqlite.faults import lost
from interlock.adapters.sqlite.files import FileGuard
from interlock.adapters.sqlite.heads import Heads
from interlock.adapters.sqlite.rows import row_of
from interlock.engine.chain import Head
from interlock.engine.errors import Conflict, FencedOut, PartLost
from interlock.engine.records import PART, Chained, Prepared, chain_on

Verdict = Chained | Conflict | FencedOut
Change = Callable[[apsw.Connection], object]

_INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MOVE_STREAM = (
    "INSERT INTO streams VALUES (?, ?, ?) ON CONFLICT (stream) "
    "DO UPDATE SET version = excluded.version, hash = excluded.hash"
)
_MOVE_HEAD = "UPDATE head SET position = ?, hash = ?"


class Committer:
    """The writing connection, used by the writer's thread alone."""

    def __init__(self, path: Path, connection: apsw.Connection, guard: FileGuard) -> None:
        self._path, self._connection, self._guard = path, connection, guard
        self._heads = Heads(connection)

    @property
    def position(self) -> int:
        return self._heads.log.position

    def append(self, batch: Sequence[Prepared]) -> list[Verdict]:
        """Raises PartLost, and then nothing of the batch was written, or nobody can tell."""
        verdicts: list[Verdict] = []

        def judge_and_write(connection: apsw.Connection) -> None:
            self._heads.refresh()
            verdicts.extend(map(self._judge, batch))
            _write(connection, [verdict for verdict in verdicts if isinstance(verdict, Chained)])

        self.change(judge_and_write)
        return verdicts

    def change(self, change: Change) -> None:
        """Run any change in a transaction that has the file for itself."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            change(self._connection)
            self._connection.execute("COMMIT")
            self._guard.check()
        except (apsw.Error, OSError, UnicodeDecodeError) as error:
            # Before the rollback, which would overwrite what the system said last.
            reason = lost(error, self._path, self._connection)
            self._roll_back()
            raise reason from error
        except PartLost:
            self._roll_back()
            raise
        except Exception as error:
            self._roll_back()
            raise PartLost(PART, f"its writer failed ({error!r})", "Report this defect") from error

    def close(self) -> None:
        self._connection.close()

    def _judge(self, prepared: Prepared) -> Verdict:
        """A refused append leaves no trace: the next is judged as if it had never been there."""
        try:
            chained = chain_on(prepared, self._heads.log, self._heads.of)
        except (Conflict, FencedOut) as refusal:
            return refusal
        self._heads.advance(chained)
        return chained

    def _roll_back(self) -> None:
        self._heads.forget()
        with contextlib.suppress(apsw.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _write(connection: apsw.Connection, appends: Sequence[Chained]) -> None:
    rows = [row_of(row) for chained in appends for row in chained.rows]
    if not rows:
        return
    heads: dict[str, Head] = {}
    for chained in appends:
        heads.update(chained.heads)
    connection.executemany(_INSERT, rows)
    connection.executemany(
        _MOVE_STREAM, [(stream, head.position, head.hash) for stream, head in heads.items()]
    )
    head = appends[-1].head
    connection.execute(_MOVE_HEAD, (head.position, head.hash))
