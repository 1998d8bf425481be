"""What the branch that changes land on must hold, and its remote."""

import asyncio
from pathlib import Path

import pytest

from interlock.engine.errors import PartLost
from interlock.testing.conformance.repositories import (
    BEGIN,
    GitHouse,
)


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
