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
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.git.surroundings import Surroundings
from interlock.domain.ids import CommitId

REF_BYTES_MAX: Final = 100
PACKED_BYTES_MAX: Final = 4_000_000
COMMIT_BYTES_MAX: Final = 1_000_000
HEAD_BYTES_MAX: Final = 64

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


def branch_of(head: Path) -> str:
    """The branch that a HEAD names, if it names one in the usual way."""
    said = (_read(head, REF_BYTES_MAX) or b"").decode(errors="replace").removesuffix("\n")
    ref = said.removeprefix("ref: ")
    return ref if said != ref and ref.startswith("refs/heads/") and _is_plain(ref) else ""


def below(common_dir: Path, *folders: str) -> dict[str, CommitId] | None:
    """Every ref in these folders; None: this cannot be told without git.

    Files first: a ref that is packed meanwhile was seen before it went.
    """
    try:
        found = {ref: at for folder in folders for ref, at in _files_below(common_dir, folder)}
    except _Unusual:
        return None
    packed = _read(common_dir / "packed-refs", PACKED_BYTES_MAX)
    if packed is None and os.path.lexists(common_dir / "packed-refs"):
        return None
    if any(f" {folder}".encode() in (packed or b"") for folder in folders):
        return None
    return found


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
    if not unpacking.eof or hash_of(content, len(commit)) != commit:
        return None
    head, _, body = content.partition(b"\0")
    return _lineage(body) if head.startswith(b"commit ") else None


def kind_of(objects: Path, name: str) -> bytes | None:
    """What the file of its own that is called so says to be; None: there is none, or it is odd."""
    with contextlib.suppress(zlib.error):
        begin = _begin(objects / name[:2] / name[2:], HEAD_BYTES_MAX) or b""
        kind, _, rest = zlib.decompressobj().decompress(begin, HEAD_BYTES_MAX).partition(b" ")
        return kind if rest else None
    return None


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


def hash_of(content: bytes, length: int) -> str:
    if length == _SHA1_LENGTH:
        return hashlib.sha1(content, usedforsecurity=False).hexdigest()
    return hashlib.sha256(content).hexdigest()


def _is_plain(ref: str) -> bool:
    return _REF.fullmatch(ref) is not None and ".." not in ref and ".lock" not in ref


def _stands_at(common_dir: Path, ref: str) -> CommitId | None:
    if not _is_plain(ref):
        return None
    text = (_read(common_dir / ref, REF_BYTES_MAX) or b"").removesuffix(b"\n")
    # Only zeros stand for no commit: what that means here is for git to say.
    if _NAME.fullmatch(text) is None or not text.strip(b"0"):
        return None
    return CommitId(text.decode("ascii"))


class _Unusual(Exception):
    """Something lies among the refs that only git can read."""


def _files_below(common_dir: Path, folder: str) -> Iterator[tuple[str, CommitId]]:
    # Where refs are kept in another way a file stands in the place of this folder.
    if not (common_dir / "refs" / "heads").is_dir():
        raise _Unusual
    for root, folders, files in os.walk(common_dir / folder, onerror=_unless_gone):
        if any((Path(root) / name).is_symlink() for name in folders):
            raise _Unusual
        for name in files:
            ref = (Path(root) / name).relative_to(common_dir).as_posix()
            if name.endswith(".lock"):
                continue
            at = _stands_at(common_dir, ref)
            if at is None and os.path.lexists(common_dir / ref):
                raise _Unusual
            if at is not None:
                yield ref, at


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise _Unusual from error


def _read(path: Path, most: int) -> bytes | None:
    """One regular file that is no larger; a link, a pipe or nothing at all is for git."""
    read = _begin(path, most + 1)
    return read if read is not None and len(read) <= most else None


def _begin(path: Path, most: int) -> bytes | None:
    """The first bytes of a regular file."""
    with contextlib.suppress(OSError):
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return os.read(descriptor, most)
        finally:
            os.close(descriptor)
    return None
