"""Server-sent events, cut out of a stream that may be chopped anywhere and hold anything."""

import re
from typing import Final

import msgspec

EVENT_BYTES_MAX: Final = 4 * 1024 * 1024
"""The last event of an answer repeats all of it; what is larger is passed on unread."""

_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_BLANK_LINE_BYTES_MAX: Final = 4
_MARK: Final = b"\xef\xbb\xbf"


class Event(msgspec.Struct, frozen=True):
    """`raw` are its bytes as they came, with the blank line; all of them together are the stream.

    No `data`: a comment, or part of something too large to be read.
    """

    raw: bytes
    data: bytes = b""


class Events:
    """Holds back no more than one event."""

    def __init__(self, event_bytes_max: int = EVENT_BYTES_MAX) -> None:
        self._most = event_bytes_max
        self._held = bytearray()
        self._looked = 0
        self._too_large = False

    def feed(self, piece: bytes) -> list[Event]:
        self._held += piece
        found = []
        while blank := _BLANK_LINE.search(self._held, self._looked):
            found.append(self._take(blank.end()))
            self._looked, self._too_large = 0, False
        self._looked = max(0, len(self._held) - _BLANK_LINE_BYTES_MAX + 1)
        if len(self._held) > self._most:
            self._too_large = True
            found.append(self._take(self._looked))
            self._looked = 0
        return found

    def close(self) -> list[Event]:
        """The last one may have come without its blank line."""
        return [self._take(len(self._held))] if self._held else []

    def _take(self, end: int) -> Event:
        raw = bytes(self._held[:end])
        del self._held[:end]
        return Event(raw, b"" if self._too_large else _data_in(raw))


def _data_in(raw: bytes) -> bytes:
    lines = [line.removesuffix(b"\r") for line in raw.removeprefix(_MARK).split(b"\n")]
    data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    return b"\n".join(data)
