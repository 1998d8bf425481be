"""What collecting must hold, whatever an agent did to its workspace."""

import os
from pathlib import Path

import pytest

from interlock.repository.collecting import Collected, CollectFailed
from interlock.testing.conformance.repositories import (
    BEGIN,
    GitHouse,
    put,
)


class CollectingSuite:
    """Whatever an agent did to its workspace, what it made comes out, or a sentence does."""

    async def test_untouched_is_no_change(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        put(workspace.path, {"x.log": b"ignored", "cache/y": b"ignored"})
        assert await house.collect(workspace) == Collected(None)

    async def test_everything_that_is_not_ignored(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        odd = "späti\tdi\nng [x].txt"
        put(workspace.path, {"app/b.py": b"B\n", odd: b"odd", "README": None, "x.log": b"no"})
        (workspace.path / "app" / "a.py").chmod(0o755)
        (workspace.path / "link").symlink_to("app/b.py")
        head = await house.bring(workspace)
        changed = await (await house.trees()).changed(base, head)
        assert {one.path: (one.old_mode, one.new_mode) for one in changed} == {
            "README": ("100644", "000000"),
            "app/a.py": ("100644", "100755"),
            "app/b.py": ("100644", "100644"),
            "link": ("000000", "120000"),
            odd: ("000000", "100644"),
        }

    async def test_what_is_committed_staged_and_neither(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        own = await house.person_commits({"one": b"1"}, at=workspace.path)
        put(workspace.path, {"two": b"2", "three": b"3", "kept.log": b"forced"})
        await house.git("add", "-f", "two", "kept.log", at=workspace.path)
        before = (workspace.path / ".git" / "index").read_bytes()
        head = await house.bring(workspace)
        trees = await house.trees()
        assert await trees.is_ancestor(own, head)
        assert {one.path for one in await trees.changed(base, head)} == {
            "one", "two", "three", "kept.log",
        }  # fmt: skip
        assert (workspace.path / ".git" / "index").read_bytes() == before

    async def test_twice_is_the_same_commit(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        put(workspace.path, {"new": b"1"})
        first, second = await house.collect(workspace), await house.collect(workspace)
        assert isinstance(first, Collected)
        assert isinstance(second, Collected)
        assert first.head == second.head

    async def test_a_rewritten_history_becomes_one_commit(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        await house.git("checkout", "--quiet", "--orphan", "fresh", at=workspace.path)
        await house.person_commits({"new": b"1"}, at=workspace.path)
        head = await house.bring(workspace)
        trees = await house.trees()
        assert await trees.is_ancestor(base, head)
        assert [one.path for one in await trees.changed(base, head)] == ["new"]

    @pytest.mark.parametrize(
        "harm", ["gone", "head", "long", "lock", "index", "config", "objects", "file", "packed"]
    )
    async def test_a_broken_git_folder(self, house: GitHouse, harm: str) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        await house.person_commits({"own": b"1"}, at=workspace.path)
        put(workspace.path, {"new": b"1"})
        if harm == "packed":
            await house.git("pack-refs", "--all", at=workspace.path)
        else:
            _harm(workspace.path / ".git", house.folder / "taken-away", harm)
        head = await house.bring(workspace)
        changed = await (await house.trees()).changed(base, head)
        assert {one.path for one in changed} == {"own", "new"}

    async def test_a_repository_inside_comes_as_files_and_is_named(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        inner = workspace.path / "vendor" / "lib"
        inner.mkdir(parents=True)
        await house.git("init", "--quiet", at=inner)
        put(workspace.path, {"cache/z/.git/HEAD": b"ignored", "new": b"1"})
        put(inner, {"code.py": b"c", "deep/more/.git/HEAD": b"", "deep/more/d.py": b"d"})
        collected = await house.collect(workspace)
        assert isinstance(collected, Collected)
        assert collected.nested == ("vendor/lib", "vendor/lib/deep/more")
        head = await house.bring(workspace)
        changed = await (await house.trees()).changed(base, head)
        assert {one.path for one in changed} == {
            "new", "vendor/lib/code.py", "vendor/lib/deep/more/d.py",
        }  # fmt: skip

    async def test_repositories_in_odd_places(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        put(workspace.path, {".git/modules/x/.git/HEAD": b"", ".git/modules/x/file": b"not ours"})
        put(workspace.path, {"-C/.git/HEAD": b"", "-C/one": b"1", "a b/.git": b"", "a b/two": b"2"})
        collected = await house.collect(workspace)
        assert isinstance(collected, Collected)
        assert collected.nested == ("-C", "a b")
        head = await house.bring(workspace)
        changed = await (await house.trees()).changed(base, head)
        assert {one.path for one in changed} == {"-C/one", "a b/two"}

    async def test_what_is_staged_in_a_split_index_is_kept(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        put(workspace.path, {"kept.log": b"forced"})
        await house.git("add", "-f", "kept.log", at=workspace.path)
        await house.git("update-index", "--split-index", at=workspace.path)
        head = await house.bring(workspace)
        changed = await (await house.trees()).changed(base, head)
        assert [one.path for one in changed] == ["kept.log"]

    async def test_what_git_cannot_take_is_told(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        put(workspace.path, {"new": b"1", ".GIT/config": b"[core]"})
        os.mkfifo(workspace.path / "pipe")
        collected = await house.collect(workspace)
        assert isinstance(collected, Collected)
        assert ".GIT/config" in collected.skipped
        head = await house.bring(workspace)
        assert [one.path for one in await (await house.trees()).changed(base, head)] == ["new"]

    async def test_too_large_is_a_sentence(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        put(workspace.path, {"large": os.urandom(3_000_000)})
        answer = await house.collect(workspace, most=2_000_000)
        assert answer == CollectFailed(
            "The change was not brought out of the box: the change is larger than 2 MB packed."
        )

    async def test_what_the_surroundings_tell_git_counts_for_nothing(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        put(workspace.path, {"new": b"1"})
        told = {
            "GIT_DIR": "/nowhere",
            "GIT_OBJECT_DIRECTORY": "/nowhere",
            "GIT_ICASE_PATHSPECS": "nonsense",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.bare",
            "GIT_CONFIG_VALUE_0": "true\nGIT_DIR=",
        }
        expected = await house.collect(workspace)
        assert isinstance(expected, Collected)
        collected = await house.collect(workspace, told=told)
        assert isinstance(collected, Collected)
        assert collected.head == expected.head

    async def test_what_an_earlier_collecting_left_is_no_answer(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        outbox = house.folder / "outbox-1"
        put(outbox, {"change.json/x": b"", "change.failed": b"", "change.nested": b"old\n"})
        (outbox / "change.pack").symlink_to(workspace.path / "README")
        put(workspace.path, {"new": b"1"})
        collected = await house.collect(workspace)
        assert isinstance(collected, Collected)
        assert collected.nested == ()
        assert collected.pack is not None
        assert not collected.pack.is_symlink()

    async def test_what_the_host_put_there_is_left_out(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        put(workspace.path, {".venv/bin/python": b"#!"})
        assert await house.collect(workspace, left_out=("/.venv/",)) == Collected(None)


def _harm(git_dir: Path, away: Path, harm: str) -> None:
    match harm:
        case "gone":
            git_dir.rename(away)
        case "head":
            (git_dir / "HEAD").write_bytes(b"\0garbage")
        case "long":
            (git_dir / "HEAD").write_bytes(b"a")
            os.truncate(git_dir / "HEAD", 5_000_000_000)
        case "lock":
            put(git_dir, {"index.lock": b"", "HEAD.lock": b"", "refs/heads/worker/work.lock": b""})
        case "index":
            (git_dir / "index").write_bytes(b"DIRC nonsense")
        case "config":
            (git_dir / "config").write_text("[core\nbare = maybe")
        case "objects":
            for loose in [path for path in git_dir.glob("objects/??/*") if path.is_file()]:
                loose.chmod(0o644)
                loose.write_bytes(b"rot")
        case _:
            git_dir.rename(away)
            git_dir.write_text("gitdir: /nowhere\n")
