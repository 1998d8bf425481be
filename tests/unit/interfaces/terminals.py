"""The command line with a town behind it: words in; exit code, output and complaints out."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from interlock.control.errors import NoHistory
from interlock.interfaces.cli.doors import Doors, WorkerWish
from interlock.interfaces.cli.main import run
from tests.unit.control.counters import Town
from tests.unit.control.desks import PERSON


@dataclass
class Said:
    """How one command ended."""

    code: int
    out: str
    err: str


class Terminal:
    """A person who types commands; what workers they wish for is written down."""

    def __init__(self, capsys: pytest.CaptureFixture[str], town: Town | None = None) -> None:
        self.town = town or Town()
        self.wishes: list[object] = []
        self._capsys = capsys

    def type(self, *words: str) -> Said:
        self._capsys.readouterr()
        doors = Doors(
            self._desk,  # type: ignore[arg-type]
            lambda _: 0,
            lambda: False,
            person=lambda: PERSON,
            run_worker=self._run_worker,
            spawn_workers=self._noted,
            stop_worker=self._noted,
        )
        code = run(words, doors)
        output = self._capsys.readouterr()
        return Said(code, output.out, output.err)

    def _desk(self, _: str | None) -> "Terminal":
        return self

    def counter(self, actor: object):
        return self.town.counter(actor)  # type: ignore[arg-type]

    def _run_worker(self, wish: WorkerWish) -> int:
        self.wishes.append(wish)
        return 0

    def _noted(self, wish: object) -> int:
        self.wishes.append(wish)
        return 0


class NothingHere(Town):
    """A repository in which nothing ever ran."""

    def counter(self, _: object = PERSON) -> object:
        none = NoHistory("/x/store.db", "/x", "solo")

        class Nobody:
            def __getattr__(self, name: str):
                async def ask(*_: object, **__: object) -> None:
                    raise none

                return ask

        return Nobody()


def arranged(story: Callable[[Town], Awaitable[None]]) -> Town:
    """A town with a past: `story(town)` is awaited before anybody types."""
    town = Town()
    asyncio.run(_told(story, town))
    return town


async def _told(story: Callable[[Town], Awaitable[None]], town: Town) -> None:
    await story(town)
