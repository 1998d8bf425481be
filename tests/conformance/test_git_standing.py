"""Gits that stay: what they tell is so right now, and nothing of them is left behind."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from interlock.adapters.git import standing as module
from interlock.adapters.git import surroundings
from interlock.adapters.git.locks import OwnLocks
from interlock.adapters.git.program import Answer, Bounds, Call, bare_environment
from interlock.adapters.git.sight import Sight
from interlock.adapters.git.standing import Standing
from interlock.adapters.git.stays import Differences, Looks, Merges
from interlock.adapters.git.surroundings import Surroundings
from interlock.adapters.git.target import GitTarget
from interlock.adapters.git.trees import GitTrees
from interlock.bootstrap.site import Site
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.ports import Clash, CommitWish, Merged, Signature
from interlock.testing.conformance.repositories import BEGIN, Format, GitHouse

SOON = Bounds(seconds=1)


@pytest.fixture(params=["sha1", "sha256"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> GitHouse:
    kind: Format = "sha256" if request.param == "sha256" else "sha1"
    return GitHouse(tmp_path, kind, stay=True)


@pytest.fixture
async def trees(house: GitHouse) -> AsyncIterator[GitTrees]:
    await house.build(BEGIN)
    trees = GitTrees(await house.place(), house.store, stay=True)
    yield trees
    await trees.close()


def file_of(house: GitHouse, name: str) -> Path:
    return house.root / ".git" / "objects" / name[:2] / name[2:]


async def a_commit(trees: GitTrees, house: GitHouse, message: str) -> CommitId:
    """That nothing leads to."""
    base = await trees.head_of("main")
    assert base is not None
    wish = CommitWish(
        await trees.tree_of(base), (base,), message, Signature("A", "a@x"), datetime.now(UTC)
    )
    return await trees.commit(wish)


async def tree_with(house: GitHouse, path: str, content: bytes) -> str:
    """As `main` with one file more; that nothing leads to."""
    blob = (await house.git("hash-object", "-w", "--stdin", stdin=content)).text
    await house.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    tree = (await house.git("write-tree")).text
    await house.git("read-tree", "HEAD")
    return tree


async def is_there(house: GitHouse, name: str) -> bool:
    return (await house.try_git("cat-file", "-e", name)).code == 0


# --- what it tells is so --------------------------------------------------------------------------


async def test_what_is_asked_most_starts_no_git(
    house: GitHouse, trees: GitTrees, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = await house.person_commits({"more": b"1"})
    target = GitTarget(await house.place(), house.store, stay=True)
    tree = await tree_with(house, "new", b"1")
    ours = await trees.commit(
        CommitWish(tree, (base,), "x", Signature("A", "a"), datetime.now(UTC))
    )

    begin = BEGIN["app/a.py"] or b""
    sides = []
    for name, content in (("top", b"top\n" + begin), ("end", begin + b"end\n")):
        side = await tree_with(house, "app/a.py", content)
        wish = CommitWish(side, (base,), name, Signature("A", "a"), datetime.now(UTC))
        sides.append(await trees.commit(wish))

    async def no_git(*words: object) -> Answer:
        raise AssertionError(words)

    monkeypatch.setattr(surroundings, "run", no_git)
    assert await trees.merge(base, ours) == Merged(tree)
    both = CommitWish(tree, (base, ours), "x", Signature("A", "a"), datetime.now(UTC))
    made = await trees.commit(both)
    await trees.move_pins({"a": made, "b": base})
    # Both sides of one file, which git has a word to say about when it is asked alone.
    assert isinstance(await trees.merge(*sides), Merged)
    assert [each.path for each in await trees.changed(base, made)] == ["new"]
    assert await target.advance("main", made, base)
    monkeypatch.undo()
    assert (await house.git("reflog", "-1", "--format=%gs", "main")).text == "interlock: land"
    await house.git("fsck", "--strict")
    await target.close()


async def test_a_landing_has_its_own_time_in_the_reflog(house: GitHouse, trees: GitTrees) -> None:
    """A git takes one time for all that it is told, so none may have two of them to tell of."""
    base = (await house.git("rev-parse", "main")).text
    target = GitTarget(await house.place(), house.store, stay=True)
    times = [0]
    for text in ("One\n", "Two\n"):
        await asyncio.to_thread(let_pass, times[-1])
        made = await a_commit(trees, house, text)
        assert await target.advance("main", made, base)
        base = made
        told = await house.git("reflog", "-1", "--date=unix", "--format=%gd", "main")
        times.append(int(told.text.removeprefix("main@{").removesuffix("}")))
        assert times[-1] > times[-2]
    await target.close()


def let_pass(second: int) -> None:
    """Git tells no shorter times, and reads them from a clock that is some milliseconds behind."""
    while time.time() < second + 1.1:
        time.sleep(0.01)


@pytest.mark.parametrize("packed", [False, True])
async def test_no_pin_comes_to_a_commit_that_is_gone(
    house: GitHouse, trees: GitTrees, packed: bool
) -> None:
    gone = await a_commit(trees, house, "Gone soon\n")
    await trees.pin("one", gone)
    if packed:
        await house.git("gc", "--quiet", "--prune=now")
        assert not file_of(house, gone).exists()
        await trees.pin("two", gone)
        await trees.unpin("two")
    await trees.unpin("one")
    await house.git("reflog", "expire", "--all", "--expire=now")
    await house.git("gc", "--quiet", "--prune=now")
    assert not await is_there(house, gone)
    with pytest.raises(PartLost):
        await trees.pin("three", gone)
    assert await trees.pins() == {}


async def test_pins_stand_where_git_says_while_refs_are_packed(
    house: GitHouse, trees: GitTrees
) -> None:
    one, two = await a_commit(trees, house, "1"), await a_commit(trees, house, "2")
    await trees.move_pins({"kept/1": one, "kept/2": two})
    for first, second in ((one, two), (two, one)):
        await trees.move_pins({"a": first, "b/c": second})
        await house.git("pack-refs", "--all", "--prune")
        assert await trees.pins("a", "b/") == {"a": first, "b/c": second}
        await trees.move_pins({"a": second, "b/c": None})
        assert await trees.pins("a", "b/") == {"a": second}
        await house.git("gc", "--quiet", "--prune=now")
        await trees.move_pins({"b/c": second, "d": None})
        assert await trees.pins("a", "b/") == {"a": second, "b/c": second}


async def test_settings_of_the_repository_count_from_when_they_are_made(
    house: GitHouse, trees: GitTrees
) -> None:
    one = await a_commit(trees, house, "1")
    await trees.pin("a", one)
    await house.git("config", "core.logAllRefUpdates", "always")
    await trees.pin("b", one)
    logs = house.root / ".git" / "logs" / "refs" / "interlock"
    assert (logs / "b").exists()
    assert not (logs / "a").exists()


@pytest.mark.parametrize("packed", [False, True])
async def test_trees_that_are_gone_are_not_compared(
    house: GitHouse, trees: GitTrees, packed: bool
) -> None:
    git = Surroundings(await house.place(), house.store)
    differences = Differences(git, "diff-tree", "-r", "-z", "--raw", "--full-index")
    looks = Looks(git)
    old, new = await tree_with(house, "d/one", b"1"), await tree_with(house, "d/two", b"2")
    commit = (await house.git("commit-tree", new, "-p", "HEAD", stdin=b"x")).text
    await house.git("update-ref", "refs/heads/kept", commit)
    if packed:
        # The older tree comes into the pack with a commit of its own.
        other = (await house.git("commit-tree", old, stdin=b"x")).text
        await house.git("update-ref", "refs/heads/other", other)
        await house.git("repack", "-a", "-d", "--quiet")
        await house.git("prune-packed")
    said = await differences.between(old, new)
    assert said is not None
    assert said.count(b"\0") == 4
    assert await differences.between(new, new) == b""
    assert await looks.tree_of(CommitId(commit)) == new
    kinds = {old: "tree", commit: "commit"}
    assert await looks.are(kinds)
    assert not await looks.are({**kinds, new: "commit"})
    assert not await looks.are({**kinds, "5" * len(new): "tree"})
    for branch in ("kept", "other"):
        await house.try_git("branch", "-D", branch)
    await house.git("reflog", "expire", "--all", "--expire=now")
    await house.git("gc", "--quiet", "--prune=now")
    assert not await is_there(house, new)
    assert await differences.between(old, new) is None
    assert await looks.tree_of(CommitId(commit)) is None
    assert not await looks.are(kinds)
    await differences.close()
    await looks.close()


async def test_repacking_between_two_questions_changes_no_answer(
    house: GitHouse, trees: GitTrees
) -> None:
    base = await house.person_commits({"more": b"1"})
    pairs = []
    for number in range(3):
        tree = await tree_with(house, f"n{number}", b"1")
        wish = CommitWish(tree, (base,), "x", Signature("A", "a"), datetime.now(UTC))
        made = await trees.commit(wish)
        await trees.pin(f"n{number}", made)
        pairs.append((made, tree))
        await house.git("repack", "-a", "-d", "--quiet")
        await house.git("prune-packed", "--quiet")
        for commit, known in pairs:
            assert await trees.merge(base, commit) == Merged(known)
            assert len(await trees.changed(base, commit)) == 1
            assert await trees.has(commit)
            await trees.pin("again", commit)


async def test_what_a_merge_came_to_is_written_each_time(house: GitHouse, trees: GitTrees) -> None:
    base = await house.person_commits({"more": b"1"})
    sides = []
    for name in ("one", "two"):
        tree = await tree_with(house, f"{name}/file", b"1")
        side = await trees.commit(
            CommitWish(tree, (base,), name, Signature("A", "a"), datetime.now(UTC))
        )
        await trees.pin(name, side)
        sides.append(side)
    for packed in (False, True, False):
        merged = await trees.merge(*sides)
        assert isinstance(merged, Merged)
        assert await is_there(house, merged.tree)
        if packed:
            keep = (await house.git("commit-tree", merged.tree, stdin=b"x")).text
            await house.git("update-ref", "refs/heads/keep", keep)
            await house.git("repack", "-a", "-d", "--quiet")
            assert await trees.merge(*sides) == merged
            await house.git("update-ref", "-d", "refs/heads/keep")
        await house.git("gc", "--quiet", "--prune=now")
        assert not await is_there(house, merged.tree)
    await trees.move_pins({"one": None, "two": None})
    await house.git("gc", "--quiet", "--prune=now")
    with pytest.raises(PartLost):
        await trees.merge(*sides)


async def test_a_clash_is_told_the_same(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    one = await house.change(base, {"app/b.py": b"1\n", "new": b"1"}, "one")
    two = await house.change(base, {"app/b.py": b"2\n", "new": b"2"}, "two")
    plain = GitTrees(await house.place(), house.store)
    told = await plain.merge(one, two)
    assert isinstance(told, Clash)
    assert await (await house.trees()).merge(one, two) == told


async def test_a_commit_that_was_swept_away_is_written_again(
    house: GitHouse, trees: GitTrees
) -> None:
    base = await house.person_commits({"more": b"1"})
    at = datetime.now(UTC)
    wish = CommitWish(await trees.tree_of(base), (base,), "x", Signature("A", "a"), at)
    made = await trees.commit(wish)
    os.utime(file_of(house, made), (1, 1))
    assert await trees.commit(wish) == made
    # As from git: what is made again is young again, and not collected.
    assert file_of(house, made).stat().st_mtime > 1
    await house.git("gc", "--quiet", "--prune=now")
    assert not await is_there(house, made)
    assert await trees.commit(wish) == made
    assert await is_there(house, made)


async def test_objects_of_other_repositories_are_asked_for_by_gits_that_do_not_stay(
    house: GitHouse, trees: GitTrees
) -> None:
    base = await house.person_commits({"more": b"1"})
    tree = await trees.tree_of(base)
    borrower = GitHouse(house.folder / "borrower", house.kind, stay=True)
    borrower.folder.mkdir()
    await house.git("clone", "--quiet", "--shared", str(house.root), str(borrower.root))
    theirs = GitTrees(await borrower.place(), borrower.store, stay=True)
    wish = CommitWish(tree, (base,), "x", Signature("A", "a"), datetime.now(UTC))
    made = await theirs.commit(wish)
    await theirs.move_pins({"a": made, "b": base})
    assert await theirs.changed(base, made) == ()
    await house.git("update-ref", "-d", "refs/heads/main")
    await house.git("reflog", "expire", "--all", "--expire=now")
    await house.git("gc", "--quiet", "--prune=now")
    with pytest.raises(PartLost):
        await theirs.pin("c", base)


def test_a_pack_that_came_while_it_was_asked_may_have_been_seen(tmp_path: Path) -> None:
    pack = tmp_path / "pack" / "pack-1.pack"
    pack.parent.mkdir()
    sight = Sight(tmp_path, ())
    assert sight.holds(())
    pack.touch()
    sight.note()
    assert sight.holds(())
    pack.unlink()
    assert not sight.holds(())


async def test_a_plane_leaves_no_git_behind(house: GitHouse) -> None:
    base = await house.build(BEGIN)
    new = await house.person_commits({"new": b"1"})
    before = children()
    async with Site(await house.place()).with_gits_that_stay() as site:
        await site.trees.pin("a", base)
        assert await site.trees.merge(base, new) == Merged(await site.trees.tree_of(new))
        assert await site.target.advance("main", base, new)
        assert len(children() - before) >= 2
    assert children() <= before


def children() -> set[str]:
    """Every process that this one has started and that it still knows."""
    lists = Path("/proc/self/task").glob("*/children")
    return {child for each in lists for child in each.read_text().split()}


# --- the process ----------------------------------------------------------------------------------

Write = Callable[[str], None]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """A program called git that stands first on PATH; it first writes its number down."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "git"
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def write(text: str) -> None:
        program.write_text(f"#!/bin/sh\necho $$ >>{tmp_path}/pids\n{text}\n")
        program.chmod(0o755)

    return write


def pids(tmp_path: Path) -> list[int]:
    written = tmp_path / "pids"
    return [int(line) for line in written.read_text().split()] if written.exists() else []


def standing(tmp_path: Path, *, once: bool = False) -> Standing:
    def sight() -> Sight:
        return Sight(tmp_path / "objects", ())

    def call() -> Call:
        return Call(("x",), bare_environment(tmp_path), tmp_path)

    return Standing(call, None if once else sight)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not what():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.01)


async def ended(pid: int) -> None:
    """Gone for good: not even the kernel remembers it."""
    await until(lambda: not Path(f"/proc/{pid}").exists())


ECHO = 'while read line; do echo "$line!"; done'


async def test_one_process_answers_many(fake: Write, tmp_path: Path) -> None:
    fake(ECHO)
    git = standing(tmp_path)
    for word in ("one", "two", "three"):
        assert await git.ask(f"{word}\n".encode(), b"!\n") == Answer(0, f"{word}!\n".encode(), b"")
    (pid,) = pids(tmp_path)
    await git.close()
    await ended(pid)


async def test_many_at_once_are_asked_one_after_another(fake: Write, tmp_path: Path) -> None:
    fake(ECHO)
    git = standing(tmp_path)
    asked = [git.ask(b"%d\n" % number, b"!\n") for number in range(20)]
    answers = await asyncio.gather(*asked)
    assert [answer.out for answer in answers] == [b"%d!\n" % number for number in range(20)]
    assert len(pids(tmp_path)) == 1
    await git.close()


async def test_it_is_not_believed_for_ever(
    fake: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REQUESTS_MAX", 3)
    fake(ECHO)
    git = standing(tmp_path)
    for _ in range(7):
        assert (await git.ask(b"x\n", b"!\n")).out == b"x!\n"
    assert len(pids(tmp_path)) == 3
    await git.close()


async def test_one_that_is_not_asked_ends(
    fake: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    for once in (False, True):
        fake("cat" if once else ECHO)
        git = standing(tmp_path, once=once)
        await git.ask(b"x\n", b"" if once else b"!\n")
        await until(lambda: len(pids(tmp_path)) > 0)
        for pid in pids(tmp_path):
            await ended(pid)
        assert (await git.ask(b"x\n", b"" if once else b"!\n")).out[:1] == b"x"
        await git.close()


async def test_one_that_answers_once_stands_ready(fake: Write, tmp_path: Path) -> None:
    fake("cat")
    git = standing(tmp_path, once=True)
    assert (await git.ask(b"one")).out == b"one"
    await until(lambda: len(pids(tmp_path)) == 2)
    ready = pids(tmp_path)[-1]
    assert (await git.ask(b"two")).out == b"two"
    await until(lambda: len(pids(tmp_path)) == 3)
    await ended(ready)
    await git.close()
    for pid in pids(tmp_path):
        await ended(pid)


async def test_one_that_does_not_know_its_words_is_asked_once(fake: Write, tmp_path: Path) -> None:
    house = GitHouse(tmp_path)
    base = await house.build(BEGIN)
    new = await house.person_commits({"new": b"1"})
    real = os.environ["PATH"].partition(":")[2]
    fake(f'case "$*" in *--stdin*) exit 129;; esac; PATH={real} exec git "$@"')
    git = Surroundings(await house.place(), house.store)
    merges = Merges(git)
    assert await merges.merge(base, new) is None
    (tmp_path / "pids").unlink()
    assert await merges.merge(base, new) is None
    assert pids(tmp_path) == []
    trees = GitTrees(await house.place(), house.store, stay=True)
    assert await trees.merge(base, new) == Merged(await trees.tree_of(new))
    await trees.close()
    await merges.close()


async def test_one_that_hangs_is_ended_with_its_children(fake: Write, tmp_path: Path) -> None:
    fake(f"sleep 300 & echo $! >>{tmp_path}/pids; wait")
    git = standing(tmp_path)
    with pytest.raises(PartLost, match="git x gave no answer for 1 s"):
        await git.ask(b"x\n", b"!\n", bounds=SOON)
    await until(lambda: not any(map(runs, pids(tmp_path))))
    assert len(pids(tmp_path)) == 2
    fake(ECHO)
    assert (await git.ask(b"x\n", b"!\n")).out == b"x!\n"
    await git.close()


async def test_one_that_listens_to_nothing_is_ended(fake: Write, tmp_path: Path) -> None:
    fake("exec sleep 300")
    with pytest.raises(PartLost, match="gave no answer"):
        await standing(tmp_path).ask(b"x" * 3_000_000, b"!\n", bounds=SOON)
    await ended(pids(tmp_path)[0])


@pytest.mark.parametrize("once", [False, True])
async def test_a_cancelled_one_is_ended(fake: Write, tmp_path: Path, once: bool) -> None:
    fake("exec sleep 300")
    git = standing(tmp_path, once=once)
    task = asyncio.create_task(git.ask(b"x\n", b"" if once else b"!\n"))
    await until(lambda: len(pids(tmp_path)) > 0)
    waiting = asyncio.create_task(git.ask(b"y\n", b"" if once else b"!\n"))
    fake("cat" if once else ECHO)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not runs(pids(tmp_path)[0])
    assert (await waiting).out[:1] == b"y"
    await git.close()


async def test_endless_output_is_cut(fake: Write, tmp_path: Path) -> None:
    fake("exec yes")
    git = standing(tmp_path)
    answer = await git.ask(b"x\n", b"!\n", bounds=Bounds(out_bytes=100_000))
    assert answer.cut
    assert len(answer.out) == 100_000
    await ended(pids(tmp_path)[0])


async def test_endless_complaints_neither_block_nor_fill_the_memory(
    fake: Write, tmp_path: Path
) -> None:
    fake("yes | head -c 3000000 >&2; " + ECHO)
    git = standing(tmp_path)
    answer = await git.ask(b"x\n", b"!\n")
    assert answer.out == b"x!\n"
    assert len(answer.err) < 100_000
    await git.close()


async def test_one_that_refuses_has_ended_and_its_complaint_is_the_answer(
    fake: Write, tmp_path: Path
) -> None:
    fake('read line; echo "fatal: not $line" >&2; exit 3')
    git = standing(tmp_path)
    for word in ("one", "two"):
        answer = await git.ask(f"{word}\n".encode(), b"!\n")
        assert (answer.code, answer.complaint) == (3, f"not {word}")
    assert len(set(pids(tmp_path))) == 2


async def test_one_that_talks_unasked_is_not_believed(fake: Write, tmp_path: Path) -> None:
    fake(f"read line; echo ok; until test -e {tmp_path}/go; do sleep 0.01; done; echo more; {ECHO}")
    git = standing(tmp_path)
    assert (await git.ask(b"one\n", b"ok\n")).out == b"ok\n"
    fake(ECHO)
    (tmp_path / "go").touch()
    await until(lambda: git._git is not None and not git._git.may_be_asked(()))
    assert (await git.ask(b"two\n", b"!\n")).out == b"two!\n"
    assert len(pids(tmp_path)) == 2
    await git.close()


async def test_one_that_was_killed_between_two_questions_is_replaced(
    fake: Write, tmp_path: Path
) -> None:
    fake(ECHO)
    git = standing(tmp_path)
    await git.ask(b"x\n", b"!\n")
    os.kill(pids(tmp_path)[0], signal.SIGKILL)
    await until(lambda: not runs(pids(tmp_path)[0]))
    assert (await git.ask(b"y\n", b"!\n")).out == b"y!\n"
    await git.close()


async def test_no_git_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for once in (False, True):
        with pytest.raises(PartLost, match="Install git"):
            await standing(tmp_path, once=once).ask(b"x\n", b"!\n")


async def test_it_ends_with_its_owner(fake: Write, tmp_path: Path) -> None:
    fake(ECHO)
    git = standing(tmp_path)
    await git.ask(b"x\n", b"!\n")
    assert git._idle is not None
    git._idle.cancel()
    del git
    gc.collect()
    await ended(pids(tmp_path)[0])


OWNER = """\
import asyncio, os, signal, sys
from pathlib import Path
from interlock.adapters.git.program import Call, bare_environment
from interlock.adapters.git.sight import Sight
from interlock.adapters.git.standing import Standing
here = Path(sys.argv[1])
call = lambda: Call(("x",), bare_environment(here), here)
kept = Standing(call, lambda: Sight(here, ())), Standing(call)
async def ask():
    await kept[0].ask(b"x\\n", b"!\\n")
    await kept[1].ask(b"x\\n")
asyncio.run(ask())
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("how", ["ended", "killed"])
async def test_it_ends_with_the_process_of_its_owner(fake: Write, tmp_path: Path, how: str) -> None:
    fake(ECHO)
    words = [sys.executable, "-X", "dev", "-W", "error", "-c", OWNER, str(tmp_path), how]
    said = await asyncio.to_thread(
        subprocess.run, words, capture_output=True, timeout=20, check=False
    )
    assert (said.returncode, said.stderr) == (0 if how == "ended" else -signal.SIGKILL, b"")
    assert len(pids(tmp_path)) == 3
    await until(lambda: not any(map(runs, pids(tmp_path))))


# --- its locks ------------------------------------------------------------------------------------

TAKES_A_LOCK = """\
case "$*" in *update-ref*) mkdir -p {refs}; : >{refs}/one.lock; {then};; esac
PATH={real} exec git "$@"
"""


@pytest.mark.parametrize("how", ["killed", "cancelled"])
async def test_a_lock_of_one_that_was_cut_off_is_cleared(
    fake: Write, tmp_path: Path, how: str
) -> None:
    house = GitHouse(tmp_path)
    base = await house.build(BEGIN)
    trees = GitTrees(await house.place(), house.store, stay=True)
    trees._locks = OwnLocks(Surroundings(await house.place(), house.store), 0.2)
    refs, real = house.root / ".git/refs/interlock", os.environ["PATH"].partition(":")[2]
    then = "kill -9 $$" if how == "killed" else "exec sleep 300"
    fake(TAKES_A_LOCK.format(refs=refs, real=real, then=then))
    moving = asyncio.create_task(trees.pin("one", base))
    await until((refs / "one.lock").exists)
    if how == "cancelled":
        moving.cancel()
    with pytest.raises(PartLost if how == "killed" else asyncio.CancelledError):
        await moving
    assert (refs / "one.lock").exists()
    fake(f'PATH={real} exec git "$@"')
    await trees.pin("one", base)
    assert await trees.pins() == {"one": base}
    assert not list(refs.glob("*.lock"))
    await trees.close()


async def test_half_of_the_list_moves_nothing(fake: Write, tmp_path: Path) -> None:
    house = GitHouse(tmp_path)
    base = await house.build(BEGIN)
    trees = GitTrees(await house.place(), house.store, stay=True)
    real = os.environ["PATH"].partition(":")[2]
    fake(
        'case "$*" in *update-ref*) '
        f'PATH={real}; head -c 60 | git "$@"; exit 7;; esac; PATH={real} exec git "$@"'
    )
    with pytest.raises(PartLost, match="2 pins"):
        await trees.move_pins({"first": base, "second": base})
    fake(f'PATH={real} exec git "$@"')
    assert await trees.pins() == {}
    await trees.move_pins({"first": base, "second": base})
    assert set(await trees.pins()) == {"first", "second"}
    await trees.close()
