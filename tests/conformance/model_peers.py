"""The two ends that a model gateway stands between: a provider that says what a test wants to the
byte, and a client that sees what arrives to the byte."""

import asyncio
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import h11
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from interlock.workers.models.ports import Access

Script = Callable[["Asked", asyncio.StreamWriter], Awaitable[None]]
PATHS = {
    "anthropic": "/anthropic/v1/messages",
    "responses": "/openai/responses",
    "chat": "/openai/chat/completions",
}


@dataclass(frozen=True)
class Asked:
    """One request as the provider sees it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Provider:
    """Answers every request with the same script; `lines` counts its connections."""

    script: Script
    asked: list[Asked] = field(default_factory=list)
    lines: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines += 1
        http = h11.Connection(h11.SERVER)
        try:
            while (asked := await _request(http, reader)) is not None:
                self.asked.append(asked)
                await self.script(asked, writer)
                await writer.drain()
                http = h11.Connection(h11.SERVER)
        except (OSError, h11.ProtocolError, asyncio.CancelledError):
            http.send_failed()  # the other end left, or the test is over
        finally:
            writer.close()


@asynccontextmanager
async def provider(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Provider]:
    found = Provider(script)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    found.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()


async def _request(http: h11.Connection, reader: asyncio.StreamReader) -> Asked | None:
    head: h11.Request | None = None
    body = b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            headers: dict[str, str] = {}
            for name, value in ((name.decode(), value.decode()) for name, value in head.headers):
                headers[name] = f"{headers[name]} AND {value}" if name in headers else value
            return Asked(head.method.decode(), head.target.decode(), headers, body)
        else:
            return None


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """For 127.0.0.1: what to trust, and what a server shows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a provider for tests")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    shown, secret = folder / "certificate.pem", folder / "key.pem"
    shown.write_bytes(signed.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(shown, secret)
    return shown, context


def saying(
    body: bytes, kind: str = "application/json", *, status: str = "200 OK", framing: str = "length"
) -> Script:
    """The same bytes each time: with their length, in chunks, or up to the end of the line."""

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nX-Request-Id: r-1\r\n".encode()
        if framing == "length":
            writer.write(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        elif framing == "chunks":
            writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
            for place in range(0, len(body), 37):
                writer.write(chunk(body[place : place + 37]))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        else:
            writer.write(head + b"Connection: close\r\n\r\n" + body)
            writer.close()

    return script


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@dataclass
class Answer:
    """What arrived; `whole` is False when the connection ended before the answer did."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool

    @property
    def error(self) -> dict[str, str]:
        document = json.loads(self.body)
        assert document["type"] == "error"
        found: dict[str, str] = document["error"]
        return found


class Client:
    """One connection, to a socket or to an address."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def to(cls, place: Path | str) -> Self:
        if isinstance(place, Path):
            return cls(*await asyncio.open_unix_connection(place))
        host, _, port = place.removeprefix("http://").partition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        await self.send(method, target, headers, body)
        answer = await self.head()
        try:
            while (piece := await self.piece()) is not None:
                answer.body += piece
        except (OSError, h11.RemoteProtocolError):
            answer.whole = False
        if answer.whole and self._http.our_state is h11.DONE is self._http.their_state:
            self._http.start_next_cycle()
        return answer

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        given = {"Host": "127.0.0.1:18080", **(headers or {})}
        if body:
            given["Content-Length"] = str(len(body))
        request = h11.Request(method=method, target=target, headers=list(given.items()))
        self.writer.write(self._http.send(request) or b"")
        if body:
            self.writer.write(self._http.send(h11.Data(data=body)) or b"")
        self.writer.write(self._http.send(h11.EndOfMessage()) or b"")
        await self.writer.drain()

    async def head(self) -> Answer:
        event = await self._event()
        assert isinstance(event, h11.Response), event
        headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
        return Answer(event.status_code, headers, b"", whole=True)

    async def piece(self) -> bytes | None:
        event = await self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else None

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self.reader.read(65536))
        return event

    def close(self) -> None:
        self.writer.close()


async def ask(
    access: Access,
    protocol: str,
    document: Mapping[str, object],
    *,
    secret: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request through the door, on a connection of its own."""
    client = await Client.to(access.socket)
    try:
        body = json.dumps(document).encode()
        shown = keys(protocol, access.secret if secret is None else secret)
        given = {**shown, "Content-Type": "application/json", **(headers or {})}
        return await client.ask("POST", PATHS[protocol], given, body)
    finally:
        client.close()


def keys(protocol: str, secret: str) -> dict[str, str]:
    """As the clients of each protocol show it."""
    if protocol == "anthropic":
        return {"x-api-key": secret}
    return {"Authorization": f"Bearer {secret}"}
