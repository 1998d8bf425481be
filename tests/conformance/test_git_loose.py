"""What is read without a git is what git says; and whatever is unusual, git is asked about."""

import hashlib
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from interlock.adapters.git import loose
from interlock.adapters.git.loose import (
    COMMIT_BYTES_MAX,
    Lineage,
    below,
    branch_of,
    has_commit,
    lineage_of,
    where,
)
from interlock.adapters.git.program import Answer
from interlock.adapters.git.surroundings import Surroundings
from interlock.domain.ids import CommitId
from interlock.testing.conformance.repositories import BEGIN, Format, GitHouse

FOLDER = "refs/heads/topic/"
REF = f"{FOLDER}one"


@pytest.fixture(params=["sha1", "sha256"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> GitHouse:
    kind: Format = "sha256" if request.param == "sha256" else "sha1"
    return GitHouse(tmp_path, kind)


async def surroundings(house: GitHouse) -> Surroundings:
    return Surroundings(await house.place(), house.store)


class Deaf(Surroundings):
    """A git that must not be asked."""

    async def on_refs(self, *arguments: str, **_: object) -> Answer:
        raise AssertionError(arguments)

    async def on_objects(self, *arguments: str, **_: object) -> Answer:
        raise AssertionError(arguments)


# --- refs -----------------------------------------------------------------------------------------

odd_contents = st.sampled_from(
    [
        b"",
        b"\n",
        b"{one}",
        b"{one}\n\n",
        b"{one} and more\n",
        b"{one}\t\n",
        b" {one}\n",
        b"{one}0\n",
        b"{half}\n",
        b"ref: refs/heads/main\n",
        b"ref: refs/heads/nowhere\n",
        b"0" * 40 + b"\n",
        b"0" * 64 + b"\n",
        b"\xff\xfe\n",
        b"x" * 1_000,
    ]
)
deeds = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.sampled_from([0, 1])),
        st.tuples(st.just("pack"), st.just(0)),
        st.tuples(st.just("delete"), st.just(0)),
        st.tuples(st.just("link"), st.just(0)),
        st.tuples(st.just("folder"), st.just(0)),
        st.tuples(st.just("write"), odd_contents),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(deeds=deeds)
@example(deeds=[("move", 0), ("pack", 0), ("move", 1), ("delete", 0)])
@example(deeds=[("move", 0), ("pack", 0), ("write", b"{one} and more\n")])
@example(deeds=[("move", 0), ("link", 0)])
async def test_a_ref_stands_where_git_says(
    tmp_path_factory: pytest.TempPathFactory, deeds: list[tuple[str, int | bytes]]
) -> None:
    house = GitHouse(tmp_path_factory.mktemp("house"))
    commits = [await house.build(BEGIN), await house.person_commits({"new": b"1"})]
    git, file = await surroundings(house), house.root / ".git" / REF
    for deed, what in deeds:
        match deed, what:
            case "move", int():
                await house.try_git("update-ref", REF, commits[what])
            case "pack", _:
                await house.try_git("pack-refs", "--all")
            case "delete", _:
                await house.try_git("update-ref", "-d", REF)
            case "link", _:
                unmake(file)
                file.symlink_to("../main")
            case "folder", _:
                unmake(file)
                file.mkdir()
            case "write", bytes():
                unmake(file)
                one = commits[0].encode()
                file.write_bytes(what.replace(b"{one}", one).replace(b"{half}", one[:20]))
            case _:
                raise AssertionError(deed)
        said = await house.try_git("show-ref", "--verify", "--hash", "--", REF)
        assert await where(git, REF) == (None if said.code else said.text), (deed, what)
        form = "--format=%(refname) %(objectname)"
        listed = (await house.try_git("for-each-ref", form, FOLDER)).text.splitlines()
        found = below(house.root / ".git", FOLDER)
        assert found is None or found == dict(line.split(" ") for line in listed), (deed, what)


def unmake(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir() and not file.is_symlink():
        file.rmdir()
    file.unlink(missing_ok=True)


async def test_a_ref_that_moved_is_read_without_a_git(house: GitHouse) -> None:
    await house.build(BEGIN)
    deaf = Deaf(await house.place(), house.store)
    for number in range(2):
        new = await house.person_commits({"new": b"%d" % number})
        assert await where(deaf, "refs/heads/main") == new
    await house.git("pack-refs", "--all")
    with pytest.raises(AssertionError, match="show-ref"):
        await where(deaf, "refs/heads/main")


async def test_what_lies_below_a_folder_is_told_when_it_is_sure(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    git_dir = house.root / ".git"
    for name in ("one", "deeper/two"):
        await house.git("update-ref", f"{FOLDER}{name}", base)
    both = {f"{FOLDER}one": base, f"{FOLDER}deeper/two": base}
    (git_dir / FOLDER / "three.lock").write_text("")
    assert below(git_dir, FOLDER) == both
    assert below(git_dir, "refs/heads/nowhere/", f"{FOLDER}deeper/") == {
        f"{FOLDER}deeper/two": base
    }
    await house.git("update-ref", "refs/tags/topic", base)
    await house.git("update-ref", "refs/other/one", base)
    await house.git("pack-refs", "--all")
    assert below(git_dir, FOLDER) is None
    assert below(git_dir, "refs/heads/nowhere/") == {}
    (git_dir / "packed-refs").unlink()
    for odd in ("link", "name with blanks"):
        (git_dir / FOLDER).mkdir(exist_ok=True)
        (git_dir / FOLDER / odd).symlink_to(".." if odd == "link" else "nowhere")
        assert below(git_dir, FOLDER) is None
        (git_dir / FOLDER / odd).unlink()
    (git_dir / "refs" / "heads").rename(git_dir / "refs" / "elsewhere")
    (git_dir / "refs" / "heads").write_text("kept in another way\n")
    assert below(git_dir, FOLDER) is None


@pytest.mark.parametrize(
    ("head", "branch"),
    [
        ("ref: refs/heads/main\n", "refs/heads/main"),
        ("ref: refs/heads/a/b", "refs/heads/a/b"),
        ("ref: refs/heads/.invalid\n", ""),
        ("ref: refs/tags/one\n", ""),
        ("ref:refs/heads/main\n", ""),
        ("ref: refs/heads/../x\n", ""),
        ("1234567890" * 4, ""),
        ("", ""),
    ],
)
def test_a_head_names_its_branch(tmp_path: Path, head: str, branch: str) -> None:
    (tmp_path / "HEAD").write_text(head)
    assert branch_of(tmp_path / "HEAD") == branch
    assert branch_of(tmp_path / "nowhere") == ""


@pytest.mark.parametrize(
    "ref", ["refs/heads/../../secret", "refs/heads/main.lock", "../secret", "refs//heads/main", ""]
)
async def test_no_name_leads_out_of_the_refs(house: GitHouse, ref: str) -> None:
    base = await house.build(BEGIN)
    git = await surroundings(house)
    for name in ("secret", "refs/heads/main.lock"):
        (house.root / ".git" / name).write_text(f"{base}\n")
    (house.root / "secret").write_text(f"{base}\n")
    assert await where(git, ref) is None


# --- commits --------------------------------------------------------------------------------------


async def test_a_commit_that_was_just_made_tells_its_tree_and_parents(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    await house.git("checkout", "--quiet", "-b", "side")
    await house.person_commits({"side": b"1"})
    await house.git("checkout", "--quiet", "main")
    await house.person_commits({"main": b"1"})
    await house.git("merge", "--quiet", "--no-edit", "side")
    merged = CommitId((await house.git("rev-parse", "HEAD")).text)
    git = Deaf(await house.place(), house.store)
    for commit, parents in ((base, 0), (merged, 2)):
        said = (await house.git("log", "-1", "--format=%T %P", commit)).text.split(" ")
        tree, *known = filter(None, said)
        assert lineage_of(git.objects_path, commit) == Lineage(tree, tuple(map(CommitId, known)))
        assert len(known) == parents
        assert await has_commit(git, commit)


def objects_of(house: GitHouse) -> Path:
    return house.root / ".git" / "objects"


def written(objects: Path, name: str, content: bytes) -> CommitId:
    file = objects / name[:2] / name[2:]
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_bytes(content)
    return CommitId(name)


def named(house: GitHouse, content: bytes) -> str:
    kind = hashlib.sha1 if house.kind == "sha1" else hashlib.sha256
    return kind(content).hexdigest()


async def test_a_damaged_commit_is_no_commit(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    git, objects = await surroundings(house), objects_of(house)
    good = (objects / base[:2] / base[2:]).read_bytes()
    content = zlib.decompress(good)
    for bad in (
        b"",
        good[:-3],
        bytes([*good[:-1], good[-1] ^ 1]),
        zlib.compress(content.replace(b"A commit", b"B commit")),
        zlib.compress(content[:-1]),
        os.urandom(200),
    ):
        written(objects, base, bad)
        assert lineage_of(objects, base) is None
    assert not await has_commit(git, base)
    written(objects, base, good)
    assert await has_commit(git, base)


async def test_what_is_no_commit_or_too_large_is_left_to_git(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    objects = objects_of(house)
    tree = (await house.git("rev-parse", f"{base}^{{tree}}")).text
    assert lineage_of(objects, CommitId(tree)) is None
    huge = b"x" * (COMMIT_BYTES_MAX + 1)
    for body in (b"tree nothing\n\n", b"tree %s\nparent ../x\n\n" % tree.encode(), huge):
        content = b"commit %d\0%s" % (len(body), body)
        name = written(objects, named(house, content), zlib.compress(content))
        assert lineage_of(objects, name) is None


async def test_a_packed_commit_is_left_to_git(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    await house.git("gc", "--quiet")
    git = await surroundings(house)
    assert lineage_of(git.objects_path, base) is None
    assert await has_commit(git, base)
    assert not await has_commit(git, CommitId("5" * len(base)))


async def test_a_pipe_is_not_waited_for(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    file = house.root / ".git" / "refs" / "heads" / "main"
    file.unlink()
    os.mkfifo(file)
    assert loose._stands_at(house.root / ".git", "refs/heads/main") is None
    file.unlink()
    file.write_text(f"{base}\n")
    assert loose._stands_at(house.root / ".git", "refs/heads/main") == base
