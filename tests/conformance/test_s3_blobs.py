"""Blobs in an S3 store: the suite in memory and over the wire, and what only S3 can do wrong."""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator

import obstore
import pytest
from obstore.store import MemoryStore, S3Store

from interlock.adapters.s3.blobs import S3Blobs, store_at
from interlock.adapters.s3.place import InvalidPlace, Keys, Place, parse_place
from interlock.domain.ids import BlobId
from interlock.engine.errors import BlobMissing, PartLost
from interlock.testing.conformance.blobs import NOWHERE, BlobsSuite

PREFIXES = itertools.count()
KEYS = Keys("test-key", "test-secret")

# Its own process: it needs sockets, which the tests' process has none of. It ends with its input.
SERVER = """
import http.client, sys
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
host, port = server.get_host_and_port()
connection = http.client.HTTPConnection(host, port)
credential = "Credential=test-key/20310506/us-east-1/s3/aws4_request"
connection.request("PUT", "/blobs", headers={
    "Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0",
})
assert connection.getresponse().status == 200
print(port, flush=True)
sys.stdin.read()
"""


class S3Server:
    """An S3 store on loopback with the bucket `blobs`."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        port = self.process.stdout.readline().decode().strip()
        assert port, "moto did not start: pip install 'interlock[test]'"
        self.address = f"http://127.0.0.1:{port}"

    def place(self, path: str) -> Place:
        return parse_place(f"s3://{path}?endpoint={self.address}&allow_http=true")

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


class BlobsInStore:
    def __init__(self, store: S3Store | MemoryStore) -> None:
        self.store = store

    async def open(self) -> S3Blobs:
        return S3Blobs(self.store, "s3://blobs")

    async def spoil(self, blob: BlobId) -> None:
        await obstore.put_async(self.store, blob, b"something else")


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


class TestS3BlobsInMemory(BlobsSuite):
    @pytest.fixture
    def house(self) -> BlobsInStore:
        return BlobsInStore(MemoryStore())


class TestS3BlobsOverTheWire(BlobsSuite):
    @pytest.fixture
    def house(self, server: S3Server) -> BlobsInStore:
        return BlobsInStore(store_at(server.place(f"blobs/{next(PREFIXES)}"), KEYS))


async def test_blobs_lie_under_their_prefix_by_their_name(server: S3Server) -> None:
    blob = await S3Blobs.connect(server.place("blobs/some/where"), KEYS).put(b"x")
    assert await S3Blobs.connect(server.place("blobs/some/where/"), KEYS).has(blob)
    assert not await S3Blobs.connect(server.place("blobs"), KEYS).has(blob)
    bucket = store_at(server.place("blobs"), KEYS)
    found = await obstore.get_async(bucket, f"some/where/{blob}")
    assert bytes(await found.bytes_async()) == b"x"


async def test_a_missing_bucket_is_not_an_empty_one(server: S3Server) -> None:
    blobs = S3Blobs.connect(server.place("nowhere"), KEYS)
    for attempt in (blobs.put(b"x"), blobs.get(NOWHERE), blobs.has(NOWHERE), blobs.erase(NOWHERE)):
        with pytest.raises(PartLost, match="s3://nowhere has no such bucket"):
            await attempt


async def test_a_lost_server_is_told_soon() -> None:
    server = S3Server()
    blobs = S3Blobs.connect(server.place("blobs"), KEYS)
    blob = await blobs.put(b"x")
    server.stop()
    began = time.monotonic()
    for attempt in (blobs.put(b"y"), blobs.get(blob), blobs.has(blob), blobs.erase(blob)):
        with pytest.raises(
            PartLost, match=r"blob store \(S3\) is out of order: s3://blobs: "
        ) as lost:
            await attempt
        assert "Debug" not in str(lost.value)
        assert KEYS.secret_access_key not in str(lost.value)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("blob", ["", "../other/" + "a" * 64, "A" * 64])
async def test_no_name_leads_out_of_the_prefix(blob: str) -> None:
    blobs = S3Blobs(MemoryStore(), "s3://blobs")
    with pytest.raises(BlobMissing):
        await blobs.get(BlobId(blob))
    assert not await blobs.has(BlobId(blob))
    await blobs.erase(BlobId(blob))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://bucket", Place("bucket")),
        ("s3://bucket/", Place("bucket")),
        ("s3://bucket/a/b/", Place("bucket", "a/b")),
        ("s3://bucket?region=eu-central-1", Place("bucket", region="eu-central-1")),
        (
            "s3://bucket/a?endpoint=https://s3.example.com:9000",
            Place("bucket", "a", endpoint="https://s3.example.com:9000"),
        ),
        (
            "s3://bucket?endpoint=http%3A%2F%2F127.0.0.1%3A9000&allow_http=true",
            Place("bucket", endpoint="http://127.0.0.1:9000", allow_http=True),
        ),
    ],
)
def test_a_url_names_a_place(url: str, place: Place) -> None:
    assert parse_place(url) == place


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://bucket", "must begin with s3://"),
        ("bucket", "must begin with s3://"),
        ("s3:///prefix", "must name a bucket"),
        ("s3://key:secret@bucket", "must not hold keys"),
        ("s3://bucket#part", "must not hold a '#'"),
        ("s3://bucket?endpont=https://x", "has a setting 'endpont', but only endpoint, region"),
        ("s3://bucket?region", "of the form name=value"),
        ("s3://bucket?region=", "must give region once, with a value"),
        ("s3://bucket?region=a&region=b", "must give region once"),
        ("s3://bucket?allow_http=yes", "not 'yes'"),
        ("s3://bucket?endpoint=s3.example.com", "no http or https address"),
        ("s3://bucket?endpoint=http://127.0.0.1:9000", "without encryption"),
    ],
)
def test_a_url_that_names_none_says_why(url: str, why: str) -> None:
    with pytest.raises(InvalidPlace) as refused:
        parse_place(url)
    assert why in str(refused.value)
    assert "for example s3://" in str(refused.value)
    assert "secret" not in str(refused.value)
