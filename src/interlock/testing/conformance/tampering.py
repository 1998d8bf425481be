"""What the hash chains of an event log must show when somebody changes rows behind its back."""

from collections.abc import Callable

import msgspec
import pytest
import pytest_asyncio

from interlock.domain.actor import Actor
from interlock.engine.chain import EMPTY, GENESIS, Head
from interlock.engine.ports import EventLog, StreamWrite
from interlock.testing.conformance.appending import LogFixture
from interlock.testing.conformance.houses import LogHouse, RawLog
from interlock.testing.conformance.samples import AT, PERSON, VARIED_FACTS, events_of, write

Tampering = Callable[[RawLog], None]


def change(position: int, **fields: object) -> Tampering:
    def tamper(raw: RawLog) -> None:
        raw.events[position - 1] = msgspec.structs.replace(raw.events[position - 1], **fields)

    return tamper


def change_byte(raw: RawLog) -> None:
    data = bytearray(raw.events[3].data)
    data[len(data) // 2] ^= 1
    raw.events[3] = msgspec.structs.replace(raw.events[3], data=bytes(data))


def remove(raw: RawLog) -> None:
    del raw.events[3]


def swap_contents(raw: RawLog) -> None:
    one, two = raw.events[0], raw.events[3]
    raw.events[0] = msgspec.structs.replace(one, data=two.data)
    raw.events[3] = msgspec.structs.replace(two, data=one.data)


def swap_positions(raw: RawLog) -> None:
    """Two neighbours of different streams change places, hashes and all."""
    one, two = raw.events[3], raw.events[4]
    raw.events[3] = msgspec.structs.replace(two, position=one.position)
    raw.events[4] = msgspec.structs.replace(one, position=two.position)


def cut_rows(raw: RawLog) -> None:
    del raw.events[-1]


def cut_rows_and_stream_head(raw: RawLog) -> None:
    gone = raw.events.pop()
    before = next(row for row in reversed(raw.events) if row.stream == gone.stream)
    raw.heads[gone.stream] = Head(before.version, before.stream_hash)


def cut_everywhere(raw: RawLog) -> None:
    cut_rows_and_stream_head(raw)
    raw.head = Head(raw.events[-1].position, raw.events[-1].hash)


def drop_stream(raw: RawLog) -> None:
    raw.events = [row for row in raw.events if row.stream != "b"]


def drop_stream_and_head(raw: RawLog) -> None:
    drop_stream(raw)
    del raw.heads["b"]


def drop_last_stream_and_head(raw: RawLog) -> None:
    raw.events = [row for row in raw.events if row.stream != "last"]
    del raw.heads["last"]


def drop_stream_head(raw: RawLog) -> None:
    del raw.heads["b"]


def change_stream_head(raw: RawLog) -> None:
    raw.heads["b"] = Head(raw.heads["b"].position, bytes(32))


def invent_stream_head(raw: RawLog) -> None:
    raw.heads["ghost"] = Head(3, bytes(32))


def empty_everything(raw: RawLog) -> None:
    raw.events, raw.heads, raw.head = [], {}, EMPTY


TAMPERINGS: dict[str, tuple[Tampering, str]] = {
    "a changed byte": (change_byte, "position 4 "),
    "another actor": (change(4, actor=Actor("person", "mallory", "cli")), "position 4 "),
    "another instant": (change(4, at="2031-05-06T07:08:10.123456Z"), "position 4 "),
    "another type": (change(4, type="TaskRejected"), "position 4 "),
    "another fact version": (change(4, fact_version=2), "position 4 "),
    "another stream": (change(1, stream="d"), "position 1 "),
    "another stream hash": (change(4, stream_hash=bytes(32)), "position 4 "),
    "another hash": (change(4, hash=bytes(32)), "position 4 "),
    "the last event changed": (change(9, at="2031-05-06T07:08:10.123456Z"), "position 9 "),
    "an event removed": (remove, "position 4"),
    "contents swapped": (swap_contents, "position 1 "),
    "positions swapped": (swap_positions, "position 4 "),
    "the tail cut": (cut_rows, "stream last"),
    "the tail and its stream head cut": (cut_rows_and_stream_head, "position 9"),
    "a stream dropped": (drop_stream, "position 4"),
    "a stream and its head dropped": (drop_stream_and_head, "position 4"),
    "the last stream and its head dropped": (drop_last_stream_and_head, "position 8"),
    "a stream head dropped": (drop_stream_head, "stream b"),
    "a stream head changed": (change_stream_head, "stream b"),
    "a stream head invented": (invent_stream_head, "stream ghost"),
}
"""What somebody does to the rows, and the place that the check must name."""


class TamperSuite(LogFixture):
    """No change goes unseen, and the first broken place is named."""

    @pytest_asyncio.fixture
    async def full_log(self, log: EventLog) -> EventLog:
        """Nine events: a a a, b c b, a, last last."""
        await log.append([write("a", 0, "a1", "a2", "a3")], AT)
        varied = events_of(*VARIED_FACTS[:2], actor=PERSON)
        await log.append([StreamWrite("b", 0, varied[:1]), write("c", 0, "c1")], AT)
        await log.append([StreamWrite("b", 1, varied[1:]), write("a", 3, "a4")], AT)
        await log.append([write("last", 0, "l1", "l2")], AT)
        return log

    async def test_an_untouched_log_verifies(self, full_log: EventLog) -> None:
        head = await full_log.head()
        verification = await full_log.verify(head)
        assert (verification.ok, verification.first_broken) == (True, None)
        assert (verification.events, verification.head) == (9, head)

    async def test_an_empty_log_verifies(self, log: EventLog) -> None:
        for expected in (None, EMPTY):
            verification = await log.verify(expected)
            assert (verification.ok, verification.events, verification.head) == (True, 0, EMPTY)

    async def test_rewriting_rows_as_they_are_changes_nothing(
        self, house: LogHouse, full_log: EventLog
    ) -> None:
        await house.tamper(lambda _: None)
        assert (await full_log.verify()).ok
        await full_log.append([write("a", 4, "a5")], AT)
        assert (await full_log.verify()).ok

    @pytest.mark.parametrize("what", TAMPERINGS)
    async def test_tampering_is_named(self, house: LogHouse, full_log: EventLog, what: str) -> None:
        tampering, place = TAMPERINGS[what]
        await house.tamper(tampering)
        verification = await full_log.verify()
        assert not verification.ok
        assert place in f"{verification.first_broken} "

    @pytest.mark.parametrize("tampering", [cut_everywhere, empty_everything])
    async def test_a_forged_end_shows_against_a_head_kept_elsewhere(
        self, house: LogHouse, full_log: EventLog, tampering: Tampering
    ) -> None:
        head = await full_log.head()
        await house.tamper(tampering)
        assert (await full_log.verify()).ok
        verification = await full_log.verify(head)
        assert not verification.ok
        assert "position 9" in str(verification.first_broken)

    async def test_an_earlier_head_stays_part_of_a_longer_log(self, full_log: EventLog) -> None:
        head = await full_log.head()
        await full_log.append([write("a", None, "more")], AT)
        assert (await full_log.verify(head)).ok
        assert (await full_log.verify(EMPTY)).ok

    @pytest.mark.parametrize(
        "expected", [Head(5, GENESIS), Head(10, GENESIS), Head(0, b"\x01" * 32)]
    )
    async def test_a_head_of_another_log_is_refused(
        self, full_log: EventLog, expected: Head
    ) -> None:
        verification = await full_log.verify(expected)
        assert not verification.ok
        assert f"position {expected.position}" in str(verification.first_broken)
