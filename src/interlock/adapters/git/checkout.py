"""One working tree of a person: what has happened in it, and how it follows without any loss."""

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.git.program import HARMLESS, Answer, Bounds, environment_of_the_person, run
from interlock.adapters.git.raw import ABSENT, GITLINK, SYMLINK, Entry, entries, shown
from interlock.adapters.git.surroundings import Surroundings

UNFINISHED: Final = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "sequencer": "a cherry-pick or revert",
}
"""What git leaves in its folder while a person is in the middle of something."""

_SECONDS_MAX: Final = 100.0
_NAMES_SHOWN_MAX: Final = 3


class LeftAlone(msgspec.Struct, frozen=True):
    """Why a checkout was not touched, and the commit that it shows."""

    base: str
    why: str


class Checkout:
    """Works with the person's settings, which know how lines end, and with none of their programs.

    Hooks, the file monitor and every filter are off; where a changed path needs a filter, the
    checkout is left to the person's own git.
    """

    def __init__(self, git: Surroundings, path: Path, git_dir: Path) -> None:
        self._git, self._path, self._git_dir = git, path, git_dir
        self._filters_off: tuple[str, ...] = ()

    async def follow(self, bases: tuple[str, ...], goal: str) -> LeftAlone | None:
        """From whichever of `bases` it shows to `goal`; None when it shows the goal."""
        doing = self.unfinished()
        if doing:
            return LeftAlone(bases[0], f"{doing} is in progress there")
        if (self._git_dir / "index.lock").exists():
            return LeftAlone(bases[0], "another git is at work there (index.lock)")
        self._filters_off = await self._every_filter_off()
        edited = await self._edited()
        if any(entry.unmerged for entry in edited):
            return LeftAlone(bases[0], "it has conflicts that are not resolved")
        base, staged = await self._nearest((*bases, goal))
        return None if base == goal else await self._follow(base, goal, edited, staged)

    async def has_edits(self) -> bool:
        """Whether anything tracked differs from HEAD, staged or not; writes nothing."""
        self._filters_off = await self._every_filter_off()
        words = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")
        status = await self._run("--no-optional-locks", *words)
        return bool(status.out)

    def unfinished(self) -> str:
        there = (what for name, what in UNFINISHED.items() if (self._git_dir / name).exists())
        return next(there, "")

    async def _follow(
        self, base: str, goal: str, edited: list[Entry], staged: list[Entry]
    ) -> LeftAlone | None:
        coming = {entry.path: entry for entry in await self._differences("diff-tree", base, goal)}
        if why := await self._needs_a_filter(coming, goal):
            return LeftAlone(base, why)
        touched = {entry.path for entry in edited}
        touched |= {path for path, entry in coming.items() if self._in_the_way(entry, coming)}
        theirs = [entry.path for entry in staged if not _same(entry, coming.get(entry.path))]
        theirs += [path for path in sorted(touched) if not await self._as_in_goal(path, coming)]
        if theirs:
            return LeftAlone(base, f"{_names(list(dict.fromkeys(theirs)))} would be lost")
        if touched:
            # An earlier turn was cut off here: what it wrote already is told to the index.
            names = b"\0".join([*sorted(touched), b""])
            await self._run("update-index", "-z", "--add", "--remove", "--stdin", stdin=names)
        moved = await self._run("read-tree", "-m", "-u", "--no-recurse-submodules", base, goal)
        return LeftAlone(base, f"git says: {moved.complaint}") if moved.code else None

    async def _nearest(self, bases: tuple[str, ...]) -> tuple[str, list[Entry]]:
        """The one from which the least is staged: that is what the checkout shows."""
        nearest: tuple[str, list[Entry]] | None = None
        for base in bases:
            staged = await self._differences("diff-index", "--cached", base)
            if nearest is None or len(staged) < len(nearest[1]):
                nearest = base, staged
            if not staged:
                break
        return nearest or (bases[0], [])

    async def _edited(self) -> list[Entry]:
        """A file that was written again as it was counts only until the index has heard of it."""
        edited = await self._differences("diff-files")
        if not edited:
            return edited
        await self._run("update-index", "-q", "--refresh")
        return await self._differences("diff-files")

    async def _differences(self, *words: str) -> list[Entry]:
        plain = ("-r", "-z", "--raw", "--no-renames", "--full-index", "--ignore-submodules=all")
        recursive = plain if words[0] == "diff-tree" else plain[1:]
        answer = await self._run(words[0], *recursive, *words[1:])
        return list(entries(answer.out))

    def _in_the_way(self, entry: Entry, coming: Mapping[bytes, Entry]) -> bool:
        """Whether something lies where a new file comes to lie; ignored files count as well."""
        if not _absent(entry.olds[0]):
            return False
        where, parts = self._path, entry.path.split(b"/")
        for number, part in enumerate(parts, start=1):
            where /= os.fsdecode(part)
            if where.is_symlink() or not where.is_dir():
                going = coming.get(b"/".join(parts[:number]))
                return os.path.lexists(where) and not (going and _absent(going.new))
        return any(path not in coming for path in self._files_under(where))

    def _files_under(self, folder: Path) -> Iterator[bytes]:
        for root, folders, files in os.walk(folder):
            links = [name for name in folders if (Path(root) / name).is_symlink()]
            for name in (*files, *links):
                yield os.fsencode((Path(root) / name).relative_to(self._path))

    async def _as_in_goal(self, path: bytes, coming: Mapping[bytes, Entry]) -> bool:
        """Whether the file is what the goal has under that name, so that nothing can be lost."""
        entry = coming.get(path)
        if entry is None or entry.new_mode == GITLINK:
            return False
        where = self._path / os.fsdecode(path)
        mode = _mode_of(where)
        if mode != entry.new_mode or mode == ABSENT:
            return mode == entry.new_mode
        if mode == SYMLINK:
            target = os.fsencode(where.readlink())
            hashed = await self._run("hash-object", "--stdin", "--no-filters", stdin=target)
        else:
            hashed = await self._run("hash-object", "--", os.fsdecode(path))
        return hashed.text == entry.new

    async def _every_filter_off(self) -> tuple[str, ...]:
        """A driver is the person's own program; an empty one is none for git."""
        listed = await self._run("config", "-z", "--name-only", "--get-regexp", r"^filter\..*\.")
        drivers = {
            name.split(b".", 1)[1].rpartition(b".")[0]
            for name in listed.out.split(b"\0")
            if name.count(b".") > 1
        }
        off = []
        for driver in sorted(drivers):
            for key in ("clean=", "smudge=", "process=", "required=false"):
                off += ["-c", f"filter.{os.fsdecode(driver)}.{key}"]
        return tuple(off)

    async def _needs_a_filter(self, paths: Iterable[bytes], goal: str) -> str:
        """By the attributes of today and by those that come with the goal."""
        drivers = {word.split(".", 1)[1].rpartition(".")[0] for word in self._filters_off[1::2]}
        if not drivers:
            return ""
        names = b"\0".join([*paths, b""])
        told = (await self._run("check-attr", "-z", "--stdin", "filter", stdin=names)).out
        with tempfile.TemporaryDirectory(dir=self._git.incoming) as folder:
            index = {"GIT_INDEX_FILE": f"{folder}/index"}
            await self._run("read-tree", goal, also=index)
            words = ("check-attr", "--cached", "-z", "--stdin", "filter")
            told += (await self._run(*words, stdin=names, also=index)).out
        fields = told.split(b"\0")
        for path, value in zip(fields[0::3], fields[2::3], strict=False):
            if shown(value) in drivers:
                return f"{shown(path)} needs the filter {shown(value)}, which only your git may run"
        return ""

    async def _run(
        self, *words: str, stdin: bytes = b"", also: Mapping[str, str] | None = None
    ) -> Answer:
        environment = {
            **environment_of_the_person(),
            **(also or {}),
            "GIT_DIR": str(self._git_dir),
            "GIT_WORK_TREE": str(self._path),
            "GIT_LITERAL_PATHSPECS": "1",
        }
        options = (*HARMLESS, "-c", "submodule.recurse=false", *self._filters_off)
        bounds = Bounds(seconds=_SECONDS_MAX)
        return await run((*options, *words), environment, stdin, self._path, bounds)


def _absent(name: str) -> bool:
    return set(name) == {"0"}


def _same(staged: Entry, coming: Entry | None) -> bool:
    return coming is not None and (staged.new, staged.new_mode) == (coming.new, coming.new_mode)


def _mode_of(path: Path) -> str:
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    if stat.S_ISLNK(found.st_mode):
        return SYMLINK
    if not stat.S_ISREG(found.st_mode):
        return ""
    return "100755" if found.st_mode & stat.S_IXUSR else "100644"


def _names(paths: list[bytes]) -> str:
    shortened = ", ".join(map(shown, paths[:_NAMES_SHOWN_MAX]))
    more = len(paths) - _NAMES_SHOWN_MAX
    return f"{shortened} and {more} more" if more > 0 else shortened
