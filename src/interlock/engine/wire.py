"""Orders and reports as bytes, and bytes as frames, for every adapter that leaves the process.

    encode(Freeze(lease))  ->  {"message":"freeze","lease":"R1-login@7","protocol":1}
    frame(b"...")          ->  four bytes of length, most significant first, then the bytes

A peer of another protocol is recognised before its message is looked at, because the rest of that
message may mean anything.
"""

from asyncio import IncompleteReadError, StreamReader
from typing import Final

import msgspec

from interlock.engine.dispatch import PROTOCOL, Order, Report
from interlock.engine.errors import EngineError

MESSAGE_BYTES_MAX: Final = 900_000
"""Below the 1 MiB that a NATS server takes by default. Content of any size belongs into a blob."""

FRAME_BYTES_MAX: Final = MESSAGE_BYTES_MAX + 4096
"""A message with what a transport writes around it."""

_LENGTH_BYTES: Final = 4


class WireError(EngineError):
    """Base of what can be wrong with a message on its way."""


class MessageTooLarge(WireError):
    """A message exceeds what every transport carries."""

    def __init__(self, size: int, limit: int = MESSAGE_BYTES_MAX) -> None:
        super().__init__(
            f"the message has {size} bytes, {limit} is the most: put its content into a blob"
        )
        self.size, self.limit = size, limit


class Unreadable(WireError):
    """The bytes are no message of this protocol."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"the message cannot be read: {detail}")


class OtherProtocol(WireError):
    """The peer speaks another version of the protocol."""

    def __init__(self, theirs: int) -> None:
        super().__init__(
            f"the other end speaks protocol {theirs}, this one {PROTOCOL}: "
            "install the same release of interlock on both"
        )
        self.theirs = theirs


class _Envelope(msgspec.Struct, frozen=True):
    """The only part of a message that must never change its meaning."""

    protocol: int


_ENCODER: Final = msgspec.json.Encoder()
_ENVELOPES: Final = msgspec.json.Decoder(_Envelope)
_ORDERS: Final[msgspec.json.Decoder[Order]] = msgspec.json.Decoder(Order)
_REPORTS: Final[msgspec.json.Decoder[Report]] = msgspec.json.Decoder(Report)


def encode(message: Order | Report) -> bytes:
    data = _ENCODER.encode(message)
    if len(data) > MESSAGE_BYTES_MAX:
        raise MessageTooLarge(len(data))
    return data


def decode_order(data: bytes) -> Order:
    _check(data)
    try:
        return _ORDERS.decode(data)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error


def decode_report(data: bytes) -> Report:
    _check(data)
    try:
        return _REPORTS.decode(data)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error


def check_protocol(theirs: int) -> None:
    if theirs != PROTOCOL:
        raise OtherProtocol(theirs)


def _check(data: bytes) -> None:
    if len(data) > MESSAGE_BYTES_MAX:
        raise MessageTooLarge(len(data))
    try:
        envelope = _ENVELOPES.decode(data)
    except msgspec.DecodeError as error:
        raise Unreadable(str(error)) from error
    check_protocol(envelope.protocol)


def frame(data: bytes) -> bytes:
    if len(data) > FRAME_BYTES_MAX:
        raise MessageTooLarge(len(data), FRAME_BYTES_MAX)
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


async def read_frame(reader: StreamReader) -> bytes | None:
    """The next frame, or None where the stream ends; half a frame was never sent.

    A length beyond the limit is refused before a byte of it is read: no peer fills our memory.
    """
    try:
        size = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
        if size > FRAME_BYTES_MAX:
            raise MessageTooLarge(size, FRAME_BYTES_MAX)
        return await reader.readexactly(size)
    except IncompleteReadError:
        return None
