"""Objects, merges and pins, by the git program in surroundings of our own."""

import re
from datetime import UTC
from pathlib import Path
from typing import Final

from interlock.adapters.git.clash import clash_of
from interlock.adapters.git.intake import Intake
from interlock.adapters.git.locks import OwnLocks
from interlock.adapters.git.program import PART, Answer, Bounds
from interlock.adapters.git.raw import changed_paths
from interlock.adapters.git.surroundings import Surroundings
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.ports import ChangedPath, Clash, CommitWish, Merged, RepositoryPlace

PINS: Final = "refs/interlock/"
READ_BYTES_MAX: Final = 32_000_000
PATCH_BYTES_MAX: Final = 200_000_000

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_CLASHED: Final = 1
_ABSENT: Final = 1
_REGULAR: Final = ("100644", "100755", "100664")
_PLAIN_DIFF: Final = ("--no-ext-diff", "--no-textconv", "--no-renames", "--full-index")


class GitTrees:
    """`Trees` of one repository; `store` is the folder for what git needs on our side."""

    def __init__(self, place: RepositoryPlace, store: Path) -> None:
        self._git = Surroundings(place, store)
        self._locks = OwnLocks(self._git)
        self._intake = Intake(self._git)

    async def head_of(self, branch: str) -> CommitId | None:
        name = f"refs/heads/{branch}"
        answer = await self._git.on_refs("show-ref", "--verify", "--hash", "--", name)
        return None if answer.code else CommitId(answer.text)

    async def tree_of(self, commit: CommitId) -> str:
        wanted = f"{checked(commit)}^{{tree}}"
        answer = await self._git.on_objects("rev-parse", "--verify", "--quiet", wanted)
        if answer.code:
            raise _missing(commit)
        return answer.text

    async def has(self, commit: CommitId) -> bool:
        answer = await self._git.on_objects("cat-file", "-e", f"{checked(commit)}^{{commit}}")
        return answer.code == 0

    async def take_in(self, pack: Path, head: CommitId, pin: str) -> None:
        async with self._intake.open(pack, checked(head)) as arrived:
            await arrived.admit()
            await self.pin(pin, head)

    async def changed(self, old: CommitId, new: CommitId) -> tuple[ChangedPath, ...]:
        words = ("diff-tree", "-r", "-z", "--raw", *_PLAIN_DIFF, checked(old), checked(new))
        return changed_paths((await self._well(*words)).out)

    async def patch(self, old: CommitId, new: CommitId) -> bytes:
        words = ("diff-tree", "-r", "-p", "--binary", *_PLAIN_DIFF, checked(old), checked(new))
        return (await self._well(*words, most=PATCH_BYTES_MAX)).out

    async def merge(self, ours: CommitId, theirs: CommitId) -> Merged | Clash:
        words = ("merge-tree", "--write-tree", "-z", "--messages", checked(ours), checked(theirs))
        answer = await self._git.on_objects(*words, bounds=Bounds(seconds=120))
        if answer.code == 0:
            return Merged(answer.out.split(b"\0", 1)[0].decode("ascii"))
        if answer.code == _CLASHED or b"unrelated histories" in answer.err:
            return await clash_of(self._git, ours, theirs, answer)
        raise _failed("merge-tree", answer)

    async def commit(self, wish: CommitWish) -> CommitId:
        parents = [word for parent in wish.parents for word in ("-p", checked(parent))]
        seconds = int(wish.at.astimezone(UTC).timestamp())
        who = {
            "GIT_AUTHOR_NAME": plain_name(wish.author.name) or "unknown",
            "GIT_AUTHOR_EMAIL": plain_name(wish.author.email) or "unknown@localhost",
            "GIT_AUTHOR_DATE": f"@{seconds} +0000",
            "GIT_COMMITTER_NAME": "Interlock",
            "GIT_COMMITTER_EMAIL": "interlock@localhost",
            "GIT_COMMITTER_DATE": f"@{seconds} +0000",
        }
        words = ("commit-tree", "--no-gpg-sign", checked(wish.tree), *parents, "-F", "-")
        message = wish.message.replace("\0", "").encode(errors="replace") or b"\n"
        answer = await self._git.on_objects(*words, stdin=message, also=who)
        if answer.code:
            raise _failed("commit-tree", answer)
        return CommitId(answer.text)

    async def pin(self, name: str, commit: CommitId) -> None:
        await self._move_pin(name, "update-ref", f"{PINS}{name}", checked(commit))

    async def unpin(self, name: str) -> None:
        await self._move_pin(name, "update-ref", "-d", f"{PINS}{name}")

    async def pins(self, prefix: str = "") -> dict[str, CommitId]:
        form = "--format=%(refname) %(objectname)"
        answer = await self._git.on_refs("for-each-ref", form, PINS)
        if answer.code:
            raise _failed("for-each-ref", answer)
        lines = (line.removeprefix(PINS).split(" ") for line in answer.text.splitlines())
        return {name: CommitId(commit) for name, commit in lines if name.startswith(prefix)}

    async def is_ancestor(self, older: CommitId, younger: CommitId) -> bool:
        words = ("merge-base", "--is-ancestor", checked(older), checked(younger))
        answer = await self._git.on_objects(*words)
        if answer.code not in {0, 1}:
            raise _failed("merge-base", answer)
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

    async def _well(self, *words: str, most: int = 64_000_000) -> Answer:
        answer = await self._git.on_objects(*words, bounds=Bounds(seconds=120, out_bytes=most))
        if answer.cut:
            detail = f"git {words[0]} has more to say than {most // 1_000_000} MB"
            raise PartLost(PART, detail, "Split the change, or take the large files out of it")
        if answer.code:
            raise _failed(words[0], answer)
        return answer

    async def _move_pin(self, name: str, *words: str) -> None:
        async with self._locks.on_ref(f"{PINS}{name}"):
            answer = await self._git.on_refs(*words)
        if answer.code:
            raise _failed(f"update-ref {PINS}{name}", answer)


def checked(commit: str) -> str:
    """Only a full name goes onto a command line: nothing that git would read as something else."""
    if _COMMIT.fullmatch(commit) is None:
        raise PartLost(PART, f"{commit[:80]!r} is no full name of a commit", "Name one in full")
    return commit


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
