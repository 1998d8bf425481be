"""JSON lines: what comes in may be anything, and nobody has to trust its shape."""

import json
from collections.abc import AsyncIterator

import hypothesis.strategies as st
import pytest
from hypothesis import given

from interlock.sandbox.ports import BoxRefused, RunningBox
from interlock.workers.agents.json_lines import (
    DEPTH_MAX,
    GARBLED_MAX,
    Document,
    Garbled,
    amount_in,
    count_in,
    document_in,
    documents_in,
    documents_of,
    tell,
    text_in,
    texts_in,
    value_in,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=10,
)
documents = st.dictionaries(st.text(max_size=4), values, max_size=4)


async def heard(*pieces: bytes, line_bytes_max: int = 1_000_000) -> list[Document | Garbled]:
    async def come() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return [each async for each in documents_of(come(), line_bytes_max)]


@given(st.lists(documents, max_size=4), st.integers(1, 7))
async def test_what_was_said_is_heard_however_it_was_cut(said: list[Document], size: int):
    data = "".join(f"{json.dumps(each)}\n" for each in said).encode()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert json.dumps(await heard(*pieces)) == json.dumps(said)


@given(st.lists(st.binary(max_size=60)))
async def test_nonsense_is_garbled_and_no_more(pieces: list[bytes]):
    for each in await heard(*pieces):
        if isinstance(each, Garbled):
            assert len(each.text) <= GARBLED_MAX
        else:
            assert isinstance(each, dict)


@pytest.mark.parametrize(
    "line", [b"[1]", b"null", b"{", b"npm warn", b'{"a":' * 90_000, b'{"a":' + b"9" * 9_000 + b"}"]
)
async def test_these_are_no_documents(line: bytes):
    (garbled,) = await heard(line + b"\n")
    assert isinstance(garbled, Garbled)


@pytest.mark.parametrize("depth", [DEPTH_MAX - 1, DEPTH_MAX, 400, 900, 1100])
async def test_what_is_heard_can_be_told_again(depth: int):
    wide = "[]," * 200
    line = '{"wide":[' + wide + "0]," + '"deep":' + "[" * depth + "]" * depth + "}\n"
    (document,) = await heard(line.encode())
    assert isinstance(document, Garbled) == (depth >= DEPTH_MAX)
    json.dumps(document if isinstance(document, dict) else {})


async def test_blank_lines_are_nothing():
    assert await heard(b'\n \r\n{"a":1}\r\n\n') == [{"a": 1}]


async def test_half_a_surrogate_pair_costs_one_sign_and_not_the_line():
    (document,) = await heard(b'{"said":"cut \\ud83d","list":["\\udc00"]}\n')
    assert not isinstance(document, Garbled)
    assert text_in(document, "said") == "cut ?"
    assert texts_in(document, "list") == ["?"]


async def test_a_giant_line_is_garbled_and_the_next_one_is_heard():
    giant = b'{"a":"' + b"x" * 500 + b'"}\n'
    first, second = await heard(giant, b'{"b":1}\n', line_bytes_max=100)
    assert isinstance(first, Garbled)
    assert second == {"b": 1}


@given(documents, st.lists(st.text(max_size=4), max_size=3))
def test_reading_never_fails(document: Document, path: list[str]):
    value_in(document, *path)
    text_in(document, *path).encode()
    assert count_in(document, *path) >= 0
    amount = amount_in(document, *path)
    assert amount is None or amount >= 0
    assert isinstance(document_in(document, *path), dict)
    assert all(isinstance(each, dict) for each in documents_in(document, *path))
    "".join(texts_in(document, *path)).encode()


@pytest.mark.parametrize(
    ("value", "count", "amount"),
    [
        (3, 3, 3.0),
        (-3, 0, None),
        (True, 0, None),
        ("3", 0, None),
        (2.5, 0, 2.5),
        (float("nan"), 0, None),
        (float("inf"), 0, None),
        (10**400, 10**400, None),
    ],
)
def test_numbers(value: object, count: int, amount: float | None):
    assert count_in({"n": value}, "n") == count
    assert amount_in({"n": value}, "n") == amount


class Deaf:
    """A box whose program has gone."""

    async def feed(self, data: bytes) -> None:
        raise BoxRefused(f"{len(data)} bytes for nobody")


async def test_one_that_has_gone_is_told_nothing(box: RunningBox):
    await tell(box, {"a": 1})


@pytest.fixture
def box() -> Deaf:
    return Deaf()
