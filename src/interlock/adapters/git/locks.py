"""Git's lock files, when the git that made them was killed.

A git that is killed leaves `<ref>.lock` or `index.lock` behind and blocks every later one. Before a
command of ours takes such a lock, a note about it is written and held; whoever finds the note of
another that is not held any more knows that it was cut off, and that a lock of that time is its.
Locks that somebody else left are theirs: git waits a little and then says so.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Final

from interlock.adapters.git.program import PART
from interlock.adapters.git.surroundings import Surroundings, lost
from interlock.engine.errors import PartLost

WAIT_SECONDS_MAX: Final = 30.0
OLD_AFTER_SECONDS: Final = 5.0
"""A git whose plane was killed may still be at work; it needs milliseconds."""

LONGEST_COMMAND_SECONDS: Final = 120.0
_PAUSE_SECONDS: Final = 0.02
_CLOCK_TICK_SECONDS: Final = 0.02
"""File systems stamp files with a clock that runs a few milliseconds behind."""


class OwnLocks:
    """Says which locks are about to be taken, and clears those of commands that were cut off."""

    def __init__(self, git: Surroundings, old_after_seconds: float = OLD_AFTER_SECONDS) -> None:
        self._git, self._old_after_seconds = git, old_after_seconds

    @contextlib.asynccontextmanager
    async def on_ref(self, ref: str) -> AsyncIterator[None]:
        folder = self._git.place.common_dir
        async with self.held(folder / f"{ref}.lock", folder / "packed-refs.lock"):
            yield

    @contextlib.asynccontextmanager
    async def on_refs(self, refs: Iterable[str]) -> AsyncIterator[None]:
        """One note for each, so that whoever moves one of them alone finds what was cut off.

        Always in the same order: two that need the same refs never wait for each other.
        """
        async with contextlib.AsyncExitStack() as stack:
            for ref in sorted(set(refs)):
                await stack.enter_async_context(self.on_ref(ref))
            yield

    @contextlib.asynccontextmanager
    async def held(self, *locks: Path) -> AsyncIterator[None]:
        """Within, commands of ours may take these locks of git."""
        self._git.object_environment()
        name = hashlib.sha256("\0".join(map(str, locks)).encode()).hexdigest()[:32]
        path = self._git.notes / name
        try:
            descriptor = await _alone(path)
        except OSError as error:
            raise lost(error, path) from error
        try:
            began = _note_in(descriptor)
            if began is not None:
                await self._clear(locks, began)
            _write(descriptor, repr(time.time()))
            yield
            # Only on the way out without an error: a command that was ended may leave its lock.
            _write(descriptor, "")
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    async def _clear(self, locks: tuple[Path, ...], began: float) -> None:
        for lock in locks:
            while (made := _made_at(lock)) is not None:
                ours = began - _CLOCK_TICK_SECONDS <= made <= began + LONGEST_COMMAND_SECONDS
                if not ours:
                    break
                if time.time() - made > self._old_after_seconds:
                    lock.unlink(missing_ok=True)
                    break
                await asyncio.sleep(_PAUSE_SECONDS)


async def _alone(path: Path) -> int:
    """The note, open and locked; it is the one that the name leads to."""
    tries = int(WAIT_SECONDS_MAX / _PAUSE_SECONDS)
    for _ in range(tries):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _leads_to(path, descriptor):
                return descriptor
        os.close(descriptor)
        await asyncio.sleep(_PAUSE_SECONDS)
    detail = f"another command of ours has held {path} for {WAIT_SECONDS_MAX:.0f} s"
    raise PartLost(PART, detail, "Look whether another Interlock works on this repository")


def _leads_to(path: Path, descriptor: int) -> bool:
    """Whether the name still stands for the file that was opened."""
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def _note_in(descriptor: int) -> float | None:
    text = os.pread(descriptor, 64, 0).decode("ascii", errors="replace")
    try:
        return float(text)
    except ValueError:
        return None


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


def _made_at(lock: Path) -> float | None:
    try:
        return lock.stat().st_mtime
    except OSError:
        return None
