"""Removes a tree that somebody untrusted has written, however deep it is and whatever it closed.

Mostly the usual way does. Where it fails, what lies two folders down is brought up first: so no
path gets long, no folder is held open, and nothing calls itself. A box may nest folders deeper than
any stack, and than any path may be long.
"""

import os
import secrets
import shutil
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path


def remove_deep(folder: Path) -> None:
    """No link is followed; what never was there is fine. Only when nobody writes there any more."""
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            folder.unlink()
            return
    except FileNotFoundError:
        return
    with suppress(OSError, RecursionError):
        shutil.rmtree(folder)
        return
    mark, numbers = secrets.token_hex(8), count()
    folder.chmod(0o700)
    while inner := _folders_after_files(folder):
        for each in inner:
            each.chmod(0o700)
            for deeper in _folders_after_files(each):
                deeper.chmod(0o700)  # A folder that is closed cannot be moved.
                deeper.rename(folder / f"{mark}-{next(numbers)}")
            each.rmdir()
    folder.rmdir()


def _folders_after_files(folder: Path) -> list[Path]:
    """The folders in it; everything else in it is removed."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            else:
                Path(entry.path).unlink()
    return folders
