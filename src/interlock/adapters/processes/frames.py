"""What is said on the socket besides orders and reports, drawn as one conversation.

    worker                          plane
    Hello(protocol, worker_id)  ->
                                <-  Welcome, or Refused(reason) and the end
                                <-  Ordered(order)      told again after every new Hello, until Done
    Done(order)                 ->
    Told(report)                ->                      told again likewise, until Settled
                                <-  Received(id)        the plane has it, the worker may die
                                <-  Settled(id)         it is recorded, the worker may forget it

`Hello` and `Refused` are read by peers of any protocol: their fields never change.
"""

from asyncio import StreamReader, StreamWriter, timeout
from typing import Final, TypeVar

import msgspec

from interlock.domain.ids import WorkerId
from interlock.engine.dispatch import PROTOCOL
from interlock.engine.wire import Unreadable, frame, read_frame


class Hello(msgspec.Struct, frozen=True, tag_field="frame", tag="hello"):
    """A worker opens the conversation."""

    worker_id: WorkerId
    protocol: int = PROTOCOL


class Done(msgspec.Struct, frozen=True, tag_field="frame", tag="done"):
    """The order need not be told again."""

    order: msgspec.Raw


class Told(msgspec.Struct, frozen=True, tag_field="frame", tag="told"):
    """A report."""

    report: msgspec.Raw


class Welcome(msgspec.Struct, frozen=True, tag_field="frame", tag="welcome"):
    """The plane takes the worker in."""


class Refused(msgspec.Struct, frozen=True, tag_field="frame", tag="refused"):
    """The plane does not talk to this worker, and why."""

    reason: str
    protocol: int = PROTOCOL


class Ordered(msgspec.Struct, frozen=True, tag_field="frame", tag="ordered"):
    """An order."""

    order: msgspec.Raw


class Received(msgspec.Struct, frozen=True, tag_field="frame", tag="received"):
    """The plane holds the report."""

    id: str


class Settled(msgspec.Struct, frozen=True, tag_field="frame", tag="settled"):
    """The plane is done with the report."""

    id: str


FromWorker = Hello | Done | Told
FromPlane = Welcome | Refused | Ordered | Received | Settled

HANG_UP_SECONDS_MAX: Final = 1.0

_T = TypeVar("_T")

_ENCODER: Final = msgspec.json.Encoder()
_FROM_WORKER: Final[msgspec.json.Decoder[FromWorker]] = msgspec.json.Decoder(FromWorker)
_FROM_PLANE: Final[msgspec.json.Decoder[FromPlane]] = msgspec.json.Decoder(FromPlane)


def framed(message: FromWorker | FromPlane) -> bytes:
    return frame(_ENCODER.encode(message))


async def read_from_worker(reader: StreamReader) -> FromWorker | None:
    """What the worker says next; None when it has hung up."""
    return await _read(reader, _FROM_WORKER)


async def read_from_plane(reader: StreamReader) -> FromPlane | None:
    """What the plane says next; None when it has hung up."""
    return await _read(reader, _FROM_PLANE)


async def wait_closed(writer: StreamWriter) -> None:
    """Let go of the connection for good; what the other end does not read by then is dropped."""
    try:
        async with timeout(HANG_UP_SECONDS_MAX):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


async def _read(reader: StreamReader, decoder: msgspec.json.Decoder[_T]) -> _T | None:
    data = await read_frame(reader)
    if data is None:
        return None
    try:
        return decoder.decode(data)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error
