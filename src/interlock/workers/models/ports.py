"""What an attempt needs to reach models, and what counts its use of them.

async with models.opened(charge, settings, caps) as meter:
    ...                     # the agent works with meter.access
    await meter.breached()  # returns why, when a cap was reached
meter.usage()               # the usage of record
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from interlock.domain.ids import RunId, TaskId
from interlock.domain.settings import Limits, Settings
from interlock.domain.usage import Usage


class Access(msgspec.Struct, frozen=True):
    """How one attempt reaches its models: a socket of ours that its box sees as a port.

    `secret` is all that the box ever holds: it opens this door, for this attempt, while it lasts.
    """

    socket: Path
    port: int
    secret: str

    def url(self, provider: str) -> str:
        """The base address inside for `[models.<provider>]`; its path follows."""
        return f"http://127.0.0.1:{self.port}/{provider}"


class Charge(msgspec.Struct, frozen=True):
    """Who pays: every request is booked to all of these."""

    run_id: RunId
    task_id: TaskId
    attempt: int
    lease: str


class Caps(msgspec.Struct, frozen=True):
    """No more than that; None: no limit. What a person granted on top is in it already."""

    tokens_per_task: int | None = None
    cost_usd_per_task: float | None = None
    cost_usd_per_run: float | None = None
    cost_usd_per_day: float | None = None


def caps_of(limits: Limits, grants: Sequence[str]) -> Caps:
    """What the settings allow; each grant of a person allows as much again."""
    return Caps(
        limits.tokens_per_task * (1 + grants.count("tokens_per_task")),
        limits.cost_usd_per_task * (1 + grants.count("cost_usd_per_task")),
        limits.cost_usd_per_run * (1 + grants.count("cost_usd_per_run")),
        limits.cost_usd_per_day * (1 + grants.count("cost_usd_per_day")),
    )


class Worst(msgspec.Struct, frozen=True):
    """The most that one request may come to; a cost of None: its model has no price."""

    tokens: int
    cost_usd: float | None


class OverCap(msgspec.Struct, frozen=True):
    """It would pass a cap; `cap` is the setting's name, the sentence is for people.

    `held`: only because of what is set aside for other requests, which may come to less.
    """

    cap: str
    why: str
    held: bool = False


class Ledger(Protocol):
    """The book of all use in one repository, shared by its workers; it survives a `kill -9`."""

    async def reserve(
        self, request: str, charge: Charge, worst: Worst, caps: Caps
    ) -> OverCap | None:
        """Set the worst case of a request aside under every cap at once, or refuse it."""
        ...

    async def settle(self, request: str, usage: Usage) -> None:
        """Replace what was set aside by what it came to; a second time changes nothing."""
        ...

    async def of_attempt(self, lease: str) -> Usage:
        """All that was settled, with what is still set aside as unknown."""
        ...

    async def of_task(self, task_id: TaskId) -> Usage: ...

    async def close(self) -> None: ...


class Meter(Protocol):
    """One attempt's door to its models."""

    @property
    def access(self) -> Access: ...

    def usage(self) -> Usage:
        """Until now; final once the door is closed."""
        ...

    def troubles(self) -> Sequence[str]:
        """What went wrong upstream, newest last and bounded: sentences for people."""
        ...

    async def breached(self) -> OverCap:
        """Returns when a request was refused for a cap; raises what the ledger lost."""
        ...


class ModelGateway(Protocol):
    """Opens a door for one attempt; whoever has no key for a provider hears so at once."""

    def opened(
        self, charge: Charge, settings: Settings, caps: Caps
    ) -> AbstractAsyncContextManager[Meter]: ...
