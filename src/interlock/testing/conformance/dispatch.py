"""The contract of a dispatch, as tests that every transport between plane and workers passes.

    class TestMyDispatch(DispatchSuite):
        @pytest.fixture
        async def house(self) -> AsyncIterator[DispatchHouse]:
            ...

A wait ends with an event or, after `PATIENCE_SECONDS`, with a failure; no test sleeps for luck.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import ClassVar, Final, Protocol, TypeVar

import pytest

from interlock.domain.ids import LeaseId, RunId, TaskId, TaskName, Token, WorkerId
from interlock.domain.result import Outcome, Result
from interlock.domain.task import PlannedTask
from interlock.engine.dispatch import (
    Alive,
    Delivery,
    Dispatch,
    Finished,
    Freeze,
    Interrupt,
    Job,
    Joined,
    Left,
    Order,
    Report,
    Started,
    Thaw,
    WorkerLink,
)
from interlock.engine.errors import PartLost

PATIENCE_SECONDS: Final = 20.0
MANY: Final = 64

ADA, BOB = WorkerId("ada"), WorkerId("bob")
T = TypeVar("T")


class DispatchHouse(Protocol):
    """A plane, its workers and what lies between, with the accidents that can happen to them."""

    @property
    def plane(self) -> Dispatch:
        """The plane's end as of now."""
        ...

    async def link(self, worker: WorkerId) -> WorkerLink:
        """A worker of this name starts; the one before it, if any, is gone."""
        ...

    async def lose(self, worker: WorkerId) -> None:
        """The worker dies without a word."""
        ...

    async def restart_plane(self) -> None:
        """The plane dies without a word and another one takes its place."""
        ...

    async def break_transport(self) -> None:
        """What carries the messages fails, and does not come back."""
        ...


class DispatchSuite:
    """What a plane and its workers rely on."""

    orders_max: ClassVar[int] = MANY
    """How many orders the transport keeps for one worker."""

    reports_death: ClassVar[bool] = False
    """Whether a worker that dies without a word leaves a `Left`; else it is merely silent."""

    redelivers_unrenewed: ClassVar[bool] = False
    """Whether the transport by itself delivers a job again that nobody renews."""

    async def test_a_job_reaches_its_worker_and_nobody_else(self, house: DispatchHouse) -> None:
        ada, bob = await house.link(ADA), await house.link(BOB)

        await house.plane.send(ADA, job(1, ADA))
        await house.plane.send(BOB, job(2, BOB))

        assert await soon(ada.next_order()) == job(1, ADA)
        assert await soon(bob.next_order()) == job(2, BOB)

    async def test_an_order_to_an_unknown_worker_is_silence(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)

        await house.plane.send(WorkerId("nobody"), job(1, WorkerId("nobody")))
        await house.plane.send(ADA, job(2, ADA))

        assert await soon(ada.next_order()) == job(2, ADA)

    async def test_every_kind_of_report_arrives_in_order(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)
        sent: list[Report] = [
            Joined(id="a1", worker_id=ADA, type="agent", name="Ada", holds=(lease(1),)),
            Alive(id="a2", worker_id=ADA, holds=(lease(1),)),
            started("a3"),
            finished("a4"),
            Left(id="a5", worker_id=ADA, reason="asked to stop"),
        ]

        for report in sent:
            await soon(ada.report(report))

        assert [await settled(house.plane) for _ in sent] == sent

    async def test_an_unsettled_report_is_delivered_again(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)
        await soon(ada.report(started("a1")))
        assert (await soon(house.plane.receive())).report == started("a1")

        await house.restart_plane()

        assert await until(house.plane, "a1") == [started("a1")]

    async def test_a_settled_report_is_not_delivered_again(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)
        await soon(ada.report(started("a1")))
        assert await settled(house.plane) == started("a1")

        await house.restart_plane()
        await soon(ada.report(finished("a2")))

        assert job_reports(await until(house.plane, "a2")) == [finished("a2")]

    async def test_a_repeated_report_is_dropped(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)
        await soon(ada.report(started("a1")))
        await soon(ada.report(started("a1")))
        assert await settled(house.plane) == started("a1")
        await soon(ada.report(started("a1")))

        await soon(ada.report(finished("a2")))

        assert await settled(house.plane) == finished("a2")

    async def test_settling_twice_is_fine(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)
        await soon(ada.report(started("a1")))
        delivery = await soon(house.plane.receive())

        await soon(delivery.settle())
        await soon(delivery.settle())

        await soon(ada.report(finished("a2")))
        assert await settled(house.plane) == finished("a2")

    async def test_a_report_made_while_no_plane_listens_arrives(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)
        reporting = asyncio.ensure_future(ada.report(finished("a1")))
        await house.restart_plane()

        assert await until(house.plane, "a1") == [finished("a1")]
        await soon(reporting)

    async def test_an_order_in_flight_reaches_the_worker_that_comes_back(
        self, house: DispatchHouse
    ) -> None:
        await house.link(ADA)
        await house.lose(ADA)
        await house.plane.send(ADA, job(1, ADA))

        ada = await house.link(ADA)

        assert await soon(ada.next_order()) == job(1, ADA)

    async def test_an_order_taken_but_not_done_comes_again(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)
        await house.plane.send(ADA, job(1, ADA))
        assert await soon(ada.next_order()) == job(1, ADA)
        await house.lose(ADA)

        ada = await house.link(ADA)

        assert await soon(ada.next_order()) == job(1, ADA)

    async def test_an_order_that_is_done_does_not_come_again(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)
        await house.plane.send(ADA, job(1, ADA))
        await soon(ada.done_with(await soon(ada.next_order())))
        await soon(ada.report(finished("a1")))
        assert await settled(house.plane) == finished("a1")
        await house.lose(ADA)

        ada = await house.link(ADA)
        await house.plane.send(ADA, job(2, ADA))

        assert await soon(ada.next_order()) == job(2, ADA)

    async def test_control_orders_reach_a_busy_worker(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)
        await house.plane.send(ADA, job(1, ADA))
        assert await soon(ada.next_order()) == job(1, ADA)

        for order in (Freeze(lease(1)), Thaw(lease(1)), Interrupt(lease(1))):
            await house.plane.send(ADA, order)
            assert await soon(ada.next_order()) == order
            await soon(ada.done_with(order))

    async def test_many_workers_work_at_once(self, house: DispatchHouse) -> None:
        workers = [WorkerId(f"w{number}") for number in range(MANY)]
        links = {worker: await house.link(worker) for worker in workers}

        async with asyncio.TaskGroup() as group:
            for number, worker in enumerate(workers):
                group.create_task(work_off(links[worker], worker))
                await house.plane.send(worker, job(number, worker))
            reports = [await settled(house.plane) for _ in workers]

        assert sorted(report.worker_id for report in reports) == sorted(workers)

    async def test_a_flood_of_orders_stays_bounded_and_the_newest_gets_through(
        self, house: DispatchHouse
    ) -> None:
        ada = await house.link(ADA)
        last = self.orders_max * 10
        for number in range(last + 1):
            await soon(house.plane.send(ADA, job(number, ADA)))

        seen = [await soon(ada.next_order())]
        while seen[-1] != job(last, ADA):
            seen.append(await soon(ada.next_order()))

        assert len(seen) < self.orders_max * 4

    async def test_a_worker_that_dies_without_a_word(self, house: DispatchHouse) -> None:
        ada, bob = await house.link(ADA), await house.link(BOB)
        await soon(ada.report(started("a1")))
        assert await settled(house.plane) == started("a1")

        await house.lose(ADA)

        if self.reports_death:
            left = await settled(house.plane)
            assert isinstance(left, Left)
            assert left.worker_id == ADA
            assert left.reason
        await soon(bob.report(Alive(id="b1", worker_id=BOB)))
        assert (await settled(house.plane)).id == "b1"

    async def test_a_worker_that_said_goodbye_leaves_once(self, house: DispatchHouse) -> None:
        ada, bob = await house.link(ADA), await house.link(BOB)
        goodbye = Left(id="a1", worker_id=ADA, reason="asked to stop")
        await soon(ada.report(goodbye))
        await house.lose(ADA)

        await soon(bob.report(Alive(id="b1", worker_id=BOB)))

        assert [(await settled(house.plane)).id for _ in range(2)] == ["a1", "b1"]

    async def test_a_lost_transport_is_told_at_once(self, house: DispatchHouse) -> None:
        await house.link(ADA)
        receiving = asyncio.ensure_future(house.plane.receive())

        await house.break_transport()

        with pytest.raises(PartLost):
            await soon(receiving)
        with pytest.raises(PartLost):
            await soon(house.plane.send(ADA, job(1, ADA)))

    async def test_a_wait_given_up_loses_nothing(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)
        for waiting in (ada.next_order(), house.plane.receive()):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(waiting, 0.05)

        await house.plane.send(ADA, job(1, ADA))
        await soon(ada.report(started("a1")))

        assert await soon(ada.next_order()) == job(1, ADA)
        assert await settled(house.plane) == started("a1")

    async def test_a_job_nobody_renews_comes_again(self, house: DispatchHouse) -> None:
        ada = await house.link(ADA)
        await house.plane.send(ADA, job(1, ADA))
        assert await soon(ada.next_order()) == job(1, ADA)

        if not self.redelivers_unrenewed:
            await house.plane.send(ADA, job(1, ADA))  # then the plane's next look does it

        assert await soon(ada.next_order()) == job(1, ADA)


def lease(number: int) -> LeaseId:
    return LeaseId(f"R1-t{number}@{number}")


def job(number: int, worker: WorkerId) -> Job:
    return Job(
        lease=lease(number),
        task_id=TaskId(f"R1-t{number}"),
        run_id=RunId("R1"),
        worker_id=worker,
        token=Token(number),
        attempt=1,
        lease_seconds=60.0,
        planned=PlannedTask(TaskName(f"t{number}"), "Say hello", prompt="Write 'grüß Gott'."),
    )


def started(report_id: str, worker: WorkerId = ADA) -> Started:
    return Started(
        id=report_id, worker_id=worker, task_id=TaskId("R1-t1"), lease=lease(1), token=Token(1)
    )


def finished(report_id: str, worker: WorkerId = ADA) -> Finished:
    return Finished(
        id=report_id,
        worker_id=worker,
        task_id=TaskId("R1-t1"),
        lease=lease(1),
        token=Token(1),
        result=Result(Outcome.UNCHANGED),
    )


def job_reports(reports: Sequence[Report]) -> list[Report]:
    return [report for report in reports if not isinstance(report, Joined | Left | Alive)]


async def soon(waiting: Awaitable[T]) -> T:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await waiting


async def settled(plane: Dispatch) -> Report:
    delivery: Delivery = await soon(plane.receive())
    await soon(delivery.settle())
    return delivery.report


async def until(plane: Dispatch, report_id: str) -> list[Report]:
    """Settle reports up to this one; what a lost connection itself reports is left out."""
    seen = [await settled(plane)]
    while seen[-1].id != report_id:
        seen.append(await settled(plane))
    return job_reports(seen)


async def work_off(link: WorkerLink, worker: WorkerId) -> None:
    order: Order = await soon(link.next_order())
    await soon(link.report(finished(f"{worker}-{order.lease}", worker)))
    await soon(link.done_with(order))
