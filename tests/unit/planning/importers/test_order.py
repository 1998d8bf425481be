"""What waits for what: steps, stages, and what is done already."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.planning.importers.order import Block, Entry, TooManyWaits, is_beside, waits_of


def block(text: str, start: int = 0, *, beside: bool = False) -> Block:
    """'s p p d' are one after another, two beside one another, and one that is done."""
    entries = (Entry(start + at, sign == "p", sign == "d") for at, sign in enumerate(text))
    return Block(tuple(entries), beside)


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        ("ss", {0: (), 1: (0,)}),
        ("pp", {0: (), 1: ()}),
        ("spps", {0: (), 1: (0,), 2: (0,), 3: (1, 2)}),
        ("sds", {0: (), 2: (0,)}),
        ("d", {}),
        ("ps", {0: (), 1: (0,)}),
    ],
)
def test_steps(text: str, waits: dict[int, tuple[int, ...]]):
    assert waits_of([block(text)]) == waits


def test_sections_follow_one_another_and_neighbours_may_stand_beside():
    blocks = [block("ss"), block("s", 2, beside=True), block("d", 3, beside=True), block("p", 4)]
    assert waits_of(blocks) == {0: (), 1: (0,), 2: (1,), 4: (2,)}
    blocks = [block("s"), block("ss", 1, beside=True), block("pp", 3, beside=True), block("s", 5)]
    assert waits_of(blocks) == {0: (), 1: (0,), 2: (1,), 3: (0,), 4: (0,), 5: (2, 3, 4)}


def test_a_section_that_is_done_lets_nobody_overtake():
    assert waits_of([block("s"), block("d", 1), block("s", 2)]) == {0: (), 2: (0,)}


def test_what_no_plan_can_hold_is_refused_before_it_is_made():
    with pytest.raises(TooManyWaits):
        waits_of([block("p" * 1_000 + "s"), block("p" * 1_000, 1_001), block("p" * 1_000, 2_001)])


@pytest.mark.parametrize("text", ["[P] x", "x [p]", "3. Docs (parallel)", "[in parallel]"])
def test_marks(text: str):
    assert is_beside(text)


@given(st.lists(st.tuples(st.text("spd", max_size=8), st.booleans()), max_size=6))
def test_everything_open_is_ordered_and_nobody_waits_for_later_or_done_ones(
    parts: list[tuple[str, bool]],
):
    blocks, start = [], 0
    for text, beside in parts:
        blocks.append(block(text, start, beside=beside))
        start += len(text)
    waits = waits_of(blocks)
    done = {e.number for b in blocks for e in b.entries if e.done}
    assert set(waits) == set(range(start)) - done
    for number, others in waits.items():
        assert len(set(others)) == len(others)
        assert all(other < number and other not in done for other in others)
