"""A person's checkout follows the target, or is left alone with a sentence that helps."""

import contextlib
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.adapters.git.locks import OwnLocks
from interlock.adapters.git.surroundings import Surroundings
from interlock.adapters.git.target import GitTarget
from interlock.adapters.git.trees import GitTrees
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.collecting import Collected
from interlock.testing.conformance.repositories import BEGIN, Files, GitHouse, put, seen

LANDED: Files = {"app/b.py": b"landed\n", "README": None, "new/file": b"new\n"}


@pytest.fixture
def house(tmp_path: Path) -> GitHouse:
    return GitHouse(tmp_path)


async def land(house: GitHouse, files: Files, name: str = "one") -> tuple[CommitId, CommitId]:
    """The target moves; the checkout does not know yet."""
    base = CommitId((await house.git("rev-parse", "main")).text)
    new = await house.change(base, files, name)
    assert await (await house.target()).advance("main", new, base)
    return base, new


async def forward(house: GitHouse, old: CommitId, new: CommitId) -> str:
    return await (await house.target()).bring_forward("main", old, new)


async def obey(house: GitHouse, note: str) -> None:
    """Do what the sentence says."""
    command = re.search(r"`git ([^`]+)`", note)
    assert command is not None
    await house.git(*command[1].split())


async def test_edits_survive_and_the_sentence_helps(house: GitHouse) -> None:
    await house.build(BEGIN)
    put(house.root, {"app/a.py": b"mine\n", "notes.txt": b"untracked\n"})
    old, new = await land(house, LANDED)
    note = await forward(house, old, new)
    assert "app/a.py would be lost" in note
    assert (house.root / "app" / "b.py").read_bytes() == b"b\n"
    await obey(house, note)
    assert seen(house.root) == {
        ".gitignore": BEGIN[".gitignore"],
        "app/a.py": b"mine\n",
        "app/b.py": b"landed\n",
        "new/file": b"new\n",
        "notes.txt": b"untracked\n",
    }
    status = await house.git("status", "--porcelain")
    assert status.text == "M app/a.py\n?? notes.txt"
    assert not await forward(house, new, new)


async def test_staged_edits_survive_too(house: GitHouse) -> None:
    await house.build(BEGIN)
    put(house.root, {"app/a.py": b"staged\n", "added": b"staged\n"})
    await house.git("add", "-A")
    old, new = await land(house, LANDED)
    note = await forward(house, old, new)
    assert "added, app/a.py would be lost" in note
    await obey(house, note)
    assert (await house.git("status", "--porcelain")).text == "A  added\nM  app/a.py"


async def test_after_several_landings_the_sentence_names_the_first(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    put(house.root, {"app/a.py": b"mine\n"})
    note = ""
    for number in range(3):
        old, new = await land(house, {f"n{number}": b"1", "app/b.py": b"%d" % number}, f"l{number}")
        note = await forward(house, old, new)
        assert f"read-tree -m -u {base} HEAD" in note
    await obey(house, note)
    assert (await house.git("status", "--porcelain")).text == "M app/a.py"


async def test_a_checkout_that_is_clean_again_follows(house: GitHouse) -> None:
    await house.build(BEGIN)
    before = (house.root / "app" / "a.py").read_bytes()
    put(house.root, {"app/a.py": b"mine\n"})
    assert await forward(house, *await land(house, LANDED))
    put(house.root, {"app/a.py": before})
    assert not await forward(house, *await land(house, {"n": b"1"}, "two"))
    assert not (await house.git("status", "--porcelain")).text


@pytest.mark.parametrize("ignored", [False, True])
async def test_an_untracked_file_in_the_way(house: GitHouse, ignored: bool) -> None:
    await house.build({**BEGIN, ".gitignore": b"new/\n" if ignored else b""})
    put(house.root, {"new/file": b"precious\n"})
    (house.folder / "exclude").write_text("")
    base = CommitId((await house.git("rev-parse", "main")).text)
    new = await house.change(base, {".gitignore": b"", "new/file": b"new\n"}, "one")
    assert await (await house.target()).advance("main", new, base)
    assert "new/file would be lost" in await forward(house, base, new)
    assert (house.root / "new" / "file").read_bytes() == b"precious\n"


async def test_a_folder_becomes_a_file_and_back(house: GitHouse) -> None:
    await house.build({**BEGIN, "d/e": b"1"})
    assert not await forward(house, *await land(house, {"d/e": None, "e": b"1"}, "gone"))
    assert not await forward(house, *await land(house, {"d": b"file"}, "file"))
    assert (house.root / "d").read_bytes() == b"file"
    put(house.root, {"d": None, "d/mine": b"precious"})
    old, new = await land(house, {"x": b"1"}, "other")
    assert "would be lost" in await forward(house, old, new)
    assert (house.root / "d" / "mine").read_bytes() == b"precious"


@pytest.mark.parametrize("doing", ["merge", "rebase", "cherry-pick"])
async def test_in_the_middle_of_something(house: GitHouse, doing: str) -> None:
    await house.build(BEGIN)
    await house.git("checkout", "--quiet", "-b", "side")
    await house.person_commits({"app/b.py": b"side\n"})
    await house.git("checkout", "--quiet", "main")
    await house.person_commits({"app/b.py": b"main\n"})
    assert (await house.try_git(doing, "side")).code
    before = seen(house.root)
    old, new = await land(house, {"n": b"1"})
    note = await forward(house, old, new)
    assert f"a {doing} is in progress" in note
    assert seen(house.root) == before


@pytest.mark.parametrize("path", ["app/b.py", "both-added"])
async def test_conflicts_that_are_not_resolved(house: GitHouse, path: str) -> None:
    await house.build(BEGIN)
    put(house.root, {path: b"stashed\n"})
    await house.git("add", "-A")
    await house.git("stash")
    await house.person_commits({path: b"other\n"})
    assert (await house.try_git("stash", "pop")).code
    old, new = await land(house, {"n": b"1"})
    assert "it has conflicts that are not resolved" in await forward(house, old, new)


async def test_a_file_that_was_written_again_as_it_was_is_no_edit(house: GitHouse) -> None:
    await house.build(BEGIN)
    old, new = await land(house, LANDED)
    for path in ("app/b.py", "README"):
        (house.root / path).unlink()
        put(house.root, {path: BEGIN[path]})
        os.utime(house.root / path, (1_000_000_000, 1_000_000_000))
    assert not await forward(house, old, new)
    assert not (await house.git("status", "--porcelain")).text


async def test_line_ends_are_the_persons(house: GitHouse) -> None:
    await house.build(BEGIN)
    (house.folder / ".gitconfig").write_text("[core]\n\tautocrlf = true\n")
    (house.root / "app" / "b.py").unlink()
    await house.git("checkout", "--", ".")
    old, new = await land(house, {"app/b.py": b"1\n2\n"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(house.folder))
        assert not await forward(house, old, new)
    assert (house.root / "app" / "b.py").read_bytes() == b"1\r\n2\r\n"
    assert not (await house.git("status", "--porcelain")).text


@pytest.mark.parametrize("when", ["before", "with the change"])
async def test_a_path_that_needs_a_filter_is_the_persons(house: GitHouse, when: str) -> None:
    attributes: Files = {".gitattributes": b"*.bin filter=shout\n"}
    base = await house.build({**BEGIN, **(attributes if when == "before" else {})})
    await house.git("config", "filter.shout.smudge", f"tee {house.folder}/ran")
    await house.git("config", "filter.shout.clean", f"tee {house.folder}/ran")
    new = await house.change(base, {**attributes, "a.bin": b"x\n"}, "one")
    assert await (await house.target()).advance("main", new, base)
    assert "a.bin needs the filter shout" in await forward(house, base, new)
    assert not (house.folder / "ran").exists()
    assert not (house.root / "a.bin").exists()


async def test_cut_off_between_files_it_is_finished(house: GitHouse) -> None:
    await house.build(BEGIN)
    old, new = await land(house, LANDED)
    put(house.root, {"app/b.py": b"landed\n", "new/file": b"new\n"})
    assert not await forward(house, old, new)
    assert not (await house.git("status", "--porcelain")).text


async def test_bare_repositories_have_no_checkout(house: GitHouse) -> None:
    await house.build(BEGIN)
    old, new = await land(house, LANDED)
    await house.git("config", "core.bare", "true")
    assert not await forward(house, old, new)


async def test_a_branch_that_was_taken_elsewhere_is_not_followed(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    new = await house.change(base, LANDED, "one")
    assert "does not hold" in await forward(house, base, new)
    assert seen(house.root) == BEGIN


# --- whatever the person did, nothing of it is lost -----------------------------------------------

paths = st.sampled_from(["README", "app/a.py", "app/b.py", "d", "d/e", "x.log", "new"])
contents = st.sampled_from([b"1\n", b"2\n", b"mine\n"])
deeds = st.lists(
    st.tuples(st.sampled_from(["write", "remove", "stage"]), paths, contents), max_size=4
)
changes = st.dictionaries(paths, st.one_of(st.none(), contents), min_size=1, max_size=3)


@pytest.mark.timeout(1200)
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(deeds=deeds, change=changes)
async def test_never_overwrites_what_a_person_has_not_committed(
    tmp_path_factory: pytest.TempPathFactory,
    deeds: list[tuple[str, str, bytes]],
    change: dict[str, bytes | None],
) -> None:
    house = GitHouse(tmp_path_factory.mktemp("house"))
    base = await house.build({"README": b"1\n", "app/a.py": b"1\n", "app/b.py": b"1\n", "d/e": b""})
    put(house.root / ".git" / "info", {"exclude": b"*.log\n"})
    workspace = await house.workspace(base)
    for path, content in change.items():
        with contextlib.suppress(OSError):
            put(workspace.path, {path: content})
    collected = await house.collect(workspace)
    assert isinstance(collected, Collected)
    if collected.head is None:
        return
    new = await house.bring(workspace)
    assert await (await house.target()).advance("main", new, base)
    for deed, path, content in deeds:
        with contextlib.suppress(OSError):
            if deed == "remove":
                (house.root / path).unlink()
            else:
                put(house.root, {path: content})
            if deed == "stage":
                await house.try_git("add", "-f", "--", path)

    before, staged = seen(house.root), await index_of(house)
    note = await forward(house, base, new)

    assert note or deeds or not await dirt(house)
    if note:
        assert (seen(house.root), await index_of(house)) == (before, staged)
        return
    known = [await tree_of(house, base), await tree_of(house, new)]
    after, index = seen(house.root), await index_of(house)
    for path, content in before.items():
        blob = (await house.git("hash-object", "--stdin", stdin=content)).text
        assert after.get(path) == content or blob in {tree.get(path) for tree in known}, path
    for path, blob in staged.items():
        assert index.get(path) == blob or blob in {tree.get(path) for tree in known}, path
    assert not await forward(house, base, new)


async def index_of(house: GitHouse) -> dict[str, str]:
    lines = (await house.git("ls-files", "-s")).text.splitlines()
    return {line.partition("\t")[2]: line.split(" ")[1] for line in lines}


async def tree_of(house: GitHouse, commit: str) -> dict[str, str]:
    lines = (await house.git("ls-tree", "-r", commit)).text.splitlines()
    return {line.partition("\t")[2]: line.split(" ")[2].split("\t")[0] for line in lines}


async def dirt(house: GitHouse) -> str:
    return (await house.git("status", "--porcelain")).text


# --- locks that a killed git left behind ----------------------------------------------------------


async def locks_of(house: GitHouse, old_after_seconds: float = 0.2) -> OwnLocks:
    return OwnLocks(Surroundings(await house.place(), house.store), old_after_seconds)


class Cut(Exception):
    """Stands for the end of the process between taking a lock and letting go of it."""


async def cut_off(held: contextlib.AbstractAsyncContextManager[None], *left: Path) -> None:
    with contextlib.suppress(Cut):
        async with held:
            for lock in left:
                lock.write_text("")
            raise Cut


@pytest.mark.parametrize("lock", ["refs/heads/main.lock", "packed-refs.lock"])
async def test_a_lock_of_ours_that_was_cut_off_is_cleared(house: GitHouse, lock: str) -> None:
    base = await house.build(BEGIN)
    new = await house.change(base, LANDED, "one")
    locks = await locks_of(house)
    await cut_off(locks.on_ref("refs/heads/main"), house.root / ".git" / lock)
    target = GitTarget(await house.place(), house.store)
    target._locks = locks
    assert await target.advance("main", new, base)
    assert not (house.root / ".git" / lock).exists()


@pytest.mark.parametrize("lock", ["one.lock", "two/three.lock", "../../packed-refs.lock"])
async def test_pins_that_were_cut_off_while_they_moved_together_can_move_alone(
    house: GitHouse, lock: str
) -> None:
    base = await house.build(BEGIN)
    trees = GitTrees(await house.place(), house.store)
    await trees.move_pins({"one": base, "two/three": base, "four": base})
    locks = await locks_of(house)
    folder = house.root / ".git" / "refs" / "interlock"
    refs = [f"refs/interlock/{name}" for name in ("one", "two/three", "four")]
    await cut_off(locks.on_refs(refs), folder / lock)
    trees._locks = locks
    for name in ("one", "two/three"):
        await trees.unpin(name)
    assert await trees.pins() == {"four": base}
    assert not (folder / lock).exists()


async def test_a_lock_of_somebody_else_is_theirs(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    new = await house.change(base, LANDED, "one")
    lock = house.root / ".git" / "refs" / "heads" / "main.lock"
    lock.write_text("")
    with pytest.raises(PartLost, match="Remove the lock"):
        await (await house.target()).advance("main", new, base)
    assert lock.exists()


async def test_an_older_lock_is_not_taken_for_ours(house: GitHouse) -> None:
    await house.build(BEGIN)
    lock = house.root / ".git" / "index.lock"
    lock.write_text("")
    long_ago = time.time() - 1000
    os.utime(lock, (long_ago, long_ago))
    locks = await locks_of(house)
    await cut_off(locks.held(lock))
    async with locks.held(lock):
        assert lock.exists()
    old, new = await land(house, LANDED)
    assert "another git is at work" in await forward(house, old, new)


async def test_a_checkout_whose_update_was_cut_off_goes_on(house: GitHouse) -> None:
    await house.build(BEGIN)
    old, new = await land(house, LANDED)
    lock = house.root / ".git" / "index.lock"
    put(house.root, {"new/file": b"new\n"})
    await cut_off((await locks_of(house)).held(lock), lock)
    target = GitTarget(await house.place(), house.store)
    target._checkouts._locks = await locks_of(house)
    assert not await target.bring_forward("main", old, new)
    assert not (await house.git("status", "--porcelain")).text
