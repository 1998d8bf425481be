"""One connection to the broker that either works or says at once that it does not.

The client's own reconnecting is switched off: a broker that comes back may have lost its store, and
then its streams and consumers have to be made again. So a lost connection is lost for good, all
that waits on it ends with PartLost, and whoever wants to go on connects anew.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Sequence
from typing import Final, Self, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from interlock.engine.errors import EngineError, PartLost
from interlock.engine.wire import MessageTooLarge

ANSWER_SECONDS_MAX: Final = 5.0
_CONNECT_SECONDS_MAX: Final = 2
_PING_SECONDS: Final = 1
_PINGS_UNANSWERED_MAX: Final = 1
"""With the seconds between them: a broker that is there but mute is noticed after two seconds."""

_MEND: Final = "Start it again or correct its address; what was not delivered is offered again"

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Broker:
    """A connection, and whether it is lost."""

    def __init__(self) -> None:
        self.client = Client()
        self._lost: EngineError | None = None
        self._waits: set[asyncio.Timeout] = set()

    @classmethod
    async def connect(cls, servers: Sequence[str], name: str) -> Self:
        """Try each server once; raises PartLost when none of them answers."""
        broker = cls()
        try:
            await broker.client.connect(
                list(servers),
                name=name,
                error_cb=_note,
                closed_cb=broker._closed,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=_CONNECT_SECONDS_MAX,
                ping_interval=_PING_SECONDS,
                max_outstanding_pings=_PINGS_UNANSWERED_MAX,
            )
        except (OSError, nats.errors.Error) as error:
            await broker.close()
            detail = f"{str(error) or 'no answer'} from {', '.join(servers)}"
            raise broker_lost(detail) from error
        return broker

    @property
    def streams(self) -> JetStreamContext:
        return self.client.jetstream(timeout=ANSWER_SECONDS_MAX)

    async def ask(self, work: Awaitable[_T], seconds: float | None = ANSWER_SECONDS_MAX) -> _T:
        """Wait for it as long as the connection lives; None: however long it takes."""
        try:
            async with asyncio.timeout(0 if self._lost else seconds) as wait:
                self._waits.add(wait)
                try:
                    return await work
                finally:
                    self._waits.discard(wait)
        except nats.errors.MaxPayloadError as error:
            raise MessageTooLarge(self.client.max_payload, self.client.max_payload) from error
        except (OSError, TimeoutError, nats.errors.Error) as error:
            raise self.lose(broker_lost(str(error) or "no answer")) from error

    def lose(self, why: EngineError) -> EngineError:
        """Give the connection up, and tell everybody who waits for something the first reason."""
        if self._lost is not None:
            return self._lost
        self._lost = why
        now = asyncio.get_running_loop().time()
        for wait in self._waits:
            wait.reschedule(now)
        return why

    async def close(self) -> None:
        self.lose(broker_lost("this process closed the connection"))
        with contextlib.suppress(OSError, nats.errors.Error):
            await self.client.close()

    async def _closed(self) -> None:
        self.lose(broker_lost(str(self.client.last_error or "the connection broke")))


def broker_lost(detail: str) -> PartLost:
    return PartLost("broker (NATS)", detail, _MEND)


async def _note(error: Exception) -> None:
    """What matters comes back to the one who asked; this is for those who look for the reason."""
    _log.info("broker: %r", error)
