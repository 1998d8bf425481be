"""Taking over: who starts acting raises the epoch, and from then on older planes write nothing."""

from __future__ import annotations

import msgspec

from interlock.domain.actor import Actor
from interlock.domain.facts.plane import PlaneStarted
from interlock.engine.errors import Conflict
from interlock.engine.ports import Clock, EventLog, Fence, NewEvent, StreamWrite
from interlock.flows.run.pictures import PlanePicture, epoch_stream, version_of
from interlock.flows.run.recovery import catch_up


class Process(msgspec.Struct, frozen=True):
    """How a process that acts signs its facts, and the release it runs."""

    name: str
    release: str

    @property
    def actor(self) -> Actor:
        return Actor("plane", self.name, "plane")


async def take_over(
    log: EventLog, clock: Clock, plane: PlanePicture, process: Process
) -> tuple[PlanePicture, Fence]:
    """Raise the epoch first, so that nobody else can write, then read what there is."""
    stream = epoch_stream(plane.repo_id)
    while True:
        epoch = version_of(plane, stream)
        started = PlaneStarted(plane.repo_id, epoch + 1, process.name, process.release)
        write = StreamWrite(stream, epoch, (NewEvent(started, process.actor),))
        try:
            await log.append([write], clock.now())
        except Conflict:
            plane = await catch_up(log, plane)  # Somebody else raised it meanwhile.
        else:
            return await catch_up(log, plane), Fence(stream, epoch + 1)
