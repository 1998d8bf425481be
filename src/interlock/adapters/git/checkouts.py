"""Checkouts of the target follow it when it moved, if nothing of a person's work is touched.

    the branch moved: old -> new           each checkout of it (main and linked worktrees):
      everything as in `old`                 files and index follow
      half-way between `old` and `new`       an earlier turn was cut off: it is finished
      anything else changed, staged,         left alone; one sentence says how to catch up later
      untracked in the way, merging

What the person's checkout was left behind at is remembered, so that the sentence names the right
commit after several landings, and a checkout that is clean again follows with the next one.
"""

import hashlib
import os
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.git.checkout import Checkout
from interlock.adapters.git.locks import OwnLocks
from interlock.adapters.git.loose import branch_of, where
from interlock.adapters.git.surroundings import Surroundings, write_whole
from interlock.domain.ids import CommitId

_BEHIND: Final = ".behind"


class Standing(msgspec.Struct, frozen=True):
    """One working tree of the repository, as git lists it."""

    path: Path
    branch: str
    git_dir: Path


class Checkouts:
    """Finds the checkouts of a branch and brings them forward, one after the other."""

    def __init__(self, git: Surroundings, locks: OwnLocks) -> None:
        self._git, self._locks = git, locks

    async def bring_forward(self, branch: str, old: str, new: str) -> str:
        goal = await where(self._git, f"refs/heads/{branch}")
        if goal is None or not await self._holds(goal, new):
            return f"{branch} does not hold {new[:12]} any more; no checkout was touched."
        notes = []
        for standing in await standing_on(self._git, branch):
            note = await self._one(standing, old, goal)
            if note:
                notes.append(note)
        return " ".join(notes)

    async def _holds(self, goal: CommitId, new: str) -> bool:
        if goal == new:
            return True
        ahead = await self._git.on_objects("merge-base", "--is-ancestor", new, goal)
        return ahead.code == 0

    async def _one(self, standing: Standing, old: str, goal: str) -> str:
        remembered = self._memory_of(standing.git_dir)
        checkout = Checkout(self._git, standing.path, standing.git_dir)
        bases = dict.fromkeys(filter(None, (_read(remembered), old)))
        async with self._locks.held(standing.git_dir / "index.lock"):
            left = await checkout.follow(tuple(bases), goal)
        if left is None:
            remembered.unlink(missing_ok=True)
            return ""
        write_whole(remembered, left.base)
        return (
            f"The checkout at {standing.path} was left alone, because {left.why}. It shows "
            f"{left.base[:12]} while its branch stands at {goal[:12]}: commit nothing there before "
            f"it caught up, which keeps your edits: `git read-tree -m -u {left.base} HEAD`."
        )

    def _memory_of(self, git_dir: Path) -> Path:
        name = hashlib.sha256(os.fsencode(git_dir)).hexdigest()[:32]
        return self._git.notes / f"{name}{_BEHIND}"


async def standing_on(git: Surroundings, branch: str) -> list[Standing]:
    """The working trees that have the branch checked out, or are in the middle of rebasing it."""
    return [found for found in await standings(git) if found.branch == f"refs/heads/{branch}"]


async def standings(git: Surroundings) -> list[Standing]:
    """Every working tree of the repository whose folder is there."""
    only = _only_one(git)
    if only is not None:
        return [only]
    listed = await git.on_refs("worktree", "list", "--porcelain", "-z")
    found = []
    for number, block in enumerate(listed.out.split(b"\0\0")):
        lines = dict(line.partition(b" ")[::2] for line in block.split(b"\0") if line)
        if b"bare" in lines or b"worktree" not in lines:
            continue
        path = Path(os.fsdecode(lines[b"worktree"]))
        if number == 0 and not git.place.linked:
            # Git guesses the first one from the name of its folder, which may lie elsewhere.
            path = git.place.root
        git_dir = _git_dir(git, path)
        if git_dir is not None:
            branch = os.fsdecode(lines.get(b"branch", b"")) or _rebasing(git_dir)
            found.append(Standing(path, branch, git_dir))
    return found


def _only_one(git: Surroundings) -> Standing | None:
    """The one that a repository begins with, on a branch; git is asked about everything else."""
    place = git.place
    if place.bare or place.linked or os.path.lexists(place.common_dir / "worktrees"):
        return None
    git_dir, branch = _git_dir(git, place.root), branch_of(place.common_dir / "HEAD")
    return Standing(place.root, branch, git_dir) if git_dir is not None and branch else None


def _git_dir(git: Surroundings, path: Path) -> Path | None:
    """Asked of the files: a git that looks for itself might refuse a folder of another user."""
    pointer = path / ".git"
    common = git.place.common_dir
    if pointer.is_dir():
        return pointer if pointer.samefile(common) else None
    if not pointer.is_file():
        return None
    text = pointer.read_text(errors="surrogateescape").strip().removeprefix("gitdir: ")
    git_dir = Path(os.path.normpath(path / text))
    inside = git_dir == common or git_dir.parent == common / "worktrees"
    return git_dir if inside and git_dir.is_dir() else None


def _rebasing(git_dir: Path) -> str:
    for folder in ("rebase-merge", "rebase-apply"):
        name = git_dir / folder / "head-name"
        if name.is_file():
            return name.read_text(errors="replace").strip()
    return ""


def _read(memory: Path) -> str:
    return memory.read_text() if memory.exists() else ""
