"""What appending to and reading from an event log must hold, alone and in a crowd."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
import pytest_asyncio

from interlock.engine.chain import EMPTY
from interlock.engine.errors import Conflict, FencedOut, PartLost
from interlock.engine.ports import EventLog, Fence, Recorded, StreamWrite
from interlock.testing.conformance.houses import LogHouse
from interlock.testing.conformance.samples import (
    AT,
    FAR_EAST_AT,
    PERSON,
    ROUND_AT,
    VARIED_FACTS,
    events_of,
    everything,
    reasons_of,
    write,
)


class LogFixture:
    """An open log of the house under test."""

    @pytest_asyncio.fixture
    async def log(self, house: LogHouse) -> AsyncIterator[EventLog]:
        log = await house.open()
        yield log
        await log.close()


class ReadingBackSuite(LogFixture):
    """What went in comes out."""

    async def test_every_sort_of_fact_comes_back_as_it_went_in(self, log: EventLog) -> None:
        for fact in VARIED_FACTS:
            await log.append([StreamWrite("task-1", None, events_of(fact))], AT)
        assert [event.fact for event in await log.read(0)] == list(VARIED_FACTS)

    async def test_an_append_returns_what_a_read_returns(self, log: EventLog) -> None:
        events = (*events_of(*VARIED_FACTS, actor=PERSON), *events_of(*VARIED_FACTS))
        appended = await log.append([StreamWrite("a", 0, events), write("b", 0, "x")], AT)
        assert list(appended) == list(await log.read(0))

    @pytest.mark.parametrize(
        "at", [AT, ROUND_AT, FAR_EAST_AT], ids=["microseconds", "round", "zone"]
    )
    async def test_actor_and_instant_come_back(self, log: EventLog, at: datetime) -> None:
        await log.append([StreamWrite("a", 0, events_of(*VARIED_FACTS[:1], actor=PERSON))], at)
        (event,) = await log.read(0)
        assert (event.actor, event.at) == (PERSON, at)
        offset = event.at.utcoffset()
        assert offset is not None
        assert not offset

    async def test_an_instant_without_zone_is_refused(self, log: EventLog) -> None:
        with pytest.raises(ValueError, match="time zone"):
            await log.append([write("a", 0, "x")], AT.replace(tzinfo=None))
        assert await log.head() == EMPTY

    async def test_an_empty_log_reads_as_empty(self, log: EventLog) -> None:
        assert list(await log.read(0)) == []
        assert list(await log.read_stream("a")) == []
        assert [row async for row in log.stored()] == []
        assert await log.head() == EMPTY

    async def test_pages_join_without_gap_or_overlap(self, log: EventLog) -> None:
        await log.append([write("a", 0, *map(str, range(25)))], AT)
        pages = [await log.read(after, 10) for after in (0, 10, 20, 25, 99)]
        assert [len(page) for page in pages] == [10, 10, 5, 0, 0]
        assert reasons_of([event for page in pages for event in page]) == list(map(str, range(25)))

    async def test_a_stream_reads_alone_and_by_its_versions(self, log: EventLog) -> None:
        for number in range(6):
            await log.append([write("a", None, f"a{number}"), write("b", None, f"b{number}")], AT)
        page = await log.read_stream("b", after=2, limit=3)
        assert reasons_of(list(page)) == ["b2", "b3", "b4"]
        assert [event.version for event in page] == [3, 4, 5]
        assert [event.position for event in page] == [6, 8, 10]
        assert list(await log.read_stream("c")) == []

    async def test_stored_rows_are_the_events_undecoded(self, log: EventLog) -> None:
        await log.append([write("a", 0, "x", "y"), write("b", 0, "z")], AT)
        rows = [row async for row in log.stored(after=1)]
        assert [(row.position, row.stream, row.version, row.type) for row in rows] == [
            (2, "a", 2, "TaskHeld"),
            (3, "b", 1, "TaskHeld"),
        ]
        assert rows[0].at == "2031-05-06T07:08:09.123456Z"
        assert (await log.head()).hash == rows[-1].hash

    async def test_a_fact_of_a_megabyte(self, log: EventLog) -> None:
        reason = "long 長い " * 100_000
        await log.append([write("a", 0, reason)], AT)
        assert reasons_of(list(await log.read(0))) == [reason]

    async def test_stream_names_are_compared_to_the_letter(self, log: EventLog) -> None:
        names = ["task", "Task", "task ", "täsk", "ta\u0308sk", "task/1@2", "🦀", "%", "t_sk"]
        await log.append([write(name, 0, name) for name in names], AT)
        for name in names:
            assert reasons_of(list(await log.read_stream(name))) == [name]

    async def test_a_thousand_streams(self, log: EventLog) -> None:
        for first in range(0, 1000, 100):
            await log.append([write(f"s{n}", 0, str(n)) for n in range(first, first + 100)], AT)
        await log.append([write(f"s{n}", 1, "again") for n in range(0, 1000, 100)], AT)
        assert (await log.head()).position == 1010
        assert reasons_of(list(await log.read_stream("s700"))) == ["700", "again"]
        assert (await log.verify()).ok

    async def test_everything_is_there_after_reopening(self, house: LogHouse) -> None:
        first = await house.open()
        written = await first.append([write("a", 0, "x", "y")], AT)
        head = await first.head()
        await first.close()
        second = await house.open()
        assert list(await second.read(0)) == list(written)
        assert await second.head() == head
        (third,) = await second.append([write("a", 2, "z")], AT)
        assert (third.position, third.version) == (3, 3)
        assert (await second.verify(head)).ok
        await second.close()

    async def test_a_closed_log_takes_nothing(self, house: LogHouse) -> None:
        log = await house.open()
        await log.close()
        await log.close()
        with pytest.raises((PartLost, RuntimeError)):
            await log.append([write("a", 0, "x")], AT)
        with pytest.raises((PartLost, RuntimeError)):
            await log.read(0)


class ExpectingSuite(LogFixture):
    """An append holds under its conditions or leaves nothing behind."""

    async def test_positions_and_versions_are_consecutive(self, log: EventLog) -> None:
        first = await log.append([write("a", 0, "1", "2"), write("b", 0, "3")], AT)
        second = await log.append([write("b", 1, "4"), write("a", 2, "5")], AT)
        assert [(e.position, e.stream, e.version) for e in (*first, *second)] == [
            (1, "a", 1), (2, "a", 2), (3, "b", 1), (4, "b", 2), (5, "a", 3),
        ]  # fmt: skip

    @pytest.mark.parametrize("expected", [0, 1, 3])
    async def test_another_version_than_expected_is_a_conflict(
        self, log: EventLog, expected: int
    ) -> None:
        await log.append([write("a", 0, "x", "y")], AT)
        with pytest.raises(Conflict) as conflict:
            await log.append([write("a", expected, "z")], AT)
        assert (conflict.value.stream, conflict.value.expected, conflict.value.actual) == (
            "a",
            expected,
            2,
        )
        assert (await log.head()).position == 2

    async def test_a_conflict_in_one_stream_leaves_nothing_in_any(self, log: EventLog) -> None:
        await log.append([write("b", 0, "x")], AT)
        with pytest.raises(Conflict):
            await log.append([write("a", 0, "1"), write("b", 0, "2"), write("c", 0, "3")], AT)
        assert reasons_of(await everything(log)) == ["x"]
        (event,) = await log.append([write("a", 0, "next")], AT)
        assert (event.position, event.version) == (2, 1)
        assert (await log.verify()).ok

    async def test_without_expectation_any_version_will_do(self, log: EventLog) -> None:
        await log.append([write("a", None, "x")], AT)
        (event,) = await log.append([write("a", None, "y")], AT)
        assert event.version == 2

    async def test_one_append_may_write_a_stream_twice(self, log: EventLog) -> None:
        events = await log.append([write("a", 0, "x"), write("b", 0, "y"), write("a", 1, "z")], AT)
        assert [(e.stream, e.version) for e in events] == [("a", 1), ("b", 1), ("a", 2)]
        assert (await log.verify()).ok

    async def test_an_empty_append_writes_nothing(self, log: EventLog) -> None:
        assert list(await log.append([], AT)) == []
        assert list(await log.append([StreamWrite("a", 0, ())], AT)) == []
        assert await log.head() == EMPTY
        assert (await log.verify()).ok

    async def test_conditions_count_even_if_nothing_is_written(self, log: EventLog) -> None:
        with pytest.raises(Conflict):
            await log.append([StreamWrite("a", 1, ())], AT)
        with pytest.raises(FencedOut):
            await log.append([], AT, Fence("epochs", 1))

    async def test_a_write_holds_only_behind_its_fence(self, log: EventLog) -> None:
        await log.append([write("epochs", 0, "mine")], AT)
        await log.append([write("a", 0, "x")], AT, Fence("epochs", 1))
        await log.append([write("epochs", 1, "theirs")], AT)
        with pytest.raises(FencedOut) as fenced:
            await log.append([write("a", 1, "late")], AT, Fence("epochs", 1))
        assert (fenced.value.stream, fenced.value.expected, fenced.value.actual) == ("epochs", 1, 2)
        assert reasons_of(list(await log.read_stream("a"))) == ["x"]

    async def test_the_fence_is_judged_before_the_append_itself(self, log: EventLog) -> None:
        await log.append([write("epochs", 0, "mine")], AT, Fence("epochs", 0))
        assert reasons_of(list(await log.read_stream("epochs"))) == ["mine"]

    async def test_a_cancelled_append_is_recorded_whole_or_not_at_all(self, log: EventLog) -> None:
        task = asyncio.create_task(log.append([write("a", 0, "1", "2"), write("b", 0, "3")], AT))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await log.append([write("c", 0, "next")], AT)
        assert len(await everything(log)) in {1, 4}
        assert (await log.verify()).ok


class CrowdSuite(LogFixture):
    """Many writers, several openings of one store, one total order."""

    async def test_a_reader_at_the_tail_misses_nothing(
        self, house: LogHouse, log: EventLog
    ) -> None:
        other = await house.open()
        writers, appends = 8, 12

        async def produce(writer: int) -> None:
            for number in range(appends):
                mine, shared = f"{writer}.{number}", f"{writer}.{number}.shared"
                await (log, other)[writer % 2].append(
                    [write(f"w{writer}", number, mine), write("shared", None, shared)], AT
                )

        async with asyncio.TaskGroup() as group:
            tail = group.create_task(_follow(await house.open(), 2 * writers * appends))
            for writer in range(writers):
                group.create_task(produce(writer))
        seen = tail.result()
        assert [event.position for event in seen] == list(range(1, 2 * writers * appends + 1))
        assert seen == await everything(log)
        for writer in range(writers):
            mine = [event for event in seen if event.stream == f"w{writer}"]
            assert reasons_of(mine) == [f"{writer}.{number}" for number in range(appends)]
        assert (await other.verify()).ok
        await other.close()

    async def test_writers_who_expect_take_turns(self, house: LogHouse, log: EventLog) -> None:
        other = await house.open()

        async def insist(log: EventLog, reason: str) -> int:
            for conflicts in range(1000):
                version = len(await log.read_stream("a"))
                try:
                    await log.append([write("a", version, reason)], AT)
                except Conflict:
                    continue
                return conflicts
            raise AssertionError("a thousand conflicts in a row")

        async with asyncio.TaskGroup() as group:
            for number in range(16):
                group.create_task(insist((log, other)[number % 2], str(number)))
        events = await log.read_stream("a")
        assert [event.version for event in events] == list(range(1, 17))
        assert sorted(map(int, reasons_of(list(events)))) == list(range(16))
        await other.close()

    async def test_a_conflict_fails_none_of_its_neighbours(self, log: EventLog) -> None:
        writes = [write(f"s{n}", 7 if n % 3 == 0 else 0, str(n)) for n in range(30)]
        outcomes = await asyncio.gather(
            *(log.append([one], AT) for one in writes), return_exceptions=True
        )
        assert [isinstance(outcome, Conflict) for outcome in outcomes] == [
            n % 3 == 0 for n in range(30)
        ]
        assert (await log.head()).position == 20
        assert (await log.verify()).ok

    async def test_nothing_passes_a_fence_that_moved(self, house: LogHouse, log: EventLog) -> None:
        other = await house.open()
        await log.append([write("epochs", 0, "mine")], AT)

        async def write_until_fenced(writer: int) -> None:
            for number in range(1000):
                try:
                    await log.append([write(f"w{writer}", number, "x")], AT, Fence("epochs", 1))
                except FencedOut:
                    return
            raise AssertionError("the fence never fell")

        async with asyncio.TaskGroup() as group:
            for writer in range(6):
                group.create_task(write_until_fenced(writer))
            await other.append([write("a", None, "b")], AT)
            await other.append([write("epochs", 1, "theirs")], AT)
        epochs = await log.read_stream("epochs")
        assert list(await log.read(epochs[1].position)) == []
        await other.close()

    async def test_a_log_verifies_while_others_write(self, house: LogHouse, log: EventLog) -> None:
        other = await house.open()

        async def produce(writer: int) -> None:
            for number in range(60):
                await other.append([write(f"w{writer}", number, "x")], AT)

        async with asyncio.TaskGroup() as group:
            producers = [group.create_task(produce(writer)) for writer in range(3)]
            while not all(producer.done() for producer in producers):
                assert (await log.verify()).first_broken is None
        await other.close()

    async def test_each_opening_sees_what_another_wrote(
        self, house: LogHouse, log: EventLog
    ) -> None:
        other = await house.open()
        await log.append([write("a", 0, "x")], AT)
        await other.append([write("a", 1, "y")], AT)
        await log.append([write("a", 2, "z")], AT)
        with pytest.raises(Conflict):
            await other.append([write("a", 2, "late")], AT)
        assert reasons_of(await everything(other)) == ["x", "y", "z"]
        assert await log.head() == await other.head()
        assert (await other.verify()).ok
        await other.close()


async def _follow(log: EventLog, count: int) -> list[Recorded]:
    """Read at the tail, woken by the doorbell, until `count` events were seen."""
    seen: list[Recorded] = []
    bell = log.listen()
    while len(seen) < count:
        page = await log.read(seen[-1].position if seen else 0, limit=7)
        seen.extend(page)
        if not page:
            assert await bell.rung(10), (
                f"the doorbell is silent after {len(seen)} of {count} events"
            )
    bell.close()
    await log.close()
    return seen
