"""A box: a place to run programs that nobody trusts, and what is asked of whoever makes one.

    box = await sandbox.start(BoxOrder(("sh", "-c", "make test"), mounts, env={"CI": "1"}))
    await box.feed(b"..."); await box.close_stdin()
    async for piece in box.output(): ...
    ended = await box.wait()

Everything inside is described by what it sees there: `inside` is a constant path, `outside` is
where the host keeps it. What an adapter cannot hold it says in `promises`; nothing is silent.
"""

import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final, Protocol

import msgspec

from interlock.domain.settings import BoxName

WORKSPACE: Final = "/workspace"
"""Where every box shows its workspace, whatever it is called outside."""

HOME: Final = "/home/agent"
"""Where every box shows the home of its task."""

OUTBOX: Final = "/outbox"
"""Where a box leaves what the host shall read: reports, packs. Nothing in it is ever executed."""


class Mount(msgspec.Struct, frozen=True):
    """A file or folder of the host, shown inside; read-only unless said otherwise.

    `copy_on_write`: what the box writes there is gone with it. Where a kind of box cannot do that
    the folder is shown read-only.
    """

    outside: Path
    inside: str
    writable: bool = False
    copy_on_write: bool = False


class Relay(msgspec.Struct, frozen=True):
    """A Unix socket of the host that a box reaches as `127.0.0.1:port`, and in no other way."""

    outside: Path
    port: int


class BoxLimits(msgspec.Struct, frozen=True):
    """What one box may use; None: no limit of its own."""

    seconds: float | None = None
    memory_bytes: int | None = None
    processes: int | None = 512
    file_bytes: int | None = 2_000_000_000
    temp_bytes: int = 1_000_000_000
    output_bytes: int = 20_000_000


class BoxOrder(msgspec.Struct, frozen=True):
    """One program in one box. `env` is complete: nothing of the host's environment is added.

    `network` lists the hosts (`name` or `name:port`) that the box may reach; empty: none at all.
    `programs` are names or paths that must be runnable inside, with their interpreters.
    `read` adds paths of the host; `hide` is never shown, whatever else asks for it, except for what
    a mount names. `relays` are open whether or not there is a network.
    """

    argv: tuple[str, ...]
    mounts: tuple[Mount, ...] = ()
    cwd: str = WORKSPACE
    env: Mapping[str, str] = {}
    limits: BoxLimits = BoxLimits()
    network: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    read: tuple[Path, ...] = ()
    hide: tuple[Path, ...] = ()
    relays: tuple[Relay, ...] = ()


class BoxEnded(msgspec.Struct, frozen=True):
    """How it ended. `code` is the program's exit code, or 128 + the signal that ended it.

    `stopped_for` names the limit that ended it (time, memory, output, disk), if one did, or
    `killed` when we ended it. `denied` are the hosts it was refused.
    """

    code: int
    stopped_for: str = ""
    denied: tuple[str, ...] = ()


class RunningBox(Protocol):
    """A program in its box. Whatever it started ends with it."""

    async def feed(self, data: bytes) -> None:
        """To its standard input."""
        ...

    async def close_stdin(self) -> None: ...

    def output(self) -> AsyncIterator[bytes]:
        """What it says on standard output, piece by piece as it comes; ends with it."""
        ...

    def complaints(self) -> bytes:
        """What it has said on standard error until now: the first and the last part of it."""
        ...

    async def freeze(self) -> None:
        """Everything in the box holds still; raises BoxRefused where that cannot be held."""
        ...

    async def thaw(self) -> None: ...

    async def kill(self) -> None:
        """End it and all it started; returns when nothing of it is left."""
        ...

    async def wait(self) -> BoxEnded:
        """Its end; when this returns nothing it started is left.

        Whoever starts a box waits for it or kills it. Raises BoxRefused when the box could not be
        set up after all, so that its program never ran.
        """
        ...


class Promises(msgspec.Struct, frozen=True):
    """What holds in this kind of box on this machine; `lacks` is told to people in sentences."""

    constant_paths: bool
    hides_files: bool
    isolates_network: bool
    ends_all_children: bool
    limits_memory: bool
    limits_processes: bool
    lacks: tuple[str, ...] = ()


class Sandbox(Protocol):
    """Makes boxes of one kind."""

    @property
    def name(self) -> BoxName: ...

    async def probe(self) -> Promises:
        """Really start one; raises BoxRefused with a sentence where none starts."""
        ...

    async def start(self, order: BoxOrder) -> RunningBox:
        """Raises BoxRefused when no box can be made; a program that is missing ends with 127."""
        ...


class OpenDoor(Protocol):
    """The way out of one box."""

    @property
    def denied(self) -> tuple[str, ...]:
        """The hosts that were asked for and refused, each once, in the order of asking."""
        ...

    async def close(self) -> None: ...


class Door(Protocol):
    """Lets boxes out to the hosts that their order lists, and to nothing else."""

    async def open(self, network: tuple[str, ...], listening: socket.socket) -> OpenDoor:
        """Serve as an HTTP proxy on a socket that already listens inside the box."""
        ...

    async def relay(self, outside: Path, listening: socket.socket) -> OpenDoor:
        """Carry every connection on a socket that listens inside to a Unix socket outside."""
        ...


class BoxRefused(Exception):
    """No such box can be made here, or it cannot do what was asked; the message is a sentence."""
