"""Folders that somebody untrusted has written in: measured and removed without following a link."""

import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

BLOCK_BYTES: Final = 512
"""What `st_blocks` counts in, on every system."""


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
        except OSError:
            continue
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
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink()
        return
    shutil.rmtree(folder, onerror=_open_and_try_again)


def _open_and_try_again(remove: Callable[[str], object], path: str, _: object) -> None:
    for each in (Path(path).parent, Path(path)):
        with suppress(OSError):
            if stat.S_ISDIR(os.lstat(each).st_mode):
                each.chmod(0o700)
    if Path(path).is_dir() and not Path(path).is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        remove(path)
