"""How a pack that came out of a box gets into the repository, or does not.

It is unpacked and judged in a folder of its own that only borrows the repository's objects, as git
itself does with what is pushed to it. Only what passed every check is moved over, under a `.keep`
that holds it until it is pinned. Nothing of a refused pack is left anywhere.
"""

import contextlib
import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.git.names import refusal_of_link, refusal_of_name
from interlock.adapters.git.program import Answer, Bounds
from interlock.adapters.git.raw import GITLINK, SYMLINK, entries, shown
from interlock.adapters.git.surroundings import Surroundings, lost
from interlock.repository.ports import PackRefused

LEFTOVER_SECONDS: Final = 24 * 3600.0


class IntakeLimits(msgspec.Struct, frozen=True):
    """What one change may bring: together, in one file, in commits, and in memory to read it."""

    pack_bytes: int = 500_000_000
    file_bytes: int = 200_000_000
    commits: int = 5_000
    list_bytes: int = 64_000_000
    memory_bytes: int = 2_000_000_000
    memory_for_names_bytes: int = 500_000_000
    seconds: float = 300.0


class Intake:
    """Opens packs, one folder each."""

    def __init__(self, git: Surroundings, limits: IntakeLimits | None = None) -> None:
        self._git, self._limits = git, limits or IntakeLimits()

    @contextlib.asynccontextmanager
    async def open(self, pack: Path, head: str) -> AsyncIterator["Arrived"]:
        """The pack, unpacked beside the repository; gone again at the end unless admitted."""
        self._git.object_environment()
        descriptor = _opened(pack, self._limits.pack_bytes)
        folder = None
        try:
            _sweep(self._git.incoming)
            folder = Path(tempfile.mkdtemp(dir=self._git.incoming))
            arrived = Arrived(self._git, self._limits, folder, head)
            await arrived.unpack(descriptor)
            try:
                yield arrived
            finally:
                arrived.let_go()
        except OSError as error:
            raise lost(error, self._git.incoming) from error
        finally:
            os.close(descriptor)
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)


class Arrived:
    """One pack in its own folder, which borrows the objects that the repository has."""

    def __init__(self, git: Surroundings, limits: IntakeLimits, folder: Path, head: str) -> None:
        self._git, self._limits, self._folder, self._head = git, limits, folder, head
        self._kept: list[Path] = []

    async def unpack(self, descriptor: int) -> None:
        (self._folder / "pack").mkdir()
        size = f"--max-input-size={self._limits.pack_bytes}"
        words = ("index-pack", "--strict", "--stdin", "--fix-thin", "--keep=interlock", size)
        answer = await self._run(*words, stdin=descriptor)
        if answer.code and (b"No space left" in answer.err or b"Disk quota" in answer.err):
            raise OSError(
                errno.ENOSPC, os.strerror(errno.ENOSPC)
            )  # the disk's fault, not the pack's
        if answer.code:
            raise PackRefused(f"The pack is not sound: {answer.complaint}.")

    async def admit(self) -> None:
        """All checks, then into the repository; it stays there as long as something pins it."""
        commits = await self._check_objects(await self._new_objects())
        await self._check_names(commits)
        self._move()

    def let_go(self) -> None:
        for kept in self._kept:
            kept.unlink(missing_ok=True)

    async def _new_objects(self) -> bytes:
        """The names of what the head needs and no ref holds already; all of it must be there."""
        tips = await self._git.on_refs("for-each-ref", "--format=^%(objectname)")
        if tips.code:
            raise PackRefused(f"The refs of the repository cannot be read: {tips.complaint}.")
        wanted = "\n".join([self._head, *dict.fromkeys(tips.text.splitlines()), ""]).encode()
        words = ("rev-list", "--objects", "--no-object-names", "--ignore-missing", "--stdin")
        listed = await self._run(*words, stdin=wanted)
        if listed.cut:
            raise PackRefused("The change has too many objects.")
        if listed.code:
            raise PackRefused(f"Something is missing in the pack: {listed.complaint}.")
        return listed.out

    async def _check_objects(self, names: bytes) -> list[str]:
        """Kinds and sizes, without unpacking anything; returns the commits among them."""
        form = "--batch-check=%(objecttype) %(objectsize) %(objectname)"
        told = await self._run("cat-file", form, stdin=f"{self._head}\n".encode() + names)
        first, *lines = (line.split(" ") for line in told.text.splitlines() or [""])
        if first[0] != "commit":
            raise PackRefused(f"The pack does not lead to the commit {self._head} it promises.")
        most = self._limits
        if any(int(size) > most.file_bytes for _, size, _ in lines):
            size_max = f"{most.file_bytes // 1_000_000} MB"
            raise PackRefused(f"A file in the change is larger than {size_max}.")
        commits = [name for kind, _, name in lines if kind == "commit"]
        if len(commits) > most.commits:
            raise PackRefused(f"The change has more than {most.commits} commits.")
        return commits

    async def _check_names(self, commits: list[str]) -> None:
        """Every path that any of the commits brings, also those that a later one removes again."""
        if not commits:
            return
        words = ("diff-tree", "--stdin", "-r", "-c", "-z", "--raw", "--root", "--no-renames")
        stdin = "\n".join([*commits, ""]).encode()
        least = self._limits.memory_for_names_bytes
        listed = await self._run(*words, "--full-index", stdin=stdin, memory_bytes=least)
        # A few objects can unfold into more names than any memory holds.
        if listed.cut or b"out of memory" in listed.err.lower():
            raise PackRefused("The change touches too many paths.")
        if listed.code:
            raise PackRefused(f"The change cannot be read: {listed.complaint}.")
        links: dict[str, bytes] = {}
        for entry in entries(listed.out):
            if set(entry.new) == {"0"}:
                continue
            if entry.new_mode == GITLINK:
                raise PackRefused(_NESTED.format(shown(entry.path)))
            if why := refusal_of_name(entry.path):
                raise PackRefused(f"{shown(entry.path)!r} is no name for a file: {why}.")
            if entry.new_mode == SYMLINK:
                links[entry.new] = entry.path
        for blob, path in links.items():
            await self._check_link(blob, path)

    async def _check_link(self, blob: str, path: bytes) -> None:
        read = await self._run("cat-file", "blob", blob)
        if read.code:
            raise PackRefused(f"The link {shown(path)!r} cannot be read: {read.complaint}.")
        if why := refusal_of_link(path, read.out):
            raise PackRefused(f"The link {shown(path)!r} {why}.")

    def _move(self) -> None:
        # `.keep` first and `.idx` last: a pack without its index is invisible, and a visible one
        # must not be collected as garbage before it is pinned.
        target = self._git.objects_path / "pack"
        target.mkdir(exist_ok=True)
        order = {".keep": 0, ".pack": 1, ".rev": 2, ".idx": 4}
        files = sorted(
            (self._folder / "pack").iterdir(), key=lambda file: order.get(file.suffix, 3)
        )
        for file in files:
            goal = target / file.name
            if file.suffix == ".keep":
                self._kept.append(goal)
            if not goal.exists():
                _into(file, goal)

    async def _run(
        self, *words: str, stdin: bytes | int = b"", memory_bytes: int | None = None
    ) -> Answer:
        also = {
            "GIT_OBJECT_DIRECTORY": str(self._folder),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(self._git.objects_path),
        }
        most = self._limits
        bounds = Bounds(most.seconds, most.list_bytes, memory_bytes or most.memory_bytes)
        return await self._git.on_objects(*words, stdin=stdin, also=also, bounds=bounds)


_NESTED: Final = (
    "{!r} is a repository inside the repository. Commit its files as plain files, or leave it out "
    "with a line in .gitignore."
)


def _sweep(incoming: Path) -> None:
    """What a plane that was killed left here; nothing alive is that old."""
    now = time.time()
    for left in incoming.iterdir():
        with contextlib.suppress(OSError):
            if now - left.lstat().st_mtime > LEFTOVER_SECONDS:
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def _opened(pack: Path, most: int) -> int:
    try:
        descriptor = os.open(pack, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise PackRefused(f"The pack cannot be opened: {error.strerror}.") from error
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_size <= most:
        return descriptor
    os.close(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise PackRefused("The pack is no file.")
    raise PackRefused(f"The pack is larger than {most // 1_000_000} MB.")


def _into(file: Path, goal: Path) -> None:
    try:
        file.rename(goal)
    except OSError:
        # The store may lie on another disk than the objects.
        beside = goal.with_name(f"tmp_{goal.name}")
        shutil.copyfile(file, beside)
        beside.chmod(0o444)
        with beside.open("rb") as copied:
            os.fsync(copied.fileno())
        beside.rename(goal)


def _quoted(path: Path) -> str:
    """Git takes a list here; a path with a colon, or one that begins with a quote, is quoted."""
    text = str(path)
    if ":" not in text and not text.startswith('"'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
