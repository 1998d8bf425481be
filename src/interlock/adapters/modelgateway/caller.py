"""One connection of an agent to its door, as HTTP."""

import asyncio
from typing import Final

import h11

HEAD_BYTES_MAX: Final = 65_536
HEAD_SECONDS_MAX: Final = 30.0
IDLE_SECONDS_MAX: Final = 600.0
BODY_SECONDS_MAX: Final = 120.0
STUCK_SECONDS_MAX: Final = 3600.0
"""A frozen box takes nothing for as long as somebody thinks about it."""

PIECE_BYTES: Final = 65_536

Headers = list[tuple[bytes, bytes]]


class Caller:
    """Reads requests and writes answers; once it is `gone`, what is written goes nowhere."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
        self._early: bytes | None = None
        self.gone = False

    @property
    def goes_on(self) -> bool:
        """Another request may come on this connection."""
        done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        return done and not self.gone

    def next(self) -> None:
        self._http.start_next_cycle()

    async def head(self) -> h11.Request | None:
        """None: it has nothing more to say."""
        seconds = HEAD_SECONDS_MAX if self._http.trailing_data[0] else IDLE_SECONDS_MAX
        async with asyncio.timeout(seconds):
            event = await self._event()
        return event if isinstance(event, h11.Request) else None

    async def body(self, most: int) -> bytes:
        """The rest of the request, which was promised to be no larger than that."""
        if self._http.they_are_waiting_for_100_continue:
            await self._write(h11.InformationalResponse(status_code=100, headers=[]))
        body = bytearray()
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while not isinstance(event := await self._event(), h11.EndOfMessage):
                if not isinstance(event, h11.Data):
                    raise ConnectionError("it left in the middle of a request")
                body += event.data
                if len(body) > most:
                    raise ConnectionError("it sends more than it may")
        return bytes(body)

    async def begin(self, status: int, reason: bytes, headers: Headers) -> None:
        await self._write(h11.Response(status_code=status, headers=headers, reason=reason))

    async def send(self, data: bytes) -> None:
        if data:
            await self._write(h11.Data(data=data))

    async def end(self) -> None:
        await self._write(h11.EndOfMessage())

    async def left(self) -> None:
        """Returns when it hangs up; whoever says more in the meantime is heard later."""
        if self._early is not None:
            await asyncio.get_running_loop().create_future()
        self._early = await self._reader.read(PIECE_BYTES)
        if self._early:
            await asyncio.get_running_loop().create_future()

    def cut(self) -> None:
        """End it without a word, so that nobody takes half an answer for a whole one."""
        self.gone = True
        self._writer.transport.abort()

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data, self._early = self._early, None
            self._http.receive_data(await self._reader.read(PIECE_BYTES) if data is None else data)
        return event

    async def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        self.gone = self.gone or self._writer.is_closing()
        if self.gone or not data:
            return
        self._writer.write(data)
        if not self._writer.transport.get_write_buffer_size():
            return
        try:
            async with asyncio.timeout(STUCK_SECONDS_MAX):
                await self._writer.drain()
        except (OSError, TimeoutError):
            self.gone = True
