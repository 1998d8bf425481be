"""A commit written by ourselves, byte for byte as `git commit-tree -F -` would.

A small file whose name is the hash of its content. Whatever is unusual is left to git: folders that
are shared with a group, a parent that is named twice, and text that git would rewrite.
"""

import contextlib
import os
import re
import secrets
import stat
import zlib
from pathlib import Path
from typing import Final

from interlock.adapters.git.loose import COMMIT_BYTES_MAX, hash_of, kind_of, lineage_of
from interlock.adapters.git.program import UMASK
from interlock.domain.ids import CommitId

_NONCHARACTERS: Final = re.compile(
    "[\ufdd0-\ufdef" + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}"
    for plane in range(0, 0x110000, 0x10000)) + "]"
)  # fmt: skip
"""Git takes them for broken text and writes other bytes instead."""

_FASTEST: Final = 1
_SHARED: Final = stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH


def not_alone(objects: Path, tree: str, parents: tuple[CommitId, ...]) -> dict[str, str]:
    """Which of them have no file of their own that is what it has to be, and what that is."""
    found = {} if kind_of(objects, tree) == b"tree" else {tree: "tree"}
    return found | {each: "commit" for each in parents if lineage_of(objects, each) is None}


def written(
    objects: Path, tree: str, parents: tuple[CommitId, ...], who: tuple[str, str], message: str
) -> CommitId | None:
    """Its name, when it is there; None: git has to make it. `who`: author, committer, with times.

    The tree and the parents must have been seen. What is written is on the disk before its name is,
    and as with git others may read it and nobody write it.
    """
    if not _is_usual(objects, tree, parents) or _NONCHARACTERS.search("".join((*who, message))):
        return None
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {who[0]}", f"committer {who[1]}", "", message]
    body = "\n".join(lines).encode()
    content = b"commit %d\0%s" % (len(body), body)
    if len(content) > COMMIT_BYTES_MAX:
        return None
    name = CommitId(hash_of(content, len(tree)))
    try:
        return name if _stands(objects, name, content) else None
    except OSError:
        return None


def _is_usual(objects: Path, tree: str, parents: tuple[CommitId, ...]) -> bool:
    """Nobody else writes here, and the names are such as git would take them all."""
    try:
        found = objects.stat()
    except OSError:
        return False
    if found.st_mode & _SHARED or found.st_uid != os.geteuid():
        return False
    return len(set(parents)) == len(parents) and {len(tree)} >= set(map(len, parents))


def _stands(objects: Path, name: CommitId, content: bytes) -> bool:
    path = objects / name[:2] / name[2:]
    if os.path.lexists(path):
        if lineage_of(objects, name) is None:
            return False
        # As git does: what is made again counts as new for whoever collects garbage.
        os.utime(path)
        return True
    _open_folder(path.parent)
    _write(path, zlib.compress(content, _FASTEST))
    return True


def _open_folder(folder: Path) -> None:
    """As a git of ours would have made it, whatever the umask of this process."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        kept = stat.S_IMODE(folder.stat().st_mode) & ~0o777
        folder.chmod(kept | (0o777 & ~UMASK))


def _write(path: Path, data: bytes) -> None:
    """Git's own collection knows names like this one and removes what a crash left."""
    fresh = path.with_name(f"tmp_obj_{secrets.token_hex(6)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(fresh, flags, 0o400)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, 0o444)
            os.fsync(descriptor)
        fresh.rename(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
