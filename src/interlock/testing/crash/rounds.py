"""One round: fifty tasks in flight, kills at random moments, then calm and a verdict.

start everybody -> start the run -> fifty leases -> [sleep a moment, strike] ... -> calm
    -> the run is complete -> everybody goes home -> the witness and the referee judge
"""

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Final

import msgspec

from interlock.adapters.pretend.world import LandedCommit
from interlock.adapters.system.clock import SystemClock
from interlock.adapters.system.ids import RandomIds
from interlock.control.commands import Commands
from interlock.domain.actor import Actor
from interlock.domain.command import PrioritiseTask
from interlock.domain.ids import RunId, TaskId, TaskName
from interlock.domain.plan import Plan
from interlock.domain.run import RunLimits
from interlock.domain.task import Dependency, PlannedTask, Priority
from interlock.engine.errors import PartLost
from interlock.engine.ports import EventLog
from interlock.testing.crash.company import (
    ENDED,
    KILLED,
    OUT_OF_ORDER,
    Company,
    Post,
    company,
    plane_post,
    worker_posts,
)
from interlock.testing.crash.house import House, open_store
from interlock.testing.crash.target import FileTarget
from interlock.testing.crash.witness import Finding, Witness
from interlock.testing.servers import NatsServer, PostgresServer

PERSON: Final = Actor("person", "ada", "crash")
BEGIN_SECONDS_MAX: Final = 40.0
END_SECONDS_MAX: Final = 120.0
ACT_SECONDS_MAX: Final = 30.0

ACTING_RATE: Final = 0.8
"""How often a strike waits for a plane that acts; the others may fall into its start."""

PAUSE_SECONDS_MAX: Final = 0.7
LANDING_TRIES: Final = 12
LANDING_SECONDS_MAX: Final = 4.0
COMMANDS: Final = 25
PART_LOST: Final = "is out of order"


class Size(msgspec.Struct, frozen=True):
    """How much is at stake in a round."""

    tasks: int = 70
    first: int = 60
    at_once: int = 50
    workers: int = 5
    strikes: int = 8
    spares_workers: bool = False


class Servers(msgspec.Struct, frozen=True):
    """What a fleet runs on, to be killed as well."""

    postgres: PostgresServer
    nats: NatsServer


class Verdict(msgspec.Struct, frozen=True):
    """What one round came to."""

    seed: int
    seconds: float
    strikes: dict[str, int]
    finding: Finding
    faults: tuple[str, ...]


def plan_of(size: Size, dice: random.Random) -> Plan:
    """Many tasks that may start at once, and some that wait for one of them."""
    names = [TaskName(f"t{number}") for number in range(size.tasks)]
    tasks = [PlannedTask(name, f"Task {name}") for name in names[: size.first]]
    for name in names[size.first :]:
        before = Dependency(task=dice.choice(names[: size.first]))
        tasks.append(PlannedTask(name, f"Task {name}", depends_on=(before,)))
    return Plan("survive", tuple(tasks))


def _commands(house: House, log: EventLog) -> Commands:
    return Commands(house.repo_id, log, house.blobs, SystemClock(), RandomIds())


async def start_run(house: House, log: EventLog, plan: Plan, workers: int) -> RunId:
    commands = _commands(house, log)
    # Losses are what this is about: none of them is a reason to give a task up.
    limits = RunLimits(workers=workers, lease_seconds=house.lease_seconds, losses_in_a_row=50)
    command = await commands.start_run(plan, limits)
    await commands.give(PERSON, command)
    return command.run_id


class Victims(msgspec.Struct, frozen=True):
    """Who and what can be struck in one house; of no workers none is killed."""

    planes: Sequence[Post]
    workers: Sequence[Post]
    servers: Servers | None = None


class Striker:
    """Bad luck: kills and suspends at random, and counts."""

    def __init__(
        self, house: House, victims: Victims, witness: Witness, log: EventLog, dice: random.Random
    ) -> None:
        self._target = FileTarget(house.target)
        self._commands = _commands(house, log)
        self._planes, self._workers = victims.planes, victims.workers
        self._servers, self._witness, self._dice = victims.servers, witness, dice
        self.strikes: Counter[str] = Counter()

    async def rage(self, strikes: int) -> None:
        """So many strikes, and in between those that happen once."""
        plan = ["any"] * strikes
        for once in () if self._servers is None else ("broker", "store"):
            plan.insert(self._dice.randint(1, max(1, len(plan) - 1)), once)
        plan.insert(self._dice.randint(1, 2), "landing")  # while there is still much to land
        if self._servers is not None:
            plan.insert(0, "suspend")
        for what in plan:
            if self._dice.random() < ACTING_RATE:
                await self._witness.until("a plane acts", lambda _: self._acts(), ACT_SECONDS_MAX)
            await asyncio.sleep(self._dice.uniform(0.0, PAUSE_SECONDS_MAX))
            await (self._strike() if what == "any" else self._strike_once(what))

    def _acts(self) -> bool:
        return self._acting() is not None

    def _acting(self) -> Post | None:
        for post in self._planes:
            if post.signature == self._witness.acting and post.runs:
                return post
        return None

    async def _strike(self) -> None:
        match self._dice.choice(("plane", "plane", "worker", "both", "everybody")):
            case "plane":
                self._kill_a_plane()
            case "worker":
                self._kill_workers(self._dice.randint(1, 2))
            case "both":
                self._kill_a_plane()
                self._kill_workers(1)
            case _:
                self._kill_a_plane()
                self._kill_workers(len(self._workers))

    async def _strike_once(self, what: str) -> None:
        match what, self._servers:
            case "landing", _:
                await self._kill_in_a_landing()
            case "suspend", _:
                await self._suspend_the_acting_plane()
            case "broker", Servers(nats=nats):
                nats.kill()
                nats.forget()
                await asyncio.sleep(self._dice.uniform(0.1, 1.0))
                nats.start()
                self.strikes["broker"] += 1
            case "store", Servers(postgres=postgres):
                postgres.kill()
                await asyncio.sleep(self._dice.uniform(0.1, 1.0))
                postgres.start()
                self.strikes["store"] += 1
            case _:
                raise ValueError(f"{what} can be struck in a fleet only")

    async def _kill_in_a_landing(self) -> None:
        """After the target has moved and before the log has heard of it; that may take tries."""
        for _ in range(LANDING_TRIES):
            await self._witness.until("a plane acts", lambda _: self._acts(), ACT_SECONDS_MAX)
            commit = await self._next_commit()
            post = self._acting()
            if commit is None:
                return  # nothing is left to land
            if post is None or not post.signal(signal.SIGKILL):
                continue
            self.strikes["acting plane"] += 1
            await self._witness.look()
            task = self._witness.picture.tasks[TaskId(commit.task_id or "")]
            if task.landing is not None and task.landing.key == commit.key:
                self.strikes["in a landing"] += 1
                return

    async def _next_commit(self) -> LandedCommit | None:
        target, deadline = self._target, time.monotonic() + LANDING_SECONDS_MAX
        before = target.count()
        while target.count() == before:
            if time.monotonic() > deadline:
                return None
            await asyncio.sleep(0.001)
        return target.commits()[-1]

    async def _suspend_the_acting_plane(self) -> None:
        """Until another one has taken over; then it wakes up and must not write any more."""
        await self._witness.look()
        before = self._witness.epochs()
        post = self._acting()
        if post is None or not post.signal(signal.SIGSTOP):
            return
        self.strikes["suspend"] += 1
        try:
            await self._witness.until(
                "another plane takes over", lambda _: self._witness.epochs() > before, 30.0
            )
            await self._pester(COMMANDS)
        finally:
            post.signal(signal.SIGCONT)
        await self._pester(COMMANDS)

    async def _pester(self, commands: int) -> None:
        """Wishes that change nothing, so that every plane that thinks it acts has to answer."""
        wish = PrioritiseTask(min(self._witness.picture.tasks), Priority.MEDIUM)
        for _ in range(commands):
            with contextlib.suppress(PartLost):
                await self._commands.give(PERSON, wish)

    def _kill_a_plane(self) -> None:
        """The acting one as a rule."""
        acting = [post for post in self._planes if post.signature == self._witness.acting]
        others = [post for post in self._planes if post not in acting]
        post = self._dice.choice(acting * 3 + others)
        kind = "acting plane" if post in acting else "plane"
        self.strikes[kind] += post.signal(signal.SIGKILL)

    def _kill_workers(self, count: int) -> None:
        for post in self._dice.sample(self._workers, min(count, len(self._workers))):
            self.strikes["worker"] += post.signal(signal.SIGKILL)


async def play_round(
    house: House, seed: int, size: Size | None = None, servers: Servers | None = None
) -> Verdict:
    """From an empty house to the verdict; raises NeverCame where the run does not end."""
    size, dice, began = size or Size(), random.Random(seed), time.monotonic()
    plan = plan_of(size, dice)
    planes = [plane_post("solo")] if servers is None else _rivals()
    workers = worker_posts(size.workers)
    async with open_store(house) as (log, snapshots):
        witness = Witness(house, log, snapshots)
        victims = Victims(planes, [] if size.spares_workers else workers, servers)
        striker = Striker(house, victims, witness, log, dice)
        async with company(house, dice) as crew:
            crew.keep([*planes, *workers])
            await witness.until(
                "all workers join", lambda p: len(p.workers) == size.workers, BEGIN_SECONDS_MAX
            )
            run_id = await start_run(house, log, plan, size.at_once)
            await witness.until(
                "the first leases", lambda _: witness.started >= size.at_once, BEGIN_SECONDS_MAX
            )
            await _watched(witness, striker.rage(size.strikes))
            await witness.until("the run ends", lambda p: run_id in p.ended_runs, END_SECONDS_MAX)
        finding = await witness.judge(run_id, plan)
    faults = (*finding.faults, *_faults_of_processes(crew, fleet=servers is not None))
    seconds = round(time.monotonic() - began, 1)
    return Verdict(seed, seconds, dict(striker.strikes), finding, faults)


def _rivals() -> list[Post]:
    """Two planes that want the same; one gives up when a part is gone, the other one waits."""
    return [plane_post("exits"), plane_post("waits", "--on-loss", "wait")]


async def _watched(witness: Witness, work: Coroutine[None, None, None]) -> None:
    """Look on while something happens: whom to strike is read off the log."""

    async def look() -> None:
        while True:
            await witness.look()
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        looking = group.create_task(look())
        await work
        looking.cancel()


def _faults_of_processes(crew: Company, *, fleet: bool) -> list[str]:
    allowed = {*ENDED, KILLED, OUT_OF_ORDER} if fleet else {*ENDED, KILLED}
    faults = [
        f"{end.post} ended with {end.code}: {end.said[-2000:]}"
        for end in crew.ends
        if end.code not in allowed or (end.code == OUT_OF_ORDER and PART_LOST not in end.said)
    ]
    faults += [f"process {pid} was left behind" for pid in crew.left_behind()]
    return faults
