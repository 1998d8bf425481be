"""Where the plane's git works: a git directory of its own over the objects of the repository.

    <store>/git/
      bare/        HEAD, config and refs that no person and no agent writes; no objects
      incoming/    what came out of boxes and is not believed yet
      workspaces/  a line per workspace that stands
      notes/       locks of the repository that a command of ours holds right now

Work on objects (merging, committing, reading, taking in) runs in `bare` with the repository's
objects, so that no setting, hook, filter or merge driver of the repository can have a say. Only
what moves a ref runs in the repository's own git directory, with hooks off.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from interlock.adapters.git.program import (
    HARMLESS,
    PART,
    Answer,
    Bounds,
    Call,
    bare_environment,
    environment_of_the_person,
    run,
)
from interlock.engine.errors import DiskFull, PartLost
from interlock.repository.ports import RepositoryPlace

_HEAD: Final = "ref: refs/heads/nothing\n"
_SHA1: Final = "\trepositoryformatversion = 0\n"
_SHA256: Final = "\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n[core]\n"

_SAFE: Final = (
    "\tbare = true\n\thooksPath = /dev/null\n\tfsmonitor = false\n\tattributesFile = /dev/null\n"
    "\texcludesFile = /dev/null\n\tbigFileThreshold = 32m\n"
    # What a landing builds on must outlive a power cut, the small objects of a merge included.
    "\tfsync = committed,loose-object,reference\n"
    "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
    # Twice the default: renames are guessed at in large changes too.
    "[merge]\n\trenameLimit = 14000\n"
)


class Surroundings:
    """Runs git in one of three ways: over the objects only, on the refs, or as the person would."""

    def __init__(self, place: RepositoryPlace, store: Path) -> None:
        self.place = place
        self.folder = store
        self.objects_path = place.common_dir / "objects"
        self.bare = store / "bare"
        self.incoming = store / "incoming"
        self.workspaces = store / "workspaces"
        self.notes = store / "notes"
        self._stands = False

    async def on_objects(
        self,
        *arguments: str,
        stdin: bytes | int = b"",
        also: Mapping[str, str] | None = None,
        bounds: Bounds | None = None,
    ) -> Answer:
        """No setting of anybody is read."""
        call = self.objects_call(*arguments)
        environment = {**call.environment, **(also or {})}
        return await run(call.words, environment, stdin, call.at, bounds)

    async def on_refs(
        self, *arguments: str, stdin: bytes | int = b"", bounds: Bounds | None = None
    ) -> Answer:
        """In the repository's own git directory: its settings count, its programs do not run."""
        call = self.refs_call(*arguments)
        return await run(call.words, call.environment, stdin, call.at, bounds)

    async def as_person(self, *arguments: str, bounds: Bounds | None = None) -> Answer:
        """With the person's settings, which know how remotes are reached and how lines end."""
        self._prepared()
        environment = {**environment_of_the_person(), "GIT_DIR": str(self.place.common_dir)}
        options = (*HARMLESS, "-c", "gc.auto=0", "-c", "maintenance.auto=false")
        at = self.place.common_dir
        return await run((*options, *arguments), environment, b"", at, bounds)

    def objects_call(self, *arguments: str) -> Call:
        return Call(arguments, self.object_environment(), self.bare)

    def refs_call(self, *arguments: str) -> Call:
        environment = {
            **bare_environment(self._prepared()),
            "GIT_DIR": str(self.place.common_dir),
            "GIT_COMMITTER_NAME": "Interlock",
            "GIT_COMMITTER_EMAIL": "interlock@localhost",
        }
        options = (*HARMLESS, "-c", "core.fsync=committed,reference", *_PATIENT)
        return Call((*options, *arguments), environment, self.place.common_dir)

    def object_environment(self) -> dict[str, str]:
        """What a git needs that sees the repository's objects and nothing else of it."""
        home = self._prepared()
        return {
            **bare_environment(home),
            "GIT_DIR": str(home),
            "GIT_OBJECT_DIRECTORY": str(self.objects_path),
            "GIT_SHALLOW_FILE": str(self.place.common_dir / "shallow"),
        }

    def _prepared(self) -> Path:
        if self._stands:
            return self.bare
        try:
            for folder in (self.incoming, self.workspaces, self.notes):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for folder in (self.bare / "objects", self.bare / "refs"):
                folder.mkdir(parents=True, exist_ok=True)
            sha256 = self.place.object_format == "sha256"
            write_whole(self.bare / "HEAD", _HEAD)
            write_whole(self.bare / "config", f"[core]\n{_SHA256 if sha256 else _SHA1}{_SAFE}")
        except OSError as error:
            raise lost(error, self.folder) from error
        self._stands = True
        return self.bare


_PATIENT: Final = ("-c", "core.filesRefLockTimeout=2000", "-c", "core.packedRefsTimeout=2000")


def lost(error: OSError, where: Path) -> PartLost:
    """The sentence for a folder that cannot be used."""
    if error.errno in _NO_ROOM:
        return DiskFull(PART, str(where))
    return PartLost(PART, f"{where}: {error.strerror}", "Make the folder writable and try again")


_NO_ROOM: Final = frozenset({28, 122})
"""ENOSPC and EDQUOT."""


def write_whole(path: Path, text: str) -> None:
    """Others see the old content or the new one, never half of it."""
    if path.exists() and path.read_text(errors="replace") == text:
        return
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_text(text)
    fresh.replace(path)
