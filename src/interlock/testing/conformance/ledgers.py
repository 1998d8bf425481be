"""What a book of model use must hold; subclass the suite and provide the fixture `house`."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from interlock.domain.ids import RunId, TaskId
from interlock.domain.usage import Usage
from interlock.engine.ports import Clock
from interlock.workers.models.ports import Caps, Charge, Ledger, Worst
from interlock.workers.models.spending import set_aside

CHARGE: Final = Charge(RunId("run"), TaskId("task"), 1, "lease")
WORST: Final = Worst(100, 1.0)
USED: Final = Usage(1, 40, 10, 5, 20, 8, 0, 0.25)
FREE: Final = Caps()


class DayClock:
    """Stands still; a test puts it where it wants."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)


class LedgerHouse(Protocol):
    """One empty book that can be opened several times, as by several processes."""

    async def open(self, clock: Clock) -> Ledger: ...


class LedgerSuite:
    """Every request is booked once, to everybody who pays, and no cap is ever passed."""

    # --- booking ----------------------------------------------------------------------------------

    async def test_an_empty_book_knows_no_use(self, house: LedgerHouse) -> None:
        ledger = await house.open(DayClock())
        assert await ledger.of_attempt("lease") == Usage()
        assert await ledger.of_task(TaskId("task")) == Usage()

    async def test_until_it_is_settled_it_is_unknown(self, house: LedgerHouse) -> None:
        ledger = await house.open(DayClock())
        assert await ledger.reserve("a", CHARGE, WORST, FREE) is None
        assert await ledger.of_attempt("lease") == set_aside(WORST)
        await ledger.settle("a", USED)
        assert await ledger.of_attempt("lease") == USED

    async def test_settling_again_changes_nothing(self, house: LedgerHouse) -> None:
        ledger = await house.open(DayClock())
        await ledger.reserve("a", CHARGE, WORST, FREE)
        await ledger.settle("a", USED)
        await ledger.settle("a", Usage(1, 99, cost_usd=9.0))
        assert await ledger.of_task(TaskId("task")) == USED
        assert await ledger.reserve("b", CHARGE, Worst(25, 0.75), Caps(100, 1.0)) is None

    async def test_reserving_again_changes_nothing(self, house: LedgerHouse) -> None:
        """An answer may be lost on its way, so that somebody asks twice."""
        ledger = await house.open(DayClock())
        for _ in range(2):
            assert await ledger.reserve("a", CHARGE, WORST, Caps(tokens_per_task=100)) is None
        assert await ledger.of_attempt("lease") == set_aside(WORST)

    async def test_what_was_never_set_aside_is_not_booked(self, house: LedgerHouse) -> None:
        ledger = await house.open(DayClock())
        await ledger.settle("a", USED)
        assert await ledger.of_attempt("lease") == Usage()

    async def test_attempts_and_tasks_are_apart(self, house: LedgerHouse) -> None:
        ledger = await house.open(DayClock())
        charges = (
            CHARGE,
            Charge(RunId("run"), TaskId("task"), 2, "lease-2"),
            Charge(RunId("run"), TaskId("other"), 1, "lease-3"),
        )
        for number, charge in enumerate(charges):
            await ledger.reserve(str(number), charge, WORST, FREE)
            await ledger.settle(str(number), Usage(1, 10 + number, cost_usd=0.1))
        assert (await ledger.of_attempt("lease-2")).input_tokens == 11
        assert await ledger.of_task(TaskId("task")) == Usage(2, 21, cost_usd=0.2)
        assert (await ledger.of_task(TaskId("other"))).input_tokens == 12

    async def test_sums_are_exact(self, house: LedgerHouse) -> None:
        ledger = await house.open(DayClock())
        for number in range(10):
            await ledger.reserve(str(number), CHARGE, WORST, FREE)
            await ledger.settle(str(number), Usage(1, 1, cost_usd=0.1, unknown_usd=0.000000001))
        found = await ledger.of_attempt("lease")
        assert (found.requests, found.cost_usd, found.unknown_usd) == (10, 1.0, 0.00000001)

    async def test_one_without_a_price_leaves_the_sum_without_one(self, house: LedgerHouse) -> None:
        ledger = await house.open(DayClock())
        await ledger.reserve("a", CHARGE, Worst(100, None), FREE)
        assert (await ledger.of_attempt("lease")).cost_usd is None
        await ledger.settle("a", Usage(1, 5, cost_usd=None))
        await ledger.reserve("b", CHARGE, WORST, FREE)
        await ledger.settle("b", USED)
        found = await ledger.of_attempt("lease")
        assert (found.cost_usd, found.requests, found.input_tokens) == (None, 2, 45)

    async def test_names_may_hold_anything(self, house: LedgerHouse) -> None:
        ledger = await house.open(DayClock())
        strange = Charge(RunId("r'--"), TaskId("t/%s/{}"), 1, 'l";ä')
        await ledger.reserve("a'b", strange, WORST, FREE)
        await ledger.settle("a'b", USED)
        assert await ledger.of_attempt('l";ä') == USED
        assert await ledger.of_task(TaskId("t/%s/{}")) == USED

    # --- caps -------------------------------------------------------------------------------------

    async def test_the_worst_case_counts_until_it_is_settled(self, house: LedgerHouse) -> None:
        ledger, caps = await house.open(DayClock()), Caps(tokens_per_task=150)
        assert await ledger.reserve("a", CHARGE, WORST, caps) is None
        over = await ledger.reserve("b", CHARGE, WORST, caps)
        assert over is not None
        assert (over.cap, over.held) == ("tokens_per_task", True)
        await ledger.settle("a", Usage(1, 50, cost_usd=0.1))
        assert await ledger.reserve("b", CHARGE, WORST, caps) is None
        await ledger.settle("b", Usage(1, 100, cost_usd=0.1))
        over = await ledger.reserve("c", CHARGE, Worst(1, 0.0), caps)
        assert over is not None
        assert not over.held

    async def test_what_is_refused_is_not_booked(self, house: LedgerHouse) -> None:
        ledger = await house.open(DayClock())
        assert await ledger.reserve("a", CHARGE, WORST, Caps(cost_usd_per_task=0.5)) is not None
        assert await ledger.of_attempt("lease") == Usage()
        assert await ledger.reserve("a", CHARGE, WORST, Caps(cost_usd_per_task=1.0)) is None

    async def test_what_may_have_been_used_counts_as_used(self, house: LedgerHouse) -> None:
        ledger, caps = await house.open(DayClock()), Caps(cost_usd_per_task=2.0)
        await ledger.reserve("a", CHARGE, WORST, caps)
        cut = Usage(1, 10, unknown_tokens=90, cost_usd=0.1, unknown_usd=0.95)
        await ledger.settle("a", cut)
        over = await ledger.reserve("b", CHARGE, WORST, caps)
        assert over is not None
        assert (over.cap, over.held) == ("cost_usd_per_task", False)

    async def test_a_run_is_the_sum_of_its_tasks(self, house: LedgerHouse) -> None:
        ledger, caps = await house.open(DayClock()), Caps(cost_usd_per_run=2.5)
        for number in range(3):
            charge = Charge(RunId("run"), TaskId(f"t{number}"), 1, f"l{number}")
            over = await ledger.reserve(str(number), charge, WORST, caps)
            assert (over is None) == (number < 2)
        elsewhere = Charge(RunId("other"), TaskId("t"), 1, "l")
        assert await ledger.reserve("x", elsewhere, WORST, caps) is None

    async def test_a_day_is_the_sum_of_all_runs_and_ends_at_midnight(
        self, house: LedgerHouse
    ) -> None:
        clock = DayClock()
        ledger, caps = await house.open(clock), Caps(cost_usd_per_day=1.5)
        assert await ledger.reserve("a", CHARGE, WORST, caps) is None
        other = Charge(RunId("other"), TaskId("t"), 1, "l")
        over = await ledger.reserve("b", other, WORST, caps)
        assert over is not None
        assert over.cap == "cost_usd_per_day"
        await clock.sleep(1)
        assert await ledger.reserve("b", other, WORST, caps) is None
        await ledger.settle("a", Usage(1, 1, cost_usd=1.0))  # counts for the day it was sent on
        assert await ledger.reserve("c", other, Worst(1, 0.5), caps) is None

    # --- many at once -----------------------------------------------------------------------------

    async def test_another_process_sees_it(self, house: LedgerHouse) -> None:
        one, two = await house.open(DayClock()), await house.open(DayClock())
        await one.reserve("a", CHARGE, WORST, FREE)
        assert await two.of_attempt("lease") == set_aside(WORST)
        await two.settle("a", USED)
        assert await one.of_attempt("lease") == USED

    async def test_however_many_ask_at_once_no_cap_is_passed(self, house: LedgerHouse) -> None:
        crowd = [await house.open(DayClock()) for _ in range(4)]
        caps = Caps(tokens_per_task=1000, cost_usd_per_run=9.0)

        async def ask(number: int) -> bool:
            ledger = crowd[number % len(crowd)]
            return await ledger.reserve(str(number), CHARGE, WORST, caps) is None

        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(ask(number)) for number in range(40)]
        assert sum(each.result() for each in asked) == 9
        found = await crowd[0].of_attempt("lease")
        assert (found.unknown_tokens, found.unknown_usd) == (900, 9.0)

    async def test_reserved_and_settled_at_once_the_sums_are_right(
        self, house: LedgerHouse
    ) -> None:
        crowd = [await house.open(DayClock()) for _ in range(3)]
        caps = Caps(tokens_per_task=10_000)

        async def go(number: int) -> None:
            one, two = crowd[number % 3], crowd[(number + 1) % 3]
            assert await one.reserve(str(number), CHARGE, WORST, caps) is None
            async with asyncio.TaskGroup() as group:
                for ledger in (one, two):
                    group.create_task(ledger.settle(str(number), Usage(1, 30, cost_usd=0.1)))

        async with asyncio.TaskGroup() as group:
            for number in range(30):
                group.create_task(go(number))
        found = await crowd[0].of_attempt("lease")
        assert (found.requests, found.tokens, found.unknown_tokens) == (30, 900, 0)
        assert found.cost_usd == 3.0
        # Exactly what is left fits, and not one token more.
        assert await crowd[1].reserve("too-much", CHARGE, Worst(9101, 0.0), caps) is not None
        assert await crowd[1].reserve("all", CHARGE, Worst(9100, 0.0), caps) is None

    async def test_a_cancelled_question_spoils_nothing(self, house: LedgerHouse) -> None:
        ledger = await house.open(DayClock())
        asking = asyncio.create_task(ledger.reserve("a", CHARGE, WORST, FREE))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait({asking})
        await ledger.settle("a", Usage(requests=1))
        assert (await ledger.of_attempt("lease")).unknown_tokens in {0, 100}
        assert await ledger.reserve("b", CHARGE, WORST, FREE) is None
