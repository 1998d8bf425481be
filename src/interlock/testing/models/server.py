"""The server: one address on loopback, every protocol, and what came of each request."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self

import h11
import msgspec

from interlock.testing.models import anthropic
from interlock.testing.models.answers import Piece
from interlock.testing.models.conversation import Asked, Wrong, mapping, returned_in
from interlock.testing.models.exchanges import RETURNED_CHARACTERS_MAX, Exchange, Exchanges
from interlock.testing.models.http import Connection, Gone, Incoming, Refused
from interlock.testing.models.playing import NotInScript, Player, Reply
from interlock.testing.models.protocols import ANTHROPIC, Protocol, content_of, protocol_of
from interlock.testing.models.script import (
    Drop,
    Fault,
    Malformed,
    Refuse,
    ScriptFaults,
    Scripts,
    Silent,
    Stall,
    Step,
    Tokens,
    wrong_step,
)

HOST: Final = "127.0.0.1"
MODEL: Final = "scripted"

_JSON: Final = {"content-type": "application/json"}
_EVENTS: Final = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_BROKEN: Final = b'data: {"type": "brok\n\n'


class ScriptedModels:
    """Serves while it is open; wrong scripts are refused at once, with ScriptFaults.

    With a `key` every other one is refused with 401. `log` is a file that gets a JSON line for
    each exchange, with the keys that were seen as fingerprints.
    """

    def __init__(
        self,
        scripts: Scripts | Mapping[str, tuple[Step, ...]],
        *,
        key: str | None = None,
        log: Path | None = None,
        port: int = 0,
    ) -> None:
        given = scripts if isinstance(scripts, Scripts) else Scripts(scripts)
        _refuse_wrong(given)
        self._player = Player(given)
        self._key, self._port = key, port
        self._exchanges = Exchanges(log)
        self._started = 0
        self._reached: set[tuple[str, int]] = set()
        self._waiting: list[asyncio.Event] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._serving):
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)

    @property
    def url(self) -> str:
        """What clients of Anthropic want as base; those of OpenAI want `/v1` behind it."""
        return f"http://{HOST}:{self._port}"

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All that have ended, in the order in which they began."""
        return tuple(self._exchanges)

    def told(self, script: str | None = None) -> Tokens:
        """What clients were told of in sum; of one script, or of everything with its titles."""
        counted = (each for each in self._exchanges if script in {None, each.script})
        return sum((each.told for each in counted), Tokens())

    async def reached(self, script: str, step: int) -> None:
        """Returns once this step was asked for, whatever the answer then is."""
        await self._until(lambda: (script, step) in self._reached)

    async def ended(self, count: int) -> None:
        """Returns once so many exchanges have ended, in whatever way."""
        await self._until(lambda: self._exchanges.count >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        connection = Connection(reader, writer)
        try:
            while await self._one(connection):
                continue
        except (OSError, Gone, h11.ProtocolError):
            connection.cut()
        except asyncio.CancelledError:
            connection.cut()  # the server ends, and whoever still waits for an answer gets none
        finally:
            self._serving.discard(task)
            await connection.close()

    async def _one(self, connection: Connection) -> bool:
        """Whether another request may follow."""
        try:
            incoming = await connection.request()
        except Refused as refused:
            await connection.whole(refused.status, _JSON, _problem(str(refused)))
            return False
        if incoming is None:
            return False
        self._started += 1
        key, header = _key_of(incoming)
        seen = Exchange(
            self._started, incoming.method, incoming.path, 200, key=key, key_header=header
        )
        protocol = protocol_of(incoming.path)
        if incoming.method == "POST" and protocol is not None:
            await self._model(seen, protocol, incoming, connection)
        else:
            await self._beside(seen, incoming, connection)
        return True

    async def _beside(self, seen: Exchange, incoming: Incoming, connection: Connection) -> None:
        """Everything that is not a question to a model."""
        status, document = 200, b""
        if not self._may(seen) and incoming.path != "/":
            refusal = ANTHROPIC.refusal(401, "this is not the key of this server")
            status, document = 401, msgspec.json.encode(refusal)
        elif incoming.method == "POST" and incoming.path.endswith("/messages/count_tokens"):
            status, document = _counted(incoming)
        elif incoming.method == "GET" and incoming.path.endswith("/models"):
            model = {"id": MODEL, "object": "model", "type": "model", "display_name": MODEL}
            document = msgspec.json.encode({"object": "list", "data": [model], "has_more": False})
        elif incoming.method not in {"GET", "HEAD"} or incoming.path != "/":
            status, document = 404, _problem(f"nothing answers {incoming.path} here")
        if incoming.method == "HEAD":
            document = b""
        self._add(msgspec.structs.replace(seen, status=status))
        await connection.whole(status, _JSON, document)

    async def _model(
        self, seen: Exchange, protocol: Protocol, incoming: Incoming, connection: Connection
    ) -> None:
        seen = msgspec.structs.replace(seen, protocol=protocol.name)
        if not self._may(seen):
            await self._refuse(seen, protocol, Refuse(401), connection)
            return
        try:
            asked = protocol.asked(mapping(_json(incoming.body), "the body"))
            seen = msgspec.structs.replace(seen, model=asked.model, stream=asked.stream)
            reply = self._player.reply(asked)
        except (Wrong, NotInScript) as error:
            await self._refuse(seen, protocol, Refuse(400), connection, why=str(error))
            return
        self._note(reply)
        seen = _with_reply(seen, asked, reply)
        fault = reply.fault or Fault()
        if isinstance(fault.trouble, Refuse):
            await self._refuse(seen, protocol, fault.trouble, connection, delay=fault.delay)
        else:
            await self._play(seen, content_of(protocol, reply.answer, asked), fault, connection)

    def _note(self, reply: Reply) -> None:
        if reply.place is not None:
            self._reached.add((reply.place.script, reply.place.step))
            self._tell()

    def _add(self, exchange: Exchange) -> None:
        self._exchanges.add(exchange)
        self._tell()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for news in waiting:
            news.set()

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            news = asyncio.Event()
            self._waiting.append(news)
            await news.wait()

    async def _refuse(
        self,
        seen: Exchange,
        protocol: Protocol,
        refuse: Refuse,
        connection: Connection,
        *,
        why: str = "",
        delay: float = 0.0,
    ) -> None:
        sentence = why or _SENTENCES.get(refuse.status, "the script says so")
        document = msgspec.json.encode(protocol.refusal(refuse.status, sentence))
        wait = refuse.retry_after
        headers = _JSON if wait is None else {**_JSON, "retry-after": f"{wait:g}"}
        done = msgspec.structs.replace(seen, status=refuse.status, sentence=sentence)
        finished = False
        try:
            await asyncio.sleep(delay)
            await connection.whole(refuse.status, headers, document)
            finished = True
        finally:
            self._add(msgspec.structs.replace(done, finished=finished))

    async def _play(
        self, seen: Exchange, pieces: list[Piece], fault: Fault, connection: Connection
    ) -> None:
        """Whatever happens on the way, what was told until then is written down."""
        player = _Playing(connection, fault)
        try:
            await player.play(_EVENTS if seen.stream else _JSON, pieces)
        finally:
            told, finished = player.told, player.finished
            self._add(msgspec.structs.replace(seen, told=told, finished=finished))
        await connection.end()

    def _may(self, seen: Exchange) -> bool:
        return self._key is None or seen.key == self._key


class _Playing:
    """Sends the pieces of one answer, and keeps what was told so far."""

    def __init__(self, connection: Connection, fault: Fault) -> None:
        self._connection, self._fault = connection, fault
        self.told = Tokens()
        self.finished = False

    async def play(self, headers: Mapping[str, str], pieces: list[Piece]) -> None:
        trouble = self._fault.trouble
        await asyncio.sleep(self._fault.delay)
        if isinstance(trouble, Silent):
            await self._hold()
        await self._connection.begin(200, headers)
        after = _after(trouble, len(pieces))
        for number, piece in enumerate(pieces):
            if number == after:
                await self._strike()
            await asyncio.sleep(self._fault.slow)
            await self._connection.piece(piece.content)
            self.told = piece.told or self.told
        self.finished = True

    async def _strike(self) -> None:
        match self._fault.trouble:
            case Malformed():
                await self._connection.piece(_BROKEN)
            case Stall():
                await self._hold()
            case _:
                raise Gone("the script cuts the connection here")

    async def _hold(self) -> None:
        await self._connection.left()
        raise Gone("the client has waited long enough")


def _after(trouble: object, pieces: int) -> int | None:
    """Before the last piece at the latest: a short answer is cut as well."""
    if isinstance(trouble, Drop | Malformed | Stall):
        return min(trouble.after, pieces - 1)
    return None


_SENTENCES: Final = {
    401: "this is not the key of this server",
    429: "too many requests, as the script says",
    500: "an internal error, as the script says",
    529: "overloaded, as the script says",
}


def _with_reply(seen: Exchange, asked: Asked, reply: Reply) -> Exchange:
    place, fault = reply.place, reply.fault
    trouble = fault.trouble if fault is not None else None
    return msgspec.structs.replace(
        seen,
        script="" if place is None else place.script,
        step=None if place is None else place.step,
        returned=returned_in(asked)[:RETURNED_CHARACTERS_MAX],
        tools=tuple(call.tool for call in reply.answer.calls),
        trouble="" if trouble is None else type(trouble).__name__.lower(),
    )


def _key_of(incoming: Incoming) -> tuple[str, str]:
    """The key, and the header that it stood in."""
    if key := incoming.headers.get("x-api-key"):
        return key, "x-api-key"
    kind, _, key = incoming.headers.get("authorization", "").partition(" ")
    return (key.strip(), "authorization") if kind.lower() == "bearer" else ("", "")


def _counted(incoming: Incoming) -> tuple[int, bytes]:
    try:
        body = mapping(_json(incoming.body), "the body")
    except Wrong as error:
        return 400, msgspec.json.encode(ANTHROPIC.refusal(400, str(error)))
    return 200, msgspec.json.encode(anthropic.count(body))


def _json(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise Wrong("the body is not JSON") from None


def _problem(why: str) -> bytes:
    return msgspec.json.encode({"error": {"message": why, "type": "invalid_request_error"}})


def _refuse_wrong(scripts: Scripts) -> None:
    faults = [
        f"script `{name}`, step {number}: it {wrong}"
        for name, steps in scripts.named.items()
        for number in range(len(steps))
        if (wrong := wrong_step(steps, number)) is not None
    ]
    if scripts.default is not None and scripts.default not in scripts.named:
        faults.append(f"the default script `{scripts.default}` is not among the scripts")
    if faults:
        raise ScriptFaults(tuple(faults))
