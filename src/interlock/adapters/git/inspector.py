"""What kind of repository is this? Each kind either works, or is refused with a next step."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import msgspec

from interlock.adapters.git.checkout import Checkout
from interlock.adapters.git.checkouts import Standing, standing_on
from interlock.adapters.git.loose import where
from interlock.adapters.git.mounts import MOUNTS, network_file_system
from interlock.adapters.git.program import git
from interlock.adapters.git.raw import shown
from interlock.adapters.git.surroundings import Surroundings
from interlock.adapters.git.workspaces import shared_objects
from interlock.repository.ports import RepositoryPlace, Suitability

OLDEST: Final = (2, 38)
FORMATS: Final = ("sha1", "sha256")
NAMES_SHOWN_MAX: Final = 3


class Refusal(msgspec.Struct, frozen=True):
    """Runs are not possible here; the sentence says why and what to do."""

    text: str


class Remark(msgspec.Struct, frozen=True):
    """Runs are possible; the sentence says what is unusual about it."""

    text: str


Finding = Refusal | Remark


class GitInspector:
    """`Inspector` by looking; `store` is the folder for what git needs on our side."""

    def __init__(
        self,
        place: RepositoryPlace,
        store: Path,
        mounts: Path = MOUNTS,
        may_write: Callable[[Path], bool] | None = None,
    ) -> None:
        self._git = Surroundings(place, store)
        self._store, self._mounts = store, mounts
        self._may_write = may_write or _may_write

    async def inspect(self, place: RepositoryPlace, branch: str) -> Suitability:
        found = [finding async for finding in self._findings(place, branch)]
        return Suitability(
            refusals=tuple(one.text for one in found if isinstance(one, Refusal)),
            remarks=tuple(one.text for one in found if isinstance(one, Remark)),
        )

    async def _findings(self, place: RepositoryPlace, branch: str) -> AsyncIterator[Finding]:
        """Where one refusal makes the next question pointless, the questions end."""
        for finding in (*await _version(), *self._disk(place)):
            yield finding
            if isinstance(finding, Refusal):
                return
        for finding in (*_shape(place), *await self._history(place)):
            yield finding
        head = await where(self._git, f"refs/heads/{branch}")
        if head is None:
            yield await self._no_target(branch)
            return
        async for finding in self._content(head, branch):
            yield finding
        for standing in await standing_on(self._git, branch):
            async for finding in self._checkout(place, standing, branch):
                yield finding

    def _disk(self, place: RepositoryPlace) -> list[Finding]:
        found: list[Finding] = []
        standing = next(folder for folder in (self._store, *self._store.parents) if folder.exists())
        for folder in dict.fromkeys((place.common_dir, standing)):
            kind = network_file_system(folder, self._mounts)
            if kind:
                found.append(Refusal(_NETWORK.format(folder, kind)))
        for folder in (place.common_dir, place.common_dir / "objects", place.common_dir / "refs"):
            if not self._may_write(folder):
                found.append(Refusal(_READ_ONLY.format(folder)))
                break
        return found

    async def _history(self, place: RepositoryPlace) -> list[Finding]:
        found: list[Finding] = []
        keys = r"^(extensions\.partialclone|remote\..*\.(promisor|partialclonefilter))$"
        partial = await self._git.on_refs("config", "--get-regexp", keys)
        if partial.code == 0:
            found.append(Refusal(_PARTIAL))
        borrowed = shared_objects(place.common_dir / "objects")[1:]
        gone = (folder for folder in borrowed if not folder.is_dir())
        found += [Refusal(_BROKEN_ALTERNATE.format(folder)) for folder in gone]
        if borrowed:
            found.append(Remark(_BORROWS.format(", ".join(map(str, borrowed)))))
        return found

    async def _no_target(self, branch: str) -> Refusal:
        listed = await self._git.on_refs("for-each-ref", "--format=%(refname:short)", "refs/heads/")
        names = listed.text.splitlines()
        if not names:
            return Refusal(_EMPTY)
        known = ", ".join(names[:NAMES_SHOWN_MAX])
        more = f" and {len(names) - NAMES_SHOWN_MAX} more" if len(names) > NAMES_SHOWN_MAX else ""
        return Refusal(_NO_TARGET.format(branch, known + more))

    async def _content(self, head: str, branch: str) -> AsyncIterator[Finding]:
        listed = await self._git.on_objects("ls-tree", "-r", "-z", "--full-tree", head)
        if listed.code:
            yield Refusal(_DAMAGED.format(branch, listed.complaint))
            return
        entries = [line.partition(b"\t") for line in listed.out.split(b"\0") if line]
        modules = [shown(path) for meta, _, path in entries if meta.startswith(b"160000")]
        if modules:
            yield Refusal(_SUBMODULES.format(branch, _some(modules)))
        paths = [path for _, _, path in entries]
        if not any(path.rpartition(b"/")[2] == b".gitattributes" for path in paths):
            return
        filtered = await self._filtered(head, paths)
        if lfs := [shown(path) for path, name in filtered if name == b"lfs"]:
            yield Refusal(_LFS.format(branch, _some(lfs)))
        if others := sorted({shown(name) for _, name in filtered if name != b"lfs"}):
            yield Remark(_FILTERS.format(_some(others)))

    async def _filtered(self, head: str, paths: list[bytes]) -> list[tuple[bytes, bytes]]:
        """Each path that the tracked attributes give a filter, with the name of the filter."""
        index = self._git.incoming / f"inspected-{os.getpid()}"
        also = {"GIT_INDEX_FILE": str(index)}
        try:
            await self._git.on_objects("read-tree", head, also=also)
            words = ("check-attr", "--cached", "-z", "--stdin", "filter")
            told = await self._git.on_objects(*words, stdin=b"\0".join([*paths, b""]), also=also)
        finally:
            index.unlink(missing_ok=True)
        fields = told.out.split(b"\0")
        pairs = zip(fields[0::3], fields[2::3], strict=False)
        return [(path, name) for path, name in pairs if name not in _NO_FILTER]

    async def _checkout(
        self, place: RepositoryPlace, standing: Standing, branch: str
    ) -> AsyncIterator[Finding]:
        checkout = Checkout(self._git, standing.path, standing.git_dir)
        doing = checkout.unfinished()
        if doing:
            yield Refusal(_UNFINISHED.format(doing, branch, standing.path))
        elif await checkout.has_edits():
            yield Remark(_EDITS.format(standing.path))
        if standing.path != place.root:
            yield Remark(_ELSEWHERE.format(branch, standing.path))


async def _version() -> list[Finding]:
    said = (await git("--version")).out.strip().removeprefix("git version ")
    numbers = tuple(int(part) for part in said.split(".")[:2] if part.isdigit())
    return [] if numbers >= OLDEST else [Refusal(_OLD_GIT.format(said))]


def _shape(place: RepositoryPlace) -> list[Finding]:
    found: list[Finding] = []
    if place.object_format not in FORMATS:
        found.append(Refusal(_FORMAT.format(place.object_format)))
    if place.shallow:
        found.append(Remark(_SHALLOW))
    return found


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _some(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN_MAX
    return ", ".join(names[:NAMES_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


_NO_FILTER: Final = (b"unspecified", b"unset", b"set", b"")
_OLD_GIT: Final = "git {} is too old: install 2.38 or newer, and put it on PATH."
_NETWORK: Final = (
    "{} lies on a network file system ({}), where locks and the log are not safe: clone the "
    "repository to a local disk and run it there."
)
_READ_ONLY: Final = "{} cannot be written: make it writable, or clone the repository elsewhere."
_FORMAT: Final = "The object format {} is not known: convert the repository to sha1 or sha256."
_SHALLOW: Final = (
    "The clone is shallow: older history is not looked at; `git fetch --unshallow` brings it."
)
_PARTIAL: Final = (
    "The clone is partial, and a workspace cannot fetch what is missing: run `git config --unset "
    "remote.origin.partialclonefilter`, `git config --unset remote.origin.promisor` and "
    "`git fetch --refetch`, or clone it in full."
)
_BORROWS: Final = "Objects are borrowed from {}: boxes can read them too."
_BROKEN_ALTERNATE: Final = (
    "Objects are borrowed from {}, which is not there: mend the path in objects/info/alternates."
)
_EMPTY: Final = "The repository has no commit yet: make the first one, then start."
_NO_TARGET: Final = (
    "There is no branch {}: create it, or name another with `target` in interlock.toml (there "
    "are: {})."
)
_DAMAGED: Final = "The branch {} cannot be read: {}. Look at the repository with `git fsck`."
_SUBMODULES: Final = (
    "{} has submodules ({}), which workspaces would show as empty folders: take them in as plain "
    "files, for example with `git subtree add`."
)
_LFS: Final = (
    "{} keeps files in Git LFS ({}), of which workspaces would show the pointers only: take them "
    "out of LFS with `git lfs migrate export`."
)
_FILTERS: Final = (
    "Some files pass a filter ({}): no program runs for it, so workspaces show them as stored."
)
_UNFINISHED: Final = "There is {} of {} in progress in {}: finish or abort it, then start."
_EDITS: Final = (
    "{} has work that is not committed: it is left alone when changes land, and told how to catch "
    "up."
)
_ELSEWHERE: Final = "{} is checked out in {}: that folder follows when changes land."
