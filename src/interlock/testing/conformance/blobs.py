"""What a blob store must hold; subclass the suite and provide the fixture `house`."""

import asyncio
from hashlib import sha256

import pytest

from interlock.domain.ids import BlobId
from interlock.engine.errors import BlobMissing, PartLost
from interlock.testing.conformance.houses import BlobsHouse

CONTENTS = {
    "empty": b"",
    "text": "Tür 漢字\n".encode(),
    "binary": bytes(range(256)),
    "large": b"abc" * 700_000,
}
NOWHERE = BlobId(sha256(b"never stored").hexdigest())


class BlobsSuite:
    """Equal content is one blob, what comes out is what went in, or an error."""

    @pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
    async def test_comes_back_as_it_was_put(self, house: BlobsHouse, content: bytes) -> None:
        blobs = await house.open()
        blob = await blobs.put(content)
        assert blob == sha256(content).hexdigest()
        assert await blobs.has(blob)
        assert await blobs.get(blob) == content

    async def test_the_same_content_twice_is_one_blob(self, house: BlobsHouse) -> None:
        blobs = await house.open()
        first, second = await asyncio.gather(blobs.put(b"same"), blobs.put(b"same"))
        assert first == second
        await blobs.erase(first)
        assert not await blobs.has(first)

    async def test_another_opening_sees_it(self, house: BlobsHouse) -> None:
        blob = await (await house.open()).put(b"x")
        assert await (await house.open()).get(blob) == b"x"

    async def test_what_was_never_put_is_missing(self, house: BlobsHouse) -> None:
        blobs = await house.open()
        assert not await blobs.has(NOWHERE)
        with pytest.raises(BlobMissing, match=NOWHERE):
            await blobs.get(NOWHERE)

    async def test_erased_is_missing_and_may_come_back(self, house: BlobsHouse) -> None:
        blobs = await house.open()
        blob, kept = await blobs.put(b"secret"), await blobs.put(b"kept")
        await blobs.erase(blob)
        await blobs.erase(blob)
        assert not await blobs.has(blob)
        with pytest.raises(BlobMissing):
            await blobs.get(blob)
        assert await blobs.get(kept) == b"kept"
        assert await blobs.put(b"secret") == blob
        assert await blobs.get(blob) == b"secret"

    async def test_spoilt_content_is_never_returned(self, house: BlobsHouse) -> None:
        blobs = await house.open()
        blob = await blobs.put(b"evidence")
        await house.spoil(blob)
        with pytest.raises(PartLost, match=blob):
            await blobs.get(blob)
        await blobs.put(b"evidence")
        assert await blobs.get(blob) == b"evidence"

    async def test_a_crowd_puts_and_gets(self, house: BlobsHouse) -> None:
        blobs = await house.open()
        contents = [str(number % 10).encode() * 1000 for number in range(40)]
        ids = await asyncio.gather(*map(blobs.put, contents))
        assert list(await asyncio.gather(*map(blobs.get, ids))) == contents
        assert len(set(ids)) == 10
