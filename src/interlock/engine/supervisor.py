"""One owner for every coroutine: nothing runs loose or twice, all end together."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

from interlock.engine.errors import EngineError


class Supervisor:
    """A task group of named members; an engine error of one ends all and is raised as itself."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._members: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._group.__aexit__(kind, error, trace)
        except BaseExceptionGroup as failures:
            raise _most_telling(failures) from failures

    def start(self, name: str, work: Coroutine[None, None, None]) -> None:
        """Run it under this name; a name that runs already is a fault of the caller."""
        if name in self._members:
            work.close()
            raise RuntimeError(f"{name} is running already")
        member = self._group.create_task(work, name=name)
        self._members[name] = member
        member.add_done_callback(lambda _: self._members.pop(name, None))

    def runs(self, name: str) -> bool:
        return name in self._members

    def cancel(self, name: str) -> None:
        member = self._members.get(name)
        if member is not None:
            member.cancel()

    def cancel_all(self) -> None:
        for member in list(self._members.values()):
            member.cancel()


def _most_telling(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The engine's own error explains the rest; without one the group itself is the news."""
    for failure in failures.exceptions:
        if isinstance(failure, BaseExceptionGroup):
            inner = _most_telling(failure)
            if isinstance(inner, EngineError):
                return inner
        if isinstance(failure, EngineError):
            return failure
    return failures.exceptions[0] if len(failures.exceptions) == 1 else failures
