"""One episode: a plan, workers, people and bad luck for a while, then calm and a verdict."""

import asyncio
import random
from datetime import timedelta
from typing import Final

import msgspec

from interlock.adapters.memory.blobs import MemoryBlobs
from interlock.adapters.memory.log import MemoryEventLog
from interlock.adapters.memory.snapshots import MemorySnapshots
from interlock.adapters.memory.store import MemoryStore
from interlock.adapters.pretend.clock import PretendClock
from interlock.adapters.pretend.ids import PretendIds
from interlock.adapters.pretend.loop import NothingLeft, rehearse
from interlock.adapters.pretend.network import Faults, PretendNetwork
from interlock.adapters.pretend.worker import Performance, PretendWorker, Profile
from interlock.adapters.pretend.world import PretendWorld, Target, Temper
from interlock.domain.command import Command, StartRun
from interlock.domain.facts.attempt import AttemptFinished
from interlock.domain.facts.command import CommandGiven
from interlock.domain.goal import Goal
from interlock.domain.ids import CommandId, RepoId, RunId, WorkerId
from interlock.domain.plan import Plan
from interlock.domain.result import Outcome
from interlock.domain.run import RunLimits
from interlock.domain.usage import Usage
from interlock.engine.dispatch import Job, Left
from interlock.engine.errors import FencedOut, PartLost
from interlock.engine.ports import NewEvent, Recorded, StreamWrite
from interlock.engine.records import Chained, recorded_of
from interlock.flows.run.news import Options, Ports
from interlock.flows.run.pictures import PlanePicture, command_stream
from interlock.flows.run.recovery import read_picture
from interlock.flows.run.service import Plane
from interlock.flows.task.state import ImpossibleHistory
from interlock.testing.simulation.crashes import (
    Life,
    Luck,
    MortalActs,
    MortalDispatch,
    MortalLog,
    MortalSnapshots,
)
from interlock.testing.simulation.endings import unfinished
from interlock.testing.simulation.people import PERSON, clear_up, meddle
from interlock.testing.simulation.plans import AGENTS, SKILLS, random_plan
from interlock.testing.simulation.referee import Referee

REPO: Final = RepoId("rehearsal")
CALM_SECONDS_MAX: Final = 14 * 86_400
LEASE_SECONDS: Final = 90.0
HEARTBEAT_SECONDS: Final = 30.0


class Verdict(msgspec.Struct, frozen=True):
    """What came of one seed; the head is equal whenever the history is."""

    seed: int
    events: int
    crashes: int
    head: str
    violations: tuple[tuple[str, str], ...]


class WatchedStore(MemoryStore):
    """A store under the referee's eyes: every durable event is judged as it is written."""

    def __init__(self, referee: Referee) -> None:
        super().__init__()
        self._referee = referee

    def write(self, chained: Chained) -> None:
        super().write(chained)
        for row in chained.rows:
            event = recorded_of(row)
            self._check_author(event)
            self._referee.see(
                event.position, event.stream, event.version, event.at, event.actor, event.fact
            )

    def _check_author(self, event: Recorded) -> None:
        """A result counts only for the lease it was made under; pretend workers sign theirs."""
        fact = event.fact
        if isinstance(fact, AttemptFinished) and fact.result.change is not None:
            made_under = fact.result.change.head
            if not made_under.endswith(f"@{fact.token}"):
                self._referee.complain("fencing", f"{made_under} counted for token {fact.token}")


class Weather:
    """The bad luck of one episode, drawn once; calm ends it."""

    def __init__(self, seed: int) -> None:
        dice = random.Random(f"{seed}/weather")
        self.crash_rate = dice.choice((0.0, 0.001, 0.004, 0.015))
        self.crashes_max = dice.randint(1, 12)
        self.lose_parts = dice.choice((0.0, 0.0, 0.0005))
        self.worker_deaths = dice.choice((0.0, 0.0, 0.3, 1.0))
        self.commands = dice.choice((0, 0, 2, 6))
        self.second_planes = dice.choice((0, 0, 0, 1, 2))
        self.jumps = dice.choice((0, 0, 1))
        self.cuts = dice.choice((0, 0, 1, 4))
        self.chaos_seconds = dice.uniform(300, 2_400)
        self.faults = Faults(
            delay_seconds_max=dice.choice((0.0, 0.2, 5.0)),
            lose_orders=dice.choice((0.0, 0.0, 0.1)),
            repeat=dice.choice((0.0, 0.1, 0.3)),
            redeliver_seconds=20.0,
            notice_seconds_max=dice.choice((0.0, 120.0)),
        )
        self.temper = Temper(
            judge_fails=dice.choice((0.0, 0.1)),
            judge_errs=dice.choice((0.0, 0.05)),
            conflicts=dice.choice((0.0, 0.1)),
            others_push=dice.choice((0.0, 0.1)),
            act_seconds_max=dice.choice((0.0, 3.0, 20.0)),
        )


class Episode:
    """Everything of one seed, on one pretend loop."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._weather = Weather(seed)
        self._dice = {
            name: random.Random(f"{seed}/{name}")
            for name in ("plan", "crash", "network", "world", "workers", "people", "planes", "runs")
        }
        self.referee = Referee()
        self._store = WatchedStore(self.referee)
        self._target = Target()
        self._clock = PretendClock()
        self._network = PretendNetwork(self._weather.faults, self._dice["network"])
        self._luck = Luck(self._dice["crash"], self._weather.crash_rate, self._weather.crashes_max)
        self._luck.loses = self._weather.lose_parts
        self._world = PretendWorld(
            self._target, self._clock, self._weather.temper, self._dice["world"]
        )
        self._ids = PretendIds()
        self._desk = MemoryEventLog(self._store)
        self._calm = False
        self._plans: dict[RunId, Plan] = {}
        self._planes: list[tuple[Plane, Life]] = []
        self._lost: PartLost | None = None
        self._lives = 0
        self._everything: list[asyncio.Task[None]] = []
        self._killed = 0

    async def run(self) -> Verdict:
        """Chaos, then calm, then the verdict."""
        ended = False
        async with asyncio.TaskGroup() as group:
            self._everything = [
                group.create_task(self._keep_planes()),
                *(group.create_task(self._host(number)) for number in range(self._worker_count())),
                group.create_task(self._people()),
                group.create_task(self._trouble(group)),
            ]
            await self._start_runs()
            self._calm_down()
            ended = await self._wait_for_the_end()
            for task in self._everything:
                task.cancel()
        await self._judge(ended)
        violations = tuple((v.invariant, v.detail) for v in self.referee.violations)
        head = self._store.head
        return Verdict(
            self.seed, head.position, self._luck.crashes + self._killed, head.hash.hex(), violations
        )

    # --- planes -----------------------------------------------------------------------------------

    async def _keep_planes(self) -> None:
        """There is always a plane again, some time after one died."""
        while True:
            await self._one_life()
            await self._clock.sleep(self._dice["planes"].uniform(0.0, 40.0))

    async def _one_life(self) -> None:
        life = Life(self._luck)
        self._lives += 1
        plane = Plane(
            REPO,
            Ports(
                MortalLog(MemoryEventLog(self._store), life),
                MortalSnapshots(MemorySnapshots(self._store), life),
                MemoryBlobs(self._store),
                MortalDispatch(self._network.plane_end(), life),
                MortalActs(self._world, life),
                self._clock,
            ),
            Options(
                process=f"p{self._lives}",
                release="rehearsal",
                worker_silence_seconds=LEASE_SECONDS,
                snapshot_every=60,
            ),
        )
        self._planes.append((plane, life))
        lost, self._lost = self._lost, None
        try:
            await plane.run(lost)
        except PartLost as loss:
            self._lost = loss
        except FencedOut:
            pass
        except asyncio.CancelledError:
            life.alive = False
            raise
        except BaseException:
            if life.alive:
                raise
        finally:
            self._planes.remove((plane, life))

    async def _trouble(self, group: asyncio.TaskGroup) -> None:
        """Second planes while the first still lives, kills from outside, clock jumps."""
        dice = self._dice["planes"]
        events = ["second"] * self._weather.second_planes + ["jump"] * self._weather.jumps
        events += ["cut"] * self._weather.cuts
        if self._weather.crash_rate:
            events += ["kill"] * dice.randint(0, 3)
        dice.shuffle(events)
        for event in events:
            await self._clock.sleep(dice.uniform(1.0, self._weather.chaos_seconds / 3))
            if self._calm:
                return
            match event:
                case "second":
                    self._everything.append(group.create_task(self._one_life()))
                case "kill":
                    for _, life in self._planes:
                        life.alive = False
                        self._killed += 1
                case "cut":
                    worker_id = WorkerId(f"w{dice.randrange(len(AGENTS))}")
                    self._network.cut(worker_id, dice.uniform(30.0, 400.0))
                case _:
                    self._clock.jump(timedelta(seconds=dice.choice((-600, 30, 3_600, 90_000))))

    # --- workers ----------------------------------------------------------------------------------

    def _worker_count(self) -> int:
        return len(AGENTS) + self._dice["workers"].randint(0, 4)

    async def _host(self, number: int) -> None:
        """A worker, started again whenever it dies; some deaths are noticed, some are silent."""
        dice = random.Random(f"{self.seed}/worker {number}")
        worker_id = WorkerId(f"w{number}")
        session = 0
        while True:
            session += 1
            profile = Profile(
                worker_id,
                AGENTS[number % len(AGENTS)],
                SKILLS,
                1 if number < len(AGENTS) else dice.choice((1, 1, 2)),
                session,
                HEARTBEAT_SECONDS,
            )
            link = self._network.worker_end(worker_id)
            worker = PretendWorker(
                profile, link, self._clock, self._ids, lambda job: self._play(job, dice)
            )
            life = 1e9 if self._calm else self._lifetime(dice)
            try:
                async with asyncio.timeout(life):
                    await worker.run()
            except TimeoutError:
                if dice.random() < 0.5:
                    left = Left(
                        id=self._ids.new("left"),
                        worker_id=worker_id,
                        session=session,
                        reason="died",
                    )
                    await link.report(left)
            await self._clock.sleep(dice.uniform(1.0, 200.0))

    def _lifetime(self, dice: random.Random) -> float:
        if dice.random() >= self._weather.worker_deaths:
            return 1e9
        return dice.uniform(5.0, self._weather.chaos_seconds)

    def _play(self, job: Job, dice: random.Random) -> Performance:
        seconds = (job.planned.estimate_minutes or 1.0) * 60 * dice.uniform(0.3, 2.0)
        if self._calm:
            return Performance(seconds)
        draw = dice.random()
        if draw < 0.06:
            return Performance(seconds, Outcome.FAILED, summary="it did not work (pretend)")
        if draw < 0.09:
            return Performance(
                seconds, Outcome.INFRASTRUCTURE, summary="the model was away (pretend)"
            )
        if draw < 0.12:
            patience = dice.choice([0.0, dice.uniform(10.0, 900.0)])
            used = Usage(dice.randint(1, 9), input_tokens=dice.randint(1, 9_000))
            return Performance(
                seconds, asks="which of the two?", patience_seconds=patience, uses=used
            )
        if draw < 0.14:
            return Performance(seconds, declines="no disk (pretend)")
        outcome = Outcome.UNCHANGED if draw < 0.17 else Outcome.CHANGED
        return Performance(
            seconds,
            outcome,
            steps=dice.randint(1, 6),
            ignores_freeze=dice.random() < 0.3,
            uses=Usage(1, input_tokens=dice.randint(1, 9_000)) if draw < 0.5 else None,
        )

    # --- people -----------------------------------------------------------------------------------

    async def _start_runs(self) -> None:
        """One run as a rule; now and then a second one while the first is under way."""
        dice, chaos = self._dice["runs"], self._weather.chaos_seconds
        await self._start_run(RunId("r1"), self._dice["people"])
        first = dice.uniform(0.0, chaos)
        await self._clock.sleep(first)
        if dice.random() < 0.25:
            await self._start_run(RunId("r2"), dice)
        await self._clock.sleep(chaos - first)

    async def _start_run(self, run_id: RunId, dice: random.Random) -> None:
        plan = self._plans[run_id] = random_plan(self._dice["plan"])
        blob = await MemoryBlobs(self._store).put(msgspec.json.encode(plan))
        limits = RunLimits(
            workers=dice.choice((2, 4, 10)),
            parallel_stages=dice.choice((1, 2, 4)),
            lease_seconds=LEASE_SECONDS,
        )
        flags = tuple(sorted(flag for flag, on in plan.flags.items() if on))
        await self._give(StartRun(run_id, Goal("rehearse", flags), blob, limits))

    async def _give(self, command: Command) -> None:
        given = CommandGiven(CommandId(self._ids.new("c")), command)
        write = StreamWrite(command_stream(REPO), None, (NewEvent(given, PERSON),))
        await self._desk.append([write], self._clock.now())

    async def _people(self) -> None:
        dice = self._dice["people"]
        for _ in range(self._weather.commands):
            await self._clock.sleep(dice.uniform(1.0, self._weather.chaos_seconds / 3))
            command = meddle(self._picture(), dice)
            if command is not None and not self._calm:
                await self._give(command)

    def _picture(self) -> PlanePicture:
        return self._planes[-1][0].picture if self._planes else PlanePicture(REPO)

    # --- the end ----------------------------------------------------------------------------------

    def _calm_down(self) -> None:
        self._calm = True
        self._luck.rate = self._luck.loses = 0.0
        self._world.calm()
        self._network.calm()

    async def _wait_for_the_end(self) -> bool:
        """Clear up now and then until nothing more can move; False when that never happens."""
        waited = 0.0
        while waited < CALM_SECONDS_MAX:
            plane = self._picture()
            commands = clear_up(plane)
            if not commands and not plane.commands and not unfinished(self._plans, plane):
                return True
            for command in commands:
                await self._give(command)
            pause = 120.0 if waited < 7_200 else 3_600.0
            await self._clock.sleep(pause)
            waited += pause
        return False

    async def _judge(self, ended: bool) -> None:
        """What the referee saw, and that every way of reading the log gives one picture."""
        self.referee.finish(self._target.commits, ended)
        folded = await read_picture(self._desk, None, REPO)
        jumped = await read_picture(self._desk, MemorySnapshots(self._store), REPO)
        if not ended:
            stuck = "; ".join(unfinished(self._plans, folded)[:5])
            self.referee.complain("everything-ends-or-waits", f"still open: {stuck}")
        if not folded == jumped:  # noqa: SIM201 - the maps inside know equality only
            self.referee.complain(
                "folding-again", "a snapshot and the whole history give two pictures"
            )
        verification = await self._desk.verify()
        if not verification.ok:
            self.referee.complain("chain", verification.first_broken or "broken")


def play(seed: int) -> Verdict:
    """Rehearse one seed from its beginning to its verdict."""
    episode = Episode(seed)
    try:
        return rehearse(episode.run, seed)
    except NothingLeft as hang:
        return Verdict(seed, 0, 0, "", (("hangs", str(hang)),))
    except ImpossibleHistory as wrong:
        return Verdict(seed, 0, 0, "", (("raises", str(wrong)),))
    except BaseExceptionGroup as failures:
        return Verdict(seed, 0, 0, "", (("raises", _first(failures)),))


def _first(failures: BaseExceptionGroup[BaseException]) -> str:
    failure: BaseException = failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return f"{type(failure).__name__}: {failure}"
