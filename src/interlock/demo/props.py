"""What the demo is handed: it makes nothing itself and can be played on anything."""

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from interlock.engine.ports import Blobs, Clock, EventLog, IdSource
from interlock.flows.run.news import Ports

_T = TypeVar("_T")


class Rehearse(Protocol):
    """Runs a coroutine to its end on pretend time."""

    def __call__(self, main: Callable[[], Coroutine[Any, Any, _T]]) -> _T: ...


class World(msgspec.Struct, frozen=True):
    """One pretend world; `new_life` gives the ports of one more plane, `work_as` is a worker."""

    clock: Clock
    ids: IdSource
    log: EventLog
    blobs: Blobs
    new_life: Callable[[], Ports]
    work_as: Callable[[str], Coroutine[Any, Any, None]]


class Kept(msgspec.Struct, frozen=True):
    """A real store in a temporary folder, for the person to look at afterwards."""

    path: Path
    log: EventLog
    blobs: Blobs


class Props(msgspec.Struct, frozen=True):
    """`pause` lets real time pass while the pretend world stands still."""

    rehearse: Rehearse
    new_world: Callable[[], World]
    pause: Callable[[float], None]
    open_kept: Callable[[], AbstractAsyncContextManager[Kept]]
