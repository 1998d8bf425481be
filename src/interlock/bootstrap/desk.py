"""The front desk of a repository, and what its doctor looks with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from interlock.control.desk import FrontDesk
    from interlock.control.doctor import Instruments, Probe
    from interlock.domain.settings import Settings, StoreSettings
    from interlock.repository.ports import RepositoryPlace, Suitability


def open_desk(store: str | None = None, folder: Path | None = None) -> FrontDesk:
    """The desk of the repository that `folder` lies in, or of one store named by its path."""
    from pathlib import Path

    from interlock import __version__
    from interlock.adapters.system.clock import SystemClock
    from interlock.adapters.system.ids import RandomIds
    from interlock.bootstrap.repository import with_repository
    from interlock.bootstrap.stores import opener_in, opener_of_file
    from interlock.control.desk import Equipment, FrontDesk

    here = (folder or Path.cwd()).absolute()
    opener = opener_in(here) if store is None else opener_of_file(Path(store))
    equipment = Equipment(
        open_store=opener,
        read_settings=lambda: _settings_near(here),
        instruments=lambda: _instruments(here),
        clock=SystemClock(),
        ids=RandomIds(),
        release=__version__,
        folder=here,
    )
    return FrontDesk(equipment if store is not None else with_repository(equipment, here))


def _settings_near(folder: Path) -> Settings:
    """The settings of the repository, or of the folder itself where there is no repository."""
    from interlock.config import FILE_NAME, read_settings

    for place in (folder, *folder.parents):
        if (place / FILE_NAME).exists() or (place / ".git").exists():
            return read_settings(place)
    return read_settings(folder)


def _instruments(folder: Path) -> Instruments:
    import shutil

    from interlock.adapters.files.leadership import FileLeadership
    from interlock.adapters.git.repositories import GitRepositories
    from interlock.bootstrap.agents import client_says, signed_in_at
    from interlock.bootstrap.site import sandboxes
    from interlock.bootstrap.stores import opener_in, store_folder_of
    from interlock.config import WrongSettings, parse_settings, read_environment, read_settings
    from interlock.control.doctor import Instruments

    return Instruments(
        repositories=GitRepositories(),
        folder=folder,
        store_folder=store_folder_of,
        open_store=opener_in(folder),
        lock_in=FileLeadership,
        read_settings=read_settings,
        parse_settings=parse_settings,
        parts_of=lambda settings: fleet_probes(settings.store),
        wrong_settings=WrongSettings,
        inspect=_inspect,
        sandboxes=sandboxes,
        find_program=shutil.which,
        environment=read_environment().variables,
        client=client_says,
        login=signed_in_at,
        hide_folders=_hide_folders,
    )


async def _inspect(place: RepositoryPlace, settings: Settings) -> Suitability:
    """In a folder that goes away again: looking leaves nothing in a repository."""
    import tempfile
    from pathlib import Path

    from interlock.adapters.git.inspector import GitInspector
    from interlock.bootstrap.site import Site

    branch = await Site(place).branch(settings.project.target)
    with tempfile.TemporaryDirectory(prefix="interlock-doctor-") as scratch:
        return await GitInspector(place, Path(scratch)).inspect(place, branch)


async def _hide_folders(place: RepositoryPlace) -> None:
    from interlock.bootstrap.site import LOGS, WORKTREES, Site

    for folder in (WORKTREES, LOGS):
        await Site(place).workspaces.hide(f"/{folder}/")


def fleet_probes(settings: StoreSettings) -> Mapping[str, Probe]:
    from interlock.bootstrap.stores import demand_fleet_packages, s3_blobs

    if settings.profile == "solo":
        return {}

    async def packages() -> str:
        demand_fleet_packages()
        return "installed"

    async def broker() -> str:
        demand_fleet_packages()
        from interlock.adapters.nats.broker import Broker

        connection = await Broker.connect([settings.nats], "interlock-doctor")
        await connection.close()
        return "it answers"

    async def blobs() -> str:
        demand_fleet_packages()
        from interlock.domain.ids import BlobId

        await s3_blobs(settings).has(BlobId("0" * 64))
        return "they can be asked"

    return {"fleet packages": packages, "broker (NATS)": broker, "blobs (S3)": blobs}
