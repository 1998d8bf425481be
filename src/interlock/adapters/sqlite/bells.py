"""Wake-ups between processes: a folder of Unix datagram sockets, one per process that listens.

    <store>.bells/3f9c0a1b2d4e     bound by a listener
    whoever has committed sends the new position to every socket in the folder

A bell that cannot be rung (no room in its queue, no permission) costs time, not news: every
listener also looks for itself, every two seconds, which bounds the delay.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import socket
import stat
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

from interlock.adapters.sqlite.files import beside
from interlock.engine.doorbell import LocalDoorbell
from interlock.engine.errors import PartLost

LOOK_SECONDS = 2.0

_SOCKET_PATH_BYTES_MAX = 100
"""What every system takes: Linux has room for 107, macOS for 103."""

_NAME_BYTES = 12
_DEAD = frozenset({errno.ECONNREFUSED, errno.ENOENT})


class Ringer:
    """The sending side, used by the writer's thread."""

    def __init__(self, folder: Path, own_name: str) -> None:
        self._folder, self._own_name = folder, own_name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ring(self, position: int) -> None:
        message = b"%d" % position
        # No folder: nobody has ever listened.
        with contextlib.suppress(OSError), os.scandir(self._folder) as bells:
            for bell in bells:
                if bell.name != self._own_name:
                    self._send(message, bell.path)

    def close(self) -> None:
        self._socket.close()

    def _send(self, message: bytes, path: str) -> None:
        try:
            self._socket.sendto(message, path)
        except OSError as error:
            if error.errno in _DEAD:  # its process ended without taking it away
                with contextlib.suppress(OSError):
                    os.unlink(path)  # noqa: PTH108 - scandir gives text


class Belfry:
    """All doorbells of one open store; all but `ring_others` belongs to the loop's thread."""

    def __init__(self, store: Path, look: Callable[[], Awaitable[int]]) -> None:
        """`look` reads the position of the log's head."""
        self._folder = _folder_of(store)
        self._look = look
        self._name = secrets.token_hex(_NAME_BYTES // 2)
        self._ringer = Ringer(self._folder, self._name)
        self._bells: list[LocalDoorbell] = []
        self._known = 0
        self._listener: socket.socket | None = None
        self._looking: asyncio.Task[None] | None = None

    def listen(self) -> LocalDoorbell:
        if self._looking is None:
            self._listener = self._hang_up()
            self._looking = asyncio.get_running_loop().create_task(self._keep_looking())
        bell = LocalDoorbell(self._bells.remove)
        self._bells.append(bell)
        return bell

    def heard(self, position: int) -> None:
        """Positions only grow, so a late or repeated message is recognised and rings nothing."""
        if position > self._known:
            self._known = position
            for bell in self._bells:
                bell.ring(position)

    def ring_others(self, position: int) -> None:
        self._ringer.ring(position)

    async def close(self) -> None:
        for bell in self._bells[:]:
            bell.close()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            (self._folder / self._name).unlink(missing_ok=True)
        self._ringer.close()

    def _hang_up(self) -> socket.socket | None:
        """Without a socket, on a file system that has none, the looks remain."""
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bell.setblocking(False)
        try:
            _make_private(self._folder)
            bell.bind(str(self._folder / self._name))
        except OSError:
            bell.close()
            return None
        asyncio.get_running_loop().add_reader(bell, self._answer, bell)
        return bell

    def _answer(self, bell: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while message := bell.recv(32):
                if message.isdigit():
                    self.heard(int(message))

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self.heard(await self._look())
            except PartLost as lost:
                for bell in self._bells:
                    bell.fail(lost)
                return


def _folder_of(store: Path) -> Path:
    """Beside the store; for a deep one a folder with a short name that the path alone decides."""
    folder = beside(store, "bells")
    if len(os.fsencode(folder)) + 1 + _NAME_BYTES <= _SOCKET_PATH_BYTES_MAX:
        return folder
    user = os.geteuid()
    digest = sha256(os.fsencode(store)).hexdigest()[:16]
    runtime = Path(f"/run/user/{user}")
    # Not the user's TMPDIR: processes with different settings must meet in the same folder.
    base = runtime if runtime.is_dir() else Path("/tmp")  # noqa: S108
    return base / f"interlock-{user}-{digest}"


def _make_private(folder: Path) -> None:
    """In a folder that everybody may write to, the name could have been taken by somebody else."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to somebody else")
