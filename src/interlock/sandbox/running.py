"""Run one program in one box to its end, with bounded logs, and never leave it behind."""

import asyncio

import msgspec

from interlock.sandbox.ports import BoxEnded, BoxOrder, RunningBox, Sandbox
from interlock.sandbox.said import FirstAndLast


class Finished(msgspec.Struct, frozen=True):
    """How it ended and what it said: of long texts the first and the last part."""

    ended: BoxEnded
    stdout: bytes
    stderr: bytes


async def run_to_end(
    sandbox: Sandbox, order: BoxOrder, stdin: bytes = b"", log_bytes_max: int = 2_000_000
) -> Finished:
    """Raises BoxRefused as `start` does. When this is cancelled, the box is killed first."""
    box = await sandbox.start(order)
    try:
        said = await _talk(box, stdin, log_bytes_max)
        ended = await box.wait()
    except BaseException:
        await _kill_in_any_case(box)
        raise
    return Finished(ended, said.text(), box.complaints())


async def _talk(box: RunningBox, stdin: bytes, log_bytes_max: int) -> FirstAndLast:
    said = FirstAndLast(max(log_bytes_max // 2, 1))
    async with asyncio.TaskGroup() as group:
        group.create_task(_feed(box, stdin))
        async for piece in box.output():
            said.add(piece)
    return said


async def _feed(box: RunningBox, stdin: bytes) -> None:
    if stdin:
        await box.feed(stdin)
    await box.close_stdin()


async def _kill_in_any_case(box: RunningBox) -> None:
    """A second cancellation must not leave the box alive: the kill itself is not cancelled."""
    async with asyncio.TaskGroup() as group:
        killing = group.create_task(box.kill())
        while not killing.done():
            try:
                await asyncio.shield(killing)
            except asyncio.CancelledError:
                continue
