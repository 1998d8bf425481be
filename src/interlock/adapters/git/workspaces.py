"""Workspaces: clones that share the repository's objects and nothing else.

    <path>/.git/         written by hand: no hook, no remote, no setting of anybody
      config  HEAD  refs/heads/<branch>  index  shallow
      objects/info/alternates -> the repository's objects
    <path>/...           the files, as they are stored: no filter of anybody has run

The one git command that ever runs with a workspace's git directory runs before any agent was in it.
"""

import asyncio
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from interlock.adapters.git.loose import has_commit
from interlock.adapters.git.program import HARMLESS, PART, Bounds, bare_environment, run
from interlock.adapters.git.surroundings import Surroundings, lost
from interlock.adapters.git.trees import checked
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.ports import RepositoryPlace, Workspace, WorkspaceRefused
from interlock.sandbox.clearing import remove_deep

MAKE_SECONDS_MAX: Final = 600.0
ALTERNATES_DEEP_MAX: Final = 5

_BRANCH: Final = re.compile(r"(?!-)[A-Za-z0-9._/+@=-]+")
_CONFIG: Final = """[core]
\trepositoryformatversion = {version}
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
{extensions}[gc]
\tauto = 0
[maintenance]
\tauto = false
[user]
\tname = Agent
\temail = agent@localhost
"""
_SHA256: Final = "[extensions]\n\tobjectFormat = sha256\n"
_DEMANDED: Final = ("objects/info", "refs")
"""Without these git calls it no repository; all else it makes where it needs it."""

_USUAL: Final = (*_DEMANDED, "objects/pack", "refs/heads", "refs/tags", "info", "logs")
"""Who works on a branch finds what every clone has."""


class GitWorkspaces:
    """`Workspaces` of one repository; `store` is the folder for what git needs on our side."""

    def __init__(self, place: RepositoryPlace, store: Path) -> None:
        self._place = place
        self._git = Surroundings(place, store)

    async def make(self, path: Path, commit: CommitId, branch: str | None = None) -> Workspace:
        path = _full(path)
        if branch is not None and not _is_branch(branch):
            raise WorkspaceRefused(f"{branch!r} cannot be the name of a branch.")
        if not await has_commit(self._git, checked(commit)):
            raise WorkspaceRefused(
                f"Commit {commit} is not in the repository; pin it before it is collected."
            )
        try:
            self._claim(path)
            shows = self._lay_out(path, commit, branch)
        except OSError as error:
            raise lost(error, path) from error
        try:
            await self._write_files(path, commit)
        except PartLost:
            await self.remove(path)
            raise
        return Workspace(path, commit, branch, shows)

    async def remove(self, path: Path) -> None:
        path = _full(path)
        note = self._note_of(path)
        if not note.exists() and not _stands(path):
            return
        if not note.exists():
            raise WorkspaceRefused(
                f"{path} is no workspace of this repository; nothing was removed."
            )
        try:
            await asyncio.to_thread(remove_deep, path)
            note.unlink(missing_ok=True)
        except OSError as error:
            raise lost(error, path) from error

    async def made(self) -> tuple[Path, ...]:
        self._git.object_environment()
        notes = sorted(self._git.workspaces.iterdir())
        noted = (Path(os.fsdecode(note.read_bytes())) for note in notes)
        return tuple(path for path in noted if _stands(path))

    async def hide(self, pattern: str) -> None:
        if not pattern.strip() or "\n" in pattern:
            raise WorkspaceRefused(f"{pattern!r} is no pattern for a line of info/exclude.")
        exclude = self._place.common_dir / "info" / "exclude"
        try:
            exclude.parent.mkdir(exist_ok=True)
            known = exclude.read_bytes() if exclude.exists() else b""
            if pattern.encode() in known.splitlines():
                return
            begin = b"" if not known or known.endswith(b"\n") else b"\n"
            # One write at the end: a line of somebody else at the same time stays whole.
            with exclude.open("ab", buffering=0) as file:
                file.write(begin + pattern.encode() + b"\n")
        except OSError as error:
            raise lost(error, exclude) from error

    def _lay_out(self, path: Path, commit: CommitId, branch: str | None) -> tuple[Path, ...]:
        git_dir = path / ".git"
        sha256 = self._place.object_format == "sha256"
        config = _CONFIG.format(version=int(sha256), extensions=_SHA256 if sha256 else "")
        head = f"{commit}\n".encode()
        files = {
            "config": config.encode(),
            "objects/info/alternates": os.fsencode(self._git.objects_path) + b"\n",
            "HEAD": head,
        }
        shallow = self._place.common_dir / "shallow"
        if shallow.exists():
            files["shallow"] = shallow.read_bytes()
        if branch is not None:
            files["info/exclude"] = b""
            files[f"refs/heads/{branch}"] = head
            files["HEAD"] = f"ref: refs/heads/{branch}\n".encode()
        _write_open(git_dir, _DEMANDED if branch is None else _USUAL, files)
        return shared_objects(self._git.objects_path)

    async def _write_files(self, path: Path, commit: CommitId) -> None:
        where = {"GIT_DIR": str(path / ".git"), "GIT_WORK_TREE": str(path)}
        environment = {**bare_environment(self._git.bare), **where}
        words = (*HARMLESS, "read-tree", "-m", "-u", "--no-recurse-submodules", commit)
        bounds = Bounds(seconds=MAKE_SECONDS_MAX)
        answer = await run(words, environment, b"", path, bounds)
        if answer.code == 0:
            return
        if b"No space left" in answer.err or b"Disk quota" in answer.err:
            raise lost(OSError(28, os.strerror(28)), path)
        mend = "Remove it and try again; if it stays so, look at the repository with `git fsck`"
        raise PartLost(PART, f"the files of {path} cannot be written: {answer.complaint}", mend)

    def _claim(self, path: Path) -> None:
        """The note comes before the folder: a maker that dies half-way must leave a trace."""
        self._git.object_environment()
        taken = WorkspaceRefused(f"{path} is there already; remove it, or use another place.")
        if _stands(path):
            raise taken
        path.parent.mkdir(parents=True, exist_ok=True)
        note = self._note_of(path)
        note.write_bytes(os.fsencode(path))
        try:
            path.mkdir(mode=0o755)
        except FileExistsError as error:
            note.unlink(missing_ok=True)
            raise taken from error

    def _note_of(self, path: Path) -> Path:
        return self._git.workspaces / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]


def shared_objects(objects: Path) -> tuple[Path, ...]:
    """The folder of objects, and those it borrows from, which a box must show as well."""
    found: dict[Path, None] = {objects: None}
    layer = [objects]
    for _ in range(ALTERNATES_DEEP_MAX):
        layer = [other for folder in layer for other in _borrowed(folder) if other not in found]
        found.update(dict.fromkeys(layer))
    return tuple(found)


def _borrowed(objects: Path) -> list[Path]:
    listed = objects / "info" / "alternates"
    if not listed.exists():
        return []
    lines = (line for line in listed.read_bytes().splitlines() if line and line[:1] != b"#")
    return [Path(os.path.normpath(objects / os.fsdecode(line))) for line in lines]


def _full(path: Path) -> Path:
    """Without following links: the note must name the place, not where it leads today."""
    return Path(os.path.normpath(path.absolute()))


def _stands(path: Path) -> bool:
    return os.path.lexists(path)


def _is_branch(name: str) -> bool:
    parts = name.split("/")
    return _BRANCH.fullmatch(name) is not None and not any(
        not part or part.startswith(".") or part.endswith((".lock", ".")) or ".." in part
        for part in parts
    )


def _write_open(at: Path, folders: Iterable[str], files: Mapping[str, bytes]) -> None:
    """Whatever the umask: a box may run as another user, and must at least be able to look."""
    at.mkdir()
    at.chmod(0o755)
    made = {"."}
    for folder in (*folders, *(name.rpartition("/")[0] for name in files)):
        parts = folder.split("/") if folder else []
        for name in ("/".join(parts[:count]) for count in range(1, len(parts) + 1)):
            if name not in made:
                made.add(name)
                (at / name).mkdir()
                (at / name).chmod(0o755)
    for name, data in files.items():
        with (at / name).open("xb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o644)
