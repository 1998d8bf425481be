"""What the wake-ups of an event log must hold."""

import asyncio
from contextlib import suppress

import pytest

from interlock.engine.errors import Conflict, PartLost
from interlock.engine.ports import EventLog
from interlock.testing.conformance.appending import LogFixture
from interlock.testing.conformance.houses import LogHouse
from interlock.testing.conformance.samples import AT, write

SOON_SECONDS = 1.0
"""An upper bound that a busy machine keeps, yet below any slow fallback look."""

SILENCE_SECONDS = 0.1


class DoorbellSuite(LogFixture):
    """Rung by every append of anybody, once for many, never without one."""

    async def test_is_silent_without_an_append(self, log: EventLog) -> None:
        await log.append([write("a", 0, "before")], AT)
        bell = log.listen()
        assert not await bell.rung(SILENCE_SECONDS)

    async def test_is_rung_by_an_own_append(self, log: EventLog) -> None:
        bell = log.listen()
        await log.append([write("a", 0, "x")], AT)
        assert await bell.rung(SOON_SECONDS)
        assert not await bell.rung(SILENCE_SECONDS)

    async def test_is_rung_by_an_append_of_another_opening(
        self, house: LogHouse, log: EventLog
    ) -> None:
        other = await house.open()
        bell = log.listen()
        assert not await bell.rung(SILENCE_SECONDS)
        for number in range(3):
            await other.append([write("a", number, "x")], AT)
            assert await bell.rung(SOON_SECONDS)
            assert not await bell.rung(SILENCE_SECONDS)
        await other.close()

    async def test_wakes_who_waits_without_limit(self, house: LogHouse, log: EventLog) -> None:
        other = await house.open()
        bell = log.listen()
        waiting = asyncio.create_task(bell.rung())
        await asyncio.sleep(0.02)
        await other.append([write("a", 0, "x")], AT)
        assert await asyncio.wait_for(waiting, SOON_SECONDS)
        await other.close()

    async def test_rings_once_for_many(self, log: EventLog) -> None:
        bell = log.listen()
        for number in range(5):
            await log.append([write("a", number, "x")], AT)
        assert await bell.rung(SOON_SECONDS)
        assert not await bell.rung(SILENCE_SECONDS)

    async def test_every_listener_is_woken(self, house: LogHouse, log: EventLog) -> None:
        other = await house.open()
        bells = [log.listen(), log.listen(), other.listen()]
        await log.append([write("a", 0, "x")], AT)
        assert [await bell.rung(SOON_SECONDS) for bell in bells] == [True, True, True]
        await other.close()

    async def test_what_was_rung_can_be_read(self, house: LogHouse, log: EventLog) -> None:
        other = await house.open()
        bell = log.listen()
        for number in range(10):
            append = asyncio.create_task(other.append([write("a", number, "x")], AT))
            assert await bell.rung(SOON_SECONDS)
            assert len(await log.read(number)) == 1
            await append
        await other.close()

    async def test_a_ring_says_how_far_the_log_goes(self, house: LogHouse, log: EventLog) -> None:
        """Or nothing; never more than there is, nor less than what was heard of."""
        other = await house.open()
        bell = log.listen()
        for number, writer in enumerate((log, other, log)):
            (recorded,) = await writer.append([write("a", number, "x")], AT)
            assert await bell.rung(SOON_SECONDS)
            assert bell.position in {None, recorded.position}
        await other.close()

    async def test_nothing_recorded_rings_nothing(self, log: EventLog) -> None:
        bell = log.listen()
        await log.append([], AT)
        with pytest.raises(Conflict):
            await log.append([write("a", 4, "x")], AT)
        assert not await bell.rung(SILENCE_SECONDS)

    async def test_a_closed_bell_bothers_nobody(self, log: EventLog) -> None:
        bell, kept = log.listen(), log.listen()
        bell.close()
        bell.close()
        await log.append([write("a", 0, "x")], AT)
        assert await kept.rung(SOON_SECONDS)

    async def test_closing_wakes_who_waits(self, house: LogHouse) -> None:
        log = await house.open()
        one, two = log.listen(), log.listen()
        waiting = [asyncio.create_task(bell.rung()) for bell in (one, two)]
        await asyncio.sleep(0.02)
        one.close()
        assert not await asyncio.wait_for(waiting[0], SOON_SECONDS)
        await log.close()
        with suppress(PartLost):  # as good an answer as False
            assert not await asyncio.wait_for(waiting[1], SOON_SECONDS)
