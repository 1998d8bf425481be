"""A supervisor for work that goes on behind an answer, lent by whoever asks."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from contextvars import ContextVar

from interlock.engine.supervisor import Supervisor


class LentCrew:
    """Whoever asks brings the supervisor that its gates clear away under."""

    def __init__(self) -> None:
        self._lent: ContextVar[Supervisor] = ContextVar("lent")

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """At the end everything that was started here is over."""
        async with Supervisor() as crew:
            token = self._lent.set(crew)
            try:
                yield
            finally:
                self._lent.reset(token)

    def start(self, name: str, work: Coroutine[None, None, None]) -> None:
        self._lent.get().start(name, work)
