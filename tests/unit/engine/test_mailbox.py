"""What lies between a plane and its workers: bounded, told again, and given up together."""

import asyncio
from collections.abc import Awaitable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.ids import LeaseId, RunId, TaskId, TaskName, Token, WorkerId
from interlock.domain.task import PlannedTask
from interlock.engine.dispatch import Alive, Freeze, Interrupt, Job, Order, Thaw
from interlock.engine.errors import PartLost
from interlock.engine.mailbox import OrderBox, ReportBox

ADA = WorkerId("ada")
LOST = PartLost("dispatch", "it broke", "Mend it")
PLANNED = PlannedTask(TaskName("t"), "Say hello")


def job(lease: str) -> Job:
    return Job(LeaseId(lease), TaskId("t"), RunId("R1"), ADA, Token(1), 1, 60.0, PLANNED)


def alive(number: int) -> Alive:
    return Alive(id=str(number), worker_id=ADA)


async def all_of(box: OrderBox) -> list[Order]:
    """Everything that can be told without waiting."""
    told: list[Order] = []
    while True:
        try:
            async with asyncio.timeout(0):
                told.append(await box.next())
        except TimeoutError:
            return told


A, B = LeaseId("a"), LeaseId("b")


@pytest.mark.parametrize(
    ("put", "told"),
    [
        ([job("a"), job("b")], [job("a"), job("b")]),
        ([job("a"), job("a")], [job("a")]),
        ([job("a"), Freeze(A)], [job("a"), Freeze(A)]),
        ([Freeze(A), Thaw(A)], [Thaw(A)]),
        ([job("a"), Freeze(A), Interrupt(A)], [Interrupt(A)]),
        ([job("a"), Interrupt(B)], [job("a"), Interrupt(B)]),
    ],
)
async def test_an_order_takes_the_place_of_what_it_makes_pointless(
    put: list[Order], told: list[Order]
):
    box = OrderBox()
    for order in put:
        box.put(order)
    assert await all_of(box) == told


async def test_what_is_not_done_with_is_told_again():
    box = OrderBox()
    for order in (job("a"), job("b"), Freeze(B)):
        box.put(order)
    assert await all_of(box) == [job("a"), job("b"), Freeze(B)]
    assert box.leases == (A, B)

    box.done(job("b"))
    box.rewind()

    assert await all_of(box) == [job("a")]
    assert box.leases == (A,)


async def test_being_done_with_an_older_control_keeps_the_newer_one():
    box = OrderBox()
    box.put(Freeze(A))
    box.put(Thaw(A))
    box.done(Freeze(A))
    assert await all_of(box) == [Thaw(A)]


@given(st.lists(st.sampled_from("abcdef"), max_size=30), st.integers(1, 4))
def test_a_full_box_keeps_the_newest(leases: list[str], orders_max: int):
    async def telling() -> list[Order]:
        box = OrderBox(orders_max)
        for lease in leases:
            box.put(job(lease))
            assert len(box) <= orders_max
        return await all_of(box)

    newest = list(dict.fromkeys(reversed(leases)))[:orders_max]
    assert asyncio.run(telling()) == [job(lease) for lease in reversed(newest)]


async def test_a_full_report_box_lets_the_next_one_wait():
    box = ReportBox(reports_max=2)
    assert await box.put(alive(1))
    assert await box.put(alive(2))
    assert not await box.put(alive(1))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(box.put(alive(3)))
        assert [await box.next(), await box.next()] == [alive(1), alive(2)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(box.next(), 0.01)
        assert not waiting.done()

        box.settle("1")

        assert await box.next() == alive(3)
    assert waiting.result()


async def test_unsettled_reports_are_given_out_again():
    box = ReportBox()
    for number in (1, 2, 3):
        await box.put(alive(number))
        await box.next()
    box.settle("2")

    box.rewind()

    assert [await box.next(), await box.next()] == [alive(1), alive(3)]
    assert box.has_settled("2")
    assert not await box.put(alive(2))


async def test_old_ids_are_forgotten():
    box = ReportBox(settled_max=2)
    for number in (1, 2, 3):
        await box.put(alive(number))
        box.settle(str(number))
    assert [box.has_settled(report_id) for report_id in "123"] == [False, True, True]
    assert await box.put(alive(1))


async def test_everybody_who_waits_is_told_of_the_loss():
    orders, reports, full = OrderBox(), ReportBox(), ReportBox(reports_max=1)
    await full.put(alive(1))

    async def told(wait: Awaitable[object]) -> None:
        with pytest.raises(PartLost, match="it broke"):
            await wait

    async def lose() -> None:
        for box in (orders, reports, full):
            box.lose(LOST)

    async with asyncio.TaskGroup() as group:
        for wait in (orders.next(), reports.next(), full.put(alive(2))):
            group.create_task(told(wait))
        group.create_task(lose())  # tasks start in the order they are made: all three wait by then

    with pytest.raises(PartLost):
        await reports.put(alive(3))
