"""Objects, merges and pins, by the git program in surroundings of our own."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from datetime import UTC
from pathlib import Path
from typing import Final, Generic, TypeVar

from interlock.adapters.git.clash import clash_of
from interlock.adapters.git.intake import Intake
from interlock.adapters.git.locks import OwnLocks
from interlock.adapters.git.loose import below, has_commit, lineage_of, where
from interlock.adapters.git.program import PART, Answer, Bounds
from interlock.adapters.git.raw import changed_paths
from interlock.adapters.git.stays import MOVED, Differences, Looks, Merges, Moves
from interlock.adapters.git.surroundings import Surroundings
from interlock.adapters.git.writing import not_alone, written
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.ports import (
    PINS_AT_ONCE_MAX,
    ChangedPath,
    Clash,
    CommitWish,
    Merged,
    RepositoryPlace,
)

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

PINS: Final = "refs/interlock/"
READ_BYTES_MAX: Final = 32_000_000
PATCH_BYTES_MAX: Final = 200_000_000
REMEMBERED_MAX: Final = 1_024
DIFFERENCES_REMEMBERED_MAX: Final = 64
PATHS_REMEMBERED_MAX: Final = 1_000
"""A longer difference is asked for again: it would be most of what is remembered."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_COMMITTER: Final = ("Interlock", "interlock@localhost")
_CLASHED: Final = 1
_ABSENT: Final = 1
_REGULAR: Final = ("100644", "100755", "100664")
_PLAIN_DIFF: Final = ("--no-ext-diff", "--no-textconv", "--no-renames", "--full-index")
_DIFFERENCE: Final = ("diff-tree", "-r", "-z", "--raw", *_PLAIN_DIFF)


class _Memory(Generic[_Key, _Value]):
    """The answers used last."""

    def __init__(self, most: int) -> None:
        self._most, self._known = most, OrderedDict[_Key, _Value]()

    def find(self, key: _Key) -> _Value | None:
        if key in self._known:
            self._known.move_to_end(key)
        return self._known.get(key)

    def keep(self, key: _Key, value: _Value) -> None:
        self._known[key] = value
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def forget(self, commit: CommitId) -> None:
        for key in [key for key in self._known if _speaks_of(key, commit)]:
            del self._known[key]


class GitTrees:
    """`Trees` of one repository; `store` is the folder for what git needs on our side.

    What a commit's name stands for never changes, so it is asked once. But the same wish makes the
    same commit again, also after the first one was collected: with `commit` all that was known
    about it is forgotten, and the next answers are looked for in what is there.

    A difference belongs to two trees, whatever commits they came with. Still each commit is looked
    at once: an answer from memory does not tell whether what was made just now is whole.

    With `stay` what is asked most is asked of gits that stay, and plain commits are written without
    one; `close` ends these gits.
    """

    def __init__(self, place: RepositoryPlace, store: Path, *, stay: bool = False) -> None:
        self._git = Surroundings(place, store)
        self._stay = stay
        self._moves = Moves(self._git)
        self._looks = Looks(self._git)
        self._merges = Merges(self._git)
        self._differences = Differences(self._git, *_DIFFERENCE)
        self._locks = OwnLocks(self._git)
        self._intake = Intake(self._git)
        self._tree_of = _Memory[CommitId, str](REMEMBERED_MAX)
        self._ancestors = _Memory[tuple[CommitId, CommitId], bool](REMEMBERED_MAX)
        self._changed = _Memory[tuple[str, str], tuple[ChangedPath, ...]](
            DIFFERENCES_REMEMBERED_MAX
        )
        self._looked_at = _Memory[CommitId, bool](REMEMBERED_MAX)

    async def close(self) -> None:
        for gits in (self._moves, self._looks, self._merges, self._differences):
            await gits.close()

    async def head_of(self, branch: str) -> CommitId | None:
        return await where(self._git, f"refs/heads/{branch}")

    async def tree_of(self, commit: CommitId) -> str:
        known = self._known_tree(checked(commit))
        if known is not None:
            return known
        wanted = f"{commit}^{{tree}}"
        answer = await self._git.on_objects("rev-parse", "--verify", "--quiet", wanted)
        if answer.code:
            raise _missing(commit)
        self._tree_of.keep(commit, answer.text)
        return answer.text

    async def has(self, commit: CommitId) -> bool:
        return await has_commit(self._git, checked(commit))

    async def take_in(self, pack: Path, head: CommitId, pin: str) -> None:
        async with self._intake.open(pack, checked(head)) as arrived:
            await arrived.admit()
            await self.pin(pin, head)

    async def changed(self, old: CommitId, new: CommitId) -> tuple[ChangedPath, ...]:
        key = self._known_tree(checked(old)) or old, self._known_tree(checked(new)) or new
        known = self._changed.find(key)
        if known is not None and self._looked_at.find(old) and self._looked_at.find(new):
            return known
        paths = changed_paths(await self._difference(old, new))
        for commit in (old, new):
            self._looked_at.keep(commit, True)
        if len(paths) <= PATHS_REMEMBERED_MAX:
            self._changed.keep(key, paths)
        return paths

    async def _difference(self, old: CommitId, new: CommitId) -> bytes:
        """Of the trees alone only where both commits were seen right now."""
        said = None
        if self._stay:
            old_tree, new_tree = await self._seen_tree(old), await self._seen_tree(new)
            if old_tree and new_tree:
                said = await self._differences.between(old_tree, new_tree)
        return (await self._well(*_DIFFERENCE, old, new)).out if said is None else said

    async def _seen_tree(self, commit: CommitId) -> str | None:
        lineage = lineage_of(self._git.objects_path, commit)
        return await self._looks.tree_of(commit) if lineage is None else lineage.tree

    async def patch(self, old: CommitId, new: CommitId) -> bytes:
        words = ("diff-tree", "-r", "-p", "--binary", *_PLAIN_DIFF, checked(old), checked(new))
        return (await self._well(*words, most=PATCH_BYTES_MAX)).out

    async def merge(self, ours: CommitId, theirs: CommitId) -> Merged | Clash:
        both = checked(ours), checked(theirs)
        if self._stay and (tree := await self._merges.merge(*both)) is not None:
            return Merged(tree)
        words = ("merge-tree", "--write-tree", "-z", "--messages", *both)
        answer = await self._git.on_objects(*words, bounds=Bounds(seconds=120))
        if answer.code == 0:
            return Merged(answer.out.split(b"\0", 1)[0].decode("ascii"))
        # What says nothing about any tree is no clash: a commit that is gone ends it in this way.
        if (answer.code == _CLASHED and answer.out) or b"unrelated histories" in answer.err:
            return await clash_of(self._git, ours, theirs, answer)
        raise _failed("merge-tree", answer)

    async def commit(self, wish: CommitWish) -> CommitId:
        tree, parents = checked(wish.tree), tuple(map(checked, wish.parents))
        author = plain_name(wish.author.name) or "unknown"
        address = plain_name(wish.author.email) or "unknown@localhost"
        at = f"{int(wish.at.astimezone(UTC).timestamp())} +0000"
        message = wish.message.replace("\0", "").encode(errors="replace") or b"\n"
        made = None
        # Before 1970 git says why it makes none.
        if self._stay and not at.startswith("-"):
            who = f"{author} <{address}> {at}", f"{_COMMITTER[0]} <{_COMMITTER[1]}> {at}"
            made = await self._written(tree, parents, who, message.decode())
        if made is None:
            made = await self._committed(tree, parents, (author, address, at), message)
        for memory in (self._tree_of, self._ancestors, self._looked_at):
            memory.forget(made)
        return made

    async def _written(
        self, tree: str, parents: tuple[CommitId, ...], who: tuple[str, str], message: str
    ) -> CommitId | None:
        objects = self._git.objects_path
        packed = not_alone(objects, tree, parents)
        if packed and not await self._looks.are(packed):
            return None
        return await asyncio.to_thread(written, objects, tree, parents, who, message)

    async def _committed(
        self, tree: str, parents: tuple[CommitId, ...], who: tuple[str, str, str], message: bytes
    ) -> CommitId:
        name, address, at = who
        environment = {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": address,
            "GIT_AUTHOR_DATE": f"@{at}",
            "GIT_COMMITTER_NAME": _COMMITTER[0],
            "GIT_COMMITTER_EMAIL": _COMMITTER[1],
            "GIT_COMMITTER_DATE": f"@{at}",
        }
        after = [word for parent in parents for word in ("-p", parent)]
        words = ("commit-tree", "--no-gpg-sign", tree, *after, "-F", "-")
        answer = await self._git.on_objects(*words, stdin=message, also=environment)
        if answer.code:
            raise _failed("commit-tree", answer)
        return CommitId(answer.text)

    async def pin(self, name: str, commit: CommitId) -> None:
        await self.move_pins({name: commit})

    async def unpin(self, name: str) -> None:
        await self.move_pins({name: None})

    async def move_pins(self, pins: Mapping[str, CommitId | None]) -> None:
        if len(pins) > PINS_AT_ONCE_MAX:
            raise ValueError(f"{len(pins)} pins at once; move {PINS_AT_ONCE_MAX} at a time")
        if not pins:
            return
        moves = [_move(*pin).encode(errors="replace") for pin in pins.items()]
        async with self._locks.on_refs(f"{PINS}{name}" for name in pins):
            answer = await self._moves.move(moves, pins.values(), stay=self._stay)
        if answer.code or answer.out != MOVED:
            which = f"{PINS}{next(iter(pins))}" if len(pins) == 1 else f"of {len(pins)} pins"
            raise _failed(f"update-ref {which}", answer)

    async def pin_of(self, name: str) -> CommitId | None:
        return await where(self._git, f"{PINS}{name}")

    async def pins(self, *prefixes: str) -> dict[str, CommitId]:
        prefixes = prefixes or ("",)
        # Git lists folders of refs; what else lies in them is left out here.
        folders = {PINS + "".join(prefix.rpartition("/")[:2]) for prefix in prefixes}
        found = below(self._git.place.common_dir, *sorted(folders))
        if found is None:
            found = await self._listed(*sorted(folders))
        pins = ((ref.removeprefix(PINS), commit) for ref, commit in found.items())
        return {name: commit for name, commit in pins if name.startswith(prefixes)}

    async def _listed(self, *folders: str) -> dict[str, CommitId]:
        form = "--format=%(refname) %(objectname)"
        answer = await self._git.on_refs("for-each-ref", form, *folders)
        if answer.code:
            raise _failed("for-each-ref", answer)
        lines = (line.split(" ") for line in answer.text.splitlines())
        return {ref: CommitId(commit) for ref, commit in lines}

    async def is_ancestor(self, older: CommitId, younger: CommitId) -> bool:
        self._known_tree(checked(younger))
        if self._ancestors.find((checked(older), younger)):
            return True
        words = ("merge-base", "--is-ancestor", older, younger)
        answer = await self._git.on_objects(*words)
        if answer.code not in {0, 1}:
            raise _failed("merge-base", answer)
        # Only what is so for ever: a history that was cut short may grow at its lower end.
        if answer.code == 0:
            self._ancestors.keep((older, younger), True)
        return answer.code == 0

    async def read(self, commit: CommitId, path: str) -> bytes | None:
        if "\0" in path or any(part in {"", ".", ".."} for part in path.split("/")):
            return None
        words = ("ls-tree", "-z", "--full-tree", checked(commit), "--", path)
        listed = (await self._well(*words)).out.rstrip(b"\0")
        meta, _, name = listed.partition(b"\t")
        if name != path.encode(errors="surrogateescape"):
            return None
        mode, _, blob = meta.decode("ascii").split(" ")
        if mode not in _REGULAR:
            return None
        return (await self._well("cat-file", "blob", blob, most=READ_BYTES_MAX)).out

    async def message(self, commit: CommitId) -> str:
        raw = (await self._well("cat-file", "commit", checked(commit))).out
        return raw.partition(b"\n\n")[2].decode(errors="replace")

    def _known_tree(self, commit: CommitId) -> str | None:
        """From memory, or from the commit itself, whose parents are remembered as well."""
        known = self._tree_of.find(commit)
        if known is not None:
            return known
        lineage = lineage_of(self._git.objects_path, commit)
        if lineage is None:
            return None
        self._tree_of.keep(commit, lineage.tree)
        for parent in lineage.parents:
            self._ancestors.keep((parent, commit), True)
        return lineage.tree

    async def _well(self, *words: str, most: int = 64_000_000) -> Answer:
        answer = await self._git.on_objects(*words, bounds=Bounds(seconds=120, out_bytes=most))
        if answer.cut:
            detail = f"git {words[0]} has more to say than {most // 1_000_000} MB"
            raise PartLost(PART, detail, "Split the change, or take the large files out of it")
        if answer.code:
            raise _failed(words[0], answer)
        return answer


def checked(commit: str) -> CommitId:
    """Only a full name goes onto a command line: nothing that git would read as something else."""
    if _COMMIT.fullmatch(commit) is None:
        raise PartLost(PART, f"{commit[:80]!r} is no full name of a commit", "Name one in full")
    return CommitId(commit)


def _move(name: str, commit: CommitId | None) -> str:
    """What `update-ref -z --stdin` reads; the value it moves from is left open."""
    if "\0" in name:
        raise PartLost(PART, f"{name[:80]!r} is no name for a pin", "Choose a plain name")
    if commit is None:
        return f"delete {PINS}{name}\0"
    return f"update {PINS}{name}\0{checked(commit)}\0"


def _speaks_of(key: Hashable, commit: CommitId) -> bool:
    return commit in key if isinstance(key, tuple) else key == commit


def plain_name(text: str) -> str:
    """What may stand in the line of an author; git refuses names that are nothing but marks."""
    plain = "".join(mark for mark in text if mark.isprintable() and mark not in "<>")
    return plain.encode(errors="ignore").decode().strip(" .,:;\"\\'")


def _missing(commit: CommitId) -> PartLost:
    return PartLost(
        PART,
        f"commit {commit} is not in the repository",
        "It may have been collected as garbage: begin again from a commit that is there",
    )


def _failed(what: str, answer: Answer) -> PartLost:
    return PartLost(PART, f"git {what}: {answer.complaint}", "Look at it with `git fsck`")
