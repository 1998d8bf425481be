"""What the command line is handed: doors, opened only by the command that needs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from interlock.control.desk import FrontDesk


class Demo(NamedTuple):
    """What the person wants of the demo."""

    fast: bool
    json: bool


class Doors(NamedTuple):
    """Factories, not objects: `interlock --help` must not pay for a database driver.

    `open_desk` takes the store that the person named, if any; `colour` is False where colours are
    unwelcome.
    """

    open_desk: Callable[[str | None], FrontDesk]
    show_demo: Callable[[Demo], int]
    colour: Callable[[], bool]
