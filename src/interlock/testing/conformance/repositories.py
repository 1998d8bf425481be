"""What workspaces, trees and a target must hold, in a real repository that a `GitHouse` makes.

An agent's box is left out here: the program that collects runs as a plain process, so that what it
does can be seen without one.
"""

import asyncio
import os
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import pytest

from interlock.adapters.git.program import Answer, Bounds, run
from interlock.adapters.git.repositories import GitRepositories
from interlock.adapters.git.target import GitTarget
from interlock.adapters.git.trees import GitTrees
from interlock.adapters.git.workspaces import GitWorkspaces
from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.collecting import Collected, CollectFailed, collect_argv, read_outbox
from interlock.repository.ports import (
    PINS_AT_ONCE_MAX,
    Clash,
    CommitWish,
    Merged,
    PackRefused,
    RepositoryPlace,
    Signature,
    Target,
    Trees,
    Workspace,
    WorkspaceRefused,
    Workspaces,
)

Files = Mapping[str, bytes | None]
Format = Literal["sha1", "sha256"]
PACK_BYTES_MAX: Final = 20_000_000
AT: Final = datetime(2026, 3, 1, 12, 30, 15, 999, tzinfo=UTC)


class GitHouse:
    """A repository with one commit, made without any setting of whoever runs the tests."""

    def __init__(self, folder: Path, kind: Format = "sha1") -> None:
        self.folder, self.root, self.kind = folder, folder / "project", kind
        self.store = self.root / ".git" / "interlock" / "git"
        self.boxes = 0

    async def build(self, files: Files) -> CommitId:
        self.root.mkdir(parents=True)
        await self.git("init", "--quiet", "-b", "main", f"--object-format={self.kind}")
        return await self.person_commits(files)

    async def git(self, *words: str, at: Path | None = None, stdin: bytes = b"") -> Answer:
        """Git as the person types it, hooks and filters included; it must succeed."""
        answer = await self.try_git(*words, at=at, stdin=stdin)
        assert answer.code == 0, answer.err.decode()
        return answer

    async def try_git(self, *words: str, at: Path | None = None, stdin: bytes = b"") -> Answer:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Person",
            "GIT_AUTHOR_EMAIL": "person@localhost",
            "GIT_COMMITTER_NAME": "Person",
            "GIT_COMMITTER_EMAIL": "person@localhost",
        }
        bounds = Bounds(seconds=60)
        return await run(words, environment, stdin, at or self.root, bounds)

    async def person_commits(self, files: Files, at: Path | None = None) -> CommitId:
        put(at or self.root, files)
        await self.git("add", "-A", at=at)
        await self.git("commit", "--quiet", "--allow-empty", "-m", "A commit of a person", at=at)
        return CommitId((await self.git("rev-parse", "HEAD", at=at)).text)

    async def place(self) -> RepositoryPlace:
        place = await GitRepositories().find(self.root)
        assert isinstance(place, RepositoryPlace)
        return place

    async def trees(self) -> Trees:
        return GitTrees(await self.place(), self.store)

    async def workspaces(self) -> Workspaces:
        return GitWorkspaces(await self.place(), self.store)

    async def target(self) -> Target:
        return GitTarget(await self.place(), self.store)

    async def workspace(self, commit: CommitId, name: str = "work") -> Workspace:
        await (await self.trees()).pin(f"base/{name}", commit)
        return await (await self.workspaces()).make(self.folder / name, commit, f"worker/{name}")

    async def collect(
        self, workspace: Workspace, most: int = PACK_BYTES_MAX, left_out: tuple[str, ...] = ()
    ) -> Collected | CollectFailed:
        self.boxes += 1
        outbox = self.folder / f"outbox-{self.boxes}"
        outbox.mkdir()
        program, *words = collect_argv(workspace.commit, most, workspace.shows, left_out)
        process = await asyncio.create_subprocess_exec(
            program,
            *words,
            cwd=workspace.path,
            env={"PATH": os.environ["PATH"], "OUTBOX": str(outbox)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(60):
            await process.wait()
        return read_outbox(outbox)

    async def bring(self, workspace: Workspace, pin: str = "attempt/1") -> CommitId:
        """The change in the workspace, taken into the repository."""
        collected = await self.collect(workspace)
        assert isinstance(collected, Collected), collected
        assert collected.head is not None
        assert collected.pack is not None
        await (await self.trees()).take_in(collected.pack, collected.head, pin)
        return collected.head

    async def change(self, base: CommitId, files: Files, name: str) -> CommitId:
        """As an agent would: a workspace on `base`, edited, collected, taken in."""
        workspace = await self.workspace(base, name)
        put(workspace.path, files)
        return await self.bring(workspace, f"change/{name}")


def put(folder: Path, files: Files) -> None:
    """Write files; None removes one."""
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def seen(folder: Path) -> dict[str, bytes]:
    """Every file of a working tree by its path, git's own left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


BEGIN: Final[Files] = {
    "README": b"one\n",
    "app/a.py": b"".join(b"line %d\n" % number for number in range(20)),
    "app/b.py": b"b\n",
    ".gitignore": b"*.log\n/cache/\n",
}


class WorkspacesSuite:
    """A workspace is a clone of its own, whole, and cannot touch the repository."""

    async def test_it_shows_the_commit_and_is_clean(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        assert seen(workspace.path) == BEGIN
        status = await house.git("status", "--porcelain", "--branch", at=workspace.path)
        assert status.text == "## worker/work"
        head = await house.git("rev-parse", "HEAD", at=workspace.path)
        assert head.text == base

    async def test_it_knows_no_way_back(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        assert not (await house.git("remote", at=workspace.path)).text
        refs = await house.git("for-each-ref", "--format=%(refname)", at=workspace.path)
        assert refs.text == "refs/heads/worker/work"
        assert not (workspace.path / ".git" / "hooks").exists()
        assert workspace.shows == (house.root / ".git" / "objects",)

    async def test_an_agent_can_commit_and_branch_in_it(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        head = await house.person_commits({"new.py": b"n\n"}, at=workspace.path)
        await house.git("checkout", "--quiet", "-b", "side", at=workspace.path)
        assert not await (await house.trees()).has(head)

    async def test_without_a_branch_its_head_is_detached(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await (await house.workspaces()).make(house.folder / "gate", base)
        assert (workspace.path / ".git" / "HEAD").read_text() == f"{base}\n"
        assert seen(workspace.path) == BEGIN

    async def test_others_can_at_least_look(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        before = os.umask(0o077)
        try:
            workspace = await house.workspace(base)
        finally:
            os.umask(before)
        modes = [path.lstat().st_mode for path in workspace.path.rglob("*")]
        assert all(mode & stat.S_IROTH for mode in modes)

    async def test_a_place_that_is_taken_is_refused_and_kept(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        taken = house.folder / "taken"
        put(taken, {"mine": b"1"})
        workspaces = await house.workspaces()
        with pytest.raises(WorkspaceRefused, match="there already"):
            await workspaces.make(taken, base)
        with pytest.raises(WorkspaceRefused, match="no workspace"):
            await workspaces.remove(taken)
        assert seen(taken) == {"mine": b"1"}

    async def test_no_such_commit(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        gone = CommitId("5" * len(base))
        with pytest.raises(WorkspaceRefused, match=gone):
            await (await house.workspaces()).make(house.folder / "w", gone)
        assert not (house.folder / "w").exists()

    @pytest.mark.parametrize("branch", ["../../x", "a..b", "-x", "a/.b", "a.lock", "a b", "a//b"])
    async def test_no_branch_leads_out(self, house: GitHouse, branch: str) -> None:
        base = await house.build(BEGIN)
        with pytest.raises(WorkspaceRefused, match="branch"):
            await (await house.workspaces()).make(house.folder / "w", base, branch)

    async def test_what_stands_is_known_to_whoever_comes_next(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        one, two = await house.workspace(base, "one"), await house.workspace(base, "two")
        assert set(await (await house.workspaces()).made()) == {one.path, two.path}
        await (await house.workspaces()).remove(one.path)
        await (await house.workspaces()).remove(one.path)
        assert await (await house.workspaces()).made() == (two.path,)
        assert not one.path.exists()

    async def test_removing_opens_closed_folders_and_follows_no_link(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        precious = house.folder / "precious"
        put(precious, {"kept": b"1"})
        (workspace.path / "out").symlink_to(precious)
        put(workspace.path, {"closed/deep/file": b"1"})
        (workspace.path / "closed" / "deep").chmod(0)
        (workspace.path / "closed").chmod(0)
        await (await house.workspaces()).remove(workspace.path)
        assert not workspace.path.exists()
        assert seen(precious) == {"kept": b"1"}

    async def test_a_workspace_that_became_a_link_is_only_unlinked(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        workspace.path.rename(house.folder / "aside")
        workspace.path.symlink_to(house.folder / "aside")
        await (await house.workspaces()).remove(workspace.path)
        assert seen(house.folder / "aside") == BEGIN

    async def test_hidden_from_the_person(self, house: GitHouse) -> None:
        await house.build(BEGIN)
        put(house.root, {".worktrees/x/file": b"1"})
        workspaces = await house.workspaces()
        await workspaces.hide("/.worktrees/")
        await workspaces.hide("/.worktrees/")
        assert not (await house.git("status", "--porcelain")).text
        exclude = (house.root / ".git" / "info" / "exclude").read_text()
        assert exclude.splitlines().count("/.worktrees/") == 1

    @pytest.mark.timeout(120)
    async def test_garbage_is_collected_meanwhile(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        trees = await house.trees()
        candidate = await house.change(base, {"app/b.py": b"candidate\n"}, "before")
        for number in range(6):
            async with asyncio.TaskGroup() as group:
                group.create_task(house.git("gc", "--quiet", "--prune=now"))
                made = group.create_task(house.workspace(candidate, f"w{number}"))
            assert seen(made.result().path)["app/b.py"] == b"candidate\n"
        assert await trees.has(candidate)


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
        "harm", ["gone", "head", "lock", "index", "config", "objects", "file", "packed"]
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


class TreesSuite:
    """Objects, merges and pins."""

    async def test_where_branches_stand(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        trees = await house.trees()
        assert await trees.head_of("main") == base
        assert await trees.head_of("main~0") is None
        assert await trees.head_of("nowhere") is None
        assert await trees.tree_of(base) == (await house.git("rev-parse", "main^{tree}")).text
        assert not await trees.has(CommitId("5" * len(base)))

    async def test_only_full_names_are_taken(self, house: GitHouse) -> None:
        await house.build(BEGIN)
        trees = await house.trees()
        for name in ("main", "--all", "HEAD", "abc", "g" * 40, ""):
            with pytest.raises(PartLost, match="no full name"):
                await trees.tree_of(CommitId(name))

    async def test_files_and_messages_are_read(self, house: GitHouse) -> None:
        await house.build(BEGIN)
        (house.root / "link").symlink_to("README")
        base = await house.person_commits({"app/[x]": b"\0binary"})
        trees = await house.trees()
        assert await trees.read(base, "README") == b"one\n"
        assert await trees.read(base, "app/[x]") == b"\0binary"
        for absent in ("link", "app", "nothing", "", "../README", "app/*", ":README"):
            assert await trees.read(base, absent) is None
        assert await trees.message(base) == "A commit of a person\n"

    async def test_both_sides_go_together(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        first = await house.change(base, {"app/b.py": b"first\n"}, "one")
        second = await house.change(base, {"README": b"second\n"}, "two")
        trees = await house.trees()
        merged = await trees.merge(first, second)
        assert isinstance(merged, Merged)
        wish = CommitWish(merged.tree, (first,), "Land\n", Signature("A", "a@x"), AT)
        landed = await trees.commit(wish)
        assert await trees.read(landed, "README") == b"second\n"
        assert await trees.read(landed, "app/b.py") == b"first\n"

    async def test_a_moved_file_and_an_edit_of_it_go_together(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        content = BEGIN["app/a.py"]
        assert content is not None
        moved = await house.change(base, {"app/a.py": None, "lib/a.py": content}, "one")
        edited = await house.change(base, {"app/a.py": content + b"more\n"}, "two")
        trees = await house.trees()
        merged = await trees.merge(moved, edited)
        assert isinstance(merged, Merged)
        landed = await trees.commit(CommitWish(merged.tree, (), "x", Signature("A", "a"), AT))
        assert await trees.read(landed, "lib/a.py") == content + b"more\n"

    @pytest.mark.parametrize(
        ("ours", "theirs", "path"),
        [
            ({"app/b.py": b"o\n"}, {"app/b.py": b"t\n"}, "app/b.py"),
            ({"app/b.py": None}, {"app/b.py": b"t\n"}, "app/b.py"),
            ({"bin": b"\0o"}, {"bin": b"\0t"}, "bin"),
            ({"new": b"o\n"}, {"new": b"t\n"}, "new"),
            ({"d": b"file\n"}, {"d/e": b"folder\n"}, "d"),
        ],
        ids=["text", "removed", "binary", "both new", "file and folder"],
    )
    async def test_a_clash_names_both_sides(
        self, house: GitHouse, ours: Files, theirs: Files, path: str
    ) -> None:
        base = await house.build(BEGIN)
        one = await house.change(base, ours, "one")
        two = await house.change(base, theirs, "two")
        clash = await (await house.trees()).merge(one, two)
        assert isinstance(clash, Clash)
        assert any(name == path or name.startswith(f"{path}~") for name in clash.paths)
        assert "CONFLICT" in clash.detail
        assert one[:12] in clash.detail
        assert two[:12] in clash.detail
        assert len(clash.detail) < 20_000

    async def test_a_large_clash_is_told_shortly(self, house: GitHouse) -> None:
        names = [f"f{number}" for number in range(60)]
        base = await house.build(dict.fromkeys(names, b"x\n" * 500))
        one = await house.change(base, dict.fromkeys(names, b"1\n" * 500), "one")
        two = await house.change(base, dict.fromkeys(names, b"2\n" * 500), "two")
        clash = await (await house.trees()).merge(one, two)
        assert isinstance(clash, Clash)
        assert len(clash.paths) == 60
        assert len(clash.detail) < 20_000

    async def test_the_same_wish_is_the_same_commit(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        trees = await house.trees()
        author = Signature("Worker <one>\n", "")
        message = "Land it\n\nInterlock-Task: schema\n"
        wish = CommitWish(await trees.tree_of(base), (base,), message, author, AT)
        first, second = await trees.commit(wish), await trees.commit(wish)
        assert first == second
        assert await trees.message(first) == message
        form = "--format=%an <%ae> %at | %cn"
        said = (await house.git("log", "-1", form, first)).text
        assert said == "Worker one <unknown@localhost> 1772368215 | Interlock"

    async def test_patches_apply(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        head = await house.change(base, {"bin": b"\0\1", "README": None}, "one")
        patch = house.folder / "patch"
        patch.write_bytes(await (await house.trees()).patch(base, head))
        await house.git("apply", str(patch))
        assert (house.root / "bin").read_bytes() == b"\0\1"
        assert not (house.root / "README").exists()

    async def test_what_is_pinned_outlives_garbage(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        trees = await house.trees()
        kept = await house.change(base, {"kept": b"1"}, "kept")
        lost = await house.change(base, {"lost": b"1"}, "lost")
        assert (await trees.pins("change/")) == {"change/kept": kept, "change/lost": lost}
        await trees.unpin("change/lost")
        await trees.unpin("change/lost")
        await house.git("gc", "--quiet", "--prune=now")
        assert await trees.has(kept)
        assert not await trees.has(lost)
        assert await trees.is_ancestor(base, kept)
        assert not await trees.is_ancestor(kept, base)

    async def test_pins_move_together(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        new = await house.person_commits({"new": b"1"})
        trees = await house.trees()
        await trees.move_pins({})
        await trees.move_pins({"some/one": base, "some/two": base, "other/one": base})
        await house.git("pack-refs", "--all")
        await trees.move_pins({"some/one": new, "some/two": None, "some/never-there": None})
        assert await trees.pins() == {"some/one": new, "other/one": base}
        assert await trees.pins("some/", "none/") == {"some/one": new}
        assert await trees.pins("some/o", "other/one") == {"some/one": new, "other/one": base}
        assert await trees.pins("some/two", "so") == {"some/one": new}
        await trees.move_pins(dict.fromkeys(await trees.pins(), None))
        assert await trees.pins() == {}

    async def test_pins_move_together_or_not_at_all(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        trees = await house.trees()
        await trees.pin("kept", base)
        nowhere = CommitId("5" * len(base))
        for name, commit in (("bad", nowhere), ("x..y", base), ("x\0y", base), ("kept/x", base)):
            with pytest.raises(PartLost):
                await trees.move_pins({"a": base, "kept": None, "kept-2": base, name: commit})
            assert await trees.pins() == {"kept": base}

    async def test_too_many_pins_at_once_are_a_mistake(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        trees = await house.trees()
        names = [f"crowd/{number}" for number in range(PINS_AT_ONCE_MAX + 1)]
        with pytest.raises(ValueError, match="at a time"):
            await trees.move_pins(dict.fromkeys(names, base))
        await trees.move_pins(dict.fromkeys(names[1:], base))
        assert len(await trees.pins("crowd/")) == PINS_AT_ONCE_MAX

    async def test_the_same_pins_are_moved_from_all_sides_at_once(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        trees, others = await house.trees(), await house.trees()
        names = [f"side/{number}" for number in range(6)]
        async with asyncio.TaskGroup() as group:
            for turn in range(4):
                group.create_task(trees.move_pins(dict.fromkeys(names, base)))
                group.create_task(others.move_pins(dict.fromkeys(reversed(names), base)))
                group.create_task(others.pin(names[turn], base))
        assert len(await trees.pins("side/")) == 6

    async def test_what_is_asked_again_is_answered_the_same(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        new = await house.person_commits({"README": b"two\n"})
        trees, fresh = await house.trees(), await house.trees()
        for _ in range(2):
            assert await trees.is_ancestor(base, new)
            assert not await trees.is_ancestor(new, base)
            assert await trees.tree_of(new) == await fresh.tree_of(new) != await fresh.tree_of(base)
            assert [each.path for each in await trees.changed(base, new)] == ["README"]
            assert await trees.changed(new, base) == await fresh.changed(new, base)

    async def test_memory_never_stands_for_what_was_made_anew(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        trees = await house.trees()
        tree = (await house.git("write-tree")).text
        wish = CommitWish(tree, (base,), "Try it\n", Signature("A", "a@x"), AT)
        for _ in range(2):
            made = await trees.commit(wish)
            assert await trees.tree_of(made) == tree
            assert await trees.changed(base, made) == ()
            assert await trees.is_ancestor(base, made)
        made = await trees.commit(wish)
        await house.git("gc", "--quiet", "--prune=now")
        assert not await trees.has(made)
        for question in (trees.changed(base, made), trees.is_ancestor(base, made)):
            with pytest.raises(PartLost):
                await question
        with pytest.raises(PartLost, match="not in the repository"):
            await trees.tree_of(made)

    async def test_many_at_once(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        trees = await house.trees()
        async with asyncio.TaskGroup() as group:
            for number in range(12):
                group.create_task(trees.pin(f"crowd/{number}", base))
                group.create_task(trees.pin("crowd-of-one", base))
        assert len(await trees.pins("crowd/")) == 12


class TargetSuite:
    """The branch moves once, by whoever knew where it stood."""

    async def test_compare_and_swap(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        one = await house.change(base, {"one": b"1"}, "one")
        two = await house.change(base, {"two": b"2"}, "two")
        target, trees = await house.target(), await house.trees()
        results = await asyncio.gather(
            target.advance("main", one, base), target.advance("main", two, base)
        )
        assert sorted(results) == [False, True]
        assert await trees.head_of("main") == (one if results[0] else two)
        assert not await target.advance("nowhere", one, base)

    async def test_a_push_is_taken_once(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        await self._with_remote(house)
        target = await house.target()
        one = await house.change(base, {"one": b"1"}, "one")
        two = await house.change(base, {"two": b"2"}, "two")
        assert (await target.push("origin", "main", one, base)).taken
        assert (await target.push("origin", "main", one, base)).taken
        refused = await target.push("origin", "main", two, base)
        assert (refused.taken, refused.moved_to) == (False, one)
        assert await target.fetch("origin", "main") == one
        assert await target.fetch("origin", "nowhere") is None

    async def test_what_others_pushed_arrives(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        remote = await self._with_remote(house)
        other = house.folder / "other"
        await house.git("clone", "--quiet", str(remote), str(other))
        theirs = await house.person_commits({"theirs": b"1"}, at=other)
        await house.git("push", "--quiet", at=other)
        target, trees = await house.target(), await house.trees()
        assert await target.fetch("origin", "main") == theirs
        assert await trees.has(theirs)
        assert await target.fetch(str(remote), "main") == theirs
        # The person's own picture of the remote is theirs to update.
        seen_by_person = await house.git("for-each-ref", "--format=%(objectname)", "refs/remotes")
        assert seen_by_person.text == base

    async def test_a_remote_that_is_away(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        await house.git("remote", "add", "origin", str(house.folder / "nowhere.git"))
        target = await house.target()
        with pytest.raises(PartLost, match="remote origin"):
            await target.push("origin", "main", base, base)
        with pytest.raises(PartLost, match="remote origin"):
            await target.fetch("origin", "main")

    async def test_a_clean_checkout_follows(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        await house.git("worktree", "add", "--quiet", "-b", "side", "../linked")
        linked = house.folder / "linked"
        new = await house.change(base, {"app/b.py": b"B\n", "README": None, "n/x": b"x"}, "one")
        target = await house.target()
        assert await target.advance("main", new, base)
        assert await target.advance("side", new, base)
        for branch in ("main", "side", "main"):
            assert not await target.bring_forward(branch, base, new)
        for folder in (house.root, linked):
            assert not (await house.git("status", "--porcelain", at=folder)).text
            assert (folder / "n" / "x").read_bytes() == b"x"
            assert not (folder / "README").exists()

    async def _with_remote(self, house: GitHouse) -> Path:
        remote = house.folder / "remote.git"
        words = ("init", "--quiet", "--bare", "-b", "main", f"--object-format={house.kind}")
        await house.git(*words, str(remote), at=house.folder)
        await house.git("remote", "add", "origin", str(remote))
        await house.git("push", "--quiet", "origin", "main")
        return remote


class IntakeSuite:
    """A pack is believed only as far as it can be checked, and a refused one leaves nothing."""

    async def test_a_pack_without_its_base_is_refused(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        await house.person_commits({"one": b"1"}, at=workspace.path)
        await house.person_commits({"two": b"2"}, at=workspace.path)
        words = "printf 'HEAD\\n^HEAD~1\\n' | git pack-objects --revs --stdout >../gap.pack"
        await house.git("-c", f"alias.x=!{words}", "x", at=workspace.path)
        head = CommitId((await house.git("rev-parse", "HEAD", at=workspace.path)).text)
        await refused(house, house.folder / "gap.pack", head, "gap|missing|not sound")

    async def test_garbage_is_refused(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        for number, content in enumerate([b"", b"PACK", os.urandom(5_000)]):
            pack = house.folder / f"{number}.pack"
            pack.write_bytes(content)
            await refused(house, pack, base, "not sound")

    async def test_a_link_instead_of_a_pack(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        (house.folder / "link").symlink_to("/etc/passwd")
        await refused(house, house.folder / "link", base, "cannot be opened")
        os.mkfifo(house.folder / "pipe")
        await refused(house, house.folder / "pipe", base, "no file")

    async def test_a_pack_that_leads_elsewhere(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        put(workspace.path, {"new": b"1"})
        collected = await house.collect(workspace)
        assert isinstance(collected, Collected)
        assert collected.pack is not None
        await refused(house, collected.pack, CommitId("5" * len(base)), "does not lead")

    async def test_what_a_killed_plane_left_is_swept_away_in_time(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        await house.change(base, {"x": b"1"}, "one")
        old, young = house.store / "incoming" / "old", house.store / "incoming" / "young"
        put(old, {"pack/tmp_pack": b"half"})
        put(young, {"pack/tmp_pack": b"half"})
        os.utime(old, (1_000_000_000, 1_000_000_000))
        await house.change(base, {"x": b"2"}, "two")
        assert [path.name for path in (house.store / "incoming").iterdir()] == ["young"]

    async def test_a_change_is_taken_in_as_often_as_it_comes(self, house: GitHouse) -> None:
        base = await house.build(BEGIN)
        workspace = await house.workspace(base)
        put(workspace.path, {"new": b"1"})
        heads = {await house.bring(workspace, f"again/{number}") for number in range(3)}
        assert len(heads) == 1
        assert len(await (await house.trees()).pins("again/")) == 3
        assert not list((house.root / ".git" / "objects" / "pack").glob("*.keep"))
        await house.git("fsck", "--strict")


async def refused(house: GitHouse, pack: Path, head: CommitId, why: str) -> None:
    """Refused for that reason, and nothing of it is in the repository afterwards."""
    objects = house.root / ".git" / "objects"
    before = {path for path in objects.rglob("*") if path.is_file()}
    trees = await house.trees()
    with pytest.raises(PackRefused, match=why):
        await trees.take_in(pack, head, "refused/1")
    assert {path for path in objects.rglob("*") if path.is_file()} == before
    assert not await trees.pins("refused/")
    assert not list((house.store / "incoming").iterdir())
