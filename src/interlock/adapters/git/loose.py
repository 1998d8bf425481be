"""What lies in a file of its own, read without a git: where a ref stands, and a commit just made.

A ref that moved since refs were packed is one small file, which git replaces as a whole; a commit
that was made here is one file named after its content. Both are read anew each time. Whatever looks
unusual in any way is left to git, which knows every other form.
"""

import contextlib
import hashlib
import os
import re
import stat
import zlib
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.git.surroundings import Surroundings
from interlock.domain.ids import CommitId

REF_BYTES_MAX: Final = 100
COMMIT_BYTES_MAX: Final = 1_000_000

_REF: Final = re.compile(r"refs(?:/[A-Za-z0-9_+=@,-][A-Za-z0-9_.+=@,-]*)+")
_NAME: Final = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHA1_LENGTH: Final = 40


class Lineage(msgspec.Struct, frozen=True):
    """What a commit says about itself, as far as it is asked about."""

    tree: str
    parents: tuple[CommitId, ...]


async def where(git: Surroundings, ref: str) -> CommitId | None:
    """The commit that the ref stands at right now; None: there is no such ref."""
    known = _stands_at(git.place.common_dir, ref)
    if known is not None:
        return known
    answer = await git.on_refs("show-ref", "--verify", "--hash", "--", ref)
    return None if answer.code else CommitId(answer.text)


async def has_commit(git: Surroundings, commit: CommitId) -> bool:
    """Looked for each time, by what it must contain or by git."""
    if lineage_of(git.objects_path, commit) is not None:
        return True
    answer = await git.on_objects("cat-file", "-e", f"{commit}^{{commit}}")
    return answer.code == 0


def lineage_of(objects: Path, commit: CommitId) -> Lineage | None:
    """None where no file of its own holds it, whole and with the content of its name."""
    packed = _read(objects / commit[:2] / commit[2:], COMMIT_BYTES_MAX)
    if packed is None:
        return None
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, COMMIT_BYTES_MAX)
    except zlib.error:
        return None
    if not unpacking.eof or _hash(content, len(commit)) != commit:
        return None
    head, _, body = content.partition(b"\0")
    return _lineage(body) if head.startswith(b"commit ") else None


def _lineage(body: bytes) -> Lineage | None:
    lines = body.partition(b"\n\n")[0].split(b"\n")
    tree = lines[0].removeprefix(b"tree ")
    parents = []
    for line in lines[1:]:
        if not line.startswith(b"parent "):
            break
        parents.append(line.removeprefix(b"parent "))
    if not all(map(_NAME.fullmatch, (tree, *parents))):
        return None
    return Lineage(tree.decode("ascii"), tuple(CommitId(each.decode("ascii")) for each in parents))


def _hash(content: bytes, length: int) -> str:
    if length == _SHA1_LENGTH:
        return hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return hashlib.sha256(content).hexdigest()


def _stands_at(common_dir: Path, ref: str) -> CommitId | None:
    if _REF.fullmatch(ref) is None or ".." in ref or ".lock" in ref:
        return None
    text = (_read(common_dir / ref, REF_BYTES_MAX) or b"").removesuffix(b"\n")
    # Only zeros stand for no commit: what that means here is for git to say.
    if _NAME.fullmatch(text) is None or not text.strip(b"0"):
        return None
    return CommitId(text.decode("ascii"))


def _read(path: Path, most: int) -> bytes | None:
    """One regular file that is no larger; a link, a pipe or nothing at all is for git."""
    with contextlib.suppress(OSError):
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                read = os.read(descriptor, most + 1)
                return read if len(read) <= most else None
        finally:
            os.close(descriptor)
    return None
