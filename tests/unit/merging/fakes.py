"""A repository in memory that forgets what nobody pinned, and can be cut off before any call."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path

import msgspec

from interlock.domain.change import ChangeSet
from interlock.domain.ids import BlobId, CommitId, RepoId, TaskId
from interlock.engine.chain import Head
from interlock.engine.errors import PartLost
from interlock.engine.ports import Blobs
from interlock.repository.ports import (
    PINS_AT_ONCE_MAX,
    BlamedLine,
    ChangedPath,
    Clash,
    CommitWish,
    Merged,
    PackRefused,
    Pushed,
)

Files = dict[str, str]
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Killed(BaseException):
    """The process ended here."""


class Made(msgspec.Struct, frozen=True):
    """One commit."""

    tree: str
    parents: tuple[CommitId, ...]
    message: str
    author: str = ""


class Pack(msgspec.Struct, frozen=True):
    """What an attempt brings."""

    commits: dict[str, Made] = {}
    trees: dict[str, Files] = {}
    refused: str = ""


class FakeRepository:
    """`Trees`, `Target` and `Blame` at once, on dictionaries. `before` hears of every call."""

    def __init__(self) -> None:
        self.commits: dict[CommitId, Made] = {}
        self.trees: dict[str, Files] = {}
        self.branches: dict[str, CommitId] = {}
        self.pinned: dict[str, CommitId] = {}
        self.remotes: dict[str, dict[str, CommitId]] = {}
        self.checkouts: dict[str, CommitId] = {}
        self.edited: set[str] = set()
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda _: None

    # --- arranging ---

    def put(
        self, files: Files, *parents: CommitId, message: str = "work\n", author: str = ""
    ) -> CommitId:
        made = Made(self._tree(files), parents, message, author)
        name = CommitId(_name(made))
        self.commits[name] = made
        return name

    def files(self, commit: CommitId) -> Files:
        return self.trees[self.commits[commit].tree]

    def edit(self, base: CommitId, *, message: str = "work\n", **edits: str | None) -> CommitId:
        """A commit on `base`; names have `_` for `.`, None removes."""
        files = dict(self.files(base))
        for name, text in edits.items():
            if text is None:
                del files[name.replace("_", ".")]
            else:
                files[name.replace("_", ".")] = text
        return self.put(files, base, message=message)

    async def bring(
        self, blobs: Blobs, task_id: TaskId, base: CommitId, head: CommitId
    ) -> ChangeSet:
        """The commit leaves the repository and comes as a pack."""
        made = self.commits.pop(head)
        pack = Pack({head: made}, {made.tree: self.trees[made.tree]})
        self.collect_garbage()
        patch = await blobs.put(msgspec.json.encode(pack))
        return ChangeSet(RepoId("repo"), task_id, base, head, patch=patch)

    def collect_garbage(self) -> None:
        heads = [*self.branches.values(), *self.pinned.values()]
        heads += [head for remote in self.remotes.values() for head in remote.values()]
        kept = {commit for head in heads for commit in self._line(head)}
        self.commits = {name: made for name, made in self.commits.items() if name in kept}
        trees = {made.tree for made in self.commits.values()}
        self.trees = {name: files for name, files in self.trees.items() if name in trees}

    # --- Trees ---

    async def head_of(self, branch: str) -> CommitId | None:
        self._called("head_of")
        return self.branches.get(branch)

    async def tree_of(self, commit: CommitId) -> str:
        self._called("tree_of")
        return self._made(commit).tree

    async def has(self, commit: CommitId) -> bool:
        self._called("has")
        return commit in self.commits

    async def take_in(self, pack: Path, head: CommitId, pin: str) -> None:
        self._called("take_in")
        brought = msgspec.json.decode(pack.read_bytes(), type=Pack)
        if brought.refused:
            raise PackRefused(brought.refused)
        self.commits.update({CommitId(name): made for name, made in brought.commits.items()})
        self.trees.update(brought.trees)
        self.pinned[pin] = head

    async def changed(self, old: CommitId, new: CommitId) -> tuple[ChangedPath, ...]:
        self._called("changed")
        before, after = self._seen(old), self._seen(new)
        return tuple(
            ChangedPath(path, _blob(before.get(path)), _blob(after.get(path)), "100644", "100644")
            for path in sorted({*before, *after})
            if before.get(path) != after.get(path)
        )

    async def patch(self, old: CommitId, new: CommitId) -> bytes:
        return "\n".join(each.path for each in await self.changed(old, new)).encode()

    async def merge(self, ours: CommitId, theirs: CommitId) -> Merged | Clash:
        self._called("merge")
        line = self._line(ours)
        base = next(each for each in self._line(theirs) if each in set(line))
        old, our, their = self._seen(base), self._seen(ours), self._seen(theirs)
        merged: Files = {}
        clash: list[str] = []
        for path in sorted({*old, *our, *their}):
            if our.get(path) != their.get(path) and old.get(path) not in (
                our.get(path),
                their.get(path),
            ):
                clash.append(path)
                continue
            kept = their.get(path) if our.get(path) == old.get(path) else our.get(path)
            if kept is not None:
                merged[path] = kept
        return Clash(tuple(clash), "ours and theirs") if clash else Merged(self._tree(merged))

    async def commit(self, wish: CommitWish) -> CommitId:
        self._called("commit")
        if wish.tree not in self.trees:
            raise PartLost("git", f"tree {wish.tree} is gone", "Again")
        name, mail = wish.author.name, wish.author.email
        return self.put(
            self.trees[wish.tree], *wish.parents, message=wish.message, author=f"{name} <{mail}>"
        )

    async def pin(self, name: str, commit: CommitId) -> None:
        self._called("pin")
        self._made(commit)
        self.pinned[name] = commit

    async def unpin(self, name: str) -> None:
        self._called("unpin")
        self.pinned.pop(name, None)

    async def move_pins(self, pins: Mapping[str, CommitId | None]) -> None:
        self._called("move_pins")
        assert len(pins) <= PINS_AT_ONCE_MAX
        for commit in pins.values():
            if commit is not None:
                self._made(commit)
        for name, commit in pins.items():
            if commit is None:
                self.pinned.pop(name, None)
            else:
                self.pinned[name] = commit

    async def pin_of(self, name: str) -> CommitId | None:
        self._called("pin_of")
        return self.pinned.get(name)

    async def pins(self, *prefixes: str) -> dict[str, CommitId]:
        self._called("pins")
        return {name: at for name, at in self.pinned.items() if name.startswith(prefixes or ("",))}

    async def is_ancestor(self, older: CommitId, younger: CommitId) -> bool:
        self._called("is_ancestor")
        return older in self._line(younger)

    async def read(self, commit: CommitId, path: str) -> bytes | None:
        self._called("read")
        text = self._seen(commit).get(path)
        return None if text is None else text.encode()

    async def message(self, commit: CommitId) -> str:
        self._called("message")
        return self._made(commit).message

    # --- Target ---

    async def advance(self, branch: str, new: CommitId, old: CommitId) -> bool:
        self._called("advance")
        if self.branches.get(branch) != old:
            return False
        self.branches[branch] = new
        return True

    async def push(self, remote: str, branch: str, new: CommitId, old: CommitId) -> Pushed:
        self._called("push")
        at = self.remotes[remote].get(branch)
        if at != old:
            return Pushed(taken=False, moved_to=at)
        self.remotes[remote][branch] = new
        return Pushed(taken=True)

    async def fetch(self, remote: str, branch: str) -> CommitId | None:
        self._called("fetch")
        return self.remotes[remote].get(branch)

    async def bring_forward(self, branch: str, old: CommitId, new: CommitId) -> str:
        self._called("bring_forward")
        if branch in self.edited:
            return "Your checkout was left alone."
        if self.checkouts.get(branch) == old:
            self.checkouts[branch] = new
        return ""

    # --- Blame ---

    async def blame(self, branch: str, path: str, line: int | None) -> BlamedLine | None:
        self._called("blame")
        assert line is None, "only whole files are asked about"
        for commit in self._line(self.branches[branch]):
            made = self.commits[commit]
            before = self.files(made.parents[0]).get(path) if made.parents else None
            if self.files(commit).get(path) != before:
                return BlamedLine(commit, None, made.author, LONG_AGO, made.message)
        return None

    # --- inside ---

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.before(name)

    def _tree(self, files: Files) -> str:
        name = _name(sorted(files.items()))
        self.trees[name] = dict(files)
        return name

    def _made(self, commit: CommitId) -> Made:
        if commit not in self.commits:
            raise PartLost("git", f"commit {commit} is gone", "Again")
        return self.commits[commit]

    def _seen(self, commit: CommitId) -> Files:
        tree = self._made(commit).tree
        if tree not in self.trees:
            raise PartLost("git", f"tree {tree} is gone", "Again")
        return self.trees[tree]

    def _line(self, head: CommitId) -> list[CommitId]:
        """The commit and all before it, the nearest first."""
        found: dict[CommitId, None] = {}
        waiting = [head]
        while waiting:
            commit = waiting.pop(0)
            if commit in found or commit not in self.commits:
                continue
            found[commit] = None
            waiting += self.commits[commit].parents
        return list(found)


def _name(thing: object) -> str:
    return sha1(msgspec.json.encode(thing), usedforsecurity=False).hexdigest()


def _blob(text: str | None) -> str | None:
    return None if text is None else _name(text)


async def log_head() -> Head:
    return Head(7, bytes.fromhex("ab" * 32))


async def refused_pack(blobs: Blobs, why: str) -> BlobId:
    return await blobs.put(msgspec.json.encode(Pack(refused=why)))
