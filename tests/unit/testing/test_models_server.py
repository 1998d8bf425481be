"""The model server over the wire: answers, faults, keys, and what it says came of each request."""

import asyncio
import gzip
import json
import sys
from pathlib import Path

import pytest

from interlock.testing.models import (
    Call,
    Drop,
    Exchange,
    Fault,
    Malformed,
    Refuse,
    ScriptedModels,
    Shell,
    Silent,
    Stall,
    Step,
    Tokens,
    fingerprint,
)
from interlock.testing.models.script import Trouble
from tests.unit.testing.models_wire import PATHS, TOOLS, Got, ask, send

pytestmark = pytest.mark.loopback

PROTOCOLS = sorted(PATHS)
TOLD = Tokens(input=700, cached=200, cache_write=30, output=90, reasoning=40)
SCRIPTS = {"fix": (Step("Now.", (Shell("ls"),), TOLD), Step("Done."))}
PROMPT = "Mend it. [[script:fix]]"


def told_by(protocol: str, got: Got, stream: bool) -> Tokens:
    """The usage as a client adds it up from what it got."""
    if protocol == "anthropic":
        usage = got.document["usage"] if not stream else got.events[-2]["usage"]
        names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        return Tokens(*(usage[name] for name in names), usage["output_tokens"])
    if protocol == "responses":
        usage = (got.events[-1]["response"] if stream else got.document)["usage"]
        one, more, other = "input_tokens", "input_tokens_details", "output_tokens"
    else:
        usage = (got.events[-1] if stream else got.document)["usage"]
        one, more, other = "prompt_tokens", "prompt_tokens_details", "completion_tokens"
    cached, write = usage[more]["cached_tokens"], usage[more]["cache_write_tokens"]
    reasoning = usage[f"{other}_details"]["reasoning_tokens"]
    assert usage["total_tokens"] == usage[one] + usage[other]
    return Tokens(usage[one] - cached - write, cached, write, usage[other], reasoning)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_a_client_counts_is_what_the_server_says_it_told(protocol: str, stream: bool):
    async with ScriptedModels(SCRIPTS) as models:
        got = await ask(models, protocol, PROMPT, stream=stream, key="sk-1")
        assert (got.status, got.whole) == (200, True)
        kind = "text/event-stream" if stream else "application/json"
        assert got.headers["content-type"].startswith(kind)
        assert told_by(protocol, got, stream) == models.told() == models.told("fix")
        assert models.told("other") == Tokens()
        (exchange,) = models.exchanges
    expected = Tokens(700, 200, 30, 90, 0) if protocol == "anthropic" else TOLD
    assert exchange == Exchange(
        number=1,
        method="POST",
        path="/gate/x" + PATHS[protocol],
        status=200,
        protocol=protocol,
        model="m",
        stream=stream,
        key="sk-1",
        key_header="authorization",
        script="fix",
        step=0,
        tools=({"anthropic": "Bash", "responses": "exec_command", "chat": "bash"}[protocol],),
        told=expected,
        finished=True,
    )


async def test_a_stream_of_chat_tells_its_usage_only_when_asked_to():
    body = {
        "model": "m",
        "stream": True,
        "messages": [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}],
        "tools": TOOLS["chat"],
    }
    async with ScriptedModels(SCRIPTS) as models:
        got = await send(models, "POST", PATHS["chat"], json.dumps(body))
        assert not any("usage" in event for event in got.events)
        assert models.told() == Tokens()
        assert models.exchanges[0].finished


SESSIONS = {
    "anthropic": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": PROMPT}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Bash"}]},
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t",
                        "content": [{"type": "text", "text": "a.txt"}],
                    },
                    {"type": "text", "text": "Go on."},
                ],
            },
        ]
    },
    "responses": {
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": PROMPT}]},
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "call_id": "t", "name": "exec_command", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "t", "output": "a.txt"},
            {"type": "message", "role": "user", "content": "Go on."},
        ]
    },
    "chat": {
        "messages": [
            {"role": "system", "content": "You are"},
            {"role": "user", "content": PROMPT},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "t"}]},
            {"role": "tool", "tool_call_id": "t", "content": "a.txt"},
            {"role": "user", "content": "Go on."},
        ]
    },
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_session_goes_on_where_it_was_on_a_server_that_never_saw_it(protocol: str):
    body = {"model": "m", "tools": TOOLS[protocol], **SESSIONS[protocol]}
    async with ScriptedModels(SCRIPTS) as models:
        got = await send(models, "POST", PATHS[protocol], json.dumps(body))
        assert b"Done." in got.body
        (exchange,) = models.exchanges
        assert (exchange.step, exchange.tools, exchange.returned) == (1, (), "a.txt")


async def test_a_tool_that_takes_free_text_gets_it_as_such():
    scripts = {"fix": (Step(do=(Call("apply_patch", "*** Begin Patch"),)),)}
    async with ScriptedModels(scripts) as models:
        got = await ask(models, "responses", PROMPT)
        (item,) = got.document["output"]
        assert (item["type"], item["input"]) == ("custom_tool_call", "*** Begin Patch")


# --- faults ---------------------------------------------------------------------------------------


def faulty(*faults: Fault) -> dict[str, tuple[Step, ...]]:
    return {"fix": (Step("Done.", tokens=TOLD, faults=faults),)}


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_faults_are_met_one_after_the_other_and_then_it_is_answered(protocol: str):
    scripts = faulty(Fault(Refuse(429, 1.5), times=2), Fault(Refuse(529)), Fault(Refuse(500)))
    async with ScriptedModels(scripts) as models:
        answers = [await ask(models, protocol, PROMPT) for _ in range(5)]
        assert [got.status for got in answers] == [429, 429, 529, 500, 200]
        assert [got.headers.get("retry-after") for got in answers] == ["1.5", "1.5", *[None] * 3]
        assert "message" in answers[0].document["error"]
        told = [exchange.told.input for exchange in models.exchanges]
        assert told == [0, 0, 0, 0, 700]
        assert [exchange.trouble for exchange in models.exchanges] == ["refuse"] * 4 + [""]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_stream_that_is_cut_told_so_much_and_no_more(protocol: str, stream: bool):
    always = Fault(Drop(1), times=1), Fault(Drop(10**6), times=None)
    async with ScriptedModels(faulty(*always)) as models:
        for _ in range(2):
            got = await ask(models, protocol, PROMPT, stream=stream)
            assert not got.whole
            assert got.body
        early, late = models.exchanges
        begun = Tokens(700, 200, 30, 1) if (protocol, stream) == ("anthropic", True) else Tokens()
        # Of Anthropic's events the last but one tells all, of the others the last one, or nearly.
        nearly = {"anthropic": Tokens(700, 200, 30, 90), "chat": TOLD}
        ended = nearly.get(protocol, Tokens()) if stream else Tokens()
        assert (early.told, early.finished, early.trouble) == (begun, False, "drop")
        assert (late.told, late.finished, late.trouble) == (ended, False, "drop")


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_malformed_event_stands_between_good_ones(protocol: str):
    async with ScriptedModels(faulty(Fault(Malformed(1)))) as models:
        got = await ask(models, protocol, PROMPT, stream=True)
        assert got.whole
        with pytest.raises(json.JSONDecodeError):
            assert got.events
        broken = got.body.replace(b'data: {"type": "brok\n\n', b"")
        assert len(Got(200, {}, broken, whole=True).events) > 1


@pytest.mark.parametrize("trouble", [Silent(), Stall(1)])
async def test_one_that_never_answers_is_seen_while_it_hangs_and_when_the_client_leaves(
    trouble: Silent | Stall,
):
    async with ScriptedModels(faulty(Fault(trouble))) as models:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(ask(models, "anthropic", PROMPT, stream=True))
            await models.reached("fix", 0)
            assert models.exchanges == ()
            asking.cancel()
        await models.ended(1)
        (exchange,) = models.exchanges
        assert (exchange.finished, exchange.trouble) == (False, type(trouble).__name__.lower())
        assert (await ask(models, "anthropic", PROMPT)).whole


@pytest.mark.parametrize(
    ("trouble", "delay"), [(Silent(), 0.0), (Stall(1), 0.0), (None, 60.0), (Refuse(500), 60.0)]
)
async def test_a_server_that_ends_leaves_nobody_waiting(trouble: Trouble | None, delay: float):
    scripts = faulty(Fault(trouble, delay=delay))
    async with asyncio.TaskGroup() as group, ScriptedModels(scripts) as models:
        asking = group.create_task(ask(models, "chat", PROMPT))
        await models.reached("fix", 0)
    assert not asking.result().whole
    assert [exchange.finished for exchange in models.exchanges] == [False]


async def test_a_client_that_left_was_not_told_what_came_afterwards():
    said = [{"role": "user", "content": PROMPT}]
    asked = {"model": "m", "stream": True, "messages": said, "tools": TOOLS["anthropic"]}
    body = json.dumps(asked)
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    async with ScriptedModels(faulty(Fault(slow=0.2))) as models:
        port = int(models.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((head + body).encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()
        await models.ended(1)
        (exchange,) = models.exchanges
        assert (exchange.finished, exchange.told) == (False, Tokens())


async def test_a_delay_lets_others_pass():
    scripts = {
        "slow": (Step("Slow.", faults=(Fault(delay=0.3),)),),
        "fast": (Step("Fast."),),
    }
    async with ScriptedModels(scripts) as models:
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(models, "chat", "[[script:slow]]"))
            await models.reached("slow", 0)
            group.create_task(ask(models, "chat", "[[script:fast]]"))
            await models.reached("fast", 0)
        assert [each.script for each in models.exchanges] == ["slow", "fast"]
        assert all(each.finished for each in models.exchanges)


# --- keys, other paths, and requests that are none ------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_with_a_key_every_other_one_is_refused(protocol: str):
    async with ScriptedModels(SCRIPTS, key="sk-right") as models:
        assert (await ask(models, protocol, PROMPT, key="sk-wrong")).status == 401
        assert (await ask(models, protocol, PROMPT)).status == 401
        assert (await ask(models, protocol, PROMPT, key="sk-right")).status == 200
        body = json.dumps({"model": "m", "messages": []})
        named = {"x-api-key": "sk-right"}
        assert (await send(models, "POST", "/v1/messages", body, named)).status == 200
        assert [each.key for each in models.exchanges] == ["sk-wrong", "", *["sk-right"] * 2]


async def test_what_clients_ask_beside_is_answered():
    async with ScriptedModels(SCRIPTS) as models:
        assert (await send(models, "HEAD", "/")).status == 200
        assert (await send(models, "HEAD", "/v1/messages")).body == b""
        listed = await send(models, "GET", "/v1/models")
        assert listed.document["data"][0]["id"] == "scripted"
        counting = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 400}]})
        counted = await send(models, "POST", "/v1/messages/count_tokens?beta=true", counting)
        assert counted.document["input_tokens"] > 100
        assert (await send(models, "POST", "/v1/messages/count_tokens", "[]")).status == 400
        assert (await send(models, "GET", "/v1/nothing")).status == 404
        assert models.told() == Tokens()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "the body must be an object"),
        (b"{}", "`model` must be the name of a model"),
        (b'{"model": "m", "messages": 3, "input": 3}', "must be a list"),
        (b'{"model": "m", "messages": [3], "input": [3]}', "must be an object"),
        (b'{"model": "m", "messages": [], "input": [], "tools": {"a": 1}}', "must be a list"),
        (b"[" * 100_000, "not JSON"),
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_request_that_is_none_is_refused_in_words(protocol: str, body: bytes, why: str):
    async with ScriptedModels(SCRIPTS) as models:
        got = await send(models, "POST", PATHS[protocol], body)
        assert got.status == 400
        assert why in got.document["error"]["message"]
        assert why in models.exchanges[0].sentence


async def test_a_packed_body_is_read_and_any_other_packing_refused():
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
    path = PATHS["chat"]
    async with ScriptedModels(SCRIPTS) as models:
        gz, br = {"content-encoding": "gzip"}, {"content-encoding": "br"}
        assert (await send(models, "POST", path, gzip.compress(body), gz)).status == 200
        assert (await send(models, "POST", path, body, gz)).status == 400
        assert (await send(models, "POST", path, body, br)).status == 415


async def test_what_is_not_http_ends_its_connection_only():
    async with ScriptedModels(SCRIPTS) as models:
        port = int(models.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        assert (await ask(models, "chat", PROMPT)).status == 200


async def test_one_connection_carries_many_requests():
    async with ScriptedModels(SCRIPTS) as models:
        port = int(models.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()
        assert [each.method for each in models.exchanges] == ["HEAD"] * 3


# --- the log and the program ----------------------------------------------------------------------


async def test_the_log_has_every_exchange_and_no_key(tmp_path: Path):
    log = tmp_path / "log.jsonl"
    async with ScriptedModels(SCRIPTS, log=log) as models:
        await ask(models, "chat", PROMPT, key="sk-secret")
        await ask(models, "chat", "no marker", key="sk-secret")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["status"] for line in lines] == [200, 400]
    assert {line["key"] for line in lines} == {fingerprint("sk-secret")}
    assert "sk-secret" not in log.read_text()


async def test_the_program_serves_a_file_until_it_is_told_to_stop(tmp_path: Path):
    script, log = tmp_path / "s.yaml", tmp_path / "log.jsonl"
    script.write_text("scripts: {fix: [{write: {path: a, text: b}}, {say: Done.}]}")
    command = (sys.executable, "-m", "interlock.testing.models", "--script", str(script))
    more = ("--json", "--log", str(log), "--key", "sk")
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(*command, *more, stdout=pipe, stderr=pipe)
    assert program.stdout is not None
    first = json.loads(await program.stdout.readline())
    assert (first["pid"], first["scripts"]) == (program.pid, ["fix"])
    reader, writer = await asyncio.open_connection("127.0.0.1", int(first["url"].split(":")[-1]))
    writer.write(b"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    writer.close()
    program.terminate()
    assert await program.communicate() == (b"", b"")
    assert program.returncode == 0
    assert json.loads(log.read_text())["path"] == "/v1/models"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scripts: {fix: [{wirte: 1}]}", "s.yaml:1: `wirte` is not known here"),
        (None, "cannot be read"),
    ],
)
async def test_the_program_refuses_a_wrong_file(tmp_path: Path, text: str | None, said: str):
    script = tmp_path / "s.yaml"
    if text is not None:
        script.write_text(text)
    command = (sys.executable, "-m", "interlock.testing.models", "--script", str(script))
    program = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, told = await program.communicate()
    assert (program.returncode, said in told.decode()) == (2, True)
