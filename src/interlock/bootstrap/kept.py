"""The plane of this process as `run` sees it, and the workers it was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from interlock.adapters.processes.crew import Crew, Member
from interlock.bootstrap.mustering import Starting, due, still_starting, worker_id_of
from interlock.control.following import Stop, Wanted
from interlock.engine.errors import EngineError
from interlock.engine.supervisor import Supervisor
from interlock.flows.run.keeper import Keeper


class Kept:
    """A plane that is kept beside the run; `at_once` of its workers may be starting."""

    def __init__(
        self, crew: Crew, keeper: Keeper, command: Sequence[str], stop: Stop, at_once: int
    ) -> None:
        self._crew, self._keeper, self._command, self._stop = crew, keeper, command, stop
        self._at_once = at_once
        self._members: dict[int, Member] = {}
        self._starting: dict[int, Starting] = {}
        self._winding_down = False
        self.failure: EngineError | None = None

    async def keep(self) -> None:
        try:
            await self._keeper.keep()
        except EngineError as failure:
            self.failure = failure

    def broken(self) -> None:
        if self.failure is not None:
            raise self.failure

    @property
    def acts(self) -> bool:
        return self._keeper.acts

    def wind_down(self) -> None:
        self._winding_down = True
        self._keeper.wind_down()

    async def staff(self, wanted: Wanted) -> None:
        if not self._keeper.acts:
            return
        if self._winding_down:  # Only who holds a task and has died is still missed.
            wanted = replace(wanted, workers=0)
        now, sessions = asyncio.get_running_loop().time(), wanted.sessions
        living = {n: member for n, member in self._members.items() if not member.has_ended}
        starting = still_starting(self._starting, living, sessions, now)
        for number in due(wanted, living, len(starting), self._at_once):
            words = [*self._command, "--name", f"local-{number}"]
            living[number] = await self._crew.start(words)
            starting[number] = Starting(now, sessions.get(worker_id_of(number)))
        self._members, self._starting = living, starting

    async def leave(self) -> None:
        """Workers first, for they still have something to tell the plane."""
        self.wind_down()
        async with Supervisor() as either:
            either.start("politely", self._end(either))
            either.start("at once", self._kill(either))
        self._keeper.stop()

    async def _end(self, either: Supervisor) -> None:
        await self._crew.end()
        either.cancel_all()

    async def _kill(self, either: Supervisor) -> None:
        """The second Ctrl-C may come at any time while workers put down what they hold."""
        await self._stop.now.wait()
        await self._crew.kill()
        either.cancel_all()
