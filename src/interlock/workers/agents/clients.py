"""The program behind an agent that somebody else makes: where it lies, and which one it is."""

import asyncio
import contextlib
import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from interlock.workers.agents.ports import AgentRefused

VERSION_SECONDS_MAX: Final = 30.0
_SAID_MAX: Final = 200


class Client(msgspec.Struct, frozen=True):
    """One client. `bundle` is a Python package that brings the whole program; it is not imported.

    `inside` is where the program lies in that package, `install` what a person types to have it.
    """

    title: str
    program: str
    install: str
    bundle: str
    inside: str

    def locate(self, run: Sequence[str], path: str) -> tuple[str, ...]:
        """The command to start it: the profile's own, the one on this PATH, or the bundled one.

        Raises AgentRefused with the install command where there is none.
        """
        if run:
            return (shutil.which(run[0], path=path) or run[0], *run[1:])
        found = shutil.which(self.program, path=path) or self._bundled()
        if found is None:
            raise AgentRefused(
                f"{self.title} is not installed: {self.install}; or name it with `run` in its "
                "profile"
            )
        return (found,)

    async def version(self, command: Sequence[str]) -> str:
        """What it says about itself; raises AgentRefused where it does not even do that."""
        what = f"`{' '.join((*command, '--version'))}`"
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                "--version",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            raise AgentRefused(
                f"{what} cannot be run: {error.strerror}; install it: {self.install}"
            ) from error
        try:
            async with asyncio.timeout(VERSION_SECONDS_MAX):
                said, _ = await process.communicate()
        except TimeoutError:
            raise AgentRefused(
                f"{what} did not answer in {VERSION_SECONDS_MAX:g} seconds"
            ) from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        words = said.decode(errors="replace").strip()[:_SAID_MAX]
        if process.returncode != 0:
            raise AgentRefused(f"{what} ended with exit code {process.returncode}: {words}")
        return words

    def _bundled(self) -> str | None:
        package = importlib.util.find_spec(self.bundle)
        if package is None or package.origin is None:
            return None
        program = Path(package.origin).parent / self.inside
        return str(program) if program.is_file() else None
