"""The model gateway of one worker process: a door per attempt, behind it the way to providers."""

import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from interlock.adapters.modelgateway.booking import Booking
from interlock.adapters.modelgateway.door import PART, Door
from interlock.adapters.modelgateway.exchange import Ways
from interlock.adapters.modelgateway.upstream import Lines
from interlock.domain.settings import Settings
from interlock.engine.errors import PartLost
from interlock.engine.ports import Clock
from interlock.workers.agents.ports import AgentRefused
from interlock.workers.models.ports import Caps, Charge, Ledger, Meter

DRAIN_SECONDS_MAX: Final = 10.0


class LoopbackModels:
    """Every door leads to the providers of its attempt's settings, with the keys of this host."""

    def __init__(
        self,
        keys: Mapping[str, str],
        ledger: Ledger,
        clock: Clock,
        folder: Path,
        drain_seconds: float = DRAIN_SECONDS_MAX,
    ) -> None:
        """`keys` is an environment, `folder` a short path that nobody else can enter."""
        self._keys, self._ledger, self._clock = keys, ledger, clock
        self._folder, self._drain_seconds = folder, drain_seconds
        self._lines = Lines(clock)
        self._doors = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise PartLost(PART, f"{folder}: {error}", "Make that folder writable") from error
        _sweep(folder)

    @asynccontextmanager
    async def opened(self, charge: Charge, settings: Settings, caps: Caps) -> AsyncIterator[Meter]:
        """Raises AgentRefused where no provider has a key, PartLost where no door can be made."""
        self._demand_a_key(settings)
        booking = Booking(self._ledger, charge, caps, self._clock)
        ways = Ways(self._keys, settings, self._drain_seconds)
        door = Door(self._folder, ways, booking, self._lines)
        self._doors += 1
        try:
            yield door
        finally:
            await door.close()
            self._doors -= 1
            if not self._doors:
                self._lines.close()

    def _demand_a_key(self, settings: Settings) -> None:
        if not settings.models:
            raise AgentRefused(
                "No provider of models is configured: add [models.anthropic] or [models.openai] "
                "with base_url and key_env to interlock.toml."
            )
        wanted = list(dict.fromkeys(upstream.key_env for upstream in settings.models))
        if not any(self._keys.get(name, "").strip() for name in wanted):
            raise AgentRefused(
                f"There is no key for any provider of [models]: set {' or '.join(wanted)} where "
                "the worker runs, then start it again."
            )


def _sweep(folder: Path) -> None:
    """Remove the sockets of workers that were killed: nobody answers there."""
    for path in folder.glob("*.sock"):
        with socket.socket(socket.AF_UNIX) as knocking, contextlib.suppress(OSError):
            knocking.setblocking(False)
            try:
                knocking.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
