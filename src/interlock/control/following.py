"""`run` while it goes on: tell what happens and see to workers, until nothing moves by itself.

log -> chronicle -> told; the picture -> workers wanted -> the plane of this process
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

import msgspec

from interlock.control.chronicle import PAGE, Chronicle
from interlock.control.forecasts import Herald
from interlock.control.narration import narrate
from interlock.control.store import Store
from interlock.domain.ids import RunId, WorkerId
from interlock.domain.settings import Settings
from interlock.engine.ports import Clock, Doorbell, EventLog
from interlock.engine.supervisor import Supervisor
from interlock.flows.run.motion import is_under_way, lease_holders, moves, wanted_workers
from interlock.flows.run.pictures import PlanePicture

LOOK_SECONDS: Final = 1.0
BEHIND_SECONDS: Final = 0.02
"""Those who read are a little behind those who work, so that they do not take their processor."""

Say = Callable[[str], None]


class Stop:
    """What the person at the terminal wants: to leave (`gently`), or to be out at once."""

    def __init__(self) -> None:
        self.gently, self.now = asyncio.Event(), asyncio.Event()

    def ask(self) -> None:
        (self.now if self.gently.is_set() else self.gently).set()


class Wanted(msgspec.Struct, frozen=True):
    """How many workers there should be, and what is known of those that there are.

    `holders` have a task, dead or alive; `sessions` tells of each worker which start of it joined.
    """

    workers: int
    holders: frozenset[WorkerId]
    sessions: Mapping[WorkerId, int]


class KeptPlane(Protocol):
    """The plane of this process, or its place in the queue behind another one's."""

    async def staff(self, wanted: Wanted) -> None:
        """See to it that so many workers come to be there, where it is this process that acts.

        Whoever of its own workers holds a task and has died is started again first: as soon as it
        says hello its old self is known to be gone, and nobody waits for its lease to run out.
        Asked again whenever something happened, it starts only as many as can start at a time.
        """
        ...

    @property
    def acts(self) -> bool:
        """Whether it is this process that acts."""
        ...

    def wind_down(self) -> None:
        """This process is about to leave: it starts nothing more, what has begun goes on."""
        ...

    def broken(self) -> None:
        """Raises what ended the plane, if something did."""
        ...


class Hall(Protocol):
    """Opens a plane with its workers; leaving the context ends them, politely unless `now`."""

    def __call__(
        self, store: Store, settings: Settings, stop: Stop
    ) -> AbstractAsyncContextManager[KeptPlane]: ...


class Follower:
    """Reads the log as it grows, and tells of it."""

    def __init__(self, log: EventLog, chronicle: Chronicle, clock: Clock, say: Say) -> None:
        self._log, self._chronicle, self._clock, self._say = log, chronicle, clock, say
        self._herald = Herald()

    async def follow(
        self, runs: tuple[RunId, ...], kept: KeptPlane, stop: Stop, *, wait: bool
    ) -> bool:
        """Until nothing of these runs moves by itself; True when the person wanted to leave."""

        def goes_on(plane: PlanePicture) -> bool:
            for line in self._herald.news(plane, runs, self._clock.now()):
                self._say(line)
            return any(_goes_on(plane, run_id, wait) for run_id in runs)

        return await self._stay(kept, stop, goes_on)

    async def see_out(self, kept: KeptPlane, stop: Stop) -> None:
        """Who acted for others, too, leaves when what has begun is over, and begins nothing more.

        Their own process stands by and takes over then; nobody's agent is sent home half way.
        """

        def goes_on(plane: PlanePicture) -> bool:
            return kept.acts and is_under_way(plane)

        await self.catch_up()
        kept.wind_down()
        if goes_on(self._chronicle.plane) and not stop.gently.is_set():
            self._say(
                "this is done, and another run has work under way here: this process leaves when "
                "that has ended. Ctrl-C leaves at once; that work is put down and begun again"
            )
            await self._stay(kept, stop, goes_on)

    async def _stay(
        self, kept: KeptPlane, stop: Stop, goes_on: Callable[[PlanePicture], bool]
    ) -> bool:
        bell = self._log.listen()
        try:
            while not stop.gently.is_set():
                kept.broken()
                await self.catch_up()
                await kept.staff(wanted_in(self._chronicle.plane))
                if not goes_on(self._chronicle.plane):
                    return False
                await either(lambda: self._news(bell), stop.gently.wait)
        finally:
            bell.close()
        return True

    async def _news(self, bell: Doorbell) -> None:
        if await bell.rung(LOOK_SECONDS):
            await self._clock.sleep(BEHIND_SECONDS)

    async def catch_up(self, *, told: bool = True) -> None:
        while events := await self._log.read(self._chronicle.plane.position, PAGE):
            for event in events:
                self._chronicle.take(event)
                line = narrate(event, self._chronicle.plane) if told else None
                if line is not None:
                    self._say(line)


def wanted_in(plane: PlanePicture) -> Wanted:
    sessions = {worker.id: worker.session for worker in plane.workers.values()}
    return Wanted(wanted_workers(plane), lease_holders(plane), sessions)


def _goes_on(plane: PlanePicture, run_id: RunId, wait: bool) -> bool:
    run = plane.runs.get(run_id)
    if run is None:
        return True  # Its start is on the way.
    if plane.lost_part and not plane.stopped and not run.ended:
        return True  # It comes back, or ends the plane with its sentence.
    return (wait and not run.ended) or moves(plane, run)


async def either(*waits: Callable[[], Coroutine[None, None, object]]) -> None:
    """Until the first of these is over: nobody who presses Ctrl-C waits for the next look."""
    async with Supervisor() as supervisor:

        async def first(wait: Callable[[], Coroutine[None, None, object]]) -> None:
            await wait()  # made here: what is cancelled before it begins was never made
            supervisor.cancel_all()

        for number, wait in enumerate(waits):
            supervisor.start(str(number), first(wait))
