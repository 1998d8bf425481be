"""Rows and hashes: what the log adapters share."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.actor import Actor
from interlock.domain.facts.base import Fact
from interlock.domain.facts.task import TaskHeld
from interlock.engine.chain import EMPTY, Head, hash_of, stream_hash_of
from interlock.engine.errors import Conflict, FencedOut, PartLost
from interlock.engine.ports import Fence, NewEvent, StreamWrite
from interlock.engine.records import (
    chain_on,
    instant_of,
    prepare,
    recorded_now,
    recorded_of,
    text_of,
)

AT = datetime(2031, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
PLANE = Actor("plane", "plane-1", "engine")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
actors = st.builds(
    Actor, st.sampled_from(["person", "agent", "plane", "integration"]), texts, texts
)
instants = st.datetimes(timezones=st.just(UTC))
new_events = st.builds(NewEvent, st.builds(TaskHeld, texts), actors)
stream_writes = st.builds(
    StreamWrite,
    st.sampled_from(["a", "b", "ß"]),
    st.none(),
    st.lists(new_events, max_size=3).map(tuple),
)
appends = st.lists(st.tuples(st.lists(stream_writes, max_size=3), instants), max_size=5)


def held(*reasons: str) -> tuple[NewEvent, ...]:
    return tuple(NewEvent(TaskHeld(reason), PLANE) for reason in reasons)


class Heads:
    """The heads of a log that takes every append."""

    def __init__(self) -> None:
        self.streams: dict[str, Head] = {}
        self.log = EMPTY

    def of(self, stream: str) -> Head:
        return self.streams.get(stream, EMPTY)


@given(appends)
def test_rows_carry_the_hashes_of_the_chain_and_read_back_as_recorded(
    appends: list[tuple[list[StreamWrite], datetime]],
) -> None:
    heads = Heads()
    last: dict[str, bytes] = {}
    before = EMPTY.hash
    for writes, at in appends:
        prepared = prepare(writes, at)
        chained = chain_on(prepared, heads.log, heads.of)
        for row in chained.rows:
            assert row.stream_hash == stream_hash_of(last.get(row.stream, EMPTY.hash), row)
            assert row.hash == hash_of(before, row.position, row.stream_hash)
            last[row.stream], before = row.stream_hash, row.hash
        assert recorded_now(prepared, chained) == [recorded_of(row) for row in chained.rows]
        heads.streams.update(chained.heads)
        heads.log = chained.head


@given(instants)
def test_instants_read_back_and_sort_as_their_texts(at: datetime) -> None:
    assert instant_of(text_of(at)) == at
    assert text_of(at) < text_of(at + timedelta(microseconds=1)) or at.year == 9999


def test_an_instant_has_one_text_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert text_of(datetime(2031, 1, 1, 8, 0, tzinfo=tokyo)) == "2030-12-31T23:00:00.000000Z"
    with pytest.raises(ValueError, match="no time zone"):
        text_of(datetime(2031, 1, 1, 8, 0))  # noqa: DTZ001 - that is the point


def test_a_refused_append_changes_no_head() -> None:
    heads = Heads()
    heads.streams["a"] = Head(2, b"x" * 32)
    first, second = StreamWrite("b", 0, held("1")), StreamWrite("a", 1, held("2"))
    with pytest.raises(Conflict, match="a is at version 2, not 1"):
        chain_on(prepare([first, second], AT), heads.log, heads.of)
    with pytest.raises(FencedOut, match="a is at 2, this one holds 1"):
        chain_on(prepare([first], AT, Fence("a", 1)), heads.log, heads.of)
    assert heads.streams == {"a": Head(2, b"x" * 32)}


def test_what_the_codec_could_not_read_back_is_not_written() -> None:
    class Stranger(Fact, frozen=True):
        pass

    with pytest.raises(TypeError, match="Stranger is no fact"):
        prepare([StreamWrite("a", 0, (NewEvent(Stranger(), PLANE),))], AT)


@pytest.mark.parametrize("damage", [{"data": b"{"}, {"data": b"{}"}, {"at": "yesterday"}])
def test_a_damaged_row_says_what_to_do(damage: dict[str, object]) -> None:
    (row,) = chain_on(prepare([StreamWrite("a", 0, held("x"))], AT), EMPTY, lambda _: EMPTY).rows
    with pytest.raises(PartLost, match=r"position 1 \(TaskHeld\) cannot be read.*backup"):
        recorded_of(msgspec.structs.replace(row, **damage))
