"""What trees, trial merges and pins must hold, in a real repository."""

import asyncio

import pytest

from interlock.domain.ids import CommitId
from interlock.engine.errors import PartLost
from interlock.repository.ports import (
    PINS_AT_ONCE_MAX,
    Clash,
    CommitWish,
    Merged,
    Signature,
)
from interlock.testing.conformance.repositories import (
    AT,
    BEGIN,
    Files,
    GitHouse,
)


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
