"""Where a line comes from, asked of git's history; the files in a checkout are never looked at.

Everything runs over the objects alone, so no setting can rename authors, pass over commits, convert
files or run a program.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from interlock.adapters.git.program import PART, Answer
from interlock.adapters.git.surroundings import Surroundings
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.ports import BlamedLine, Carrier, RepositoryPlace

_TOO_SHORT: Final = "has only"
_MEND: Final = "Look at the repository with `git fsck`"


class GitBlame:
    """`Blame` of one repository; `store` is the folder for what git needs on our side."""

    def __init__(self, place: RepositoryPlace, store: Path) -> None:
        self._git = Surroundings(place, store)

    async def blame(self, branch: str, path: str, line: int | None) -> BlamedLine | None:
        tip = await self._tip(branch)
        if tip is None or not await self._is_file(tip, path):
            return None
        if line is None:
            return await self._newest_change(tip, path)
        span = f"-L{line},{line}"
        asked = ("blame", "--porcelain", "--no-textconv", span, tip, "--", path)
        answer = await self._git.on_objects(*asked)
        if answer.code and _TOO_SHORT in answer.complaint:
            return None
        lines = _well(answer).split("\n")
        commit = CommitId(lines[0].split(" ", 1)[0])
        text = next((each[1:] for each in lines if each.startswith("\t")), "")
        return await self._told(tip, commit, text)

    async def _tip(self, branch: str) -> CommitId | None:
        name = f"refs/heads/{branch}" if branch else "HEAD"
        wanted = f"{name}^{{commit}}"
        answer = await self._git.on_refs("rev-parse", "--verify", "--quiet", wanted)
        return CommitId(answer.text) if answer.code == 0 else None

    async def _is_file(self, tip: CommitId, path: str) -> bool:
        """A damaged tree makes this fail; everywhere else it would look like a missing path."""
        said = _well(await self._git.on_objects("ls-tree", "-z", "--full-tree", tip, "--", path))
        return said.split(" ", 2)[1:2] == ["blob"]

    async def _newest_change(self, tip: CommitId, path: str) -> BlamedLine:
        newest = _well(await self._git.on_objects("rev-list", "-1", tip, "--", path))
        return await self._told(tip, CommitId(newest.strip()), None)

    async def _told(self, tip: CommitId, commit: CommitId, text: str | None) -> BlamedLine:
        author, at, message = _parsed(await self._commit(commit))
        carrier = await self._carrier(tip, commit)
        return BlamedLine(commit, text, author, at, message, carrier)

    async def _commit(self, commit: CommitId) -> str:
        return _well(await self._git.on_objects("cat-file", "commit", commit))

    async def _carrier(self, tip: CommitId, commit: CommitId) -> Carrier | None:
        """The oldest step of the branch that contains the commit, unless it is a step itself."""
        steps = _well(await self._git.on_objects("rev-list", "--first-parent", tip)).split()
        if commit in steps:
            return None
        between = f"{commit}..{tip}"
        after = await self._git.on_objects("rev-list", "--ancestry-path", between)
        contain = set(_well(after).split())
        found = next((CommitId(step) for step in reversed(steps) if step in contain), None)
        if found is None:
            return None
        return Carrier(found, _parsed(await self._commit(found))[2])


def _well(answer: Answer) -> str:
    """What git said, if it could do what it was asked."""
    if answer.code or answer.cut:
        raise PartLost(PART, answer.complaint, _MEND)
    return answer.out.decode(errors="replace")


def _parsed(commit: str) -> tuple[str, datetime, str]:
    """(author's name, when committed, message) of a raw commit."""
    head, _, message = commit.partition("\n\n")
    author, at = "", datetime.fromtimestamp(0, UTC)
    for line in head.split("\n"):
        kind, _, rest = line.partition(" ")
        if kind == "author":
            author = rest.rsplit(" <", 1)[0]
        elif kind == "committer":
            at = datetime.fromtimestamp(int(rest.rsplit(" ", 2)[1]), UTC)
    return author, at, message
