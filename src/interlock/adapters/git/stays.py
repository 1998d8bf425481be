"""The gits that stay for a plane: for moving refs, for looking, for comparing, for merging."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Final

from interlock.adapters.git.program import PART, Answer, Bounds
from interlock.adapters.git.sight import Sight, borrows
from interlock.adapters.git.standing import Standing
from interlock.adapters.git.surroundings import Surroundings
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost

MOVED: Final = b"start: ok\ncommit: ok\n"

_SETTINGS: Final = ("config", "config.worktree")
_AGAIN: Final = "Start again: what it held is cleared then"
_LONG: Final = Bounds(seconds=120)
_MERGED: Final = b"1"


class Moves:
    """Moves refs, all of one list or none; what is refused ends its git and is what it says."""

    def __init__(self, git: Surroundings, reason: str = "") -> None:
        self._git = git
        words = ("update-ref", *(("-m", reason) if reason else ()), "-z", "--stdin")
        settings = tuple(git.place.common_dir / name for name in _SETTINGS)
        self._words = words
        # A git takes the time of its first line in a reflog for all of them: with a reason, once.
        self._end = b"" if reason else MOVED
        sight = None if reason else (lambda: Sight(git.objects_path, settings))
        self._standing = Standing(lambda: git.refs_call(*words), sight)

    async def move(
        self, moves: Iterable[bytes], commits: Iterable[CommitId | None], *, stay: bool
    ) -> Answer:
        """What went well says `MOVED` and nothing else."""
        # With `start`, what breaks off in the middle of this list moves nothing.
        request = b"\0".join([b"start", *moves, b"commit", b""])
        if not stay or borrows(self._git.objects_path):
            answer = await self._git.on_refs(*self._words, stdin=request)
        else:
            about = (commit for commit in commits if commit is not None)
            answer = await self._standing.ask(request, self._end, about)
        if answer.code < 0 or answer.cut:
            # Its locks may still lie there, so nobody may believe that it let go of them.
            raise PartLost(PART, f"git update-ref was ended: {answer.complaint}", _AGAIN)
        return answer

    async def close(self) -> None:
        await self._standing.close()


class Looks:
    """Tells what objects are, packed ones too; a name that nothing has ends the answer."""

    def __init__(self, git: Surroundings) -> None:
        self._git = git
        self._standing = Standing(
            lambda: git.objects_call("cat-file", "--batch-check=%(objectname) %(objecttype)"),
            lambda: Sight(git.objects_path, ()),
        )

    async def tree_of(self, commit: CommitId) -> str | None:
        name, _, kind = (await self._told([f"{commit}^{{tree}}"], commit)).partition(" ")
        return name if kind == "tree" else None

    async def are(self, kinds: Mapping[str, str]) -> bool:
        """Whether each of these objects is there, and of that kind."""
        told = await self._told(kinds, *kinds)
        return told == "\n".join(f"{name} {kind}" for name, kind in kinds.items())

    async def _told(self, questions: Iterable[str], *about: str) -> str:
        if borrows(self._git.objects_path):
            return ""
        over = _over()
        request = "\n".join([*questions, over, ""]).encode()
        end = f"{over} missing\n".encode()
        answer = await self._standing.ask(request, end, about, _LONG)
        if answer.code or answer.cut:
            return ""
        return answer.out[: -len(end)].decode(errors="replace").removesuffix("\n")

    async def close(self) -> None:
        await self._standing.close()


class Differences:
    """Compares two trees; what is no name of an object comes back from git, and ends the answer."""

    def __init__(self, git: Surroundings, *words: str) -> None:
        self._git = git
        self._standing = Standing(
            lambda: git.objects_call(words[0], "--stdin", *words[1:]),
            lambda: Sight(git.objects_path, ()),
        )

    async def between(self, old: str, new: str) -> bytes | None:
        """As `-z --raw` tells it; None: the usual command has to be asked."""
        if borrows(self._git.objects_path):
            return None
        both = f"{old} {new}\n".encode()
        end = f"{_over()}\n".encode()
        answer = await self._standing.ask(both + end, end, (old, new), _LONG)
        if answer.code or answer.cut or not answer.out.startswith(both):
            return None
        return answer.out[len(both) : -len(end)]

    async def close(self) -> None:
        await self._standing.close()


class Merges:
    """Merges two commits; git tells what it came to at the end of its input, so each does it once.

    (Before 2.50 nothing of the answer leaves git's buffer until then.)
    """

    def __init__(self, git: Surroundings) -> None:
        self._standing = Standing(lambda: git.objects_call("merge-tree", "--stdin"))

    async def merge(self, ours: CommitId, theirs: CommitId) -> str | None:
        """The tree of both; None: the usual command has to be asked."""
        if not self._standing.is_known:
            return None
        answer = await self._standing.ask(f"{ours} {theirs}\n".encode(), bounds=_LONG)
        pieces = answer.out.split(b"\0")
        if answer.code or answer.cut or pieces[0] != _MERGED or len(pieces) != _PIECES:
            return None
        return pieces[1].decode("ascii")

    async def close(self) -> None:
        await self._standing.close()


def _over() -> str:
    """No path and no object is called so: nobody can have known it."""
    return f"over-{secrets.token_hex(16)}"


_PIECES: Final = 4
"""`1 NUL tree NUL NUL`, without messages."""
