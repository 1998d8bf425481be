"""A worker without an agent: it takes jobs, lets time pass, and reports as a real one must.

The demo, the simulation, the benchmarks and the crash test of real processes all use this one; what
it does with a job is a `Performance` that its player draws, so the same worker can succeed, fail,
ask, fall silent or refuse.
"""

import asyncio
from collections.abc import Callable

import msgspec

from interlock.domain.change import ChangeSet
from interlock.domain.ids import CommitId, LeaseId, RepoId, WorkerId
from interlock.domain.result import Outcome, Result
from interlock.domain.task import Activity
from interlock.domain.usage import Usage
from interlock.engine.dispatch import (
    Alive,
    Answer,
    Asked,
    Declined,
    Denied,
    Finished,
    Freeze,
    Frozen,
    Interrupt,
    Job,
    Joined,
    Metered,
    Progressed,
    Questioned,
    Started,
    Thaw,
    WorkerLink,
)
from interlock.engine.ports import Clock, IdSource

_BEFORE_ASKING = 0.5
"""A worker that asks does so half way."""


class Performance(msgspec.Struct, frozen=True):
    """What the worker will do with one job."""

    seconds: float
    outcome: Outcome = Outcome.CHANGED
    steps: int = 4
    declines: str = ""
    asks: str = ""
    patience_seconds: float = 0.0
    uses: Usage | None = None
    cap: str = ""
    denies: tuple[str, ...] = ()
    ignores_freeze: bool = False
    summary: str = ""


class Profile(msgspec.Struct, frozen=True):
    """Who the worker says it is."""

    worker_id: WorkerId
    agent: str = "default"
    capabilities: tuple[str, ...] = ()
    capacity: int = 1
    session: int = 1
    heartbeat_seconds: float = 10.0


Play = Callable[[Job], Performance]


class _Running:
    """One job being worked on, and what it was told meanwhile."""

    def __init__(self, job: Job, performance: Performance) -> None:
        self.job, self.performance = job, performance
        self.frozen = False
        self.interrupted = False
        self.asking = ""
        self.answer: str | None = None
        self.told = asyncio.Event()


class PretendWorker:
    """Joins, works on what it is given, and is heard of until it is cancelled."""

    def __init__(
        self, profile: Profile, link: WorkerLink, clock: Clock, ids: IdSource, play: Play
    ) -> None:
        self._profile, self._link, self._clock, self._ids, self._play = (
            profile,
            link,
            clock,
            ids,
            play,
        )
        self._running: dict[LeaseId, _Running] = {}
        self._seen: set[LeaseId] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        await self._join()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._be_heard())
            while True:
                order = await self._link.next_order()
                match order:
                    case Job() if order.lease in self._seen:
                        if order.lease not in self._running:
                            await self._link.done_with(order)
                    case Job():
                        self._seen.add(order.lease)
                        group.create_task(self._work(order))
                    case Freeze() | Thaw() | Interrupt() | Answer():
                        await self._control(order)

    async def _join(self) -> None:
        profile = self._profile
        await self._link.report(
            Joined(
                id=self._new_id(),
                worker_id=profile.worker_id,
                session=profile.session,
                type="agent",
                name=profile.worker_id,
                agent=profile.agent,
                capabilities=profile.capabilities,
                capacity=profile.capacity,
            )
        )

    async def _be_heard(self) -> None:
        while True:
            await self._clock.sleep(self._profile.heartbeat_seconds)
            holds = tuple(sorted(self._running))
            for lease in holds:
                await self._link.renew(lease)
            await self._link.report(
                Alive(
                    id=self._new_id(),
                    worker_id=self._profile.worker_id,
                    session=self._profile.session,
                    holds=holds,
                    frozen=tuple(lease for lease in holds if self._running[lease].frozen),
                    asking=tuple(
                        (lease, self._running[lease].asking)
                        for lease in holds
                        if self._running[lease].asking
                    ),
                )
            )

    async def _control(self, order: Freeze | Thaw | Interrupt | Answer) -> None:
        running = self._running.get(order.lease)
        if running is not None:
            match order:
                case Freeze():
                    if not running.performance.ignores_freeze:
                        running.frozen = True
                        await self._report(Frozen, running.job)
                case Thaw():
                    running.frozen = False
                case Interrupt():
                    running.interrupted = True
                case Answer(question_id=question_id, answer=answer):
                    if question_id == running.asking:
                        running.answer = answer
            running.told.set()
        await self._link.done_with(order)

    async def _work(self, job: Job) -> None:
        performance = self._play(job)
        if performance.declines:
            await self._report(Declined, job, reason=performance.declines)
            await self._link.done_with(job)
            return
        running = self._running[job.lease] = _Running(job, performance)
        try:
            await self._report(Started, job)
            await self._perform(running)
        finally:
            del self._running[job.lease]
        await self._link.done_with(job)

    async def _perform(self, running: _Running) -> None:
        """Let the time pass in steps; hold still while frozen; leave at once when interrupted."""
        performance, job = running.performance, running.job
        steps = max(1, performance.steps)
        for step in range(1, steps + 1):
            if not await self._pass_time(running, performance.seconds / steps):
                return
            if performance.asks and step / steps >= _BEFORE_ASKING and running.answer is None:
                answered = await self._wait_for_answer(running)
                if running.interrupted:
                    return
                if not answered:
                    await self._tell_usage(running)
                    await self._report(Asked, job, question=performance.asks, cap=performance.cap)
                    return
            if step < steps:
                activity = list(Activity)[(step - 1) % len(Activity)]
                await self._report(Progressed, job, percent=100 * step // steps, activity=activity)
        await self._tell_usage(running)
        if performance.denies:
            await self._report(Denied, job, hosts=performance.denies)
        await self._report(Finished, job, result=self._result(job, performance))

    async def _tell_usage(self, running: _Running) -> None:
        if running.performance.uses is not None:
            await self._report(Metered, running.job, usage=running.performance.uses)

    async def _wait_for_answer(self, running: _Running) -> bool:
        """Keep at it for a while, as an agent does that waits for its permission."""
        patience = running.performance.patience_seconds
        if not patience:
            return False
        running.asking = f"{running.job.lease}/1"
        question = running.performance.asks
        await self._report(Questioned, running.job, question_id=running.asking, question=question)
        until = self._clock.monotonic() + patience
        while running.answer is None and not running.interrupted:
            left = until - self._clock.monotonic()
            if left <= 0:
                break
            running.told.clear()
            try:
                async with asyncio.timeout(left):
                    await running.told.wait()
            except TimeoutError:
                break
        running.asking = ""
        return running.answer is not None

    async def _pass_time(self, running: _Running, seconds: float) -> bool:
        """True when the time has passed, False when the job was interrupted."""
        left = seconds
        while left > 0 or running.frozen:
            before = self._clock.monotonic()
            running.told.clear()
            if running.interrupted:
                return False
            try:
                async with asyncio.timeout(None if running.frozen else left):
                    await running.told.wait()
            except TimeoutError:
                return not running.interrupted
            if not running.frozen:
                left -= self._clock.monotonic() - before
        return not running.interrupted

    def _result(self, job: Job, performance: Performance) -> Result:
        change = None
        if performance.outcome is Outcome.CHANGED:
            head = CommitId(job.lease)  # Shows under which lease the work was done.
            change = ChangeSet(RepoId("pretend"), job.task_id, CommitId("base"), head)
        return Result(performance.outcome, change, performance.summary)

    async def _report(self, kind: type, job: Job, **fields: object) -> None:
        report = kind(
            id=self._new_id(),
            worker_id=self._profile.worker_id,
            session=self._profile.session,
            task_id=job.task_id,
            lease=job.lease,
            token=job.token,
            **fields,
        )
        await self._link.report(report)

    def _new_id(self) -> str:
        return self._ids.new(f"{self._profile.worker_id}-{self._profile.session}-")
