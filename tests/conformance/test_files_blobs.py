"""Blobs as files: the suite, and what only files can do wrong."""

import errno
import os
import stat
import time
from pathlib import Path

import pytest

from interlock.adapters.files.blobs import LEFTOVER_SECONDS, FileBlobs
from interlock.domain.ids import BlobId
from interlock.engine.errors import BlobMissing, DiskFull, PartLost
from interlock.testing.conformance.blobs import BlobsSuite


class BlobsInFiles:
    def __init__(self, folder: Path) -> None:
        self.root = folder / "store" / "blobs"

    async def open(self) -> FileBlobs:
        return FileBlobs(self.root)

    async def spoil(self, blob: BlobId) -> None:
        with self.path_of(blob).open("ab") as file:
            file.write(b"!")

    def path_of(self, blob: BlobId) -> Path:
        return self.root / blob[:2] / blob[2:]

    def files(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.is_file()]


@pytest.fixture
def house(tmp_path: Path) -> BlobsInFiles:
    return BlobsInFiles(tmp_path)


class TestFileBlobs(BlobsSuite):
    """The suite, on the fixture above."""


async def test_only_the_owner_can_read_them(house: BlobsInFiles) -> None:
    blob = await (await house.open()).put(b"secret")
    path = house.path_of(blob)
    modes = {
        place.name: stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent, house.root)
    }
    assert modes == {path.name: 0o600, path.parent.name: 0o700, "blobs": 0o700}


async def test_a_folder_that_was_open_is_closed(house: BlobsInFiles) -> None:
    house.root.mkdir(parents=True, mode=0o755)
    await house.open()
    assert stat.S_IMODE(house.root.stat().st_mode) == 0o700


async def test_the_same_length_is_not_the_same_content(house: BlobsInFiles) -> None:
    blobs = await house.open()
    blob = await blobs.put(b"evidence")
    house.path_of(blob).write_bytes(b"EVIDENCE")
    with pytest.raises(PartLost, match=str(house.path_of(blob))):
        await blobs.get(blob)


@pytest.mark.parametrize(
    "blob", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "/" * 64]
)
async def test_no_name_leads_out_of_the_folder(house: BlobsInFiles, blob: str) -> None:
    blobs = await house.open()
    with pytest.raises(BlobMissing):
        await blobs.get(BlobId(blob))
    assert not await blobs.has(BlobId(blob))
    await blobs.erase(BlobId(blob))


async def test_a_full_disk_leaves_nothing_behind(
    house: BlobsInFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = await house.open()
    kept = await blobs.put(b"kept")
    before = house.files()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(DiskFull):
            await blobs.put(b"too much")
    assert house.files() == before
    assert await blobs.get(kept) == b"kept"
    assert await blobs.has(await blobs.put(b"too much"))


async def test_a_vanished_store_is_not_an_empty_one(house: BlobsInFiles) -> None:
    blobs = await house.open()
    blob = await blobs.put(b"x")
    house.root.rename(house.root.with_name("elsewhere"))
    for attempt in (blobs.get(blob), blobs.has(blob), blobs.erase(blob), blobs.put(b"y")):
        with pytest.raises(PartLost, match="No such file"):
            await attempt


async def test_a_place_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file")
    with pytest.raises(PartLost, match="blobs"):
        FileBlobs(tmp_path / "blobs")


async def test_what_a_crash_left_is_swept_away_in_time(house: BlobsInFiles) -> None:
    await house.open()
    old, young = house.root / "tmp" / "old", house.root / "tmp" / "young"
    for leftover in (old, young):
        leftover.write_bytes(b"half a blo")
    long_ago = time.time() - LEFTOVER_SECONDS - 1
    os.utime(old, (long_ago, long_ago))
    await house.open()
    assert house.files() == [young]
