"""What the command line is handed: doors, opened only by the command that needs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from interlock.control.desk import FrontDesk
    from interlock.domain.actor import Actor


class Demo(NamedTuple):
    """What the person wants of the demo."""

    fast: bool
    json: bool


class WorkerWish(NamedTuple):
    """The worker process that a person wants here; no name: one is found for it.

    `*` stands for every agent profile and for every skill.
    """

    name: str | None
    agent: str
    skills: tuple[str, ...]
    at_once: int


def nobody() -> Actor:
    """Where the person at the terminal is not known."""
    raise _not_here("commands are given")


def no_worker(_: WorkerWish) -> int:
    """Where no worker can be run."""
    raise _not_here("workers are run")


def no_background(_: Sequence[str]) -> str:
    """Where nothing can go on in the background."""
    raise _not_here("runs are detached")


def no_crew(_: int) -> int:
    """Where no workers can be spawned."""
    raise _not_here("workers are spawned")


def no_end(_: str) -> int:
    """Where no worker can be stopped."""
    raise _not_here("workers are stopped")


def _not_here(what: str) -> Exception:
    from interlock.control.errors import WrongUsage

    return WrongUsage(f"{what} with the installed `interlock` program, not from here")


class Doors(NamedTuple):
    """Factories, not objects: `interlock --help` must not pay for a database driver.

    `open_desk` takes the store that the person named, if any; `colour` is False where colours are
    unwelcome; `person` is who gives the commands.
    """

    open_desk: Callable[[str | None], FrontDesk]
    show_demo: Callable[[Demo], int]
    colour: Callable[[], bool]
    person: Callable[[], Actor] = nobody
    run_worker: Callable[[WorkerWish], int] = no_worker
    spawn_workers: Callable[[int], int] = no_crew
    stop_worker: Callable[[str], int] = no_end
    detach: Callable[[Sequence[str]], str] = no_background
