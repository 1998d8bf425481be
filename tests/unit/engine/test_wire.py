"""Messages and frames: whatever is sent is read, and whatever cannot be read is refused."""

import asyncio
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.ids import LeaseId, RunId, TaskId, TaskName, Token, WorkerId
from interlock.domain.result import Outcome, Result
from interlock.domain.task import Activity, PlannedTask
from interlock.domain.usage import Usage
from interlock.engine.dispatch import (
    PROTOCOL,
    Alive,
    Answer,
    Asked,
    Declined,
    Denied,
    Finished,
    Freeze,
    Frozen,
    Interrupt,
    Job,
    Joined,
    Left,
    Metered,
    Order,
    Progressed,
    Questioned,
    Report,
    Started,
    Thaw,
)
from interlock.engine.wire import (
    FRAME_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    MessageTooLarge,
    OtherProtocol,
    Unreadable,
    decode_order,
    decode_report,
    encode,
    frame,
    read_frame,
)

ADA, LEASE, TASK, TOKEN = WorkerId("ada"), LeaseId("R1-t1@1"), TaskId("R1-t1"), Token(1)

PLANNED = PlannedTask(TaskName("t1"), "Grüße", prompt="Say 'hello' \u2028 to \U0001f600.")
JOB = Job(LEASE, TASK, RunId("R1"), ADA, TOKEN, 1, 60.0, PLANNED, feedback="again")
ORDERS: list[Order] = [
    JOB,
    Freeze(LEASE),
    Thaw(LEASE),
    Interrupt(LEASE),
    Answer(LEASE, "q1", "allow"),
]

ABOUT_A_JOB = {"worker_id": ADA, "task_id": TASK, "lease": LEASE, "token": TOKEN}
REPORTS: list[Report] = [
    Joined(id="1", worker_id=ADA, type="human", name="Ada", capabilities=("sql",), holds=(LEASE,)),
    Left(id="2", worker_id=ADA, reason="asked to stop"),
    Alive(id="3", worker_id=ADA, holds=(LEASE,), asking=((LEASE, "q1"),)),
    Started(id="4", **ABOUT_A_JOB),
    Declined(id="5", reason="no room", **ABOUT_A_JOB),
    Denied(id="11", hosts=("example.org",), **ABOUT_A_JOB),
    Progressed(id="6", percent=40, activity=Activity.RED, **ABOUT_A_JOB),
    Asked(id="7", question="Which?", **ABOUT_A_JOB),
    Questioned(id="12", question_id="q1", question="May I?", tool="Bash", **ABOUT_A_JOB),
    Metered(id="13", usage=Usage(requests=1, input_tokens=7), **ABOUT_A_JOB),
    Frozen(id="8", **ABOUT_A_JOB),
    Finished(id="9", result=Result(Outcome.FAILED, summary="no"), **ABOUT_A_JOB),
]


def test_the_examples_are_all_there_is():
    assert {type(order) for order in ORDERS} == set(get_args(Order))
    assert {type(report) for report in REPORTS} == set(get_args(Report))


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_is_read_as_it_was_sent(order: Order):
    assert decode_order(encode(order)) == order


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_is_read_as_it_was_sent(report: Report):
    assert decode_report(encode(report)) == report


@pytest.mark.parametrize("message", [*ORDERS, *REPORTS])
def test_a_message_of_another_protocol_is_named_as_such(message: Order | Report):
    document = msgspec.json.decode(encode(message))
    strange = msgspec.json.encode({"message": document["message"], "protocol": 7, "lease": [{}]})

    for decode in (decode_order, decode_report):
        with pytest.raises(
            OtherProtocol, match=f"protocol 7, this one {PROTOCOL}: install"
        ) as told:
            decode(strange)
        assert told.value.theirs == 7


def test_an_order_is_no_report_and_no_report_an_order():
    with pytest.raises(Unreadable, match="Invalid value 'job'"):
        decode_report(encode(JOB))
    with pytest.raises(Unreadable, match="Invalid value 'left'"):
        decode_order(encode(Left(id="1", worker_id=ADA, reason="x")))


def test_a_field_that_a_later_release_adds_does_no_harm():
    data = encode(Freeze(LEASE)).replace(b"{", b'{"softly":true,', 1)
    assert decode_order(data) == Freeze(LEASE)


@given(st.binary(max_size=200))
def test_noise_is_unreadable(noise: bytes):
    for decode in (decode_order, decode_report):
        with pytest.raises((Unreadable, OtherProtocol)):
            decode(noise)


def test_a_message_at_the_limit_passes_and_one_byte_more_does_not():
    room = MESSAGE_BYTES_MAX - len(encode(Left(id="1", worker_id=ADA, reason="")))
    largest = Left(id="1", worker_id=ADA, reason="x" * room)
    assert decode_report(encode(largest)) == largest

    with pytest.raises(MessageTooLarge, match=f"{MESSAGE_BYTES_MAX + 1} bytes"):
        encode(Left(id="1", worker_id=ADA, reason="x" * (room + 1)))
    with pytest.raises(MessageTooLarge):
        decode_report(encode(largest) + b" ")


def read_all(*chunks: bytes) -> list[bytes]:
    """Every frame of a stream that brings these chunks and then ends."""

    async def reading() -> list[bytes]:
        reader = asyncio.StreamReader()
        for chunk in chunks:
            reader.feed_data(chunk)
        reader.feed_eof()
        frames = []
        while (data := await read_frame(reader)) is not None:
            frames.append(data)
        return frames

    return asyncio.run(reading())


@given(st.lists(st.binary(max_size=50), max_size=5), st.data())
def test_frames_come_out_whole_however_the_stream_is_cut(
    payloads: list[bytes], data: st.DataObject
):
    stream = b"".join(map(frame, payloads))
    cut = data.draw(st.integers(0, len(stream)))
    assert read_all(stream[:cut], stream[cut:]) == payloads


@given(st.binary(max_size=50), st.integers(min_value=1))
def test_half_a_frame_was_never_sent(payload: bytes, missing: int):
    whole = frame(payload)
    assert read_all(frame(b"first"), whole[: -min(missing, len(whole))]) == [b"first"]


def test_a_frame_beyond_the_limit_is_refused_on_both_sides():
    assert read_all(frame(bytes(FRAME_BYTES_MAX))) == [bytes(FRAME_BYTES_MAX)]
    with pytest.raises(MessageTooLarge):
        frame(bytes(FRAME_BYTES_MAX + 1))
    with pytest.raises(MessageTooLarge):
        read_all((FRAME_BYTES_MAX + 1).to_bytes(4, "big"))
