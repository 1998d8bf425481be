"""The chains alone, without a log around them."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.actor import Actor
from interlock.domain.facts.task import TaskHeld
from interlock.engine.chain import EMPTY, Head, Stored, hash_of, stream_hash_of, verify_chain
from interlock.engine.ports import NewEvent, StreamWrite
from interlock.engine.records import chain_on, prepare

AT = datetime(2031, 5, 6, tzinfo=UTC)
PLANE = Actor("plane", "plane-1", "engine")
STREAMS = ("a", "b", "a", "c", "a", "b")
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


class Log:
    """Rows and heads as an honest log would hold them."""

    def __init__(self, streams: Sequence[str]) -> None:
        writes = [
            StreamWrite(stream, None, (NewEvent(TaskHeld(str(n)), PLANE),))
            for n, stream in enumerate(streams)
        ]
        chained = chain_on(prepare(writes, AT), EMPTY, lambda _: EMPTY)
        self.rows, self.heads, self.head = list(chained.rows), dict(chained.heads), chained.head

    async def each(self) -> AsyncIterator[Stored]:
        for row in self.rows:
            yield row

    async def first_broken(self, expected: Head | None = None) -> str | None:
        return (await verify_chain(self.each(), self.heads, self.head, expected)).first_broken


async def test_an_honest_log_is_whole_at_every_head_it_had() -> None:
    log = Log(STREAMS)
    for row in log.rows:
        assert await log.first_broken(Head(row.position, row.hash)) is None
    assert await log.first_broken(EMPTY) is None


@pytest.mark.parametrize("position", range(1, 7))
@pytest.mark.parametrize(
    "change",
    [
        {"data": b"{}"},
        {"at": "x"},
        {"type": "x"},
        {"fact_version": 2},
        {"actor": Actor("plane", "plane", "1engine")},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_any_changed_field_is_named_by_its_position(
    position: int, change: dict[str, object]
) -> None:
    log = Log(STREAMS)
    log.rows[position - 1] = msgspec.structs.replace(log.rows[position - 1], **change)
    assert f"position {position} " in str(await log.first_broken())


@pytest.mark.parametrize("position", range(1, 7))
async def test_any_removed_event_is_missed(position: int) -> None:
    log = Log(STREAMS)
    del log.rows[position - 1]
    assert await log.first_broken() is not None


async def test_a_forger_who_recomputes_the_chains_is_betrayed_by_a_head_kept_elsewhere() -> None:
    log, forged = Log(STREAMS), Log((*STREAMS[:-1], "c"))
    assert await forged.first_broken() is None
    assert "position 6: the head written down elsewhere" in str(await forged.first_broken(log.head))


@given(texts, texts, texts, texts)
def test_text_that_moves_between_id_and_via_changes_the_hash(
    id1: str, via1: str, id2: str, via2: str
) -> None:
    row = Log(["a"]).rows[0]
    one = msgspec.structs.replace(row, actor=Actor("plane", id1, via1))
    two = msgspec.structs.replace(row, actor=Actor("plane", id2, via2))
    same = (id1, via1) == (id2, via2)
    assert (stream_hash_of(EMPTY.hash, one) == stream_hash_of(EMPTY.hash, two)) == same


def test_a_nul_in_an_id_is_no_border() -> None:
    row = Log(["a"]).rows[0]
    one = msgspec.structs.replace(row, actor=Actor("plane", "x\x00y", "z"))
    two = msgspec.structs.replace(row, actor=Actor("plane", "x", "y\x00z"))
    assert stream_hash_of(EMPTY.hash, one) != stream_hash_of(EMPTY.hash, two)


def test_the_hashes_of_the_first_release_never_change() -> None:
    row = Log(["a"]).rows[0]
    assert (
        stream_hash_of(EMPTY.hash, row).hex()
        == "208f7cfcb0e8e49d90f1a415b01ff0e52aca25fa227c7a6e37d3a56046df87c1"
    )
    assert (
        hash_of(EMPTY.hash, 1, row.stream_hash).hex()
        == "4a369ce6b7021d4abedc0eee0162c3be63c257de365e85c019f3c80dd633c6a8"
    )
