"""Short commands to a container engine, bounded in time."""

import asyncio
import os
from typing import Final

import msgspec

from interlock.sandbox.ports import BoxRefused

SECONDS_MAX: Final = 30.0

EMPTY_ARCHIVE: Final = bytes(10_240)
"""A tar archive that holds nothing."""


class Answer(msgspec.Struct, frozen=True):
    """What it printed, and how it ended."""

    code: int
    out: str
    err: str


async def ask(engine: str, *words: str, stdin: bytes = b"") -> Answer:
    """Raises BoxRefused when there is no such engine, or when it does not come back."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(engine, *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=engine_env(),
        )
    except OSError as error:
        raise BoxRefused(f"{engine} cannot be started: {error.strerror}.") from error
    try:
        async with asyncio.timeout(SECONDS_MAX):
            out, err = await process.communicate(stdin)
    except BaseException as error:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            detail = f"{engine} {words[0]} gave no answer for {SECONDS_MAX:.0f} s."
            raise BoxRefused(detail) from error
        raise
    code = 0 if process.returncode is None else process.returncode
    return Answer(code, out.decode(errors="replace").strip(), err.decode(errors="replace").strip())


def engine_env() -> dict[str, str]:
    """Ours: the engine's client is a program of the person, and finds its settings there."""
    return dict(os.environ)
