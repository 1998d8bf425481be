"""Commits written without a git are, byte for byte, those that `git commit-tree` writes."""

import os
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from interlock.adapters.git import trees as module
from interlock.adapters.git.trees import GitTrees
from interlock.adapters.git.writing import not_alone, written
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.ports import CommitWish, Signature
from interlock.testing.conformance.repositories import BEGIN, Format, GitHouse

AT = datetime(2026, 3, 1, 12, 30, 15, 999, tzinfo=UTC)
WHO = ("A <a@x> 1772368215 +0000", "Interlock <interlock@localhost> 1772368215 +0000")


class Workshop:
    """A repository, the usual way of making commits in it, and the one without a git."""

    def __init__(self, house: GitHouse) -> None:
        self.house = house
        self.objects = house.root / ".git" / "objects"

    async def open(self) -> None:
        base = await self.house.build(BEGIN)
        place = await self.house.place()
        self.usual = GitTrees(place, self.house.store)
        self.staying = GitTrees(place, self.house.store, stay=True)
        self.tree = await self.usual.tree_of(base)
        wish = CommitWish(self.tree, (base,), "Another", Signature("B", "b"), AT)
        self.commits = [base, await self.usual.commit(wish)]

    def file_of(self, name: str) -> Path:
        return self.objects / name[:2] / name[2:]

    def write(self, *parents: CommitId, message: str = "Land\n") -> CommitId | None:
        return written(self.objects, self.tree, parents, WHO, message)


@pytest.fixture(params=["sha1", "sha256"])
async def workshop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Workshop]:
    kind: Format = "sha256" if request.param == "sha256" else "sha1"
    made = Workshop(GitHouse(tmp_path, kind))
    await made.open()
    yield made
    await made.staying.close()


texts = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(codec=None), max_size=20),
    st.text(
        st.sampled_from("\0\n\r\t\x1b <>.,:;\"'\\aé\u2028\ufdd0\uffff\U0001ffff\ud800"), max_size=12
    ),
)
times = st.datetimes(
    datetime(1970, 1, 2), datetime(9998, 12, 31),  # noqa: DTZ001 - the zone comes with it
    timezones=st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    author=st.builds(Signature, texts, texts),
    message=texts,
    at=times,
    parents=st.permutations([0, 1]),
    how_many=st.integers(0, 2),
)
@example(Signature("", ""), "", AT, [0, 1], 1)
@example(Signature("A\n<B>", "a@x>"), "no end", AT, [1, 0], 2)
@example(Signature(".A.", " "), "\n\n#\n\n", AT, [0, 1], 0)
@example(Signature("A", "a"), "\ufdd0", AT, [0, 1], 1)
@example(Signature("A", "a"), "tree 5\0\nparent 5\n\nx\n\n\n", AT, [0, 1], 1)
async def test_it_is_the_same_commit(
    workshop: Workshop,
    author: Signature,
    message: str,
    at: datetime,
    parents: list[int],
    how_many: int,
) -> None:
    chosen = tuple(workshop.commits[number] for number in parents[:how_many])
    wish = CommitWish(workshop.tree, chosen, message, author, at)
    made = await workshop.staying.commit(wish)
    ours = workshop.file_of(made)
    assert stat.S_IMODE(ours.stat().st_mode) == 0o444
    read = (await workshop.house.git("cat-file", "commit", made)).out
    ours.unlink()
    assert await workshop.usual.commit(wish) == made
    assert (await workshop.house.git("cat-file", "commit", made)).out == read


async def test_no_git_was_asked(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the one above compares what it says it compares."""
    made = []

    def noted(*words: object) -> CommitId | None:
        made.append(written(*words))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(module, "written", noted)
    wish = CommitWish(workshop.tree, (workshop.commits[0],), "x", Signature("A", "a"), AT)
    assert made == [await workshop.staying.commit(wish)]
    odd = CommitWish(workshop.tree, (), "\ufdd0", Signature("A", "a"), AT)
    assert await workshop.staying.commit(odd) == await workshop.usual.commit(odd)
    assert made[1:] == [None]


async def test_files_and_folders_are_as_git_makes_them(workshop: Workshop) -> None:
    before = os.umask(0o077)
    try:
        names = [workshop.write(message=f"{number}\n") for number in range(20)]
    finally:
        os.umask(before)
    assert len(set(names)) == 20
    for name in names:
        assert name is not None
        assert stat.S_IMODE(workshop.file_of(name).stat().st_mode) == 0o444
        assert stat.S_IMODE(workshop.file_of(name).parent.stat().st_mode) == 0o755
    assert not list(workshop.objects.rglob("tmp_obj_*"))
    await workshop.house.git("fsck", "--strict")


async def test_what_is_unusual_is_left_to_git(workshop: Workshop) -> None:
    base, other = workshop.commits
    assert workshop.write(base, other)
    assert workshop.write(base, base) is None
    longer = CommitId("5" * (104 - len(base)))
    assert workshop.write(longer) is None
    assert workshop.write(base, message="x" * 1_000_001) is None
    for mode in (0o2755, 0o775, 0o777):
        workshop.objects.chmod(mode)
        assert workshop.write(base) is None
    workshop.objects.chmod(0o755)
    assert workshop.write(base)


async def test_a_damaged_one_is_left_to_git(workshop: Workshop) -> None:
    name = workshop.write(workshop.commits[0])
    assert name is not None
    workshop.file_of(name).chmod(0o644)
    workshop.file_of(name).write_bytes(b"damaged")
    assert workshop.write(workshop.commits[0]) is None


async def test_where_there_is_no_room_git_says_so(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28), descriptor)

    before = {path for path in workshop.objects.rglob("*") if path.is_file()}
    monkeypatch.setattr(os, "fsync", full)
    assert workshop.write(message="new\n") is None
    assert {path for path in workshop.objects.rglob("*") if path.is_file()} == before


async def test_what_it_builds_on_must_be_there(workshop: Workshop) -> None:
    base, other = workshop.commits
    nowhere = CommitId("5" * len(base))
    assert not_alone(workshop.objects, workshop.tree, (base, other)) == {}
    wrong = not_alone(workshop.objects, base, (CommitId(workshop.tree), nowhere))
    assert wrong == {base: "tree", workshop.tree: "commit", nowhere: "commit"}
    for tree, parents in (
        (nowhere, ()),
        (base, ()),
        (workshop.tree, (base, nowhere)),
        (workshop.tree, (CommitId(workshop.tree),)),
    ):
        wish = CommitWish(tree, parents, "x", Signature("A", "a"), AT)
        with pytest.raises(PartLost, match="commit-tree"):
            await workshop.staying.commit(wish)


async def test_what_it_builds_on_may_be_packed(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = workshop.commits[0]
    await workshop.house.git("gc", "--quiet", "--prune=now")
    assert not_alone(workshop.objects, workshop.tree, (base,)) != {}
    wish = CommitWish(workshop.tree, (base,), "x", Signature("A", "a"), AT)
    made = await workshop.usual.commit(wish)
    workshop.file_of(made).unlink()

    async def no_git(*words: object) -> CommitId:
        raise AssertionError(words)

    monkeypatch.setattr(workshop.staying, "_committed", no_git)
    assert await workshop.staying.commit(wish) == made


async def test_before_1970_git_says_why_not(workshop: Workshop) -> None:
    at = datetime(1969, 12, 31, tzinfo=UTC)
    wish = CommitWish(workshop.tree, (), "x", Signature("A", "a"), at)
    said = []
    for trees in (workshop.usual, workshop.staying):
        with pytest.raises(PartLost, match="commit-tree") as refused:
            await trees.commit(wish)
        said.append(str(refused.value))
    assert said[0] == said[1]
