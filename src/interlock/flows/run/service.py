"""The plane at work: read what is new, decide, record it in one append, only then tell and act.

One coroutine owns the picture. News reach it through one bounded queue: reports of workers,
outcomes of acts, a ring of the log's doorbell, an alarm. A turn takes what has gathered, folds it
into a draft, settles the draft, appends the draft's facts, and then sends orders, starts acts and
settles deliveries. A crash between any two of these steps loses nothing: what was recorded is
decided again after the restart, what was not recorded never happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from interlock.domain.actor import Actor
from interlock.domain.facts.plane import PartLost as PartWasLost
from interlock.domain.facts.plane import PartRestored
from interlock.domain.ids import RepoId, TaskId
from interlock.engine.dispatch import Order
from interlock.engine.errors import EngineError, FencedOut, PartLost
from interlock.engine.outbox import Outbox
from interlock.engine.ports import Doorbell, Fence, Recorded
from interlock.engine.supervisor import Supervisor
from interlock.engine.timers import Timers
from interlock.flows.run import commands, reports
from interlock.flows.run.acting import Acting
from interlock.flows.run.draft import Dirty, Draft
from interlock.flows.run.epochs import Process, take_over
from interlock.flows.run.hearing import Hearing
from interlock.flows.run.intake import Intake, Reading, wanted_starts
from interlock.flows.run.news import Acted, News, Options, PlanLoaded, Ports, Rung
from interlock.flows.run.pictures import (
    PlanePicture,
    epoch_stream,
    plane_stream,
    version_of,
)
from interlock.flows.run.recovery import catch_up, read_picture, snapshot_name, snapshot_of
from interlock.flows.run.settle import Wishes, freeze_of, job_of, settle

NEWS_MAX: Final = 1_024
"""News that may wait for a turn; whoever brings more waits with it."""

NEWS_PER_TURN_MAX: Final = 256


class Plane:
    """One plane of one repository, from its start to its stop or to the loss of a part."""

    def __init__(self, repo_id: RepoId, ports: Ports, options: Options) -> None:
        self._repo_id, self._ports, self._options = repo_id, ports, options
        self._me = Actor("plane", options.process, "plane")
        self._picture = PlanePicture(repo_id)
        self._dirty = Dirty()
        self._fence = Fence(epoch_stream(repo_id), 0)
        self._news: asyncio.Queue[News] = asyncio.Queue(NEWS_MAX)
        self._timers: Timers[TaskId] = Timers()
        self._outbox = Outbox(timedelta(seconds=options.resend_seconds))
        self._supervisor = Supervisor()
        self._hearing = Hearing(ports.clock, options.worker_silence_seconds)
        self._acting = Acting(ports.acts, self._supervisor, options.judgings, self._news.put)
        self._intake = Intake()
        self._reading = Reading(ports.blobs, self._supervisor, self._news.put)
        self._snapshot_at = 0
        self._stopping = self._winding_down = False

    @property
    def picture(self) -> PlanePicture:
        """What the plane knows to be recorded."""
        return self._picture

    async def run(self, lost: PartLost | None = None) -> None:
        """Act until `stop`; raises PartLost or FencedOut. `lost` is what ended the life before."""
        await self._take_over(lost)
        try:
            await self._work()
        except PartLost as loss:
            await self._note(loss)
            raise
        await self._save_snapshot()

    async def _work(self) -> None:
        async with self._supervisor as supervisor:
            bell = self._ports.log.listen()
            try:
                supervisor.start("doorbell", self._watch_log(bell))
                supervisor.start("reports", self._watch_reports())
                await self._news.put(Rung())
                while not self._stopping:
                    await self._turn(await self._gather())
            finally:
                bell.close()
                supervisor.cancel_all()

    async def _note(self, loss: PartLost) -> None:
        """If the log still works, everybody shall see at once which part does not."""
        draft = Draft(self._picture, self._dirty, self._ports.clock.now(), self._me)
        draft.record(plane_stream(self._repo_id), PartWasLost(loss.part, loss.detail))
        with suppress(EngineError):
            await self._append(draft)

    def wind_down(self) -> None:
        """From here on nobody is given work; what comes in is still heard, judged and landed."""
        self._winding_down = True

    def stop(self) -> None:
        """End after the present turn; the next plane finds workers and open intents again."""
        self._stopping = True
        if not self._news.full():
            self._news.put_nowait(Rung())

    # --- taking over ------------------------------------------------------------------------------

    async def _take_over(self, lost: PartLost | None) -> None:
        """From here on nobody else can write; then see what there is."""
        plane = await read_picture(self._ports.log, self._ports.snapshots, self._repo_id)
        self._snapshot_at = plane.position
        process = Process(self._options.process, self._options.release)
        self._picture, self._fence = await take_over(
            self._ports.log, self._ports.clock, plane, process
        )
        self._dirty.everything(self._picture)
        self._hearing.everybody(self._picture)
        if lost is not None or self._picture.lost_part:
            await self._record_restored(lost)

    async def _record_restored(self, lost: PartLost | None) -> None:
        draft = Draft(self._picture, self._dirty, self._ports.clock.now(), self._me)
        stream = plane_stream(self._repo_id)
        if not self._picture.lost_part and lost is not None:
            draft.record(stream, PartWasLost(lost.part, lost.detail))
        part = (
            self._picture.lost_part.partition(" is out of order")[0] if lost is None else lost.part
        )
        draft.record(stream, PartRestored(part))
        await self._append(draft)

    # --- where news come from ---------------------------------------------------------------------

    async def _watch_log(self, bell: Doorbell) -> None:
        while True:
            await bell.rung()
            await self._news.put(Rung(bell.position))

    async def _watch_reports(self) -> None:
        while True:
            await self._news.put(await self._ports.dispatch.receive())

    async def _gather(self) -> list[News]:
        """Wait for the first news or the next alarm, then take what else is there."""
        news: list[News] = []
        if not self._dirty and self._news.empty():
            try:
                async with asyncio.timeout(self._seconds_to_next_alarm()):
                    news.append(await self._news.get())
            except TimeoutError:
                return news
        while len(news) < NEWS_PER_TURN_MAX and not self._news.empty():
            news.append(self._news.get_nowait())
        return news

    def _seconds_to_next_alarm(self) -> float | None:
        due, silence = self._timers.next_due(), self._hearing.seconds_to_next()
        waits = [] if silence is None else [silence]
        if due is not None:
            waits.append((due - self._ports.clock.now()).total_seconds())
        return max(0.0, min(waits)) if waits else None

    # --- one turn ---------------------------------------------------------------------------------

    async def _turn(self, news: Sequence[News]) -> None:
        if any(isinstance(item, Rung) and not self._knows(item) for item in news):
            # Others only ever append commands; own events are in the picture already.
            self._picture = await catch_up(self._ports.log, self._picture)
            self._check_epoch()
        draft = Draft(self._picture, self._dirty, self._ports.clock.now(), self._me)
        self._ring_alarms(draft)
        for item in news:
            self._take(draft, item)
        for given in draft.plane.commands:
            commands.answer(draft, given)
        self._intake.submit(draft)
        wishes = settle(draft, self._hearing.lease_over, grants=not self._winding_down)
        await self._append(draft)
        await self._carry_out(draft, wishes)
        for item in news:
            if not isinstance(item, Rung | PlanLoaded | Acted):
                await item.settle()
        if self._picture.position - self._snapshot_at >= self._options.snapshot_every:
            await self._save_snapshot()

    def _knows(self, rung: Rung) -> bool:
        """It was rung for what this plane has written itself: nothing is asked of the log."""
        return rung.reaches is not None and rung.reaches <= self._picture.position

    def _check_epoch(self) -> None:
        """A plane that has nothing to write must notice, too, that another one took over."""
        epoch = version_of(self._picture, self._fence.stream)
        if epoch != self._fence.version:
            raise FencedOut(self._fence.stream, self._fence.version, epoch)

    def _ring_alarms(self, draft: Draft) -> None:
        for task_id in self._timers.pop_due(draft.now):
            draft.dirty.tasks[task_id] = None
            draft.dirty.starts = True
        self._hearing.look(draft)

    def _take(self, draft: Draft, item: News) -> None:
        match item:
            case Rung():
                return
            case PlanLoaded():
                self._intake.loaded(draft, item)
            case Acted():
                self._acting.ended(draft, item)
            case _:
                self._hearing.report(draft, item.report, reports.take(draft, item.report))

    async def _append(self, draft: Draft) -> None:
        """From here on the draft is the picture: its facts are durable."""
        writes = draft.writes()
        if not writes:
            self._picture = draft.plane
            return
        recorded = await self._ports.log.append(writes, draft.now, self._fence)
        follows = recorded[0].position == self._picture.position + 1
        position = recorded[-1].position if follows else self._picture.position
        self._picture = replace(draft.plane, position=position)
        for lease_id in draft.ended_leases:
            self._hearing.forget(lease_id)
            self._outbox.settled(f"Job:{lease_id}")
            self._outbox.settled(f"Freeze:{lease_id}")
        for task_id in draft.granted:
            self._hearing.lease(self._picture, self._picture.tasks[task_id])
        await self._publish(recorded)

    async def _publish(self, recorded: Sequence[Recorded]) -> None:
        if self._ports.feed is not None:
            for event in recorded:
                news = (event.position, event.stream, type(event.fact).__name__)
                await self._ports.feed.publish("events", msgspec.json.encode(news))

    # --- telling and acting -----------------------------------------------------------------------

    async def _carry_out(self, draft: Draft, wishes: Wishes) -> None:
        """All of this may be lost or repeated: it is wanted again until it shows in the log."""
        plane = self._picture
        for worker_id, order in draft.orders:
            await self._ports.dispatch.send(worker_id, order)
        for task_id, due in wishes.alarms.items():
            self._timers.set(task_id, due)
        for task_id in wishes.jobs:
            await self._tell(task_id, draft.now, job_of(plane, plane.tasks[task_id]))
        for task_id in wishes.freezes:
            await self._tell(task_id, draft.now, freeze_of(plane.tasks[task_id]))
        if plane.stopped:
            self._acting.cancel()
        for task_id, act in wishes.acts.items():
            task = plane.tasks[task_id]
            self._acting.start(plane.runs[task.run_id], task, act)
        for run_id in (*wishes.plans, *wanted_starts(plane)):
            if not self._intake.has(run_id):
                self._reading.want(plane, run_id)
        self._reading.want_amended(plane)

    async def _tell(self, task_id: TaskId, now: datetime, order: Order | None) -> None:
        """Send what the worker should know by now, unless it was sent a moment ago."""
        lease = self._picture.tasks[task_id].lease
        if lease is None or order is None:
            return
        again = self._outbox.due(f"{type(order).__name__}:{lease.id}", now)
        if again is None:
            await self._ports.dispatch.send(lease.worker_id, order)
            again = now + timedelta(seconds=self._options.resend_seconds)
        self._timers.set_no_later(task_id, again)

    async def _save_snapshot(self) -> None:
        self._snapshot_at = self._picture.position
        await self._ports.snapshots.save(snapshot_name(self._repo_id), snapshot_of(self._picture))
