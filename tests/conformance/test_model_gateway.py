"""The gateway passes all on as it is, counts it to the token, and lets nothing past a cap."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interlock.adapters.memory.ledger import MemoryLedger
from interlock.adapters.modelgateway.exchange import BODY_BYTES_MAX
from interlock.adapters.modelgateway.gateway import LoopbackModels
from interlock.adapters.system.clock import SystemClock
from interlock.domain.ids import RunId, TaskId
from interlock.domain.settings import ModelUpstream, Price, Settings
from interlock.domain.usage import Usage
from interlock.engine.errors import PartLost
from interlock.testing.models import (
    Drop,
    Fault,
    Malformed,
    Refuse,
    ScriptedModels,
    Stall,
    Step,
    Tokens,
)
from interlock.workers.agents.ports import AgentRefused
from interlock.workers.models.ports import Caps, Charge, Meter, OverCap
from tests.conformance.model_peers import (
    PATHS,
    Answer,
    Asked,
    Client,
    Provider,
    ask,
    certificate,
    chunk,
    keys,
    provider,
    saying,
)
from tests.unit.workers.models.streams import ALL, COUNTS, EVENTS, JSON, Told, openai_usage

pytestmark = pytest.mark.loopback

KEY = "sk-the-real-one"
CHARGE = Charge(RunId("run"), TaskId("task"), 1, "lease")
PRICES = (Price("m", 3.0, 15.0, 0.3, 3.75),)
TOKENS = Tokens(input=100, cached=20, cache_write=7, output=31, reasoning=5)
TOOLS = {
    "anthropic": [{"name": "Write", "input_schema": {"type": "object", "properties": {}}}],
    "responses": [{"type": "function", "name": "shell", "parameters": {}}],
    "chat": [{"type": "function", "function": {"name": "shell", "parameters": {}}}],
}
protocols = pytest.mark.parametrize("protocol", list(PATHS))


def settings(url: str) -> Settings:
    models = (
        ModelUpstream("anthropic", url, "SOME_KEY"),
        ModelUpstream("openai", f"{url}/v1", "SOME_KEY"),
    )
    return Settings(models=models, prices=PRICES)


def request(protocol: str, prompt: str = "hi", **more: object) -> dict[str, object]:
    """A request of at most 50 tokens."""
    messages = [{"role": "user", "content": prompt}]
    limits: dict[str, dict[str, object]] = {
        "anthropic": {"messages": messages, "max_tokens": 50},
        "responses": {"input": prompt, "max_output_tokens": 50},
        "chat": {"messages": messages, "max_completion_tokens": 50},
    }
    return {"model": "m", "tools": TOOLS[protocol], **limits[protocol], **more}


class House:
    """A gateway on this machine, with its book; doors of several attempts may be open."""

    def __init__(self, folder: Path, drain_seconds: float = 5.0) -> None:
        self.folder = folder / "doors"
        self.ledger = MemoryLedger(SystemClock())
        self.gateway = LoopbackModels(
            {"SOME_KEY": KEY}, self.ledger, SystemClock(), self.folder, drain_seconds
        )

    @asynccontextmanager
    async def door(
        self, url: str, caps: Caps | None = None, charge: Charge = CHARGE
    ) -> AsyncIterator[Meter]:
        async with self.gateway.opened(charge, settings(url), caps or Caps()) as meter:
            yield meter


@pytest.fixture
def house(short_path: Path) -> House:
    return House(short_path)


# --- unchanged ------------------------------------------------------------------------------------


def whole_answer(told: Told) -> bytes:
    sent, came = (
        ("prompt", "completion") if told.dialect.name.endswith("ns") else ("input", "output")
    )
    usage = openai_usage(COUNTS, sent, came)
    if told.dialect.key_header == "x-api-key":
        usage = {"input_tokens": 100, "cache_read_input_tokens": 20, "output_tokens": 31}
    return json.dumps({"id": "x", "text": "Grüße\u2028", "usage": usage}, indent=1).encode()


@protocols
@pytest.mark.parametrize("framing", ["length", "chunks", "end"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "at-once"])
async def test_what_arrives_is_what_was_sent(
    house: House, protocol: str, framing: str, stream: bool
):
    told = ALL[protocol]()
    text = told.text if stream else whole_answer(told)
    kind = EVENTS if stream else JSON
    more = {"stream": stream, "stream_options": {"include_usage": True}}
    async with (
        provider(saying(text, kind, framing=framing)) as upstream,
        house.door(upstream.url) as meter,
    ):
        answer = await ask(meter.access, protocol, request(protocol, **more))
        client = await Client.to(upstream.url)
        direct = await client.ask("POST", "/x", {}, b"{}")
        client.close()
    assert answer.body == direct.body == text
    assert answer.whole
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["x-request-id"] == "r-1"
    assert answer.headers.get("content-length") == direct.headers.get("content-length")
    assert meter.usage().output_tokens == 31
    assert meter.usage().unknown_tokens == 0


async def test_figures_that_only_we_asked_for_do_not_arrive(house: House):
    told = ALL["chat"]()
    async with (
        provider(saying(told.text, EVENTS, framing="chunks")) as upstream,
        house.door(upstream.url) as meter,
    ):
        answer = await ask(meter.access, "chat", request("chat", stream=True))
    assert answer.body == b"".join((*told.events[:2], told.events[3]))
    assert answer.whole
    assert json.loads(upstream.asked[0].body)["stream_options"] == {"include_usage": True}
    assert meter.usage().input_tokens == 100


@protocols
async def test_it_arrives_as_it_comes(house: House, protocol: str):
    """The provider goes on only after the client has the event before."""
    told, seen = ALL[protocol](), asyncio.Semaphore(0)

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {EVENTS}\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        for event in told.events[:2]:
            writer.write(chunk(event))
            await writer.drain()
            await seen.acquire()
        writer.write(chunk(b"".join(told.events[2:])) + b"0\r\n\r\n")

    async with provider(script) as upstream, house.door(upstream.url) as meter:
        client = await Client.to(meter.access.socket)
        body = json.dumps(request(protocol, stream=True)).encode()
        await client.send("POST", PATHS[protocol], keys(protocol, meter.access.secret), body)
        await client.head()
        for event in told.events[:2]:
            assert await client.piece() == event
            seen.release()
        client.close()


async def test_what_was_sent_is_passed_on_byte_for_byte_with_the_real_key(house: House):
    body = '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"ä\\n\\"{"}]}'.encode()
    async with provider(saying(b"{}")) as upstream, house.door(upstream.url) as meter:
        client = await Client.to(meter.access.socket)
        sent = {
            "x-api-key": meter.access.secret,
            "anthropic-beta": "a,b",
            "Accept-Encoding": "gzip, br",
            "Cookie": "a=b",
            "Connection": "keep-alive, X-Hop",
            "X-Hop": "1",
        }
        await client.ask("POST", "/anthropic/v1/messages?beta=true", sent, body)
        client.close()
    (asked,) = upstream.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/v1/messages?beta=true", body)
    host = upstream.url.removeprefix("http://")
    assert asked.headers == {
        "host": host,
        "anthropic-beta": "a,b",
        "x-api-key": KEY,
        "accept-encoding": "identity",
        "content-length": str(len(body)),
    }


@protocols
async def test_the_key_goes_where_its_provider_wants_it(house: House, protocol: str):
    async with provider(saying(b"{}")) as upstream, house.door(upstream.url) as meter:
        await ask(meter.access, protocol, request(protocol))
        secret = meter.access.secret
    (asked,) = upstream.asked
    header, value = (
        ("x-api-key", KEY) if protocol == "anthropic" else ("authorization", f"Bearer {KEY}")
    )
    assert asked.headers[header] == value
    assert secret not in str(asked)


async def test_one_connection_serves_many_requests_on_both_sides(house: House):
    told = ALL["anthropic"]()
    async with provider(saying(told.text, EVENTS, framing="chunks")) as upstream:
        async with house.door(upstream.url) as meter:
            client = await Client.to(meter.access.socket)
            for _ in range(5):
                body = json.dumps(request("anthropic", stream=True)).encode()
                shown = keys("anthropic", meter.access.secret)
                answer = await client.ask("POST", PATHS["anthropic"], shown, body)
                assert answer.body == told.text
            client.close()
        assert (len(upstream.asked), upstream.lines) == (5, 1)
    assert meter.usage().requests == 5


async def test_a_slow_reader_slows_its_provider_down(house: House):
    """Nothing piles up in between: what nobody takes is not asked for."""
    written = 0
    done = asyncio.Event()
    event = b'data: {"choices":[{"delta":{"content":"' + b"x" * 65_000 + b'"}}]}\n\n'

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: {EVENTS}\r\nConnection: close\r\n\r\n".encode()
        )
        for _ in range(1000):
            writer.write(event)
            await writer.drain()
            written += len(event)
        writer.close()
        done.set()

    async with provider(script) as upstream, house.door(upstream.url) as meter:
        client = await Client.to(meter.access.socket)
        body = json.dumps(request("chat", stream=True)).encode()
        await client.send("POST", PATHS["chat"], keys("chat", meter.access.secret), body)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(done.wait(), 0.5)
        assert written < 20_000_000
        await client.head()
        size = 0
        while (piece := await client.piece()) is not None:
            size += len(piece)
        client.close()
    assert size == 1000 * len(event)


# --- counted --------------------------------------------------------------------------------------


@protocols
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "at-once"])
async def test_use_is_counted_to_the_token(house: House, protocol: str, stream: bool):
    scripts = {"a": (Step(say="Words, and more of them.", tokens=TOKENS),)}
    async with ScriptedModels(scripts, key=KEY) as models, house.door(models.url) as meter:
        for _ in range(3):
            document = request(protocol, "[[script:a]]", stream=stream)
            assert (await ask(meter.access, protocol, document)).status == 200
        told = models.told()
    usage = meter.usage()
    assert (usage.requests, usage.unknown_tokens, usage.source) == (3, 0, "gateway")
    assert (usage.input_tokens, usage.cached_tokens) == (told.input, told.cached) == (300, 60)
    assert (usage.cache_write_tokens, usage.output_tokens) == (told.cache_write, told.output)
    if protocol != "anthropic":
        assert usage.reasoning_tokens == told.reasoning == 15
    assert usage.cost_usd == pytest.approx(3 * (300 + 6 + 26.25 + 465) / 1e6)
    assert (
        await house.ledger.of_attempt("lease")
        == usage
        == await house.ledger.of_task(TaskId("task"))
    )


async def test_many_streams_at_once_are_each_counted(house: House):
    scripts = {"a": (Step(say="Words.", tokens=TOKENS, faults=(Fault(slow=0.01, times=None),)),)}
    async with (
        ScriptedModels(scripts, key=KEY) as models,
        house.door(models.url) as meter,
        asyncio.TaskGroup() as group,
    ):
        for number in range(30):
            protocol = list(PATHS)[number % 3]
            document = request(protocol, "[[script:a]]", stream=True)
            group.create_task(ask(meter.access, protocol, document))
    assert meter.usage().input_tokens == 3000
    assert meter.usage().output_tokens == 930
    assert await house.ledger.of_attempt("lease") == meter.usage()


@protocols
async def test_it_is_booked_before_its_client_can_ask_again(house: House, protocol: str):
    """Clients have all they want with the last event, whenever the connection ends."""
    told, asked_again = ALL[protocol](), asyncio.Event()

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {EVENTS}\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode() + chunk(told.text))
        await asked_again.wait()
        writer.write(b"0\r\n\r\n")

    async with provider(script) as upstream, house.door(upstream.url) as meter:
        client = await Client.to(meter.access.socket)
        body = json.dumps(request(protocol, stream=True)).encode()
        await client.send("POST", PATHS[protocol], keys(protocol, meter.access.secret), body)
        await client.head()
        await client.piece()
        assert (meter.usage().output_tokens, meter.usage().unknown_tokens) == (31, 0)
        asked_again.set()
        client.close()


async def test_a_model_without_a_price_is_counted_and_named(house: House):
    scripts = {"a": (Step(say="Words.", tokens=TOKENS),)}
    async with ScriptedModels(scripts, key=KEY) as models, house.door(models.url) as meter:
        for _ in range(2):
            await ask(meter.access, "chat", request("chat", "[[script:a]]", model="new-one"))
    assert (meter.usage().cost_usd, meter.usage().output_tokens) == (None, 62)
    assert meter.troubles() == (
        'The model "new-one" has no price, so that its cost is not known: add '
        '[prices."new-one"] to interlock.toml.',
    )


async def test_what_uses_no_model_passes_uncounted(house: House):
    async with (
        ScriptedModels({"a": (Step(say="x"),)}, key=KEY) as models,
        house.door(models.url, Caps(tokens_per_task=0)) as meter,
    ):
        client = await Client.to(meter.access.socket)
        shown = keys("anthropic", meter.access.secret)
        for root in ("/anthropic/", "/anthropic"):
            head = await client.ask("HEAD", root, shown)
            assert (head.status, head.body) == (200, b"")
        listed = await client.ask("GET", "/openai/models", keys("chat", meter.access.secret))
        assert json.loads(listed.body)["data"]
        counted = await client.ask(
            "POST",
            "/anthropic/v1/messages/count_tokens?beta=true",
            shown,
            json.dumps(request("anthropic")).encode(),
        )
        assert "input_tokens" in json.loads(counted.body)
        client.close()
    assert meter.usage() == Usage()


# --- strangers ------------------------------------------------------------------------------------


STRANGERS = {
    "another secret": (401, {"x-api-key": "wrong"}),
    "no secret": (401, {"x-api-key": ""}),
    "half of it": (401, {"x-api-key": "", "Authorization": "Basic abc"}),
    "a web page": (403, {"Origin": "https://evil.example"}),
    "a page of this machine": (403, {"Origin": "http://127.0.0.1:18080"}),
    "by another name": (403, {"Host": "evil.example"}),
    "by a name that leads here": (403, {"Host": "evil.example:18080"}),
}


@pytest.mark.parametrize(("status", "headers"), STRANGERS.values(), ids=STRANGERS)
async def test_a_stranger_gets_nothing(house: House, status: int, headers: dict[str, str]):
    async with provider(saying(b"{}")) as upstream, house.door(upstream.url) as meter:
        answer = await ask(meter.access, "anthropic", request("anthropic"), headers=headers)
        client = await Client.to(meter.access.socket)
        preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        asked_first = await client.ask("OPTIONS", "/anthropic/v1/messages", preflight)
        client.close()
    assert answer.status == status
    assert asked_first.status == 403
    assert not any(
        name.startswith("access-control") for name in answer.headers | asked_first.headers
    )
    assert upstream.asked == []
    assert meter.usage() == Usage()


async def test_the_secret_of_one_attempt_does_not_open_the_door_of_another(house: House):
    other = Charge(RunId("run"), TaskId("other"), 1, "lease-2")
    async with (
        provider(saying(b"{}")) as upstream,
        house.door(upstream.url) as one,
        house.door(upstream.url, None, other) as two,
    ):
        assert one.access.socket != two.access.socket
        answer = await ask(one.access, "anthropic", request("anthropic"), secret=two.access.secret)
    assert answer.status == 401
    assert upstream.asked == []


RAW = {
    "a way up": b"GET /anthropic/../secret HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n",
    "a hidden way up": b"GET /anthropic/%%2e%%2e/x HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n",
    "another host": b"GET http://evil.example/anthropic/ HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n",
    "packed": b"POST /anthropic/v1/messages HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "no JSON": b"POST /anthropic/v1/messages HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    b"Content-Length: 2\r\n\r\nhi",
    "too deep": b"POST /openai/responses HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    b'Content-Length: 200005\r\n\r\n{"a":' + b"[" * 200_000,
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW)
async def test_what_cannot_be_right_is_refused_in_a_sentence(house: House, raw: bytes):
    async with provider(saying(b"{}")) as upstream, house.door(upstream.url) as meter:
        client = await Client.to(meter.access.socket)
        client.writer.write(raw % f"x-api-key: {meter.access.secret}".encode())
        answered = await client.reader.readuntil(b"}}")
        client.close()
    assert answered.startswith(b"HTTP/1.1 4")
    assert b"invalid_request_error" in answered
    assert b"x-should-retry: false" in answered
    assert upstream.asked == []


async def test_a_request_in_a_request_is_none(house: House):
    """Two lengths, so that one end could see another request where the other sees a body."""
    async with provider(saying(b"{}")) as upstream, house.door(upstream.url) as meter:
        client = await Client.to(meter.access.socket)
        shown = f"x-api-key: {meter.access.secret}"
        client.writer.write(
            f"POST /anthropic/v1/messages HTTP/1.1\r\nHost: localhost\r\n{shown}\r\n"
            "Content-Length: 5\r\nContent-Length: 50\r\n\r\n".encode()
        )
        assert await client.reader.read() == b""
        client.close()
    assert upstream.asked == []


async def test_more_than_a_request_may_have_is_not_even_read(house: House):
    async with provider(saying(b"{}")) as upstream, house.door(upstream.url) as meter:
        client = await Client.to(meter.access.socket)
        length = BODY_BYTES_MAX + 1
        client.writer.write(
            f"POST /openai/responses HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
            f"Authorization: Bearer {meter.access.secret}\r\n\r\n".encode()
        )
        answered = await client.reader.readuntil(b"}}")
        client.close()
    assert answered.startswith(b"HTTP/1.1 413")
    assert upstream.asked == []


async def test_much_at_once_is_bounded(house: House):
    async with provider(saying(b"{}")) as upstream, house.door(upstream.url) as meter:
        head = (
            "POST /openai/responses HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            f"Authorization: Bearer {meter.access.secret}\r\n\r\n2\r\n{{ \r\n"
        ).encode()
        crowd = [await Client.to(meter.access.socket) for _ in range(5)]
        for client in crowd:
            client.writer.write(head)
        done, _ = await asyncio.wait(
            [asyncio.create_task(client.reader.readuntil(b"}}")) for client in crowd],
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert [each.result()[:12] for each in done] == [b"HTTP/1.1 429"]
        for client in crowd:
            client.close()


# --- caps -----------------------------------------------------------------------------------------


@protocols
async def test_what_would_pass_a_cap_is_never_sent(house: House, protocol: str):
    async with (
        provider(saying(b"{}")) as upstream,
        house.door(upstream.url, Caps(cost_usd_per_task=0.000001)) as meter,
    ):
        breached = asyncio.create_task(meter.breached())
        answer = await ask(meter.access, protocol, request(protocol, stream=True))
        over = await breached
    assert upstream.asked == []
    assert (answer.status, answer.headers["x-should-retry"]) == (400, "false")
    assert answer.error["type"] == "invalid_request_error"
    assert "cost_usd_per_task is 1e-06" in answer.error["message"]
    assert over.cap == "cost_usd_per_task"
    assert meter.usage() == Usage()
    assert meter.troubles() == (f"{over.why}.",)


async def test_up_to_the_cap_everything_is_sent_and_then_nothing(house: House):
    scripts = {"a": (Step(say="Words.", tokens=TOKENS),)}
    async with ScriptedModels(scripts, key=KEY) as models:
        async with house.door(models.url, Caps(tokens_per_task=3000)) as meter:
            answers = []
            while not answers or answers[-1].status == 200:
                document = request("chat", "[[script:a]]", stream=True)
                answers.append(await ask(meter.access, "chat", document))
            usage = meter.usage()
            over = await meter.breached()
        sent = len(models.exchanges)
    assert sent == len(answers) - 1 > 2
    assert usage.tokens == sent * 158 <= 3000
    assert over.cap == "tokens_per_task"


async def test_requests_at_once_wait_for_room_that_others_only_hold(house: House):
    """Each may need most of the cap and uses little of it: none has to be refused."""
    scripts = {"a": (Step(say="Words.", tokens=Tokens(input=10, output=2)),)}
    async with (
        ScriptedModels(scripts, key=KEY) as models,
        house.door(models.url, Caps(tokens_per_task=2600)) as meter,
        asyncio.TaskGroup() as group,
    ):
        document = request("chat", "[[script:a]]", stream=True)
        asked = [group.create_task(ask(meter.access, "chat", document)) for _ in range(6)]
    assert [each.result().status for each in asked] == [200] * 6
    assert meter.usage().tokens == 72


class StandingClock(SystemClock):
    """Whoever sleeps by it sleeps for ever."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds + 10_000)


async def test_who_waits_for_room_hears_at_once_that_there_is_some(short_path: Path):
    ledger, clock = MemoryLedger(SystemClock()), StandingClock()
    gateway = LoopbackModels({"SOME_KEY": KEY}, ledger, clock, short_path / "doors")
    scripts = {"a": (Step(say="Words.", tokens=Tokens(input=10, output=2)),)}
    async with (
        ScriptedModels(scripts, key=KEY) as models,
        gateway.opened(CHARGE, settings(models.url), Caps(tokens_per_task=2600)) as meter,
        asyncio.TaskGroup() as group,
    ):
        document = request("chat", "[[script:a]]", stream=True)
        asked = [group.create_task(ask(meter.access, "chat", document)) for _ in range(6)]
    assert [each.result().status for each in asked] == [200] * 6


async def test_however_many_ask_at_once_no_cap_is_passed(house: House):
    scripts = {"a": (Step(say="Words.", tokens=Tokens(input=500, output=50)),)}
    async with ScriptedModels(scripts, key=KEY) as models:
        async with (
            house.door(models.url, Caps(tokens_per_task=5000)) as meter,
            asyncio.TaskGroup() as group,
        ):
            document = request("chat", "[[script:a]]", stream=True)
            asked = [group.create_task(ask(meter.access, "chat", document)) for _ in range(12)]
        sent = len(models.exchanges)
    refused = [each.result() for each in asked if each.result().status == 400]
    assert len(refused) == 12 - sent > 0
    assert meter.usage().tokens == sent * 550 <= 5000


async def test_what_cannot_be_counted_is_refused_where_there_are_caps(house: House):
    async with provider(saying(b"{}")) as upstream:
        for caps, status in ((Caps(tokens_per_task=10**6), 400), (Caps(), 200)):
            async with house.door(upstream.url, caps) as meter:
                client = await Client.to(meter.access.socket)
                shown = keys("chat", meter.access.secret)
                answer = await client.ask("POST", "/openai/embeddings", shown, b"{}")
                client.close()
            assert answer.status == status
    assert len(upstream.asked) == 1


# --- whatever goes wrong --------------------------------------------------------------------------


async def test_whose_client_leaves_is_still_counted(house: House):
    """The answer is read to its end, because that is where its use is told."""
    scripts = {"a": (Step(say="Words.", tokens=TOKENS, faults=(Fault(slow=0.02),)),)}
    async with ScriptedModels(scripts, key=KEY) as models, house.door(models.url) as meter:
        client = await Client.to(meter.access.socket)
        body = json.dumps(request("responses", "[[script:a]]", stream=True)).encode()
        await client.send("POST", PATHS["responses"], keys("responses", meter.access.secret), body)
        await client.head()
        client.close()
        await models.ended(1)
        assert models.exchanges[0].finished
    usage = meter.usage()
    assert (usage.input_tokens, usage.output_tokens, usage.unknown_tokens) == (100, 31, 0)


async def test_closing_the_door_reads_what_is_under_way_to_its_end(house: House):
    scripts = {"a": (Step(say="Words.", tokens=TOKENS, faults=(Fault(slow=0.02),)),)}
    async with ScriptedModels(scripts, key=KEY) as models:
        async with house.door(models.url) as meter:
            client = await Client.to(meter.access.socket)
            body = json.dumps(request("chat", "[[script:a]]", stream=True)).encode()
            await client.send("POST", PATHS["chat"], keys("chat", meter.access.secret), body)
            await client.head()
        assert not meter.access.socket.exists()
        with pytest.raises(OSError, match="No such file"):
            await Client.to(meter.access.socket)
        client.close()
    assert meter.usage().output_tokens == 31
    assert await house.ledger.of_attempt("lease") == meter.usage()


async def test_what_never_ends_is_known_to_be_at_least_and_at_most(short_path: Path):
    house = House(short_path, drain_seconds=0.2)
    scripts = {"a": (Step(say="Words.", tokens=TOKENS, faults=(Fault(Stall(2)),)),)}
    async with ScriptedModels(scripts, key=KEY) as models:
        async with house.door(models.url) as meter:
            client = await Client.to(meter.access.socket)
            body = json.dumps(request("anthropic", "[[script:a]]", stream=True)).encode()
            shown = keys("anthropic", meter.access.secret)
            await client.send("POST", PATHS["anthropic"], shown, body)
            await client.head()
            await client.piece()
        client.close()
    usage = meter.usage()
    assert (usage.input_tokens, usage.cached_tokens, usage.cache_write_tokens) == (100, 20, 7)
    assert usage.output_tokens + usage.unknown_tokens == 50
    assert 0 < usage.unknown_usd <= 50 * 15e-6
    assert await house.ledger.of_attempt("lease") == usage
    assert "up to 49 tokens may come on top" in meter.troubles()[-1]


async def test_whose_client_has_left_is_not_read_for_ever(short_path: Path):
    house = House(short_path, drain_seconds=0.1)
    scripts = {"a": (Step(say="Words.", tokens=TOKENS, faults=(Fault(Stall(2)),)),)}
    async with ScriptedModels(scripts, key=KEY) as models, house.door(models.url) as meter:
        client = await Client.to(meter.access.socket)
        body = json.dumps(request("chat", "[[script:a]]", stream=True)).encode()
        await client.send("POST", PATHS["chat"], keys("chat", meter.access.secret), body)
        await client.head()
        client.close()
        await models.ended(1)  # because its own client, the gateway, has hung up
    assert meter.usage().unknown_tokens > 0


@protocols
async def test_half_an_answer_stays_half_an_answer(house: House, protocol: str):
    scripts = {"a": (Step(say="Words.", tokens=TOKENS, faults=(Fault(Drop(2)),)),)}
    async with ScriptedModels(scripts, key=KEY) as models, house.door(models.url) as meter:
        answer = await ask(meter.access, protocol, request(protocol, "[[script:a]]", stream=True))
    assert (answer.status, answer.whole) == (200, False)
    usage = meter.usage()
    assert usage.unknown_tokens > 0
    assert await house.ledger.of_attempt("lease") == usage
    assert "broke off in the middle of an answer" in meter.troubles()[0]


@protocols
async def test_a_broken_event_is_passed_on_and_loses_nothing(house: House, protocol: str):
    scripts = {"a": (Step(say="Words.", tokens=TOKENS, faults=(Fault(Malformed(1)),)),)}
    async with ScriptedModels(scripts, key=KEY) as models, house.door(models.url) as meter:
        answer = await ask(meter.access, protocol, request(protocol, "[[script:a]]", stream=True))
    assert b'{"type": "brok' in answer.body
    assert answer.whole
    assert (meter.usage().output_tokens, meter.usage().unknown_tokens) == (31, 0)


@protocols
@pytest.mark.parametrize("status", [429, 529])
async def test_a_refusal_is_passed_on_and_costs_nothing(house: House, protocol: str, status: int):
    """Clients know best how often and when to ask again."""
    faults = (Fault(Refuse(status, retry_after=7)),)
    scripts = {"a": (Step(say="Words.", tokens=TOKENS, faults=faults),)}
    async with ScriptedModels(scripts, key=KEY) as models, house.door(models.url) as meter:
        document = request(protocol, "[[script:a]]", stream=True)
        answer = await ask(meter.access, protocol, document)
        assert (answer.status, answer.headers["retry-after"]) == (status, "7")
        assert "Interlock" not in answer.body.decode()
        assert meter.usage() == Usage(requests=1)
        assert (await ask(meter.access, protocol, document)).status == 200
    (trouble,) = meter.troubles()
    assert f"answered {status} (again after 7 s)" in trouble
    assert meter.usage().output_tokens == 31


@protocols
async def test_a_provider_that_failed_may_have_used_all_of_it(house: House, protocol: str):
    scripts = {"a": (Step(say="Words.", tokens=TOKENS, faults=(Fault(Refuse(500)),)),)}
    async with ScriptedModels(scripts, key=KEY) as models, house.door(models.url) as meter:
        answer = await ask(meter.access, protocol, request(protocol, "[[script:a]]"))
        assert answer.status == 500
        usage = meter.usage()
        assert (usage.requests, usage.tokens, usage.cost_usd) == (1, 0, 0.0)
        assert usage.unknown_tokens > 2000
        assert usage.unknown_usd > 0
    assert any("answered 500" in trouble for trouble in meter.troubles())


async def test_a_wrong_key_is_told_without_the_key(house: House):
    async with (
        ScriptedModels({"a": (Step(say="x"),)}, key="another") as models,
        house.door(models.url) as meter,
    ):
        answer = await ask(meter.access, "chat", request("chat", "[[script:a]]"))
    assert answer.status == 401
    (trouble,) = meter.troubles()
    assert trouble.startswith("openai answered 401: ")
    assert KEY not in trouble


async def test_a_provider_that_repeats_the_key_does_not_get_it_into_the_troubles(house: House):
    said = json.dumps({"error": {"type": "x", "message": f"{KEY}\n\x1b[0m is wrong"}}).encode()
    async with (
        provider(saying(said, status="401 Unauthorized")) as upstream,
        house.door(upstream.url) as meter,
    ):
        await ask(meter.access, "chat", request("chat"))
    assert meter.troubles() == ("openai answered 401: x: ***  [0m is wrong.",)


async def test_nobody_there_is_said_so_and_costs_nothing(house: House):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with house.door(f"http://127.0.0.1:{port}") as meter:
        answer = await ask(meter.access, "anthropic", request("anthropic"))
    assert (answer.status, answer.error["type"]) == (502, "api_error")
    assert "anthropic cannot be reached" in answer.error["message"]
    assert "x-should-retry" not in answer.headers
    assert meter.usage() == Usage(requests=1)
    assert len(meter.troubles()) == 1


async def test_hung_up_on_without_a_word_all_is_possible(house: House):
    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with provider(script) as upstream, house.door(upstream.url) as meter:
        answer = await ask(meter.access, "anthropic", request("anthropic"))
    assert answer.status == 502
    usage = meter.usage()
    assert (usage.tokens, usage.unknown_tokens > 2000) == (0, True)
    assert len(upstream.asked) == 1


ASTRA = {"model": "gpt-6-astra", "input": "x"}
LITTLE = saying(b'{"usage": {"input_tokens": 1, "output_tokens": 1}}')


async def test_a_dear_model_gets_a_limit_that_fits_where_it_was_given_none(house: House):
    caps = Caps(cost_usd_per_task=5.0)
    async with provider(LITTLE) as upstream, house.door(upstream.url, caps) as meter:
        assert (await ask(meter.access, "responses", ASTRA)).status == 200
        assert (
            await ask(meter.access, "responses", {**ASTRA, "max_output_tokens": 9})
        ).status == 200
        assert (
            await ask(meter.access, "responses", {**ASTRA, "max_output_tokens": 100_000})
        ).status == 400
    limits = [json.loads(asked.body)["max_output_tokens"] for asked in upstream.asked]
    assert limits == [64_000, 9]


async def test_where_there_is_room_no_limit_is_written(house: House):
    async with provider(LITTLE) as upstream, house.door(upstream.url) as meter:
        await ask(meter.access, "responses", ASTRA)
    assert json.loads(upstream.asked[0].body) == ASTRA


async def test_where_not_even_a_short_answer_fits_nothing_is_sent(house: House):
    caps = Caps(cost_usd_per_task=0.05)
    async with provider(LITTLE) as upstream, house.door(upstream.url, caps) as meter:
        assert (await ask(meter.access, "responses", ASTRA)).status == 400
        over = await meter.breached()
    assert (over.cap, upstream.asked) == ("cost_usd_per_task", [])


async def test_a_model_inside_a_tool_is_refused_where_there_are_caps(house: House):
    document = request("anthropic", tools=[{"type": "advisor_20260301", "model": "dear"}])
    async with provider(LITTLE) as upstream:
        async with house.door(upstream.url, Caps(cost_usd_per_task=5.0)) as meter:
            assert (await ask(meter.access, "anthropic", document)).status == 400
        async with house.door(upstream.url) as meter:
            assert (await ask(meter.access, "anthropic", document)).status == 200
    assert len(upstream.asked) == 1


async def test_whose_account_it_is_and_what_is_done_there_is_not_for_the_box_to_say(house: House):
    strange = {
        "OpenAI-Organization": "other",
        "OpenAI-Project": "other",
        "X-HTTP-Method-Override": "DELETE",
    }
    async with provider(LITTLE) as upstream, house.door(upstream.url) as meter:
        client = await Client.to(meter.access.socket)
        shown = {**keys("responses", meter.access.secret), **strange}
        body = json.dumps(ASTRA).encode()
        assert (await client.ask("POST", "/openai/responses", shown, body)).status == 200
        client.close()
    assert not {name.lower() for name in strange} & set(upstream.asked[0].headers)


async def test_cut_before_its_searches_came_in_its_input_is_open(house: House):
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 10}}}
    stream = saying(f"data: {json.dumps(start)}\n\n".encode(), "text/event-stream")
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    async with provider(stream) as upstream, house.door(upstream.url) as meter:
        await ask(meter.access, "anthropic", request("anthropic", tools=tools, stream=True))
        assert meter.usage().input_tokens == 10
        assert meter.usage().unknown_tokens > 128_000


async def test_an_answer_that_tells_no_use_counts_as_its_worst(house: House):
    async with provider(saying(b'{"id": "x"}')) as upstream, house.door(upstream.url) as meter:
        await ask(meter.access, "chat", request("chat"))
    assert meter.usage().unknown_tokens > 2000
    assert "did not tell all that one request used" in meter.troubles()[-1]


async def test_troubles_are_bounded_and_the_same_one_is_one(house: House):
    count = 0

    async def script(asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await saying(b"{}", status=f"{400 + count % 90} No")(asked, writer)

    async with provider(script) as upstream, house.door(upstream.url) as meter:
        for _ in range(60):
            await ask(meter.access, "chat", request("chat"))
    assert len(meter.troubles()) == 50
    assert meter.troubles()[-1] == "openai answered 460."


class LostLedger(MemoryLedger):
    """A book whose disk is gone."""

    async def reserve(self, *_: object) -> OverCap | None:
        raise PartLost("ledger", "its disk is gone", "Bring it back")


async def test_without_its_book_nothing_is_sent_and_the_attempt_hears_of_it(short_path: Path):
    ledger = LostLedger(SystemClock())
    gateway = LoopbackModels({"SOME_KEY": KEY}, ledger, SystemClock(), short_path / "doors")
    async with (
        provider(saying(b"{}")) as upstream,
        gateway.opened(CHARGE, settings(upstream.url), Caps()) as meter,
    ):
        answer = await ask(meter.access, "chat", request("chat"))
        with pytest.raises(PartLost, match="its disk is gone"):
            await meter.breached()
    assert (answer.status, answer.headers["x-should-retry"]) == (400, "false")
    assert "its disk is gone" in answer.error["message"]
    assert upstream.asked == []


# --- keys and doors -------------------------------------------------------------------------------


async def test_without_any_key_no_attempt_begins(short_path: Path):
    gateway = LoopbackModels(
        {"SOME_KEY": " "}, MemoryLedger(SystemClock()), SystemClock(), short_path / "doors"
    )
    with pytest.raises(AgentRefused, match="set SOME_KEY where the worker runs"):
        async with gateway.opened(CHARGE, settings("http://127.0.0.1:9"), Caps()):
            raise AssertionError
    with pytest.raises(AgentRefused, match=r"\[models.anthropic\]"):
        async with gateway.opened(CHARGE, Settings(), Caps()):
            raise AssertionError
    assert list((short_path / "doors").iterdir()) == []


async def test_without_the_key_of_one_provider_that_one_is_refused(house: House):
    async with provider(saying(b"{}")) as upstream:
        found = settings(upstream.url)
        models = (found.models[0], ModelUpstream("openai", upstream.url, "OTHER_KEY"))
        both = Settings(models=models, prices=PRICES)
        async with house.gateway.opened(CHARGE, both, Caps()) as meter:
            assert (await ask(meter.access, "anthropic", request("anthropic"))).status == 200
            answer = await ask(meter.access, "chat", request("chat"))
    assert (answer.status, len(upstream.asked)) == (401, 1)
    assert "set OTHER_KEY where the worker runs" in answer.error["message"]
    assert any("OTHER_KEY" in trouble for trouble in meter.troubles())


async def test_over_tls_only_a_trusted_provider_gets_the_key(
    house: House, short_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trusted, context = certificate(short_path)
    async with provider(saying(b'{"usage": {}}'), tls=context) as upstream:
        async with house.door(upstream.url) as meter:
            answer = await ask(meter.access, "chat", request("chat"))
            assert (answer.status, upstream.asked) == (502, [])
            assert "its certificate is not trusted" in answer.error["message"]
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        again = House(short_path / "again")
        async with again.door(upstream.url) as meter:
            assert (await ask(meter.access, "chat", request("chat"))).status == 200
    assert upstream.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_doors_of_the_dead_are_removed_and_those_of_the_living_are_not(
    short_path: Path,
):
    house = House(short_path)
    dead = house.folder / "dead.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(dead))
    async with provider(saying(b"{}")) as upstream, house.door(upstream.url) as meter:
        House(short_path)
        assert not dead.exists()
        assert meter.access.socket.exists()
        assert (await ask(meter.access, "chat", request("chat"))).status == 200


async def test_a_path_too_long_for_a_socket_is_told(short_path: Path):
    house = House(short_path / ("x" * 90))
    with pytest.raises(PartLost, match="too long"):
        async with house.door("http://127.0.0.1:9"):
            raise AssertionError


async def test_only_its_owner_can_knock(house: House):
    async with house.door("http://127.0.0.1:9") as meter:
        modes = [path.stat().st_mode & 0o777 for path in (meter.access.socket, house.folder)]
    assert modes == [0o600, 0o700]


def test_peers_see_what_they_should() -> None:
    """The helpers are part of the proof."""
    assert chunk(b"ab") == b"2\r\nab\r\n"
    assert Provider(saying(b"")).lines == 0
    assert Answer(400, {}, b'{"type":"error","error":{"type":"x"}}', whole=True).error == {
        "type": "x"
    }
