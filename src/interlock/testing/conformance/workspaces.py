"""What workspaces must hold, in a real repository."""

import asyncio
import os
import stat

import pytest

from interlock.domain.ids import CommitId
from interlock.repository.ports import (
    WorkspaceRefused,
)
from interlock.testing.conformance.repositories import (
    BEGIN,
    GitHouse,
    put,
    seen,
)


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
