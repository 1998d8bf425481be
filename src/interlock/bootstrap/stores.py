"""Where histories are kept: SQLite beside the repository, or the parts of a fleet."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from interlock.control.store import Store, StoreOpener
    from interlock.domain.ids import RepoId
    from interlock.domain.settings import StoreSettings
    from interlock.engine.ports import Blobs
    from interlock.repository.ports import RepositoryPlace

STORE_FOLDER: Final = "interlock"
STORE_FILE: Final = "store.db"
BLOBS_FOLDER: Final = "blobs"


def store_folder_of(place: RepositoryPlace) -> Path:
    """Under the common git directory: linked worktrees share it, `git clean` leaves it alone."""
    return place.common_dir / STORE_FOLDER


def opener_in(folder: Path) -> StoreOpener:
    """Opens the store that the settings of this folder's repository name."""

    @asynccontextmanager
    async def opened(*, create: bool = False) -> AsyncIterator[Store]:
        from interlock.adapters.git.repositories import GitRepositories
        from interlock.config import WrongSettings, read_settings
        from interlock.control.errors import WrongUsage
        from interlock.domain.settings import StoreSettings
        from interlock.repository.ports import NotARepository

        found = await GitRepositories().find(folder)
        if isinstance(found, NotARepository):
            raise WrongUsage(f"{found.why}. {found.mend}")
        try:
            settings = read_settings(found.root).store
        except WrongSettings:
            # Who wants to stop what runs must not have to mend a file first.
            if not _is_surely_solo(found):
                raise
            settings = StoreSettings()
        solo = settings.profile == "solo"
        opening = _solo(found, create) if solo else _fleet(found, settings, create)
        async with opening as store:
            yield store

    return opened


def _is_surely_solo(place: RepositoryPlace) -> bool:
    """The history lies here, and the file cannot name the other profile without this word."""
    from interlock.config import FILE_NAME

    here = (store_folder_of(place) / STORE_FILE).is_file()
    return here and b"fleet" not in (place.root / FILE_NAME).read_bytes()


def opener_of_file(path: Path) -> StoreOpener:
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
            async with sqlite_store(file.absolute(), None, None) as store:
                yield store
        except StoreRefused as refused:
            raise WrongUsage(str(refused)) from refused

    return opened


@asynccontextmanager
async def _solo(place: RepositoryPlace, create: bool) -> AsyncIterator[Store]:
    from interlock.control.errors import NoHistory

    file = store_folder_of(place) / STORE_FILE
    if not create and not file.exists():
        raise NoHistory(str(file), str(place.root), "solo")
    repo_id = await identity_of(place) if create else place.repo_id
    async with sqlite_store(file, str(place.root), repo_id) as store:
        yield store


async def identity_of(place: RepositoryPlace) -> RepoId:
    from interlock.adapters.git.repositories import GitRepositories
    from interlock.adapters.system.ids import RandomIds
    from interlock.domain.ids import RepoId

    return await GitRepositories().identify(place, RepoId(RandomIds().new("repo-")))


@asynccontextmanager
async def sqlite_store(
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

    demand_fleet_packages()
    if place.repo_id is None and not create:
        raise NoHistory("the schema of this repository", str(place.root), "fleet")
    from interlock.adapters.postgres.leadership import PostgresLeadership
    from interlock.adapters.postgres.log import PostgresEventLog
    from interlock.adapters.postgres.snapshots import PostgresSnapshots

    repo_id = await identity_of(place)
    schema = schema_of(repo_id)
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
            open_blobs=lambda: s3_blobs(settings),
        )


def schema_of(repo_id: RepoId) -> str:
    return "interlock_" + repo_id.replace("-", "_")


def s3_blobs(settings: StoreSettings) -> Blobs:
    from interlock.adapters.s3.blobs import S3Blobs
    from interlock.adapters.s3.place import InvalidPlace, parse_place
    from interlock.config import read_environment
    from interlock.control.errors import WrongUsage

    try:
        place = parse_place(settings.blobs)
        if not (place.hosts_credentials or "AWS_ACCESS_KEY_ID" in read_environment().variables):
            raise WrongUsage(
                "there are no keys for the blobs: set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or add credentials=host to [store] blobs where the "
                "machine's own role has the right to them"
            )
        return S3Blobs.connect(place)
    except InvalidPlace as wrong:
        raise WrongUsage(f"interlock.toml, [store] blobs: {wrong}") from wrong


def demand_fleet_packages() -> None:
    """Say what to install before an import fails half way."""
    from importlib.util import find_spec

    from interlock.control.errors import WrongUsage

    missing = [name for name in ("psycopg", "nats", "obstore") if find_spec(name) is None]
    if missing:
        raise WrongUsage(
            f"the fleet profile needs {', '.join(missing)}, which is not installed: "
            "pip install 'interlock[fleet]'"
        )
