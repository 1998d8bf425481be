"""An open store as the front desk uses it, and who opens one; `bootstrap` binds both."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from interlock.domain.ids import RepoId
from interlock.domain.settings import Profile
from interlock.engine.ports import Blobs, EventLog, Leadership, Snapshots


class Store(msgspec.Struct, frozen=True):
    """The history of one repository and what belongs to it. No `repo_id`: read it off the log."""

    where: str
    profile: Profile
    repository: str | None
    repo_id: RepoId | None
    log: EventLog
    snapshots: Snapshots
    leadership: Leadership
    open_blobs: Callable[[], Blobs]


class StoreOpener(Protocol):
    """Opens the configured store; makes it only when told so. Closed with its context."""

    def __call__(self, *, create: bool = False) -> AbstractAsyncContextManager[Store]:
        """Raises NoHistory where there is none, PartLost and StoreRefused as they come."""
        ...
