"""`interlock watch` on a real terminal: it redraws when something happens, and when told to."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from interlock.adapters.sqlite.log import SqliteEventLog
from interlock.adapters.sqlite.store import SqliteStore
from interlock.engine.ports import NewEvent, StreamWrite
from tests.unit.control.tales import Tale, task

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "import sys; from interlock.bootstrap import main; sys.exit(main())"
SECONDS_MAX = 15.0


class Terminal:
    """What a person at a terminal of this width sees."""

    def __init__(self, columns: int, *words: str) -> None:
        self._master, slave = pty.openpty()
        self._resize(columns)
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm-256color"}
        environment = {k: v for k, v in environment.items() if k not in ("NO_COLOR", "COLUMNS")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *words],
            env={**environment, "LC_ALL": "C.UTF-8"},
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        os.close(slave)
        self._shown = b""

    def shows(self, text: str) -> str:
        """Wait until this is on the screen; what was there before does not count again."""
        wanted = text.encode()
        while wanted not in self._shown:
            ready, _, _ = select.select([self._master], [], [], SECONDS_MAX)
            assert ready, f"{text!r} never came; shown: {self._shown[-2000:]!r}"
            self._shown += os.read(self._master, 65_536)
        before, _, self._shown = self._shown.partition(wanted)
        return before.decode(errors="replace")

    def resize(self, columns: int) -> None:
        self._resize(columns)
        self.process.send_signal(signal.SIGWINCH)

    def _resize(self, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))

    def leave(self) -> int:
        self.process.send_signal(signal.SIGINT)
        while True:  # a process that writes to a full terminal would never end
            ready, _, _ = select.select([self._master], [], [], SECONDS_MAX)
            try:
                if not ready or not os.read(self._master, 65_536):
                    break
            except OSError:
                break
        return self.process.wait(SECONDS_MAX)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._master)


@contextmanager
def watching(columns: int, store: Path) -> Iterator[Terminal]:
    terminal = Terminal(columns, "watch", "--store", str(store))
    try:
        yield terminal
    finally:
        terminal.close()


async def write(log: SqliteEventLog, tale: Tale, after: int = 0) -> None:
    for event in tale.events[after:]:
        one = StreamWrite(event.stream, None, (NewEvent(event.fact, event.actor),))
        await log.append([one], datetime.now(UTC))


@pytest.mark.timeout(60)
async def test_the_board_follows_what_another_process_writes(tmp_path: Path):
    file = tmp_path / "store.db"
    store = await SqliteStore.open(file, release="test")
    log = SqliteEventLog(store)
    try:
        tale = Tale()
        tale.joins("w1", "Team 1")
        tale.begins(task("api", "API \x1b]0;owned\x07endpoints"))
        tale.takes("w1", "api")
        tale.comes("api", 80)
        await write(log, tale)
        with watching(70, file) as terminal:
            terminal.shows("AUTONOMOUS TEAMS STATUS")
            terminal.shows("████████░░ 80%")
            written = len(tale.events)
            tale.comes("api", 90)
            await write(log, tale, written)
            between = terminal.shows("█████████░ 90%")
            assert "owned\x07" not in between
            terminal.resize(100)
            terminal.shows("═" * 98)
            assert terminal.leave() == 130
            assert terminal.process.stderr is not None
            assert terminal.process.stderr.read() == b"interlock: stopped by you\n"
    finally:
        await store.close()
