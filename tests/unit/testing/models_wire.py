"""A small client for the scripted model server: what went over the wire, as a test wants it."""

import asyncio
import json
from typing import Any

import msgspec

from interlock.testing.models import ScriptedModels

Json = dict[str, Any]

TOOLS = {
    "anthropic": [
        {"name": "Write", "input_schema": {"properties": {"file_path": {}, "content": {}}}},
        {"name": "Bash", "input_schema": {"properties": {"command": {"type": "string"}}}},
    ],
    "responses": [
        {"type": "function", "name": "exec_command", "parameters": {"properties": {"cmd": {}}}},
        {"type": "custom", "name": "apply_patch"},
    ],
    "chat": [
        {"type": "function", "function": {"name": "write_file", "parameters": {}}},
        {"type": "function", "function": {"name": "bash", "parameters": {}}},
    ],
}
PATHS = {
    "anthropic": "/v1/messages",
    "responses": "/v1/responses",
    "chat": "/v1/chat/completions",
}


class Got(msgspec.Struct, frozen=True):
    """An answer; `whole` is False when the connection ended before the answer did."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool

    @property
    def document(self) -> Json:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found

    @property
    def events(self) -> list[Json]:
        lines = [line for line in self.body.splitlines() if line.startswith(b"data: ")]
        return [json.loads(line[6:]) for line in lines if line != b"data: [DONE]"]


async def ask(
    models: ScriptedModels,
    protocol: str,
    prompt: str,
    *,
    stream: bool = False,
    tools: bool = True,
    key: str | None = None,
) -> Got:
    body: Json = {"model": "m", "stream": stream}
    body["input" if protocol == "responses" else "messages"] = [{"role": "user", "content": prompt}]
    if tools:
        body["tools"] = TOOLS[protocol]
    if protocol == "chat" and stream:
        body["stream_options"] = {"include_usage": True}
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return await send(models, "POST", "/gate/x" + PATHS[protocol], json.dumps(body), headers)


async def send(
    models: ScriptedModels,
    method: str,
    path: str,
    body: str | bytes = "",
    headers: dict[str, str] | None = None,
) -> Got:
    """One request on a connection of its own, read until the end of the answer."""
    port = int(models.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    content = body.encode() if isinstance(body, str) else body
    lines = {"host": "x", "content-length": str(len(content)), "connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**lines, **(headers or {})}.items())
    writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content)
    try:
        return _read(await reader.read(), method)
    except ConnectionError:
        return Got(0, {}, b"", whole=False)
    finally:
        writer.close()


def _read(raw: bytes, method: str) -> Got:
    head, _, rest = raw.partition(b"\r\n\r\n")
    if not head:
        return Got(0, {}, b"", whole=False)
    first, *lines = head.decode().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    status = int(first.split(" ")[1])
    if "chunked" not in headers.get("transfer-encoding", ""):
        wanted = 0 if method == "HEAD" else int(headers["content-length"])
        return Got(status, headers, rest, whole=len(rest) == wanted)
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            return Got(status, headers, body, whole=True)
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return Got(status, headers, body, whole=False)
