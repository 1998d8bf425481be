"""The real plane on a stage: pretend clock, pretend workers, everything in memory.

    performance = perform(plan, limits, workers, play)
    performance.minutes        from the first fact of the run to its last, on the pretend clock

Acts take no time, workers are heard of once a year, and a lease is never lost, so that what remains
is what the plane itself decides and costs.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.log import MemoryEventLog
from interlock.adapters.memory.snapshots import MemorySnapshots
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.clock import PretendClock
from interlock.adapters.pretend.ids import PretendIds
from interlock.adapters.pretend.loop import rehearse
from interlock.adapters.pretend.network import PretendNetwork
from interlock.adapters.pretend.worker import Performance, Play, PretendWorker, Profile
from interlock.adapters.pretend.world import PretendWorld, Target
from interlock.domain.actor import Actor
from interlock.domain.command import StartRun
from interlock.domain.facts.command import CommandGiven
from interlock.domain.goal import Goal
from interlock.domain.ids import CommandId, RepoId, RunId, WorkerId
from interlock.domain.plan import Plan
from interlock.domain.run import RunLimits, RunStatus
from interlock.engine.ports import Blobs, Clock, EventLog, Fence, NewEvent, Recorded, StreamWrite
from interlock.flows.run.news import Options, Ports
from interlock.flows.run.pictures import RunPicture, command_stream
from interlock.flows.run.service import Plane

REPO: Final = RepoId("bench")
RUN: Final = RunId("r-000000")
COMMAND: Final = CommandId("c-000000")
PERSON: Final = Actor("person", "bench", "cli")
YEAR: Final = 366 * 86_400.0
LOOK_SECONDS: Final = 3_600.0


class Ended(msgspec.Struct, frozen=True):
    """A run that came to its end, and what is left of it."""

    run: RunPicture
    store: MemoryStore
    wall_seconds: float

    @property
    def minutes(self) -> float:
        """On the pretend clock."""
        ended_at = self.run.ended_at or self.run.started_at
        return (ended_at - self.run.started_at).total_seconds() / 60


class WatchedLog(MemoryEventLog):
    """A log that tells what it cost to get from one append to the next."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.appends: list[tuple[int, float]] = []
        """Position after each append, and the seconds of processor used up to then."""

    async def append(
        self, writes: Sequence[StreamWrite], at: datetime, fence: Fence | None = None
    ) -> Sequence[Recorded]:
        recorded = await super().append(writes, at, fence)
        self.appends.append((recorded[-1].position, time.process_time()))
        return recorded


def crew(count: int, agent: str = "default") -> list[Profile]:
    return [
        Profile(WorkerId(f"w{number}"), agent, heartbeat_seconds=YEAR) for number in range(count)
    ]


def limits_for(workers: int, parallel_stages: int = 1_000) -> RunLimits:
    return RunLimits(workers=workers, parallel_stages=parallel_stages, lease_seconds=YEAR)


def at_once(_: object) -> Performance:
    return Performance(0.0, steps=1)


async def start_run(
    log: EventLog, blobs: Blobs, clock: Clock, plan: Plan, limits: RunLimits
) -> None:
    """Ask for the run as a person would."""
    blob = await blobs.put(msgspec.json.encode(plan))
    flags = tuple(sorted(flag for flag, on in plan.flags.items() if on))
    given = CommandGiven(COMMAND, StartRun(RUN, Goal("bench", flags), blob, limits))
    write = StreamWrite(command_stream(REPO), None, (NewEvent(given, PERSON),))
    await log.append([write], clock.now())


def perform(
    plan: Plan,
    limits: RunLimits,
    workers: Sequence[Profile],
    play: Play,
    make_log: Callable[[MemoryStore], MemoryEventLog] = MemoryEventLog,
) -> Ended:
    """Run the plan from the command that starts it to its last fact."""
    return rehearse(lambda: _perform(plan, limits, workers, play, make_log))


async def _perform(
    plan: Plan,
    limits: RunLimits,
    workers: Sequence[Profile],
    play: Play,
    make_log: Callable[[MemoryStore], MemoryEventLog],
) -> Ended:
    store, clock, network = MemoryStore(), PretendClock(), PretendNetwork()
    log, blobs = make_log(store), MemoryBlobs(store)
    world = PretendWorld(Target(), clock)
    ports = Ports(log, MemorySnapshots(store), blobs, network.plane_end(), world, clock)
    plane = Plane(REPO, ports, Options("bench", "bench", worker_silence_seconds=2 * YEAR))
    async with asyncio.TaskGroup() as group:
        acting = group.create_task(plane.run())
        hired = [
            group.create_task(
                PretendWorker(
                    profile, network.worker_end(profile.worker_id), clock, PretendIds(), play
                ).run()
            )
            for profile in workers
        ]
        await clock.sleep(1.0)  # everybody has joined
        began = time.perf_counter()
        await start_run(log, blobs, clock, plan, limits)
        while not ((run := plane.picture.runs.get(RUN)) and run.ended):
            await clock.sleep(LOOK_SECONDS)
        wall_seconds = time.perf_counter() - began
        plane.stop()
        await acting
        for task in hired:
            task.cancel()
    if run.status is not RunStatus.COMPLETED:
        raise RuntimeError(f"the run ended {run.status}: {run.reasons}")
    return Ended(run, store, wall_seconds)
