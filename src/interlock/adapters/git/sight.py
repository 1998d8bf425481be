"""What a git that stays may have read for good, and whether all of it is still there.

A git keeps packs open that were deleted meanwhile, and remembers that a commit exists. A file of
its own is opened anew each time, but not by a git that knows its content. So before a git is asked
again, one looks: no pack that it can have seen is gone, no object that it was asked about has lost
its file, and the settings are those that it read when it began.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_Stat = tuple[int, int, int] | None

_BORROWED: Final = ("alternates", "http-alternates")


class Sight:
    """Of one git, from its start to its end."""

    def __init__(self, objects: Path, settings: tuple[Path, ...]) -> None:
        self._objects, self._settings = objects, settings
        self._read = self._settings_now()
        self._packs: set[str] = set()
        self._alone: set[str] = set()

    def holds(self, names: Iterable[str]) -> bool:
        """Whether it may be asked about these objects; what it then may see is noted."""
        packs = self._packs_now()
        if not self._packs <= packs or self._settings_now() != self._read:
            return False
        self._packs |= packs
        for name in names:
            if os.path.lexists(self._objects / name[:2] / name[2:]):
                self._alone.add(name)
            elif name in self._alone:
                return False
        return True

    def note(self) -> None:
        """After an answer: a pack that came meanwhile may have been opened for it."""
        self._packs |= self._packs_now()

    def _packs_now(self) -> set[str]:
        folder = self._objects / "pack"
        with contextlib.suppress(OSError), os.scandir(folder) as there:
            return {each.name for each in there if each.name.endswith(".pack")}
        return set()

    def _settings_now(self) -> tuple[_Stat, ...]:
        return tuple(map(_stat, self._settings))


def borrows(objects: Path) -> bool:
    """Whether objects of other repositories belong to these; nobody watches those."""
    return any(os.path.lexists(objects / "info" / name) for name in _BORROWED)


def _stat(path: Path) -> _Stat:
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_ino, found.st_mtime_ns, found.st_size
    return None
