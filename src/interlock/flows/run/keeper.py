"""What stands around a plane: the right to act, its renewal, and what a lost part means.

    stand by -> acquire -> open the ports -> run the plane, renew the right beside it
        |                       |
        |                       +-- told to stop: save, release, return
        |                       +-- right lost, FencedOut: somebody else acts; stand by again
        +-----------------------+-- PartLost: raise it, or wait a while and open everything again

Ports are opened only by who has the right: the transport of a second plane would take the reports
away from the first. The log's fence protects in any case; this room only avoids quarrels.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

import msgspec

from interlock.domain.ids import RepoId
from interlock.domain.settings import OnLoss
from interlock.engine.errors import FencedOut, PartLost
from interlock.engine.ports import Leadership
from interlock.engine.supervisor import Supervisor
from interlock.flows.run.news import Options, Ports
from interlock.flows.run.service import Plane


class Parts(Protocol):
    """Opens what a plane needs, as often as it is asked; closed with its context."""

    def open_leadership(self) -> AbstractAsyncContextManager[Leadership]: ...

    def open_ports(self) -> AbstractAsyncContextManager[Ports]:
        """Asked only while the right to act is held."""
        ...


class Keeping(msgspec.Struct, frozen=True):
    """How a plane is kept; a right that can expire must live for several renewals."""

    on_loss: OnLoss = "exit"
    look_seconds: float = 1.0
    renew_seconds: float = 4.0
    retry_seconds: float = 1.0
    retry_seconds_max: float = 30.0


class Keeper:
    """Keeps one plane of one repository acting or standing by, until it is told to stop."""

    def __init__(
        self,
        repo_id: RepoId,
        parts: Parts,
        options: Options,
        keeping: Keeping,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`say` gets a sentence whenever this process begins to act, to stand by or to wait."""
        self._repo_id, self._parts, self._options = repo_id, parts, options
        self._keeping, self._say = keeping, say
        self._stopping = asyncio.Event()
        self._plane: Plane | None = None
        self._winding_down = False
        self._lost: PartLost | None = None

    @property
    def acts(self) -> bool:
        """Whether the plane of this process acts, and does not stand by."""
        return self._plane is not None

    async def keep(self) -> None:
        """Returns after `stop`; raises PartLost where a lost part shall end the process."""
        pause = self._keeping.retry_seconds
        while not self._stopping.is_set():
            began = _now()
            try:
                await self._one_life()
            except PartLost as lost:
                if self._keeping.on_loss == "exit":
                    raise
                if _now() - began > self._keeping.retry_seconds_max:
                    pause = self._keeping.retry_seconds
                self._say(f"{lost} (trying again in {pause:g} s)")
                await self._rest(pause)
                pause = min(2 * pause, self._keeping.retry_seconds_max)

    def wind_down(self) -> None:
        """No new starts: the workers are about to be sent home."""
        self._winding_down = True
        if self._plane is not None:
            self._plane.wind_down()

    def stop(self) -> None:
        """End after the present turn, or at once where nothing is done."""
        self._stopping.set()
        if self._plane is not None:
            self._plane.stop()

    async def _one_life(self) -> None:
        """From standing by to the end of one plane; what it was lost to is the next one's news."""
        try:
            async with self._parts.open_leadership() as leadership:
                if await self._stand_by(leadership):
                    try:
                        await self._act(leadership)
                    finally:
                        with suppress(PartLost):  # it expires by itself
                            await leadership.release()
        except PartLost as lost:
            self._lost = self._lost or lost
            raise

    async def _stand_by(self, leadership: Leadership) -> bool:
        """True with the right to act, False when told to stop before."""
        said = False
        while not self._stopping.is_set():
            if await leadership.acquire(self._options.process):
                return True
            if not said:
                said = True
                self._say(f"standing by: {await leadership.holder() or 'another plane'} acts")
            await self._rest(self._keeping.look_seconds)
        return False

    async def _act(self, leadership: Leadership) -> None:
        async with self._parts.open_ports() as ports:
            plane = self._plane = Plane(self._repo_id, ports, self._options)
            if self._winding_down:
                plane.wind_down()
            if self._stopping.is_set():
                return
            self._say(f"acting as {self._options.process}")
            lost, self._lost = self._lost, None
            try:
                async with Supervisor() as beside:
                    beside.start("renewing", self._renew(leadership, plane))
                    await plane.run(lost)
                    beside.cancel_all()
            except FencedOut as fenced:
                self._say(str(fenced))
                await self._rest(self._keeping.look_seconds)  # no quarrel with who does not ask
            finally:
                self._plane = None

    async def _renew(self, leadership: Leadership, plane: Plane) -> None:
        while True:
            await self._rest(self._keeping.renew_seconds)
            if self._stopping.is_set():
                return
            if not await leadership.renew():
                self._say("the right to act went to another plane")
                plane.stop()
                return

    async def _rest(self, seconds: float) -> None:
        """Up to so many seconds, and no longer than until `stop`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
