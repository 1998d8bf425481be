"""Whatever way an answer comes, its use is read right, and its bytes are passed on as they came."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.workers.models.anthropic import ANTHROPIC
from interlock.workers.models.chat import CHAT
from interlock.workers.models.counts import FIGURE_MAX, Counts
from interlock.workers.models.dialect import Dialect
from interlock.workers.models.events import Event, Events
from interlock.workers.models.reading import ANSWER_BYTES_MAX, AnswerReader
from interlock.workers.models.responses import RESPONSES
from tests.unit.workers.models.streams import (
    ALL,
    COUNTS,
    EVENTS,
    JSON,
    Told,
    anthropic,
    chat,
    event,
    openai_usage,
    responses,
)

DIALECTS = (ANTHROPIC, RESPONSES, CHAT)
each_protocol = pytest.mark.parametrize("told", [make() for make in ALL.values()], ids=list(ALL))

counts_of_any_size = st.builds(
    Counts,
    input=st.integers(0, 10**6),
    cached=st.integers(0, 10**6),
    cache_write=st.integers(0, 10**6),
    output=st.integers(1, 10**6),
)
answers = st.builds(
    lambda make, counts, text: make(counts, text),
    st.sampled_from(list(ALL.values())),
    counts_of_any_size,
    st.text(max_size=200),
)


def read(reader: AnswerReader, pieces: list[bytes], *, close: bool = True) -> bytes:
    passed = b"".join(reader.feed(piece) for piece in pieces)
    return passed + (reader.close() if close else b"")


def chopped(text: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(text) + 1) for cut in cuts})
    edges = [0, *places, len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


# --- as it should be ------------------------------------------------------------------------------


@each_protocol
def test_a_whole_stream_is_counted_by_kind(told: Told):
    reader = AnswerReader(told.dialect, EVENTS)
    assert read(reader, [told.text]) == told.text
    assert reader.final
    assert reader.counts == told.counts


@each_protocol
def test_before_its_last_event_it_is_not_final(told: Told):
    reader = AnswerReader(told.dialect, EVENTS)
    for each in told.events:
        assert not reader.final
        reader.feed(each)
    assert reader.final


def test_an_hour_in_the_cache_is_told_apart():
    wanted = Counts(input=10, cache_write=50, cache_write_hour=40, output=3)
    reader = AnswerReader(ANTHROPIC, EVENTS)
    reader.feed(anthropic(wanted).text)
    assert reader.counts == wanted


def test_what_goes_in_is_known_before_anything_comes_out():
    reader = AnswerReader(ANTHROPIC, EVENTS)
    assert not reader.input_told
    reader.feed(anthropic().events[0])
    assert reader.input_told
    assert reader.counts == Counts(input=100, cached=20, cache_write=7)


WHOLE = {
    "anthropic": (ANTHROPIC, {"input_tokens": 100, "output_tokens": 31}),
    "responses": (RESPONSES, {"input_tokens": 100, "output_tokens": 31}),
    "chat": (CHAT, {"prompt_tokens": 100, "completion_tokens": 31}),
}


@pytest.mark.parametrize(("dialect", "usage"), WHOLE.values(), ids=WHOLE)
def test_an_answer_at_once_is_counted_at_its_end(dialect: Dialect, usage: object):
    body = json.dumps({"id": "x", "content": ["…"], "choices": [{}], "usage": usage}).encode()
    reader = AnswerReader(dialect, JSON)
    assert read(reader, chopped(body, [7, 30]), close=False) == body
    assert not reader.final
    reader.close()
    assert reader.final
    assert reader.counts == Counts(input=100, output=31)


# --- what we asked for is left out, and nothing else ----------------------------------------------


def test_the_figures_that_we_asked_for_are_left_out():
    told = chat()
    reader = AnswerReader(CHAT, EVENTS, hides_usage=True)
    assert read(reader, [told.text]) == b"".join((*told.events[:2], told.events[3]))
    assert reader.counts == COUNTS


def test_figures_beside_words_are_passed_on():
    both = event({"choices": [{"delta": {"content": "x"}}], "usage": {"completion_tokens": 1}})
    filters = event({"choices": [], "prompt_filter_results": []})
    text = both + filters + b": a comment\n\n" + b"data: [DONE]\n\n"
    assert read(AnswerReader(CHAT, EVENTS, hides_usage=True), [text]) == text


@given(st.lists(st.integers(0, 2000), max_size=8), st.booleans())
def test_nothing_but_the_figures_is_left_out_however_it_is_cut(cuts: list[int], windows: bool):
    told = chat()
    events = [each.replace(b"\n", b"\r\n") if windows else each for each in told.events]
    reader = AnswerReader(CHAT, EVENTS, hides_usage=True)
    passed = read(reader, chopped(b"".join(events), cuts))
    assert passed == b"".join((*events[:2], events[3]))
    assert reader.counts == COUNTS
    assert reader.final


# --- however it comes -----------------------------------------------------------------------------


@given(answers, st.lists(st.integers(0, 5000), max_size=30), st.booleans())
def test_chopped_anywhere_it_is_the_same(told: Told, cuts: list[int], windows: bool):
    text = told.text.replace(b"\n", b"\r\n") if windows else told.text
    reader = AnswerReader(told.dialect, EVENTS)
    assert read(reader, chopped(text, cuts)) == text
    assert reader.final
    assert reader.counts == told.counts


@given(answers, st.integers(0, 5000))
def test_cut_off_it_is_never_final_and_never_more_than_the_whole(told: Told, where: int):
    end = len(told.text) - len(told.events[-1])
    reader = AnswerReader(told.dialect, EVENTS)
    read(reader, [told.text[: where % (end + 1)]])
    assert not reader.final
    assert reader.counts.sent <= told.counts.sent
    assert reader.counts.output <= told.counts.output


@given(answers, st.data())
def test_repeated_or_out_of_order_nothing_counts_twice(told: Told, data: st.DataObject):
    more = data.draw(st.lists(st.sampled_from(told.events), max_size=6))
    shuffled = data.draw(st.permutations([*told.events, *more]))
    reader = AnswerReader(told.dialect, EVENTS)
    read(reader, [b"".join(shuffled)])
    assert reader.counts == told.counts


def test_an_old_figure_that_comes_late_changes_nothing():
    told = anthropic()
    reader = AnswerReader(ANTHROPIC, EVENTS)
    read(reader, [*told.events, told.events[0]])
    assert reader.counts == told.counts


GARBAGE = st.one_of(
    st.binary(max_size=60).map(lambda data: b"data: " + data.replace(b"\n", b"") + b"\n\n"),
    st.binary(max_size=60).map(lambda data: data.replace(b"\n", b" ") + b"\n\n"),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**30), 10**30)
        | st.floats()
        | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "usage", "message", "response", "choices", "error", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ).map(event),
)


@given(answers, st.data())
def test_rubbish_in_between_loses_nothing(told: Told, data: st.DataObject):
    text = b""
    for each in told.events:
        text += b"".join(data.draw(st.lists(GARBAGE, max_size=2)))
        text += each
    reader = AnswerReader(told.dialect, EVENTS)
    assert read(reader, [text]) == text
    assert reader.final
    assert reader.counts.output >= told.counts.output
    assert reader.counts.sent >= told.counts.sent


@given(st.sampled_from(DIALECTS), st.lists(st.binary(max_size=100), max_size=8), st.booleans())
def test_rubbish_alone_is_passed_on_and_never_final(
    dialect: Dialect, pieces: list[bytes], streamed: bool
):
    reader = AnswerReader(dialect, EVENTS if streamed else JSON)
    assert read(reader, pieces) == b"".join(pieces)
    assert not reader.final
    assert reader.counts == Counts()


FALSE_ENDS = {
    "an end without figures": (ANTHROPIC, [anthropic().events[0], anthropic().events[-1]]),
    "figures without an end": (ANTHROPIC, list(anthropic().events[:-1])),
    "an end that is told in words": (
        ANTHROPIC,
        [*anthropic(text='{"type":"message_stop"}').events[:4]],
    ),
    "a failure that tells nothing": (
        RESPONSES,
        [event({"type": "response.failed", "response": {"usage": None, "error": {"type": "x"}}})],
    ),
    "figures on the way": (CHAT, [event({"choices": [{}], "usage": {"completion_tokens": 3}})]),
    "the last line without figures": (CHAT, [b"data: [DONE]\n\n"]),
}


@pytest.mark.parametrize(("dialect", "events"), FALSE_ENDS.values(), ids=FALSE_ENDS)
def test_a_false_end_is_none(dialect: Dialect, events: list[bytes]):
    reader = AnswerReader(dialect, EVENTS)
    read(reader, events)
    assert not reader.final


@pytest.mark.parametrize("figure", [-1, 1.5, "12", True, None, FIGURE_MAX + 1, [1], {"a": {}}])
def test_what_is_no_figure_is_not_believed(figure: object):
    reader = AnswerReader(ANTHROPIC, EVENTS)
    reader.feed(event({"type": "message_delta", "usage": {"output_tokens": figure}}))
    reader.feed(event({"type": "message_stop"}))
    assert reader.counts == Counts()
    assert not reader.final


def test_parts_are_never_more_than_their_sum():
    usage = openai_usage(Counts(input=5, output=3), "input", "output")
    usage["input_tokens_details"] = {"cached_tokens": 99, "cache_write_tokens": 99}
    usage["output_tokens_details"] = {"reasoning_tokens": 99}
    reader = AnswerReader(RESPONSES, EVENTS)
    reader.feed(event({"type": "response.completed", "response": {"usage": usage}}))
    assert reader.counts == Counts(cached=5, output=3, reasoning=3)


def test_errors_in_the_middle_are_told():
    reader = AnswerReader(ANTHROPIC, EVENTS)
    error = {"type": "overloaded_error", "message": "Overloaded"}
    for _ in range(9):
        reader.feed(event({"type": "error", "error": error}))
    assert reader.faults == ["overloaded_error: Overloaded"] * 3


# --- bounded --------------------------------------------------------------------------------------


def test_an_event_too_large_is_passed_on_unread_and_the_next_one_is_read():
    events = Events(event_bytes_max=1000)
    found: list[Event] = []
    large, small = event({"x": "y" * 5000}), event({"x": "z"})
    for place in range(0, len(large), 300):
        found += events.feed(large[place : place + 300])
        assert sum(len(each.raw) for each in found) > place - 1300
    found += events.feed(small)
    assert b"".join(each.raw for each in found) == large + small
    assert [each.data for each in found if each.data] == [b'{"x": "z"}']


def test_an_answer_at_once_that_is_too_large_is_passed_on_and_unknown():
    piece = b" " * (1024 * 1024)
    reader = AnswerReader(CHAT, JSON)
    for _ in range(ANSWER_BYTES_MAX // len(piece) + 1):
        assert reader.feed(piece) == piece
    reader.feed(b'{"usage": {"completion_tokens": 1}}')
    reader.close()
    assert not reader.final


def test_the_last_event_may_lack_its_blank_line():
    told = responses()
    reader = AnswerReader(RESPONSES, EVENTS)
    text = told.text.removesuffix(b"\n\n")
    assert read(reader, [text]) == text
    assert reader.final


def test_what_its_provider_went_through_before_comes_on_top():
    """A sum does not have what was condensed, or said by another model: the list has."""
    rounds = [
        {"type": "compaction", "input_tokens": 900, "output_tokens": 40},
        {"type": "message", "input_tokens": 100, "output_tokens": 10},
        {"type": "new_kind", "input_tokens": 7, "cache_creation_input_tokens": 3},
        "nonsense",
    ]
    usage = {"input_tokens": 100, "output_tokens": 10, "iterations": rounds}
    usage["server_tool_use"] = {"web_search_requests": 4}
    told = ANTHROPIC.read_answer(json.dumps({"usage": usage}).encode())
    assert told.whole
    found = ANTHROPIC.counts(told.figures)
    assert found == Counts(input=1007, cache_write=3, output=50, searches=4)
