"""What taking in a pack must hold, whoever made it."""

import os

from interlock.domain.ids import CommitId
from interlock.repository.collecting import Collected
from interlock.testing.conformance.repositories import (
    BEGIN,
    GitHouse,
    put,
    refused,
)


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
