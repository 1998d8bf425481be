"""Asking a consumer for one message after the other, for as long as the connection lives."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from interlock.adapters.nats.broker import Broker, broker_lost
from interlock.engine.wire import WireError

PULL_SECONDS: Final = 2.0
"""How long one request may stay unanswered; a consumer taken away is noticed after that."""

_log = logging.getLogger(__name__)


class Pulling:
    """A task that hands every message to `take`, one at a time; its end is the connection's end."""

    def __init__(
        self,
        broker: Broker,
        source: JetStreamContext.PullSubscription,
        take: Callable[[Msg], Awaitable[None]],
    ) -> None:
        self._broker, self._source, self._take = broker, source, take
        self._task = asyncio.create_task(self._pull(), name="pulling from the broker")

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _pull(self) -> None:
        detail = "nobody asks it any more"
        try:
            while True:
                with contextlib.suppress(nats.errors.TimeoutError, TimeoutError):
                    for message in await self._source.fetch(1, timeout=PULL_SECONDS):
                        await self._take_or_drop(message)
        except (OSError, nats.errors.Error) as error:
            detail = f"it does not deliver any more ({error})"
        finally:
            self._broker.lose(broker_lost(detail))

    async def _take_or_drop(self, message: Msg) -> None:
        """What cannot be read now cannot be read later: it is taken out of the queue."""
        try:
            await self._take(message)
        except WireError as error:
            _log.warning("dropped a message on %s: %s", message.subject, error)
            await message.term()
