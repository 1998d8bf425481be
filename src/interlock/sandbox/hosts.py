"""What a view wants to know of the host, and the host itself."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, Protocol

Kind = Literal["folder", "file", "link", "other", "none"]

HEAD_BYTES: Final = 512
PRIVATE_ENTRIES_MAX: Final = 20_000


class Files(Protocol):
    """Facts about the files of a machine, and where its user keeps programs."""

    @property
    def home(self) -> Path: ...

    @property
    def path(self) -> tuple[Path, ...]:
        """The folders of PATH."""
        ...

    def kind(self, path: Path) -> Kind:
        """Of the path itself: a link is a link."""
        ...

    def link(self, path: Path) -> str: ...

    def real(self, path: Path) -> Path: ...

    def head(self, path: Path) -> bytes:
        """The first bytes of a file; empty when it cannot be read."""
        ...


class Host(Files, Protocol):
    """Facts about the machine: its files, and what on it is nobody's business."""

    @property
    def sockets(self) -> tuple[Path, ...]:
        """Every Unix socket that somebody listens on and that has a path."""
        ...

    @property
    def private(self) -> tuple[Path, ...]:
        """System files that are not for everybody, where a box runs as their owner."""
        ...


class ThisHost:
    """The machine we run on, looked at afresh each time but for its system's private files."""

    def __init__(self, home: Path, path: str) -> None:
        self._home = home
        self._path = tuple(dict.fromkeys(Path(p) for p in path.split(os.pathsep) if p[:1] == "/"))
        self._private: tuple[Path, ...] | None = None

    @property
    def home(self) -> Path:
        return self._home

    @property
    def path(self) -> tuple[Path, ...]:
        return self._path

    @property
    def sockets(self) -> tuple[Path, ...]:
        table = Path("/proc/net/unix")
        return sockets_of(table.read_text(errors="surrogateescape") if table.exists() else "")

    @property
    def private(self) -> tuple[Path, ...]:
        if os.geteuid() != 0:
            return ()  # the files are closed by their own modes
        if self._private is None:
            self._private = tuple(_private_of(Path("/etc")))
        return self._private

    def kind(self, path: Path) -> Kind:
        try:
            mode = path.lstat().st_mode
        except (OSError, ValueError):
            return "none"
        if stat.S_ISDIR(mode):
            return "folder"
        if stat.S_ISREG(mode):
            return "file"
        return "link" if stat.S_ISLNK(mode) else "other"

    def link(self, path: Path) -> str:
        return str(path.readlink())

    def real(self, path: Path) -> Path:
        return Path(os.path.realpath(path))

    def head(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(HEAD_BYTES)
        except OSError:
            return b""


def sockets_of(table: str) -> tuple[Path, ...]:
    """The paths in a table like /proc/net/unix; names without a path belong to a namespace."""
    columns = (line.split(maxsplit=7) for line in table.splitlines()[1:])
    names = (row[7].rstrip("\n") for row in columns if len(row) > 7)  # noqa: PLR2004 - the 8th
    return tuple(sorted({Path(name) for name in names if name.startswith("/")}))


def _private_of(folder: Path) -> Iterator[Path]:
    """What only its owner and group may read: a box of root's is that owner, without its powers."""
    waiting, seen = [folder], 0
    while waiting and seen < PRIVATE_ENTRIES_MAX:
        for entry in _entries(waiting.pop()):
            seen += 1
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                continue
            if not mode & stat.S_IROTH:
                yield Path(entry.path)
            elif stat.S_ISDIR(mode):
                waiting.append(Path(entry.path))


def _entries(folder: Path) -> Iterable["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return ()
