"""The book in a file keeps the contract of books, and survives whatever happens to its writers."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest
import pytest_asyncio

from interlock.adapters.sqlite.ledger import PART, SqliteLedger
from interlock.domain.usage import Usage
from interlock.engine.errors import PartLost, StoreRefused
from interlock.engine.ports import Clock
from interlock.testing.conformance.ledgers import CHARGE, FREE, USED, WORST, DayClock, LedgerSuite
from interlock.workers.models.ports import Caps

WRITER = """
import asyncio, sys
from pathlib import Path
from interlock.adapters.sqlite.ledger import SqliteLedger
from interlock.testing.conformance.ledgers import CHARGE, WORST, DayClock
from interlock.workers.models.ports import Caps

async def main(path, name, count):
    ledger = await SqliteLedger.open(Path(path), DayClock())
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        over = await ledger.reserve(f"{name}/{number}", CHARGE, WORST, Caps(tokens_per_task=5000))
        print("over" if over else "sent", flush=True)
    sys.stdin.readline()

asyncio.run(main(*sys.argv[1:]))
"""


class LedgersInFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: list[SqliteLedger] = []

    async def open(self, clock: Clock) -> SqliteLedger:
        self._opened.append(await SqliteLedger.open(self.path, clock))
        return self._opened[-1]

    async def close(self) -> None:
        for ledger in self._opened:
            await ledger.close()


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[LedgersInFile]:
    house = LedgersInFile(tmp_path / "store" / "models.db")
    yield house
    await house.close()


class TestSqliteLedger(LedgerSuite):
    """In one file, opened several times."""


async def writer(path: Path, name: str, count: int) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(path), name, str(count),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def said(process: asyncio.subprocess.Process, lines: int) -> list[bytes]:
    assert process.stdout is not None
    return [await process.stdout.readline() for _ in range(lines)]


def go(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"go\n")


async def test_a_cap_holds_across_processes(house: LedgersInFile) -> None:
    processes = [await writer(house.path, name, 30) for name in "abc"]
    for process in processes:
        go(process)
    answers = [await said(process, 30) for process in processes]
    for process in processes:
        go(process)
        await process.wait()
    assert sum(each.count(b"sent\n") for each in answers) == 50
    ledger = await house.open(DayClock())
    assert (await ledger.of_attempt("lease")).unknown_tokens == 5000


async def test_what_a_killed_writer_had_set_aside_stays_until_it_is_settled(
    house: LedgersInFile,
) -> None:
    process = await writer(house.path, "a", 3)
    go(process)
    assert await said(process, 3) == [b"sent\n"] * 3
    process.send_signal(signal.SIGKILL)
    await process.wait()
    ledger = await house.open(DayClock())
    found = await ledger.of_attempt("lease")
    assert (found.requests, found.unknown_tokens, found.unknown_usd) == (3, 300, 3.0)
    over = await ledger.reserve("b", CHARGE, WORST, Caps(tokens_per_task=350))
    assert over is not None
    await ledger.settle("a/0", USED)
    assert (await ledger.of_attempt("lease")).unknown_tokens == 200


async def test_it_is_still_there_when_it_is_opened_again(house: LedgersInFile) -> None:
    ledger = await house.open(DayClock())
    await ledger.reserve("a", CHARGE, WORST, FREE)
    await ledger.settle("a", USED)
    await ledger.close()
    await ledger.close()
    again = await house.open(DayClock())
    assert await again.of_attempt("lease") == USED


async def test_only_its_owner_can_read_it(house: LedgersInFile) -> None:
    await house.open(DayClock())
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (house.path, house.path.parent)]
    assert modes == [0o600, 0o700]


async def test_a_file_that_was_taken_away_is_told(house: LedgersInFile) -> None:
    ledger = await house.open(DayClock())
    house.path.unlink()
    with pytest.raises(PartLost, match="ledger of model use") as told:
        await ledger.reserve("a", CHARGE, WORST, FREE)
    assert told.value.part == PART


async def test_a_file_of_somebody_else_is_refused(house: LedgersInFile) -> None:
    house.path.parent.mkdir(mode=0o700)
    apsw.Connection(str(house.path)).execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreRefused, match="another program"):
        await house.open(DayClock())


async def test_closing_writes_what_was_asked_for(house: LedgersInFile) -> None:
    ledger = await house.open(DayClock())
    await ledger.reserve("a", CHARGE, WORST, FREE)
    await ledger.reserve("b", CHARGE, WORST, FREE)
    settling = []
    for name in "ab":
        used = Usage(1, 7, cost_usd=0.1)
        settling.append(asyncio.create_task(ledger.settle(name, used)))
        await asyncio.sleep(0)  # the first is being written, the second has to wait for it
    await ledger.close()
    await asyncio.wait(settling)
    again = await house.open(DayClock())
    assert (await again.of_attempt("lease")).input_tokens == 14
