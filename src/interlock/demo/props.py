"""What the demo is handed: it makes nothing itself."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from interlock.control.desk import FrontDesk
from interlock.domain.actor import Actor
from interlock.domain.settings import BoxName
from interlock.engine.ports import Clock


class Found(msgspec.Struct, frozen=True):
    """The strongest box that starts here; where that is none, why."""

    box: BoxName
    why: str = ""


class Props(msgspec.Struct, frozen=True):
    """`python` is how a gate names the interpreter, `program` how the person calls Interlock.

    `draws`: a terminal here would obey; `colour`: colours are welcome on it.
    """

    actor: Actor
    clock: Clock
    colour: bool
    draws: bool
    find_box: Callable[[], Awaitable[Found]]
    make_repository: Callable[[Mapping[str, str]], Awaitable[Path]]
    open_desk: Callable[[Path], FrontDesk]
    program: str
    python: str
