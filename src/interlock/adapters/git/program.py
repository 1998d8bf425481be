"""One git command at a time, bounded in time, output and memory; what it says is never obeyed."""

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from interlock.engine.errors import PartLost

PART: Final = "git"

HARMLESS: Final = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
"""A repository may name programs that git runs; the plane's git runs none of them."""

UMASK: Final = 0o022
ERR_BYTES_MAX: Final = 64_000
PIECE: Final = 1 << 16

_MEND: Final = "Install git 2.38 or newer, and put it on PATH"

_OF_THE_PERSON: Final = (
    "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT",
    "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_CEILING_DIRECTORIES", "GIT_SSH", "GIT_SSL_",
    "GIT_HTTP_", "GIT_PROXY_", "GIT_EXEC_PATH", "GIT_DISCOVERY_ACROSS_FILESYSTEM",
)  # fmt: skip
"""How a person reaches their repositories. Anything else called GIT_... points git somewhere."""


class Bounds(msgspec.Struct, frozen=True):
    """What one command may use; `memory_bytes` is held on Linux."""

    seconds: float = 20.0
    out_bytes: int = 64_000_000
    memory_bytes: int | None = None


class Call(msgspec.Struct, frozen=True):
    """Which git is started: the words after its name, its environment, and where."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    at: Path

    @property
    def verb(self) -> str:
        return _verb(self.words)


class Answer(msgspec.Struct, frozen=True):
    """What a git command printed, and how it ended; `cut` when it wanted to say more."""

    code: int
    out: bytes
    err: bytes
    cut: bool = False

    @property
    def text(self) -> str:
        return self.out.decode(errors="replace").strip()

    @property
    def complaint(self) -> str:
        """The first line of its complaint, without git's own prefix."""
        lines = self.err.decode(errors="replace").strip().splitlines()
        first = lines[0] if lines else f"it ended with exit code {self.code}"
        return first.removeprefix("fatal: ").removeprefix("error: ")


class Said(msgspec.Struct, frozen=True):
    """What a git command printed, as text."""

    code: int
    out: str
    err: str
    complaint: str


def environment_of_the_person() -> dict[str, str]:
    """As the person has it, without what would point git to another place, and without questions.

    Git has no terminal to ask on: it runs in a session of its own.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_OF_THE_PERSON)
    }
    silent = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": ""}
    return {**kept, **silent, "SSH_ASKPASS_REQUIRE": "never", "GCM_INTERACTIVE": "never"}


def bare_environment(home: Path) -> dict[str, str]:
    """Nothing of the person's or the machine's settings reaches such a git."""
    wanted = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "GIT_EXEC_PATH")
    return {
        **{name: os.environ[name] for name in wanted if name in os.environ},
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ADVICE": "0",
    }


async def git(*arguments: str, at: Path | None = None) -> Said:
    """With the person's own settings; raises PartLost when it is missing or does not come back."""
    where = () if at is None else ("-C", str(at))
    answer = await run((*where, *HARMLESS, *arguments), environment_of_the_person())
    return Said(
        answer.code,
        answer.out.decode(errors="replace"),
        answer.err.decode(errors="replace"),
        answer.complaint,
    )


async def run(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    stdin: bytes | int = b"",
    at: Path | None = None,
    bounds: Bounds | None = None,
) -> Answer:
    """Run it to its end; it and what it started are ended when this is cancelled or too slow."""
    bounds = bounds or Bounds()
    process = await _start(arguments, environment, stdin, at)
    try:
        _limit_memory(process.pid, bounds.memory_bytes)
        async with asyncio.timeout(bounds.seconds):
            return await _conversation(process, stdin, bounds)
    except TimeoutError as error:
        raise too_slow(_verb(arguments), bounds) from error
    finally:
        if process.returncode is None:
            kill_group(process.pid)
            await process.wait()


async def _start(
    arguments: tuple[str, ...], environment: Mapping[str, str], stdin: bytes | int, at: Path | None
) -> asyncio.subprocess.Process:
    given: int = asyncio.subprocess.DEVNULL
    if isinstance(stdin, int):
        given = stdin
    elif stdin:
        given = asyncio.subprocess.PIPE
    try:
        return await asyncio.create_subprocess_exec(
            "git",
            *arguments,
            stdin=given,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            cwd=at,
            umask=UMASK,
            start_new_session=True,
        )
    except OSError as error:
        raise not_started(error) from error


async def _conversation(
    process: asyncio.subprocess.Process, stdin: bytes | int, bounds: Bounds
) -> Answer:
    async with asyncio.TaskGroup() as group:
        if isinstance(stdin, bytes) and stdin:
            group.create_task(_feed(process, stdin))
        out = group.create_task(_hear(process, bounds.out_bytes))
        err = group.create_task(_complaints(process))
    code = await process.wait()
    said, cut = out.result()
    return Answer(code, said, err.result(), cut)


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    pipe = process.stdin
    if pipe is None:
        return
    # A git that has heard enough ends early; its exit code says what it made of it.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        pipe.write(data)
        await pipe.drain()
    pipe.close()


async def _hear(process: asyncio.subprocess.Process, most: int) -> tuple[bytes, bool]:
    pipe, said = process.stdout, bytearray()
    while pipe is not None and (piece := await pipe.read(PIECE)):
        said += piece
        if len(said) > most:
            kill_group(process.pid)
            return bytes(said[:most]), True
    return bytes(said), False


async def _complaints(process: asyncio.subprocess.Process) -> bytes:
    pipe, said = process.stderr, bytearray()
    while pipe is not None and (piece := await pipe.read(PIECE)):
        said += piece[: max(0, ERR_BYTES_MAX - len(said))]
    return bytes(said)


def too_slow(verb: str, bounds: Bounds) -> PartLost:
    detail = f"git {verb} gave no answer for {bounds.seconds:.0f} s"
    return PartLost(PART, detail, "Look at the disk of the repository")


def not_started(error: OSError) -> PartLost:
    return PartLost(PART, f"it cannot be started: {error.strerror}", _MEND)


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _limit_memory(pid: int, most: int | None) -> None:
    if most is None or not hasattr(resource, "prlimit"):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))


def _verb(arguments: tuple[str, ...]) -> str:
    takes_value = {"-c", "-C"}
    words = [
        word
        for before, word in zip(("", *arguments), arguments, strict=False)
        if before not in takes_value and word not in takes_value
    ]
    return words[0] if words else ""
