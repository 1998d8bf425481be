"""Reads and writes files for agents that leave that to us although we never offered it.

Everything is done in a box like the agent's own, so that a link which leads out of the workspace
leads to no more than the agent could reach by itself.
"""

import asyncio
import posixpath
from pathlib import PurePosixPath
from typing import Final

import msgspec
from acp.schema import BaseModel, ReadTextFileResponse, WriteTextFileResponse

from interlock.adapters.acp.messages import RequestId, refused_with, reply
from interlock.sandbox.ports import BoxRefused
from interlock.workers.agents.json_lines import Document
from interlock.workers.agents.ports import Place

FILE_BYTES_MAX: Final = 2_000_000
SECONDS_MAX: Final = 30.0
"""A file that is no file but a pipe would keep everybody waiting."""

_READ: Final = ("sh", "-c", 'exec head -c "$2" < "$1"', "sh")
_WRITE: Final = ("sh", "-c", 'mkdir -p "$(dirname "$1")" && exec cat > "$1"', "sh")


class Errand(msgspec.Struct, frozen=True):
    """Read a file, from a line on and no more than `limit` of them; or write one."""

    request: RequestId
    path: str
    content: str | None = None
    line: int = 1
    limit: int | None = None

    @property
    def writes(self) -> bool:
        return self.content is not None


def lies_in(path: str, workspace: str) -> bool:
    """By its name alone: where links lead is the box's business."""
    place = PurePosixPath(posixpath.normpath(path))
    return place.is_absolute() and place.is_relative_to(workspace) and "\0" not in path


async def run_errand(errand: Errand, place: Place) -> Document:
    """What to tell the agent."""
    try:
        async with asyncio.timeout(SECONDS_MAX):
            return await (_write(errand, place) if errand.writes else _read(errand, place))
    except TimeoutError:
        return refused_with(errand.request, f"{errand.path} took longer than {SECONDS_MAX:.0f} s")
    except BoxRefused as refusal:
        return refused_with(errand.request, str(refusal))


async def _read(errand: Errand, place: Place) -> Document:
    said, complaint = await said_in_box(place, (*_READ, errand.path, str(FILE_BYTES_MAX + 1)))
    if complaint:
        return refused_with(errand.request, complaint)
    if len(said) > FILE_BYTES_MAX:
        return refused_with(errand.request, f"{errand.path} is longer than {FILE_BYTES_MAX} bytes")
    try:
        lines = said.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return refused_with(errand.request, f"{errand.path} is no text in UTF-8")
    begin = max(errand.line - 1, 0)
    end = None if errand.limit is None else begin + errand.limit
    content: BaseModel = ReadTextFileResponse(content="".join(lines[begin:end]))
    return reply(errand.request, content)


async def _write(errand: Errand, place: Place) -> Document:
    data = (errand.content or "").encode(errors="replace")
    _, complaint = await said_in_box(place, (*_WRITE, errand.path), data)
    if complaint:
        return refused_with(errand.request, complaint)
    return reply(errand.request, WriteTextFileResponse())


async def said_in_box(place: Place, argv: tuple[str, ...], stdin: bytes = b"") -> tuple[bytes, str]:
    """What it said, and what was wrong, if anything was."""
    box = await place.start(argv)
    try:
        if stdin:
            await box.feed(stdin)
        await box.close_stdin()
        said = b"".join([piece async for piece in box.output()])
        ended = await box.wait()
        complaint = box.complaints().decode(errors="replace").strip()
        return said, "" if ended.code == 0 else complaint or f"exit code {ended.code}"
    finally:
        await box.kill()
