"""Which names and which links a change may bring: what some file system would take for `.git`."""

import re
import unicodedata
from typing import Final

LINK_BYTES_MAX: Final = 4_000
PATH_BYTES_MAX: Final = 4_000
PART_BYTES_MAX: Final = 255

_SHORT: Final = re.compile(r"git~\d+")
_IGNORED: Final = frozenset(
    map(chr, [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
)
"""Marks that HFS+ leaves out when it compares names."""


def refusal_of_name(path: bytes) -> str:
    """Why no file may be called so; nothing if it may."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return "it is not UTF-8"
    if len(path) > PATH_BYTES_MAX:
        return "it is too long"
    for part in text.split("/"):
        if part in {"", ".", ".."}:
            return f"{part!r} is no part of a path"
        if len(part.encode()) > PART_BYTES_MAX:
            return "a part of it is longer than file systems allow"
        if _is_git(part):
            return "git keeps its own files under that name, or a file system takes it for that"
    return ""


def _is_git(part: str) -> bool:
    """Case, invisible marks, trailing dots and blanks, streams and backslashes do not count."""
    for piece in part.split("\\"):
        seen = "".join(mark for mark in piece if mark not in _IGNORED)
        seen = unicodedata.normalize("NFKC", seen).casefold()
        seen = seen.partition(":")[0].rstrip(" .")
        if seen == ".git" or _SHORT.fullmatch(seen):
            return True
    return False


def refusal_of_link(path: bytes, target: bytes) -> str:
    """Why a symbolic link may not lead there.

    Going up is allowed at the beginning only. A link lies in real folders of the tree, so climbing
    them stays inside; from there on it only descends, if need be through links of which the same
    holds. After a name `..` could climb from wherever another link leads.
    """
    if not target or len(target) > LINK_BYTES_MAX or b"\0" in target:
        return "has no sound target"
    if target.startswith(b"/"):
        return "leads to an absolute path; links must stay inside the repository"
    depth, descended = path.count(b"/"), False
    for part in target.split(b"/"):
        if part in {b"", b"."}:
            continue
        if part != b"..":
            if _is_git(part.decode(errors="replace")):
                return "leads into git's own files"
            descended = True
        elif descended:
            return "goes up again after going down; write the shortest way instead"
        else:
            depth -= 1
    return "leads out of the repository" if depth < 0 else ""
