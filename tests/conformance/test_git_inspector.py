"""Every kind of repository either works, or is refused with a sentence that says what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from interlock.adapters.git.inspector import GitInspector
from interlock.adapters.git.repositories import GitRepositories
from interlock.adapters.git.surroundings import Surroundings
from interlock.domain.ids import CommitId
from interlock.repository.ports import Clash, Merged, RepositoryPlace, Suitability
from interlock.testing.conformance.repositories import BEGIN, GitHouse, put, seen

FINE = Suitability()


@pytest.fixture
def house(tmp_path: Path) -> GitHouse:
    return GitHouse(tmp_path)


async def inspect(
    house: GitHouse,
    branch: str = "main",
    mounts: Path = Path("/nowhere"),
    may_write: Callable[[Path], bool] | None = None,
) -> Suitability:
    place = await GitRepositories().find(house.root)
    assert isinstance(place, RepositoryPlace)
    return await GitInspector(place, house.store, mounts, may_write).inspect(place, branch)


async def can_work(house: GitHouse) -> None:
    """A whole turn: workspace, change, landing, checkout."""
    trees = await house.trees()
    base = await trees.head_of("main")
    assert base is not None
    new = await house.change(base, {"new": b"1"}, "one")
    target = await house.target()
    assert await target.advance("main", new, base)
    assert not await target.bring_forward("main", base, new)


def refusal(found: Suitability) -> str:
    assert len(found.refusals) == 1, found
    return found.refusals[0]


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
async def test_an_ordinary_one_works(tmp_path: Path, kind: str) -> None:
    house = GitHouse(tmp_path, "sha256" if kind == "sha256" else "sha1")
    await house.build(BEGIN)
    assert await inspect(house) == FINE
    await can_work(house)


async def test_looking_changes_nothing_of_the_persons(house: GitHouse) -> None:
    await house.build(BEGIN)
    put(house.root, {"README": b"edited\n"})
    index = (house.root / ".git" / "index").read_bytes()
    refs = (await house.git("show-ref")).text
    await inspect(house)
    assert (house.root / ".git" / "index").read_bytes() == index
    assert (await house.git("show-ref")).text == refs


async def test_empty(house: GitHouse) -> None:
    house.root.mkdir()
    await house.git("init", "--quiet", "-b", "main")
    assert "no commit yet" in refusal(await inspect(house))


async def test_no_such_target(house: GitHouse) -> None:
    await house.build(BEGIN)
    await house.git("branch", "other")
    assert "no branch trunk" in refusal(await inspect(house, "trunk"))
    assert "main, other" in refusal(await inspect(house, "trunk"))


async def test_bare(house: GitHouse) -> None:
    source = GitHouse(house.folder / "source")
    await source.build(BEGIN)
    await source.git("clone", "--quiet", "--bare", ".", str(house.root))
    house.store = house.root / "interlock" / "git"
    assert await inspect(house) == FINE
    await can_work(house)


async def test_shallow(house: GitHouse) -> None:
    source = GitHouse(house.folder / "source")
    await source.build(BEGIN)
    for number in range(3):
        await source.person_commits({f"n{number}": b"1"})
    await house_from(source, house, "--depth=2")
    found = await inspect(house)
    assert not found.refusals
    assert "shallow" in found.remarks[0]
    await can_work(house)
    base = CommitId((await house.git("rev-parse", "main")).text)
    one = await house.change(base, {"a": b"1"}, "a")
    two = await house.change(base, {"b": b"1"}, "b")
    trees = await house.trees()
    assert isinstance(await trees.merge(one, two), Merged)
    assert not await trees.is_ancestor(two, one)
    await house.git("checkout", "--quiet", "--orphan", "fresh")
    unrelated = await house.person_commits({"x": b"1"})
    clash = await trees.merge(one, unrelated)
    assert isinstance(clash, Clash)
    assert "no common history" in clash.detail
    walked = await Surroundings(await house.place(), house.store).on_objects("rev-list", base)
    assert walked.text.splitlines()[0] == base
    assert walked.code == 0


async def test_partial(house: GitHouse) -> None:
    source = GitHouse(house.folder / "source")
    await source.build(BEGIN)
    await source.git("config", "uploadpack.allowFilter", "true")
    await house_from(source, house, "--filter=blob:none")
    assert "git fetch --refetch" in refusal(await inspect(house))


async def test_own_alternates(house: GitHouse) -> None:
    source = GitHouse(house.folder / "source")
    await source.build(BEGIN)
    await source.git("clone", "--quiet", "--shared", ".", str(house.root))
    found = await inspect(house)
    assert not found.refusals
    assert "borrowed" in found.remarks[0]
    await can_work(house)
    base = CommitId((await house.git("rev-parse", "main")).text)
    workspace = await house.workspace(base)
    assert workspace.shows == (house.root / ".git" / "objects", source.root / ".git" / "objects")
    assert seen(workspace.path)["README"] == b"one\n"
    alternates = house.root / ".git" / "objects" / "info" / "alternates"
    alternates.write_text("/gone/objects\n")
    assert any("mend the path" in text for text in (await inspect(house)).refusals)


async def test_submodules(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    await house.git("update-index", "--add", "--cacheinfo", f"160000,{base},vendor/lib")
    await house.git("commit", "--quiet", "-m", "A submodule")
    assert "vendor/lib" in refusal(await inspect(house))


async def test_large_file_storage(house: GitHouse) -> None:
    await house.build({**BEGIN, ".gitattributes": b"*.bin filter=lfs -text\n*.x filter=crypt\n"})
    assert await inspect(house) == FINE
    await house.person_commits({"a.x": b"secret"})
    assert "filter (crypt)" in (await inspect(house)).remarks[0]
    await house.person_commits({"deep/a.bin": b"pointer"})
    assert "git lfs migrate export" in refusal(await inspect(house))


async def test_the_target_is_checked_out_elsewhere(house: GitHouse) -> None:
    await house.build(BEGIN)
    await house.git("checkout", "--quiet", "-b", "side")
    await house.git("worktree", "add", "--quiet", "../linked", "main")
    found = await inspect(house)
    assert not found.refusals
    assert str(house.folder / "linked") in found.remarks[0]
    await can_work(house)
    assert (house.folder / "linked" / "new").exists()
    assert not (house.root / "new").exists()


async def test_work_that_is_not_committed(house: GitHouse) -> None:
    await house.build(BEGIN)
    put(house.root, {"README": b"edited\n"})
    found = await inspect(house)
    assert not found.refusals
    assert "not committed" in found.remarks[0]


@pytest.mark.parametrize("doing", ["rebase", "merge", "cherry-pick"])
async def test_in_the_middle_of_something(house: GitHouse, doing: str) -> None:
    await house.build(BEGIN)
    await house.git("checkout", "--quiet", "-b", "side")
    await house.person_commits({"README": b"side\n"})
    await house.git("checkout", "--quiet", "main")
    await house.person_commits({"README": b"main\n"})
    assert (await house.try_git(doing, "side")).code
    assert f"a {doing} of main in progress" in refusal(await inspect(house))
    assert not (await inspect(house, "side")).refusals


async def test_a_network_file_system(house: GitHouse) -> None:
    await house.build(BEGIN)
    table = house.folder / "mountinfo"
    table.write_text(f"1 1 0:1 / / rw - ext4 x rw\n2 1 0:2 / {house.root} rw - nfs4 s:/x rw\n")
    assert "network file system (nfs4)" in (await inspect(house, mounts=table)).refusals[0]


async def test_read_only(house: GitHouse) -> None:
    await house.build(BEGIN)
    objects = house.root / ".git" / "objects"
    found = await inspect(house, may_write=lambda folder: folder != objects)
    assert refusal(found) == (
        f"{objects} cannot be written: make it writable, or clone the repository elsewhere."
    )


async def test_a_damaged_one(house: GitHouse) -> None:
    await house.build(BEGIN)
    tree = (await house.git("rev-parse", "main^{tree}")).text
    (house.root / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    assert "git fsck" in refusal(await inspect(house))


async def house_from(source: GitHouse, house: GitHouse, how: str) -> None:
    address = source.root.as_uri()
    await source.git("clone", "--quiet", "--no-local", how, address, str(house.root))
