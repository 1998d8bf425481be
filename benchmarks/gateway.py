"""What the model gateway adds: to the first word, and to every word after that.

Three processes: a provider that writes the time into every event, the gateway with its book on the
disk, and the clients here. The same requests go straight to the provider and through the gateway,
in turns. Each stream brings fifty events a second, which is about what models do, and sixteen of
them begin one after the other, as sixteen agents would.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.document import Part, Result, Scale, load, percentile, rounded
from interlock.adapters.modelgateway.gateway import LoopbackModels
from interlock.adapters.sqlite.ledger import SqliteLedger
from interlock.adapters.system.clock import SystemClock
from interlock.domain.ids import RunId, TaskId
from interlock.domain.settings import ModelUpstream, Price, Settings
from interlock.workers.models.ports import Caps, Charge

EVENTS: Final = 25
EVENT_SECONDS: Final = 0.02
GOAL_MS: Final = 5.0
_HOUSE: Final = Path(__file__).parents[1]
_TOLD: Final = re.compile(rb'"t":(\d+)')
_END: Final = b'message_stop"}\n\n\r\n0\r\n\r\n'
_BODY: Final = json.dumps(
    {
        "model": "m",
        "max_tokens": 1000,
        "stream": True,
        "messages": [{"role": "user", "content": "What a session of some length sends. " * 2000}],
    }
).encode()


class Place:
    """Where clients connect, and what they say there."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self._told = told

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self._told["socket"])

    def request(self) -> bytes:
        path, secret = self._told["path"], self._told["secret"]
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: {secret}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(_BODY)}\r\n\r\n"
        )
        return head.encode() + _BODY


class Delays:
    """In milliseconds: from a request to its first event, and from each event to its arrival."""

    def __init__(self) -> None:
        self.first: list[float] = []
        self.each: list[float] = []


def measure_one(scale: Scale) -> list[Result]:
    return _measured(1, scale.of(30, 1))


def measure_sixteen(scale: Scale) -> list[Result]:
    return _measured(16, scale.of(10, 1))


PARTS: Final[Mapping[str, Part]] = {"one": measure_one, "sixteen": measure_sixteen}


def _measured(streams: int, rounds: int) -> list[Result]:
    straight, through = Delays(), Delays()
    with _running("provider") as provider, _running("gateway", provider["port"]) as gateway:
        places = (Place(provider), straight), (Place(gateway), through)
        asyncio.run(_take_turns(places, streams, rounds))
    results = []
    for what, ours, theirs in (
        ("first", through.first, straight.first),
        ("each", through.each, straight.each),
    ):
        for percent in (50, 95):
            added = percentile(ours, percent) - percentile(theirs, percent)
            met = added < GOAL_MS
            results.append(
                Result(
                    f"added_to_{what}_event_p{percent}_at_{streams}",
                    rounded(added),
                    "ms",
                    "straight to the provider, same run",
                    rounded(percentile(theirs, percent)),
                    goal=f"< {GOAL_MS:g} ms",
                    met=met,
                    note=f"{len(ours)} through the gateway took {percentile(ours, percent):.3g} ms"
                    + ("" if met else f"; load {load()} on {os.cpu_count()} cores"),
                )
            )
    return results


async def _take_turns(places: tuple[tuple[Place, Delays], ...], streams: int, rounds: int) -> None:
    lines = {place: [await place.connect() for _ in range(streams)] for place, _ in places}
    for place, _ in places:  # the first use of anything is another question
        await _all(place, lines[place], Delays())
    for _ in range(rounds):
        for place, delays in places:
            await _all(place, lines[place], delays)
    for pairs in lines.values():
        for _, writer in pairs:
            writer.close()


async def _all(
    place: Place,
    lines: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
    delays: Delays,
) -> None:
    pause = EVENTS * EVENT_SECONDS / len(lines) / 2
    async with asyncio.TaskGroup() as group:
        for reader, writer in lines:
            group.create_task(_one(place.request(), reader, writer, delays))
            await asyncio.sleep(pause)


async def _one(
    request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delays: Delays
) -> None:
    began, first = time.perf_counter(), True
    writer.write(request)
    tail = b""
    while not tail.endswith(_END):
        piece = await reader.read(65536)
        now = time.monotonic_ns()
        if not piece:
            raise RuntimeError(f"the connection ended early: {tail!r}")
        for told in _TOLD.findall(piece):
            if first:
                delays.first.append(1e3 * (time.perf_counter() - began))
                first = False
            delays.each.append((now - int(told)) / 1e6)
        tail = (tail + piece)[-200:]


# --- the other processes --------------------------------------------------------------------------


@contextmanager
def _running(*words: str) -> Iterator[dict[str, str]]:
    argv = [sys.executable, "-m", "benchmarks.gateway", *words]
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_HOUSE,
        env={**os.environ, "PYTHONPATH": str(_HOUSE / "src")},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


async def _serve(words: list[str]) -> None:
    opened = _provider() if words[0] == "provider" else _gateway(int(words[1]))
    async with opened as told:
        print(json.dumps(told), flush=True)
        await asyncio.to_thread(sys.stdin.read)


@asynccontextmanager
async def _provider() -> AsyncIterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="il-") as folder:
        socket = f"{folder}/straight.sock"
        await asyncio.start_unix_server(_answer, socket, limit=2**20)
        server = await asyncio.start_server(_answer, "127.0.0.1", 0, limit=2**20)
        port = server.sockets[0].getsockname()[1]
        yield {"socket": socket, "port": str(port), "path": "/v1/messages", "secret": "x"}


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            await reader.readexactly(int(length[1]) if length else 0)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
            for number in range(EVENTS):
                writer.write(_event(number))
                await asyncio.sleep(EVENT_SECONDS)
            writer.write(_chunk('data: {"type":"message_stop"}\n\n') + b"0\r\n\r\n")
    except asyncio.IncompleteReadError:
        writer.close()


def _event(number: int) -> bytes:
    kinds: dict[int, dict[str, object]] = {
        0: {"type": "message_start", "message": {"usage": {"input_tokens": 9000}}},
        EVENTS - 1: {"type": "message_delta", "usage": {"output_tokens": 500}},
    }
    delta = {"type": "content_block_delta", "delta": {"text": "some words of an answer"}}
    document = json.dumps(kinds.get(number, delta), separators=(",", ":"))
    return _chunk(f'data: {document[:-1]},"t":{time.monotonic_ns()}}}\n\n')


def _chunk(text: str) -> bytes:
    return f"{len(text):x}\r\n{text}\r\n".encode()


@asynccontextmanager
async def _gateway(port: int) -> AsyncIterator[dict[str, str]]:
    settings = Settings(
        models=(ModelUpstream("anthropic", f"http://127.0.0.1:{port}", "KEY"),),
        prices=(Price("m", 3.0, 15.0),),
    )
    with tempfile.TemporaryDirectory(prefix="il-") as folder:
        clock = SystemClock()
        ledger = await SqliteLedger.open(Path(folder) / "models.db", clock)
        gateway = LoopbackModels({"KEY": "k"}, ledger, clock, Path(folder) / "doors")
        charge = Charge(RunId("run"), TaskId("task"), 1, "lease")
        async with gateway.opened(charge, settings, Caps(tokens_per_task=10**12)) as meter:
            access = meter.access
            path = "/anthropic/v1/messages"
            yield {"socket": str(access.socket), "path": path, "secret": access.secret}
        await ledger.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1:]))
