"""What git prints about differences, taken apart: bytes in, structs out."""

from collections.abc import Iterator
from typing import Final

import msgspec

from interlock.repository.ports import ChangedPath

GITLINK: Final = "160000"
SYMLINK: Final = "120000"
ABSENT: Final = "000000"


class Entry(msgspec.Struct, frozen=True):
    """One path of a raw difference: its modes and objects before (one per parent) and after."""

    path: bytes
    old_modes: tuple[str, ...]
    new_mode: str
    olds: tuple[str, ...]
    new: str
    unmerged: bool = False


def entries(raw: bytes) -> Iterator[Entry]:
    """From `diff-tree -z --raw`, also with `-c`: as many colons as parents, then modes, objects.

    With `--stdin` the name of a commit stands between the differences; it begins without a colon.
    """
    pieces = iter(raw.split(b"\0"))
    for piece in pieces:
        if not piece.startswith(b":"):
            continue
        parents = len(piece) - len(piece.lstrip(b":"))
        words = piece.lstrip(b":").decode("ascii").split(" ")
        yield Entry(
            path=next(pieces),
            old_modes=tuple(words[:parents]),
            new_mode=words[parents],
            olds=tuple(words[parents + 1 : 2 * parents + 1]),
            new=words[2 * parents + 1],
            unmerged=words[-1] == "U",
        )


def changed_paths(raw: bytes) -> tuple[ChangedPath, ...]:
    return tuple(
        ChangedPath(
            path=shown(entry.path),
            old=_object(entry.olds[0]),
            new=_object(entry.new),
            old_mode=entry.old_modes[0],
            new_mode=entry.new_mode,
        )
        for entry in entries(raw)
    )


def shown(path: bytes) -> str:
    """A path for people and records; what is no UTF-8 is shown with backslashes."""
    return path.decode(errors="backslashreplace")


def _object(name: str) -> str | None:
    return None if set(name) == {"0"} else name
