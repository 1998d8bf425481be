"""Folders that somebody untrusted has written in: measured and removed without following a link."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from interlock.sandbox.clearing import remove_deep

BLOCK_BYTES: Final = 512
"""What `st_blocks` counts in, on every system."""


NOBODY_KNOWS: Final = 1 << 50
"""What cannot be measured counts as more than any disk has."""


def bytes_under(folder: Path) -> int:
    """What a tree really takes on its disk; what goes away meanwhile is not counted."""
    total, waiting = 0, [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += _size(entry)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return NOBODY_KNOWS  # Deeper than a path may be long: nothing honest is.
    return total


def _size(entry: os.DirEntry[str]) -> int:
    with suppress(OSError):
        return entry.stat(follow_symlinks=False).st_blocks * BLOCK_BYTES
    return 0


def make_private(folder: Path) -> Path:
    """A folder of the host alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def remove_tree(folder: Path) -> None:
    """Also where its content was made unreadable; what never was there is fine."""
    remove_deep(folder)
