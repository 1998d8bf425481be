"""What the doctor and `init` look with, all of it arranged: git, stores, boxes, programs."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from interlock.adapters.files.leadership import FileLeadership
from interlock.config import parse_settings
from interlock.control.errors import NoHistory
from interlock.control.instruments import Instruments
from interlock.control.store import Store
from interlock.domain.ids import RepoId
from interlock.domain.settings import AgentProfile, BoxName, Limits, Settings
from interlock.engine.errors import PartLost
from interlock.repository.ports import NotARepository, RepositoryPlace, Suitability
from interlock.sandbox.ports import BoxEnded, BoxOrder, BoxRefused, Promises


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


class FakeBox:
    """A box whose program has ended already, with this output and this code."""

    def __init__(self, said: bytes, code: int) -> None:
        self._said, self._code = said, code

    async def feed(self, data: bytes) -> None:
        raise NotImplementedError

    async def close_stdin(self) -> None:
        """Nobody listens."""

    async def output(self) -> AsyncIterator[bytes]:
        yield self._said

    def complaints(self) -> bytes:
        return b"it did not work\n" if self._code else b""

    async def freeze(self) -> None:
        raise NotImplementedError

    async def thaw(self) -> None:
        raise NotImplementedError

    async def kill(self) -> None:
        """It has ended."""

    async def wait(self) -> BoxEnded:
        return BoxEnded(self._code)


@dataclass
class FakeBoxes:
    """A kind of box in which these programs are found; `works` are argvs that end with 0."""

    name: BoxName
    has: tuple[str, ...] = ()
    works: tuple[tuple[str, ...], ...] = ()
    refuses: str = ""
    refuses_orders: str = ""
    lacks: tuple[str, ...] = ()
    code: int = 0
    orders: list[BoxOrder] = field(default_factory=list)

    async def probe(self) -> Promises:
        if self.refuses:
            raise BoxRefused(self.refuses)
        return Promises(True, True, True, True, True, True, self.lacks)

    async def start(self, order: BoxOrder) -> FakeBox:
        self.orders.append(order)
        if self.refuses_orders:
            raise BoxRefused(self.refuses_orders)
        if order.argv[0] == "sh":
            missing = [program for program in order.argv[4:] if program not in self.has]
            return FakeBox("".join(f"{name}\n" for name in missing).encode(), self.code)
        return FakeBox(b"", 0 if order.argv in self.works else 1)


async def suitable(place: RepositoryPlace, settings: Settings) -> Suitability:
    return Suitability()


async def says_its_version(profile: AgentProfile, environment: Mapping[str, str]) -> str:
    return f"{profile.backend} 1.2.3"


async def hide_nothing(place: RepositoryPlace) -> None:
    """The person's settings of git stay as they are."""


def instruments(folder: Path, **changes: object) -> Instruments:
    tools = Instruments(
        repositories=Git(RepositoryPlace(folder, folder)),
        folder=folder,
        store_folder=lambda place: place.common_dir / "interlock",
        open_store=Unopened(NoHistory("store.db", None, "solo")),
        lock_in=FileLeadership,
        read_settings=lambda _: Settings(limits=Limits(disk_bytes=1)),
        parse_settings=parse_settings,
        parts_of=lambda _: {},
        wrong_settings=Wrong,
        inspect=suitable,
        sandboxes=lambda: (FakeBoxes("bubblewrap"),),
        find_program=lambda _: None,
        environment={"HOME": str(folder), "PATH": "/usr/bin"},
        client=says_its_version,
        login=lambda profile, _: f"/home/ada/.{profile.backend}",
        hide_folders=hide_nothing,
    )
    return msgspec.structs.replace(tools, **changes)
