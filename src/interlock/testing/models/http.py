"""One connection of HTTP/1.1: requests in, answers out, whole or in pieces."""

import asyncio
import contextlib
import gzip
import io
import zlib
from collections.abc import Mapping
from typing import Final

import h11
import msgspec

BODY_BYTES_MAX: Final = 64 * 1024 * 1024
HEAD_BYTES_MAX: Final = 64 * 1024
_READ_BYTES: Final = 64 * 1024


class Incoming(msgspec.Struct, frozen=True):
    """One request; the names of its headers are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Refused(Exception):
    """The request cannot be answered as asked; the connection ends with this status."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Gone(Exception):
    """The client left, or does not speak HTTP."""


class Connection:
    """Serves one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        # What was sent is on its way: a connection that is cut then has told so much, no less.
        writer.transport.set_write_buffer_limits(0)
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)

    async def request(self) -> Incoming | None:
        """None when the client is done; raises Refused and Gone."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        elif self._http.our_state is not h11.IDLE:
            return None
        head = await self._next()
        if not isinstance(head, h11.Request):
            return None
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        body = bytearray()
        while isinstance(data := await self._next(), h11.Data):
            body += data.data
            if len(body) > BODY_BYTES_MAX:
                raise Refused(413, f"the body is larger than {BODY_BYTES_MAX} bytes")
        headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        plain = _plain(bytes(body), headers.get("content-encoding", ""))
        path = head.target.decode("latin-1").partition("?")[0]
        return Incoming(head.method.decode(), path, headers, plain)

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_READ_BYTES))
        return event

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        await self._send(h11.Response(status_code=status, headers=list(headers.items())))

    async def piece(self, content: bytes) -> None:
        """Raises Gone when nobody is there to get it."""
        if self._reader.at_eof():
            raise Gone("the client left before the end of the answer")
        await self._send(h11.Data(data=content))

    async def end(self) -> None:
        await self._send(h11.EndOfMessage())

    async def whole(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        length = {"content-length": str(len(content))}
        await self.begin(status, {**headers, **length})
        if content:
            await self._send(h11.Data(data=content))
        await self.end()

    async def left(self) -> None:
        """Returns once the client is gone; what it still sends is nobody's."""
        while await self._reader.read(_READ_BYTES):
            continue

    def cut(self) -> None:
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _send(self, event: h11.Event) -> None:
        if content := self._http.send(event):
            self._writer.write(content)
            await self._writer.drain()


def _plain(body: bytes, encoding: str) -> bytes:
    if encoding in {"", "identity"}:
        return body
    if encoding != "gzip":
        raise Refused(415, f"a body in {encoding!r} cannot be read; send it plain or as gzip")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            plain = packed.read(BODY_BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error):
        raise Refused(400, "the body is not gzip, though its head says so") from None
    if len(plain) > BODY_BYTES_MAX:
        raise Refused(413, f"the body is larger than {BODY_BYTES_MAX} bytes")
    return plain
