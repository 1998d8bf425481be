"""Files of the repository, read within limits: nothing huge, no device, nothing from outside."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from interlock.planning.faults import Fault
from interlock.planning.importers.folio import Page

FILE_BYTES_MAX: Final = 1_000_000
ALL_BYTES_MAX: Final = 16_000_000
FILES_MAX: Final = 5_000
DEPTH_MAX: Final = 8


class NotOnShelf(Exception):
    """The document that was named cannot be read: every reason, and how to mend it."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(f"{f.where}: {f.what}; {f.mend}" for f in faults))
        self.faults = faults


class Shelf:
    """What lies below the root of one repository; paths are relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._left = ALL_BYTES_MAX

    def path_of(self, path: Path) -> str | None:
        """A path below the root as its author would write it; None outside."""
        try:
            return path.resolve().relative_to(self.root).as_posix()
        except (ValueError, OSError, RuntimeError):
            return None

    def folders(self, path: str) -> list[str]:
        """The names of the folders in a folder, those that lead elsewhere left out."""
        return sorted(
            entry.name
            for entry in self._entries(path)
            if not entry.name.startswith(".") and entry.is_dir() and self._is_inside(entry)
        )

    def has(self, path: str) -> bool:
        try:
            return (self.root / path).is_file()
        except (OSError, ValueError):
            return False

    def page(self, path: str) -> Page:
        """One file, whole; raises NotOnShelf."""
        place = self.root / path
        try:
            if not self._is_inside(place):
                mend = "put the document itself there"
                raise NotOnShelf(_fault(path, "this link leads out of the repository", mend))
            content = self._content(place.resolve(), path)
        except (OSError, ValueError, RuntimeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its name is not a path"
            mend = "check the path and its permissions"
            raise NotOnShelf(_fault(path, f"it cannot be read: {reason}", mend)) from error
        self._left -= len(content)
        return Page(shown(path), content)

    def page_if_there(self, path: str) -> tuple[Page, ...]:
        return (self.page(path),) if self.has(path) else ()

    def markdown_below(self, folder: str, name: str = "") -> Iterator[Page]:
        """Every Markdown file below a folder, or those of one name, in the order of their paths."""
        found = 0
        for path in self._walk(folder, 0):
            if path.endswith(".md") and (not name or path.endswith(f"/{name}")):
                found += 1
                if found > FILES_MAX:
                    what = f"more than {FILES_MAX:,} Markdown files lie here"
                    raise NotOnShelf(_fault(folder, what, "move what is done elsewhere"))
                yield self.page(path)

    def _walk(self, folder: str, depth: int) -> Iterator[str]:
        for entry in sorted(self._entries(folder), key=lambda entry: entry.name):
            path = f"{folder}/{entry.name}"
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if depth < DEPTH_MAX:
                    yield from self._walk(path, depth + 1)
            else:
                yield path

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            if not self._is_inside(self.root / folder):
                mend = "put the folder itself there"
                raise NotOnShelf(_fault(folder, "this link leads out of the repository", mend))
            with os.scandir(self.root / folder) as entries:
                return list(entries)
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "its name is not a path"
            mend = "check the path and its permissions"
            raise NotOnShelf(_fault(folder, f"it cannot be read: {reason}", mend)) from error

    def _is_inside(self, place: Path | os.DirEntry[str]) -> bool:
        try:
            return Path(place).resolve().is_relative_to(self.root)
        except RuntimeError:  # a link that leads to itself, before Python 3.13
            return False

    def _content(self, place: Path, path: str) -> bytes:
        # Not blocking: a pipe that nobody writes to would hold us here for ever.
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise NotOnShelf(_fault(path, "this is no file", "name a Markdown file"))
            content = file.read(min(FILE_BYTES_MAX, self._left) + 1)
        if len(content) > FILE_BYTES_MAX:
            what = f"it has more than {FILE_BYTES_MAX:,} bytes"
            raise NotOnShelf(_fault(path, what, "cut it into several files"))
        if len(content) > self._left:
            what = f"with this file there are more than {ALL_BYTES_MAX:,} bytes"
            raise NotOnShelf(_fault(path, what, "name less, or move what is done elsewhere"))
        return content


def shown(path: str) -> str:
    """A path in a sentence: nothing in it that a terminal obeys, or cannot write."""
    return path if path.isprintable() else ascii(path)[1:-1]


def _fault(where: str, what: str, mend: str) -> Fault:
    return Fault(shown(where), what, mend)
