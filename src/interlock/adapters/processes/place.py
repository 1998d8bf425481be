"""Where the socket lies, and who may come through it.

    <temporary folder>/interlock-<uid>-<hash of the repository>/   0700, ours
        workers.sock                                               the plane listens here

The path is short because the kernel takes about a hundred bytes for it, and the same for every
process that works on the repository, so that a worker finds a plane that was started again.
"""

import hashlib
import os
import socket
import stat
import struct
import sys
import tempfile
from pathlib import Path
from typing import Final

from interlock.engine.errors import PartLost

SOCKET_NAME: Final = "workers.sock"
PART: Final = "worker socket"
_SOCKET_PATH_BYTES_MAX: Final = 103
"""What macOS and Linux both take, without the closing zero."""

_PEER_CREDENTIALS: Final = struct.Struct("3i")


def socket_folder_of(repository: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(repository.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"interlock-{os.getuid()}-{digest}"


def prepare_folder(folder: Path) -> Path:
    """The socket's path in a folder that nobody else can enter; raises PartLost when it is not."""
    path = folder / SOCKET_NAME
    if len(os.fsencode(path)) > _SOCKET_PATH_BYTES_MAX:
        raise PartLost(PART, f"its path is too long: {path}", "Choose a shorter temporary folder")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise PartLost(PART, str(error), "Make that folder writable") from error
    # Anybody may have made a folder of that name in a shared temporary folder before us.
    ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not ours or stat.S_IMODE(status.st_mode) & 0o077:
        raise PartLost(PART, f"{folder} is open to other users", "Remove it and start again")
    return path


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end. Where the kernel does not tell, the folder's mode has to do."""
    if sys.platform != "linux":
        return os.getuid()
    size = _PEER_CREDENTIALS.size
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    uid: int = _PEER_CREDENTIALS.unpack(packed)[1]
    return uid


def is_listening(path: Path) -> bool:
    """Whether a plane answers there; a file left by one that died does not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
        return True
