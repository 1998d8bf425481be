"""One git command at a time, bounded in time; what it says is returned, never obeyed."""

import asyncio
import os
from pathlib import Path
from typing import Final

import msgspec

from interlock.engine.errors import PartLost

PART: Final = "git"
SECONDS_MAX: Final = 20.0

_HARMLESS: Final = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
"""A repository may name programs that git runs; the plane's git runs none of them."""

_MEND: Final = "Install git 2.31 or newer, and put it on PATH"


class Said(msgspec.Struct, frozen=True):
    """What a git command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The first line of its complaint, without git's own prefix."""
        lines = self.err.strip().splitlines()
        first = lines[0] if lines else f"it ended with exit code {self.code}"
        return first.removeprefix("fatal: ").removeprefix("error: ")


async def git(*arguments: str, at: Path | None = None) -> Said:
    """Run it; raises PartLost when there is no git, or when it does not come back."""
    where = () if at is None else ("-C", str(at))
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            *where,
            *_HARMLESS,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
        )
    except OSError as error:
        raise PartLost(PART, f"it cannot be started: {error.strerror}", _MEND) from error
    try:
        async with asyncio.timeout(SECONDS_MAX):
            out, err = await process.communicate()
    except TimeoutError as error:
        process.kill()
        await process.wait()
        detail = f"git {arguments[0]} gave no answer for {SECONDS_MAX:.0f} s"
        raise PartLost(PART, detail, "Look at the disk of the repository") from error
    code = 0 if process.returncode is None else process.returncode
    return Said(code, out.decode(errors="replace"), err.decode(errors="replace"))
