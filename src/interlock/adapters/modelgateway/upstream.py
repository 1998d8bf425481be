"""Connections to providers, over TLS or not; an idle one is used again for a while."""

import asyncio
import contextlib
import ssl
import urllib.parse
from typing import Final

import h11
import msgspec

from interlock.engine.ports import Clock

CONNECT_SECONDS_MAX: Final = 15.0
SILENCE_SECONDS_MAX: Final = 600.0
"""A model may think for minutes before it says a word."""

IDLE_SECONDS_MAX: Final = 15.0
IDLE_LINES_MAX: Final = 16
PIECE_BYTES: Final = 65_536
HEAD_BYTES_MAX: Final = 65_536

Headers = list[tuple[bytes, bytes]]


class Base(msgspec.Struct, frozen=True):
    """The base address of a provider, taken apart."""

    host: str
    port: int
    tls: bool
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def base_of(url: str) -> Base:
    parts = urllib.parse.urlsplit(url)
    tls = parts.scheme == "https"
    port = parts.port or (443 if tls else 80)
    return Base(parts.hostname or "", port, tls, parts.path.rstrip("/"))


class Line:
    """One connection, one exchange at a time."""

    def __init__(
        self, base: Base, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.base = base
        self.idle_since = 0.0
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
        self._after: type[h11.NEED_DATA | h11.PAUSED] | h11.Event | None = None

    @property
    def usable(self) -> bool:
        return not (self._reader.at_eof() or self._writer.is_closing())

    async def ask(self, method: str, target: str, headers: Headers, body: bytes) -> h11.Response:
        """The head of the answer."""
        request = h11.Request(method=method, target=self.base.path + target or "/", headers=headers)
        self._write(request)
        if body:
            self._write(h11.Data(data=body))
        self._write(h11.EndOfMessage())
        async with asyncio.timeout(SILENCE_SECONDS_MAX):
            await self._writer.drain()
        return await self._head()

    async def piece(self) -> bytes | None:
        """Everything of the answer that is there by now; None: that was all.

        Many small pieces that came together go on together: that is cheaper by far.
        """
        there = bytearray()
        while True:
            try:
                event = self._http.next_event() if self._after is None else self._after
            except h11.RemoteProtocolError:
                if there:  # what was good until then; asked again, it fails again
                    return bytes(there)
                raise
            self._after = None
            if isinstance(event, h11.Data):
                there += event.data
            elif there:
                self._after = None if event is h11.NEED_DATA else event
                return bytes(there)
            elif event is h11.NEED_DATA:
                await self._read()
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionError("it hung up")
            else:
                return None

    def again(self) -> bool:
        """Whether it may be used for another exchange; then it is ready for it."""
        done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if done:
            self._http.start_next_cycle()
        return done and self.usable

    def close(self) -> None:
        self._writer.close()

    def _write(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")

    async def _head(self) -> h11.Response:
        while not isinstance(event := self._http.next_event(), h11.Response):
            if event is h11.NEED_DATA:
                await self._read()
            elif not isinstance(event, h11.InformationalResponse):
                raise ConnectionError("it hung up without an answer")
        return event

    async def _read(self) -> None:
        async with asyncio.timeout(SILENCE_SECONDS_MAX):
            self._http.receive_data(await self._reader.read(PIECE_BYTES))


class Lines:
    """Every connection to every provider; none stays open for long without use."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._idle: list[Line] = []
        self._tls: ssl.SSLContext | None = None

    async def open(self, base: Base) -> Line:
        """Raises OSError or TimeoutError where nobody answers."""
        self._drop_old()
        for line in self._idle:
            if line.base == base:
                self._idle.remove(line)
                return line
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            reader, writer = await asyncio.open_connection(
                base.host, base.port, ssl=await self._context() if base.tls else None
            )
        return Line(base, reader, writer)

    def give_back(self, line: Line) -> None:
        """A line in the middle of something is closed."""
        if len(self._idle) < IDLE_LINES_MAX and line.again():
            line.idle_since = self._clock.monotonic()
            self._idle.append(line)
        else:
            line.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _drop_old(self) -> None:
        now = self._clock.monotonic()
        for line in list(self._idle):
            if not line.usable or now - line.idle_since > IDLE_SECONDS_MAX:
                self._idle.remove(line)
                line.close()

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls


def failure(error: BaseException) -> str:
    """What went wrong on a line, in words."""
    with contextlib.suppress(AttributeError):
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return str(error) or type(error).__name__
