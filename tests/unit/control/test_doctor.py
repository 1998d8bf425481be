"""The checkup: what is broken is named with what to do next, and decides the exit code."""

import os
from pathlib import Path

import msgspec

from interlock.adapters.files.leadership import FileLeadership
from interlock.control.doctor import Instruments, checkup
from interlock.control.errors import NoHistory
from interlock.control.read_models import Checkup
from interlock.control.store import Store
from interlock.domain.ids import RepoId
from interlock.domain.settings import Settings
from interlock.engine.errors import PartLost, StoreRefused
from interlock.repository.ports import NotARepository, RepositoryPlace
from tests.unit.control.desks import Desk


class Wrong(Exception):
    """A settings file with faults."""


class Git:
    """A git that says what it is told to."""

    def __init__(self, found: RepositoryPlace | NotARepository, version: str = "2.39.5") -> None:
        self._found, self._version = found, version

    async def version(self) -> str:
        if not self._version:
            raise PartLost("git", "it cannot be started", "Install git")
        return self._version

    async def find(self, path: Path) -> RepositoryPlace | NotARepository:
        assert path.is_absolute()
        return self._found

    async def identify(self, place: RepositoryPlace, proposed: RepoId) -> RepoId:
        raise NotImplementedError


class Unopened:
    """A store that raises this instead of opening."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __call__(self, *, create: bool = False) -> "Unopened":
        assert not create
        return self

    async def __aenter__(self) -> Store:
        raise self._error

    async def __aexit__(self, *_: object) -> None:
        """Nothing was opened."""


def instruments(folder: Path, **changes: object) -> Instruments:
    place = RepositoryPlace(folder, folder)
    tools = Instruments(
        repositories=Git(place),
        folder=folder,
        store_folder=lambda place: place.common_dir / "interlock",
        open_store=Unopened(NoHistory("store.db", None, "solo")),
        lock_in=FileLeadership,
        read_settings=lambda _: Settings(),
        parts_of=lambda _: {},
        wrong_settings=Wrong,
    )
    return msgspec.structs.replace(tools, **changes)


def entries_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def states(found: Checkup) -> dict[str, str]:
    return {check.name: check.state for check in found.checks}


async def test_a_fresh_repository_is_in_order_and_stays_untouched(tmp_path: Path):
    found = await checkup(instruments(tmp_path))
    assert set(states(found).values()) == {"ok"}
    assert (found.ok, found.exit_code) == (True, 0)
    assert entries_of(tmp_path) == []


async def test_a_store_is_opened_and_its_holder_named(tmp_path: Path):
    desk = Desk(holder="p7")
    await desk.two_tasks()
    found = await checkup(instruments(tmp_path, open_store=desk.open))
    assert found.checks[-1].found == "7 recorded in memory; p7 acts on it"


async def test_a_store_that_others_can_read_is_a_warning(tmp_path: Path):
    (tmp_path / "interlock").mkdir(mode=0o755)
    (tmp_path / "interlock").chmod(0o755)
    found = await checkup(instruments(tmp_path))
    assert states(found)["store folder"] == "warning"
    assert (found.ok, found.exit_code) == (True, 0)


async def test_without_git_nothing_else_is_asked_of_it(tmp_path: Path):
    git = Git(RepositoryPlace(tmp_path, tmp_path), version="")
    found = await checkup(instruments(tmp_path, repositories=git))
    assert states(found)["git"] == "broken"
    assert "repository" not in states(found)
    assert found.exit_code == 3


async def test_an_old_git_is_named(tmp_path: Path):
    git = Git(RepositoryPlace(tmp_path, tmp_path), version="2.9.1")
    assert states(await checkup(instruments(tmp_path, repositories=git)))["git"] == "broken"


async def test_a_wrong_configuration_is_exit_2_and_a_lost_part_is_exit_3(tmp_path: Path):
    def wrong(_: Path) -> Settings:
        raise Wrong("interlock.toml:2: no")

    found = await checkup(instruments(tmp_path, read_settings=wrong))
    assert (found.ok, found.exit_code) == (False, 2)

    nowhere = Git(NotARepository("no repository here", "git init"))
    assert (await checkup(instruments(tmp_path, repositories=nowhere))).exit_code == 2

    async def silent() -> str:
        raise PartLost("broker (NATS)", "no answer", "Start it")

    found = await checkup(instruments(tmp_path, parts_of=lambda _: {"broker": silent}))
    assert states(found)["broker"] == "broken"
    assert found.exit_code == 3


async def test_a_store_of_another_release_is_broken(tmp_path: Path):
    found = await checkup(
        instruments(tmp_path, open_store=Unopened(StoreRefused("it has layout 9")))
    )
    assert (states(found)["store"], found.exit_code) == ("broken", 3)


async def test_bare_and_shallow_repositories_are_named(tmp_path: Path):
    for place in (
        RepositoryPlace(tmp_path, tmp_path, bare=True),
        RepositoryPlace(tmp_path, tmp_path, shallow=True),
    ):
        found = await checkup(instruments(tmp_path, repositories=Git(place)))
        assert states(found)["repository"] == "warning"


async def test_settings_without_effect_are_not_passed_over(tmp_path: Path):
    settings = Settings(path=os.fspath(tmp_path / "interlock.toml"), unused=("[sandbox]",))
    found = await checkup(instruments(tmp_path, read_settings=lambda _: settings))
    assert states(found)["interlock.toml"] == "warning"
