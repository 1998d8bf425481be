"""What is special about a file: its folder, its layout, its disk, and other processes."""

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from interlock.adapters.sqlite.log import SqliteEventLog
from interlock.adapters.sqlite.schema import APPLICATION_ID, CURRENT, Schema
from interlock.adapters.sqlite.snapshots import SqliteSnapshots
from interlock.adapters.sqlite.store import SqliteStore
from interlock.engine.errors import DiskFull, PartLost, StoreRefused
from interlock.engine.ports import Snapshot
from interlock.engine.records import prepare
from interlock.testing.conformance.samples import AT, everything, reasons_of, write

SRC = Path(__file__).parents[2] / "src"


@pytest.fixture
def path(short_path: Path) -> Path:
    return short_path / "store" / "log.db"


@pytest.fixture
async def log(path: Path) -> AsyncIterator[SqliteEventLog]:
    log = await open_log(path)
    yield log
    await log.close()


async def open_log(path: Path, schema: Schema = CURRENT) -> SqliteEventLog:
    return SqliteEventLog(await SqliteStore.open(path, release="1.0", schema=schema))


def run_child(path: Path, body: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own that opens the store as `log`, says ready, and runs the body."""
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    program = f"""
import asyncio, os, resource, sys
from pathlib import Path
from interlock.adapters.sqlite.log import SqliteEventLog
from interlock.adapters.sqlite.store import SqliteStore
from interlock.engine.errors import DiskFull, PartLost
from interlock.testing.conformance.samples import AT, write

async def main():
    log = SqliteEventLog(await SqliteStore.open(Path(sys.argv[1])))
    print("ready", flush=True)
{indented}

asyncio.run(main())
"""
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )


async def line_of(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return (await asyncio.to_thread(child.stdout.readline)).strip()


async def end_of(child: "subprocess.Popen[str]") -> int:
    code = await asyncio.to_thread(child.wait, 20)
    assert child.stdout is not None
    child.stdout.close()
    return code


class TestFolder:
    async def test_folder_and_files_are_private(self, path: Path, log: SqliteEventLog) -> None:
        log.listen()
        await log.append([write("a", 0, "x")], AT)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        files = [file for file in path.parent.iterdir() if file.is_file()]
        assert {file.name for file in files} == {
            "log.db",
            "log.db-wal",
            "log.db-shm",
            "log.db.lock",
        }
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}

    async def test_a_folder_that_is_there_keeps_its_mode(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        await (await open_log(tmp_path / "log.db")).close()
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755

    async def test_a_closed_store_leaves_one_file_with_everything(self, path: Path) -> None:
        log = await open_log(path)
        log.listen()
        await log.append([write("a", 0, "x")], AT)
        await log.close()
        assert names_in(path.parent) == ["log.db", "log.db.bells", "log.db.lock"]
        assert names_in(path.parent / "log.db.bells") == []

    async def test_closing_writes_what_was_submitted(self, path: Path) -> None:
        log = await open_log(path)
        appends = [asyncio.create_task(log.append([write(f"s{n}", 0, "x")], AT)) for n in range(50)]
        await asyncio.sleep(0)
        await log.close()
        await asyncio.gather(*appends)
        again = await open_log(path)
        assert (await again.head()).position == 50
        await again.close()

    async def test_more_callers_than_the_queue_takes(self, log: SqliteEventLog) -> None:
        await asyncio.gather(*(log.append([write(f"s{n}", 0, "x")], AT) for n in range(5000)))
        assert (await log.head()).position == 5000


class TestLayout:
    async def test_the_header_says_whose_it_is(self, path: Path) -> None:
        await (await open_log(path)).close()
        header = path.read_bytes()[:100]
        assert int.from_bytes(header[68:72], "big") == APPLICATION_ID
        assert int.from_bytes(header[60:64], "big") == CURRENT.version

    async def test_an_older_store_is_migrated_with_a_copy_beside_it(self, path: Path) -> None:
        await plant_layout_zero(path)
        before = path.read_bytes()
        log = await open_log(path, FROM_ZERO)
        assert reasons_of(await everything(log)) == ["x", "y"]
        assert (await log.verify()).ok
        await log.append([write("a", 2, "z")], AT)
        await log.close()
        backup = apsw.Connection(str(path) + ".layout-0.backup", flags=apsw.SQLITE_OPEN_READONLY)
        assert backup.execute("PRAGMA user_version").fetchone() == (0,)
        assert backup.execute("SELECT count(*) FROM events").fetchone() == (2,)
        backup.close()
        assert before != path.read_bytes()

    async def test_a_migration_that_fails_changes_nothing(self, path: Path) -> None:
        await plant_layout_zero(path)
        steps = (*FROM_ZERO.migrations[0], "INSERT INTO no_such_table VALUES (1)")
        with pytest.raises(PartLost, match="no_such_table"):
            await open_log(path, Schema(1, CURRENT.create, {0: steps}))
        log = await open_log(path, FROM_ZERO)
        assert reasons_of(await everything(log)) == ["x", "y"]
        await log.close()

    async def test_an_older_store_in_use_is_left_alone(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await (user := await open_log(path)).append([write("a", 0, "x")], AT)
        monkeypatch.setattr("interlock.adapters.sqlite.schema.OPEN_SECONDS_MAX", 0.1)
        with pytest.raises(StoreRefused, match="other processes have it open"):
            await open_log(path, Schema(2, (), {1: ("CREATE TABLE later (x INTEGER)",)}))
        await user.append([write("a", 1, "y")], AT)
        await user.close()
        await (
            await open_log(path, Schema(2, (), {1: ("CREATE TABLE later (x INTEGER)",)}))
        ).close()

    async def test_without_a_way_from_an_older_layout_it_is_refused(self, path: Path) -> None:
        await plant_layout_zero(path)
        with pytest.raises(StoreRefused, match="cannot migrate from layout 0"):
            await open_log(path)

    async def test_a_newer_store_is_refused_and_names_its_release(self, path: Path) -> None:
        store = await SqliteStore.open(path, release="9.4", schema=Schema(7, CURRENT.create, {}))
        await store.close()
        with pytest.raises(StoreRefused, match=r"layout 7, written by release 9\.4.*up to 1"):
            await open_log(path)

    @pytest.mark.parametrize("content", [b"", b"hello", b"x" * 5000])
    async def test_what_is_no_database_is_refused_unchanged(
        self, tmp_path: Path, content: bytes
    ) -> None:
        path = tmp_path / "log.db"
        path.write_bytes(content)
        with pytest.raises(StoreRefused):
            await open_log(path)
        assert path.read_bytes() == content

    async def test_a_foreign_database_is_refused_unchanged(self, tmp_path: Path) -> None:
        path = tmp_path / "log.db"
        connection = apsw.Connection(str(path))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE events (x)")
        connection.close()
        before = path.read_bytes()
        with pytest.raises(StoreRefused, match="belongs to another program"):
            await open_log(path)
        assert path.read_bytes() == before

    async def test_a_log_without_its_main_file_is_not_begun_anew(self, path: Path) -> None:
        log = await open_log(path)
        await log.append([write("a", 0, "x")], AT)
        path.rename(path.with_name("away"))
        with pytest.raises(StoreRefused, match="is missing, but"):
            await open_log(path)
        path.with_name("away").rename(path)
        await log.close()

    async def test_many_may_open_at_once(self, path: Path) -> None:
        logs = await asyncio.gather(*(open_log(path) for _ in range(8)))
        await asyncio.gather(
            *(log.append([write(f"s{n}", 0, "x")], AT) for n, log in enumerate(logs))
        )
        assert (await logs[0].verify()).events == 8
        for log in logs:
            await log.close()

    async def test_many_processes_may_open_at_once(self, path: Path) -> None:
        children = [
            run_child(
                path,
                'await log.append([write(sys.argv[2], 0, "x")], AT)\nawait log.close()',
                f"s{n}",
            )
            for n in range(4)
        ]
        assert [await end_of(child) for child in children] == [0] * 4
        log = await open_log(path)
        assert (await log.verify()).events == 4
        await log.close()


class TestDisk:
    async def test_a_full_disk_stops_and_loses_nothing(self, path: Path) -> None:
        log = await open_log(path)
        limit_pages(log, 40)
        acknowledged = 0

        async def write_on() -> None:
            nonlocal acknowledged
            while True:
                await log.append([write("a", acknowledged, "x" * 3000), write("b", None, "y")], AT)
                acknowledged += 1

        with pytest.raises(DiskFull, match=r"no space left.*Free some space"):
            await write_on()
        assert acknowledged
        with pytest.raises(DiskFull):
            await log.append([write("a", acknowledged, "x")], AT)
        assert (await log.head()).position == 2 * acknowledged
        await log.close()
        again = await open_log(path)
        assert (await again.verify()).events == 2 * acknowledged
        await again.append([write("a", acknowledged, "there is room again")], AT)
        await again.close()

    async def test_a_failed_batch_leaves_nothing_in_the_writers_memory(self, path: Path) -> None:
        log = await open_log(path)
        committer = log._store.writer._committer
        limit_pages(log, 20)
        with pytest.raises(DiskFull):
            committer.append([prepare([write("a", 0, "x" * 100_000)], AT)])
        limit_pages(log, 1000)
        committer.append([prepare([write("a", 0, "y")], AT)])
        assert reasons_of(await everything(log)) == ["y"]
        assert (await log.verify()).ok
        await log.close()

    async def test_every_append_of_a_failed_batch_fails(self, path: Path) -> None:
        log = await open_log(path)
        limit_pages(log, 40)
        outcomes = await asyncio.gather(
            *(log.append([write(f"s{n}", 0, "x" * 20_000)], AT) for n in range(20)),
            return_exceptions=True,
        )
        assert all(isinstance(outcome, DiskFull) for outcome in outcomes)
        assert (await log.head()).position == 0
        await log.close()

    async def test_a_file_size_limit_is_a_full_disk(self, path: Path) -> None:
        child = run_child(path, LIMITED_WRITER)
        assert await line_of(child) == "ready"
        acknowledged = int(await line_of(child))
        assert await end_of(child) == 0
        assert acknowledged
        log = await open_log(path)
        assert (await log.verify()).events == acknowledged
        await log.append([write("a", acknowledged, "there is room again")], AT)
        await log.close()

    @pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
    async def test_a_file_that_vanished_is_noticed(
        self, path: Path, log: SqliteEventLog, suffix: str
    ) -> None:
        await log.append([write("a", 0, "x")], AT)
        path.with_name(path.name + suffix).unlink()
        with pytest.raises(PartLost, match=r"removed or replaced.*put the file back"):
            await log.append([write("a", 1, "y")], AT)
        with pytest.raises(PartLost, match="removed or replaced"):
            await log.read(0)

    async def test_who_listens_hears_that_the_file_vanished(
        self, path: Path, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("interlock.adapters.sqlite.bells.LOOK_SECONDS", 0.05)
        bell = log.listen()
        path.unlink()
        with pytest.raises(PartLost, match="removed or replaced"):
            await bell.rung(5)

    async def test_a_damaged_file_says_restore(self, path: Path) -> None:
        log = await open_log(path)
        for number in range(50):
            await log.append([write("a", number, "x" * 1000)], AT)
        await log.close()
        with path.open("r+b") as file:
            file.seek(3 * 4096)
            file.write(b"\xff" * 20 * 4096)
        with pytest.raises(PartLost, match=r"damaged.*Restore it from a backup"):
            await (log := await open_log(path)).verify()
        await log.close()

    async def test_a_lock_kept_too_long_is_told_and_the_next_try_works(
        self, path: Path, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("interlock.adapters.sqlite.connection.BUSY_SECONDS_MAX", 0.1)
        other = apsw.Connection(str(path))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(PartLost, match="another process has kept"):
            await log.append([write("a", 0, "x")], AT)
        other.execute("ROLLBACK")
        other.close()
        await log.append([write("a", 0, "x")], AT)

    async def test_a_defect_in_the_writer_strands_nobody(self, log: SqliteEventLog) -> None:
        def fail(connection: apsw.Connection) -> None:
            raise ZeroDivisionError

        with pytest.raises(PartLost, match="ZeroDivisionError"):
            await log._store.writer.change(fail)
        with pytest.raises(PartLost, match="ZeroDivisionError"):
            await log.append([write("a", 0, "x")], AT)

    async def test_what_was_acknowledged_survives_a_kill(self, path: Path) -> None:
        child = run_child(path, ENDLESS_WRITER)
        assert await line_of(child) == "ready"
        acknowledged = [await line_of(child) for _ in range(30)]
        child.kill()
        await end_of(child)
        log = await open_log(path)
        assert reasons_of(await everything(log))[:30] == acknowledged
        assert (await log.verify()).ok
        await log.close()


class TestOtherProcesses:
    async def test_a_writer_elsewhere_wakes_a_listener_here_at_once(
        self, path: Path, log: SqliteEventLog
    ) -> None:
        await self._is_woken_soon(path, log)

    async def test_so_it_does_in_a_folder_too_deep_for_sockets(self, tmp_path: Path) -> None:
        path = tmp_path / ("deep" * 20) / ("deeper" * 20) / "log.db"
        path.parent.parent.mkdir()
        log = await open_log(path)
        await self._is_woken_soon(path, log)
        folder = log._store._belfry._folder
        assert folder.parent != path.parent
        await log.close()
        folder.rmdir()

    async def test_a_listener_that_died_is_forgotten(self, path: Path, log: SqliteEventLog) -> None:
        bells = path.parent / "log.db.bells"
        child = run_child(
            path, "log.listen()\nprint('listening', flush=True)\nawait asyncio.sleep(60)"
        )
        assert [await line_of(child), await line_of(child)] == ["ready", "listening"]
        assert len(names_in(bells)) == 1
        child.kill()
        await end_of(child)
        await log.append([write("a", 0, "x")], AT)
        for _ in range(100):  # the bells are rung just after the append was acknowledged
            if not names_in(bells):
                break
            await asyncio.sleep(0.01)
        assert names_in(bells) == []

    async def test_without_sockets_the_slow_look_finds_it(
        self, path: Path, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("interlock.adapters.sqlite.bells.LOOK_SECONDS", 0.05)
        path.parent.joinpath("log.db.bells").write_text("no folder")
        other = await open_log(path)
        bell = other.listen()
        await log.append([write("a", 0, "x")], AT)
        assert await bell.rung(5)
        await other.close()

    async def test_processes_write_one_history(self, path: Path, log: SqliteEventLog) -> None:
        body = (
            "for n in range(40):\n"
            "    await log.append([write(sys.argv[2], n, 'x'), write('shared', None, 'y')], AT)\n"
            "await log.close()"
        )
        children = [run_child(path, body, f"child-{n}") for n in range(2)]
        for number in range(40):
            await log.append([write("mine", number, "x")], AT)
        assert [await end_of(child) for child in children] == [0, 0]
        verification = await log.verify()
        assert (verification.ok, verification.events) == (True, 200)
        assert len(await log.read_stream("shared")) == 80

    async def _is_woken_soon(self, path: Path, log: SqliteEventLog) -> None:
        loop = asyncio.get_running_loop()
        bell = log.listen()
        child = run_child(path, TELLING_WRITER)
        assert await line_of(child) == "ready"
        delays = []
        for _ in range(10):
            assert await bell.rung(5)
            woken = loop.time()
            delays.append(woken - float(await line_of(child)))
        assert await end_of(child) == 0
        assert sorted(delays)[5] < 0.05, delays


class TestSnapshots:
    async def test_survive_reopening_beside_the_log(self, path: Path) -> None:
        store = await SqliteStore.open(path)
        await SqliteSnapshots(store).save("board", Snapshot(3, "f", b"x"))
        await store.close()
        store = await SqliteStore.open(path)
        assert await SqliteSnapshots(store).load("board") == Snapshot(3, "f", b"x")
        with pytest.raises(ValueError, match="no time zone"):
            await SqliteEventLog(store).append([write("a", 0, "x")], AT.replace(tzinfo=None))
        await store.close()


FROM_ZERO = Schema(1, CURRENT.create, {0: (CURRENT.create[-2],)})
"""Today's layout, with a way from a planted older one that had no snapshots."""

LIMITED_WRITER = """
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
n = 0
try:
    while True:
        await log.append([write("a", n, "x" * 3000)], AT)
        n += 1
except DiskFull:
    print(n, flush=True)
os._exit(0)
"""

ENDLESS_WRITER = """
for n in range(100_000):
    await log.append([write("a", n, str(n))], AT)
    print(n, flush=True)
"""

TELLING_WRITER = """
for n in range(10):
    await asyncio.sleep(0.03)
    await log.append([write("a", n, "x")], AT)
    print(asyncio.get_running_loop().time(), flush=True)
await log.close()
"""


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def plant_layout_zero(path: Path) -> None:
    log = await open_log(path)
    await log.append([write("a", 0, "x", "y")], AT)
    await log.close()
    connection = apsw.Connection(str(path))
    connection.execute("DROP TABLE snapshots")
    connection.execute("PRAGMA user_version = 0")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def limit_pages(log: SqliteEventLog, pages: int) -> None:
    """SQLite's own idea of a full disk; the writer is idle, so its connection may be asked."""
    log._store.writer._committer._connection.execute(f"PRAGMA max_page_count = {pages}")
