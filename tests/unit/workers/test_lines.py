"""Lines out of pieces: the cut between pieces never shows, and no line fills the memory."""

from collections.abc import AsyncIterator
from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given

from interlock.workers.agents.lines import batches_of, lines_of


async def pieces_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))),
       st.lists(st.integers(0, 60)))  # fmt: skip
async def test_the_cut_between_pieces_never_shows(lines: list[str], cuts: list[int]):
    data = "".join(f"{line}\n" for line in lines).encode()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert [line async for line in lines_of(pieces_of(*pieces))] == lines
    batches = [batch async for batch in batches_of(pieces_of(*pieces))]
    assert [line for batch in batches for line in batch] == lines


async def test_the_last_line_needs_no_end():
    assert [line async for line in lines_of(pieces_of(b"a\r\nb"))] == ["a", "b"]


async def test_what_is_no_text_is_replaced():
    assert [line async for line in lines_of(pieces_of(b"\xff\xfe\n"))] == [
        "\N{REPLACEMENT CHARACTER}" * 2
    ]


async def test_of_a_giant_line_the_first_part_is_given():
    giant = [b"x" * 40] * 5 + [b"\nafter\n" + b"y" * 120 + b"\nend"]
    lines = [line async for line in lines_of(pieces_of(*giant), 100)]
    assert lines == ["x" * 100 + " [... cut]", "after", "y" * 100 + " [... cut]", "end"]
