"""The only place where ports meet adapters, and the console script.

Nothing heavy is imported before a command needs it: `interlock --help` must answer at once.
"""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from interlock.interfaces.cli.doors import Demo, Doors
from interlock.interfaces.cli.main import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from interlock.control.desk import FrontDesk
    from interlock.control.doctor import Instruments, Probe
    from interlock.control.store import Store, StoreOpener
    from interlock.demo.props import Kept, Props, World
    from interlock.domain.actor import Actor
    from interlock.domain.ids import RepoId
    from interlock.domain.settings import Settings, StoreSettings
    from interlock.engine.ports import Blobs
    from interlock.repository.ports import RepositoryPlace

STORE_FOLDER: Final = "interlock"
STORE_FILE: Final = "store.db"
BLOBS_FOLDER: Final = "blobs"
PRETEND_HEARTBEAT_SECONDS: Final = 120.0

_FAILED, _WRONG, _OUT_OF_ORDER, _STOPPED = 1, 2, 3, 130


# --- the console script ---------------------------------------------------------------------------


def main(words: Sequence[str] | None = None) -> int:
    """What the `interlock` command runs; each outcome is an exit code and perhaps a sentence."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters
    try:
        code = run(sys.argv[1:] if words is None else words, Doors(open_desk, show_demo, colour))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print_sentence("stopped by you")
        return _STOPPED
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:  # noqa: BLE001 - the last line of defence: a sentence, no traceback
        return explain(error)
    return code


def _reader_left() -> int:
    """Whoever read our output has seen enough; Python must not complain about it at exit."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def explain(error: Exception) -> int:
    """A sentence for the person, and the exit code that fits."""
    from interlock.config import WrongSettings, read_environment
    from interlock.control.errors import DeskError
    from interlock.engine.errors import EngineError

    if read_environment().trace:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, DeskError | WrongSettings):
        print_sentence(str(error))
        return _WRONG
    if isinstance(error, EngineError):
        print_sentence(str(error))
        return _OUT_OF_ORDER
    if isinstance(error, OSError):
        print_sentence(f"the system refused: {error}. Look at the disk and at its permissions")
        return _OUT_OF_ORDER
    print_sentence(
        f"a fault in Interlock itself: {type(error).__name__}: {error}. Nothing recorded is lost; "
        "the same command with INTERLOCK_TRACE=1 shows where it happened"
    )
    return _FAILED


def print_sentence(text: str) -> None:
    lines = text.splitlines() or [""]
    safe = ("".join(letter if letter.isprintable() else " " for letter in line) for line in lines)
    sys.stderr.write("interlock: " + "\n           ".join(safe) + "\n")


def colour() -> bool:
    from interlock.config import read_environment

    return read_environment().colour


def person() -> Actor:
    """Who sits at the terminal, as the operating system knows them."""
    import os
    import pwd

    from interlock.domain.actor import Actor

    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid-{uid}"
    return Actor("person", name, "cli")


# --- the front desk -------------------------------------------------------------------------------


def open_desk(store: str | None = None, folder: Path | None = None) -> FrontDesk:
    """The desk of the repository that `folder` lies in, or of one store named by its path."""
    from pathlib import Path

    from interlock.adapters.system.clock import SystemClock
    from interlock.adapters.system.ids import RandomIds
    from interlock.control.desk import Equipment, FrontDesk

    here = (folder or Path.cwd()).absolute()
    opener = _opener_in(here) if store is None else _opener_of_file(Path(store))
    return FrontDesk(
        Equipment(
            open_store=opener,
            read_settings=lambda: _settings_near(here),
            instruments=lambda: _instruments(here),
            clock=SystemClock(),
            ids=RandomIds(),
        )
    )


def _settings_near(folder: Path) -> Settings:
    """The settings of the repository, or of the folder itself where there is no repository."""
    import asyncio

    from interlock.adapters.git.repositories import GitRepositories
    from interlock.config import read_settings
    from interlock.repository.ports import RepositoryPlace

    found = asyncio.run(GitRepositories().find(folder))
    return read_settings(found.root if isinstance(found, RepositoryPlace) else folder)


def _instruments(folder: Path) -> Instruments:
    from interlock.adapters.files.leadership import FileLeadership
    from interlock.adapters.git.repositories import GitRepositories
    from interlock.config import WrongSettings, read_settings
    from interlock.control.doctor import Instruments

    return Instruments(
        repositories=GitRepositories(),
        folder=folder,
        store_folder=_store_folder,
        open_store=_opener_in(folder),
        lock_in=FileLeadership,
        read_settings=read_settings,
        parts_of=lambda settings: _fleet_probes(settings.store),
        wrong_settings=WrongSettings,
    )


# --- stores ---------------------------------------------------------------------------------------


def _store_folder(place: RepositoryPlace) -> Path:
    """Under the common git directory: linked worktrees share it, `git clean` leaves it alone."""
    return place.common_dir / STORE_FOLDER


def _opener_in(folder: Path) -> StoreOpener:
    """Opens the store that the settings of this folder's repository name."""

    @asynccontextmanager
    async def opened(*, create: bool = False) -> AsyncIterator[Store]:
        from interlock.adapters.git.repositories import GitRepositories
        from interlock.config import read_settings
        from interlock.control.errors import WrongUsage
        from interlock.repository.ports import NotARepository

        found = await GitRepositories().find(folder)
        if isinstance(found, NotARepository):
            raise WrongUsage(f"{found.why}. {found.mend}")
        settings = read_settings(found.root).store
        solo = settings.profile == "solo"
        opening = _solo(found, create) if solo else _fleet(found, settings, create)
        async with opening as store:
            yield store

    return opened


def _opener_of_file(path: Path) -> StoreOpener:
    """Opens a store by its path, wherever it lies; it is never made."""
    import asyncio

    from interlock.control.errors import WrongUsage
    from interlock.engine.errors import StoreRefused

    file = path / STORE_FILE if path.is_dir() else path

    @asynccontextmanager
    async def opened(*, create: bool = False) -> AsyncIterator[Store]:
        if create or not await asyncio.to_thread(file.is_file):
            raise WrongUsage(f"there is no store at {file}: check the path")
        try:
            async with _sqlite(file.absolute(), None, None) as store:
                yield store
        except StoreRefused as refused:
            raise WrongUsage(str(refused)) from refused

    return opened


@asynccontextmanager
async def _solo(place: RepositoryPlace, create: bool) -> AsyncIterator[Store]:
    from interlock.control.errors import NoHistory

    file = _store_folder(place) / STORE_FILE
    if not create and not file.exists():
        raise NoHistory(str(file), str(place.root), "solo")
    repo_id = await _identity(place) if create else place.repo_id
    async with _sqlite(file, str(place.root), repo_id) as store:
        yield store


async def _identity(place: RepositoryPlace) -> RepoId:
    from interlock.adapters.git.repositories import GitRepositories
    from interlock.adapters.system.ids import RandomIds
    from interlock.domain.ids import RepoId

    return await GitRepositories().identify(place, RepoId(RandomIds().new("repo-")))


@asynccontextmanager
async def _sqlite(
    file: Path, repository: str | None, repo_id: RepoId | None
) -> AsyncIterator[Store]:
    from interlock import __version__
    from interlock.adapters.files.blobs import FileBlobs
    from interlock.adapters.files.leadership import FileLeadership
    from interlock.adapters.sqlite.log import SqliteEventLog
    from interlock.adapters.sqlite.snapshots import SqliteSnapshots
    from interlock.adapters.sqlite.store import SqliteStore
    from interlock.control.store import Store

    opened = await SqliteStore.open(file, release=__version__)
    try:
        yield Store(
            where=str(file),
            profile="solo",
            repository=repository,
            repo_id=repo_id,
            log=SqliteEventLog(opened),
            snapshots=SqliteSnapshots(opened),
            leadership=FileLeadership(file.parent),
            open_blobs=lambda: FileBlobs(file.parent / BLOBS_FOLDER),
        )
    finally:
        await opened.close()


@asynccontextmanager
async def _fleet(
    place: RepositoryPlace, settings: StoreSettings, create: bool
) -> AsyncIterator[Store]:
    """The database holds a schema per repository; without an identity there cannot be one yet."""
    from interlock.control.errors import NoHistory
    from interlock.control.store import Store

    _demand_fleet_packages()
    if place.repo_id is None and not create:
        raise NoHistory("the schema of this repository", str(place.root), "fleet")
    from interlock.adapters.postgres.leadership import PostgresLeadership
    from interlock.adapters.postgres.log import PostgresEventLog
    from interlock.adapters.postgres.snapshots import PostgresSnapshots

    repo_id = await _identity(place)
    schema = _schema_of(repo_id)
    async with AsyncExitStack() as stack:
        log = await PostgresEventLog.connect(settings.postgres, schema)
        stack.push_async_callback(log.close)
        snapshots = await PostgresSnapshots.connect(settings.postgres, schema)
        stack.push_async_callback(snapshots.close)
        leadership = await PostgresLeadership.connect(settings.postgres, schema)
        stack.push_async_callback(leadership.close)
        yield Store(
            where=f"PostgreSQL, schema {schema}",
            profile="fleet",
            repository=str(place.root),
            repo_id=repo_id,
            log=log,
            snapshots=snapshots,
            leadership=leadership,
            open_blobs=lambda: _s3_blobs(settings),
        )


def _schema_of(repo_id: RepoId) -> str:
    return "interlock_" + repo_id.replace("-", "_")


def _s3_blobs(settings: StoreSettings) -> Blobs:
    from interlock.adapters.s3.blobs import S3Blobs
    from interlock.adapters.s3.place import InvalidPlace, parse_place
    from interlock.control.errors import WrongUsage

    try:
        return S3Blobs.connect(parse_place(settings.blobs))
    except InvalidPlace as wrong:
        raise WrongUsage(f"interlock.toml, [store] blobs: {wrong}") from wrong


def _demand_fleet_packages() -> None:
    """Say what to install before an import fails half way."""
    from importlib.util import find_spec

    from interlock.control.errors import WrongUsage

    missing = [name for name in ("psycopg", "nats", "obstore") if find_spec(name) is None]
    if missing:
        raise WrongUsage(
            f"the fleet profile needs {', '.join(missing)}, which is not installed: "
            "pip install 'interlock[fleet]'"
        )


# --- what the doctor tries ------------------------------------------------------------------------


def _fleet_probes(settings: StoreSettings) -> Mapping[str, Probe]:
    if settings.profile == "solo":
        return {}

    async def packages() -> str:
        _demand_fleet_packages()
        return "installed"

    async def broker() -> str:
        _demand_fleet_packages()
        from interlock.adapters.nats.broker import Broker

        connection = await Broker.connect([settings.nats], "interlock-doctor")
        await connection.close()
        return "it answers"

    async def blobs() -> str:
        _demand_fleet_packages()
        from interlock.domain.ids import BlobId

        await _s3_blobs(settings).has(BlobId("0" * 64))
        return "they can be asked"

    return {"fleet packages": packages, "broker (NATS)": broker, "blobs (S3)": blobs}


# --- the demo -------------------------------------------------------------------------------------


def show_demo(wishes: Demo) -> int:
    from interlock.demo.main import play_demo

    return play_demo(_props(), fast=wishes.fast, as_json=wishes.json)


def _props() -> Props:
    from interlock.adapters.pretend.loop import rehearse
    from interlock.adapters.system.clock import pause
    from interlock.demo.props import Props

    return Props(rehearse=rehearse, new_world=_pretend_world, pause=pause, open_kept=_kept_store)


def _pretend_world() -> World:
    """A world without threads, files or real time; workers need what the plan estimates."""
    from interlock.adapters.memory.blobs import MemoryBlobs
    from interlock.adapters.memory.log import MemoryEventLog
    from interlock.adapters.memory.snapshots import MemorySnapshots
    from interlock.adapters.memory.store import MemoryStore
    from interlock.adapters.pretend.clock import PretendClock
    from interlock.adapters.pretend.ids import PretendIds
    from interlock.adapters.pretend.network import PretendNetwork
    from interlock.adapters.pretend.worker import Performance, PretendWorker, Profile
    from interlock.adapters.pretend.world import PretendWorld, Target
    from interlock.demo.props import World
    from interlock.domain.ids import WorkerId
    from interlock.engine.dispatch import Job
    from interlock.flows.run.news import Ports

    store, clock, ids, network = MemoryStore(), PretendClock(), PretendIds(), PretendNetwork()
    acts = PretendWorld(Target(), clock)

    def new_life() -> Ports:
        log, snapshots = MemoryEventLog(store), MemorySnapshots(store)
        return Ports(log, snapshots, MemoryBlobs(store), network.plane_end(), acts, clock)

    def perform(job: Job) -> Performance:
        return Performance(60 * (job.planned.estimate_minutes or 1.0), summary="simulated")

    async def work_as(agent: str) -> None:
        profile = Profile(WorkerId(agent), agent, heartbeat_seconds=PRETEND_HEARTBEAT_SECONDS)
        await PretendWorker(profile, network.worker_end(WorkerId(agent)), clock, ids, perform).run()

    return World(clock, ids, MemoryEventLog(store), MemoryBlobs(store), new_life, work_as)


@asynccontextmanager
async def _kept_store() -> AsyncIterator[Kept]:
    """A real store in a temporary folder that stays, for the person to look at."""
    import tempfile
    from pathlib import Path

    from interlock.demo.props import Kept

    folder = Path(tempfile.mkdtemp(prefix="interlock-demo-"))
    async with _sqlite(folder / STORE_FILE, None, None) as store:
        yield Kept(folder, store.log, store.open_blobs())
