"""What a snapshot store must hold; subclass the suite and provide the fixture `house`."""

from interlock.engine.ports import Snapshot
from interlock.testing.conformance.houses import SnapshotsHouse


class SnapshotsSuite:
    """The newest picture per name, for every opening."""

    async def test_an_unknown_name_has_none(self, house: SnapshotsHouse) -> None:
        assert await (await house.open()).load("board") is None

    async def test_comes_back_as_it_was_saved(self, house: SnapshotsHouse) -> None:
        snapshots = await house.open()
        snapshot = Snapshot(7, "board-1", bytes(range(256)) * 5000)
        await snapshots.save("board", snapshot)
        assert await snapshots.load("board") == snapshot

    async def test_an_empty_picture_is_a_picture(self, house: SnapshotsHouse) -> None:
        snapshots = await house.open()
        await snapshots.save("board", Snapshot(0, "", b""))
        assert await snapshots.load("board") == Snapshot(0, "", b"")

    async def test_the_newest_wins(self, house: SnapshotsHouse) -> None:
        snapshots = await house.open()
        for position in (3, 9, 5):
            await snapshots.save("board", Snapshot(position, "f", str(position).encode()))
        assert await snapshots.load("board") == Snapshot(9, "f", b"9")

    async def test_the_same_position_may_be_saved_anew(self, house: SnapshotsHouse) -> None:
        snapshots = await house.open()
        await snapshots.save("board", Snapshot(3, "old-format", b"old"))
        await snapshots.save("board", Snapshot(3, "new-format", b"new"))
        assert await snapshots.load("board") == Snapshot(3, "new-format", b"new")

    async def test_names_are_apart(self, house: SnapshotsHouse) -> None:
        snapshots = await house.open()
        await snapshots.save("board", Snapshot(9, "f", b"board"))
        await snapshots.save("Board", Snapshot(1, "f", b"other"))
        assert await snapshots.load("board") == Snapshot(9, "f", b"board")
        assert await snapshots.load("Board") == Snapshot(1, "f", b"other")

    async def test_another_opening_sees_it(self, house: SnapshotsHouse) -> None:
        one, two = await house.open(), await house.open()
        await one.save("board", Snapshot(4, "f", b"x"))
        await two.save("board", Snapshot(3, "f", b"late"))
        assert await two.load("board") == Snapshot(4, "f", b"x")
