"""Blobs as objects named by their content: `<prefix>/<sha256>`."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import MemoryStore, S3Store

from interlock.adapters.s3.place import Keys, Place
from interlock.domain.ids import BlobId
from interlock.engine.errors import BlobMissing, PartLost

if TYPE_CHECKING:
    from obstore.store import S3Config  # exists for type checkers only

PART: Final = "blob store (S3)"
CONNECT_TIMEOUT: Final = timedelta(seconds=5)
REQUEST_TIMEOUT: Final = timedelta(seconds=60)
RETRIES_MAX: Final = 2
RETRY_TIMEOUT: Final = timedelta(seconds=10)
"""A hiccup is bridged; a store that is gone must be told soon, for work stops with it."""

_BLOB: Final = re.compile(r"[0-9a-f]{64}")
_MISSING_BUCKET: Final = "NoSuchBucket"


class S3Blobs:
    """Content-addressed objects in one bucket; any number of hosts may share it."""

    def __init__(self, store: S3Store | MemoryStore, where: str) -> None:
        self._store = store
        self._where = where

    @classmethod
    def connect(cls, place: Place, keys: Keys | None = None) -> "S3Blobs":
        """Connects with the first request; without `keys` it searches the usual places."""
        return cls(store_at(place, keys), f"s3://{place.bucket}/{place.prefix}".rstrip("/"))

    async def put(self, data: bytes) -> BlobId:
        blob = _blob_of(data)
        with self._told_as_part():
            try:
                await self._store.put_async(blob, data, mode="create")
            except AlreadyExistsError:
                await self._mend(blob, data)
        return blob

    async def get(self, blob: BlobId) -> bytes:
        if _BLOB.fullmatch(blob) is None:
            raise BlobMissing(blob)
        with self._told_as_part(blob):
            found = await self._store.get_async(blob)
            data = bytes(await found.bytes_async())
        if _blob_of(data) != blob:
            raise PartLost(
                PART,
                f"{self._where}/{blob} does not match its name",
                "Restore the object from a version or backup, or delete it",
            )
        return data

    async def has(self, blob: BlobId) -> bool:
        if _BLOB.fullmatch(blob) is None:
            return False
        try:
            with self._told_as_part(blob):
                await self._store.head_async(blob)
        except BlobMissing:
            await self._demand_bucket(blob)
            return False
        return True

    async def erase(self, blob: BlobId) -> None:
        if _BLOB.fullmatch(blob) is None:
            return
        try:
            with self._told_as_part(blob):
                await self._store.delete_async(blob)
        except BlobMissing:
            return

    async def _mend(self, blob: BlobId, data: bytes) -> None:
        """Already there is as good as written, unless it was damaged there."""
        found = await self._store.get_async(blob)
        if bytes(await found.bytes_async()) != data:
            await self._store.put_async(blob, data, mode="overwrite", use_multipart=False)

    async def _demand_bucket(self, blob: BlobId) -> None:
        """The answer to a HEAD has no body to tell a missing bucket from a missing object."""
        with suppress(BlobMissing), self._told_as_part(blob):
            await self._store.get_async(blob)

    @contextmanager
    def _told_as_part(self, blob: BlobId | None = None) -> Iterator[None]:
        """What the store refuses, as a sentence about this part."""
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise PartLost(
                PART,
                f"{self._where} refuses access",
                "Check its keys and its policy, then start again",
            ) from error
        except FileNotFoundError as error:
            if blob is not None and _MISSING_BUCKET not in str(error):
                raise BlobMissing(blob) from error
            raise PartLost(
                PART, f"{self._where} has no such bucket", "Create it, then start again"
            ) from error
        except (BaseError, OSError) as error:
            raise PartLost(
                PART,
                f"{self._where}: {_sentence_of(error)}",
                "Check that its endpoint can be reached, then start again",
            ) from error


def store_at(place: Place, keys: Keys | None = None) -> S3Store:
    return S3Store(
        place.bucket,
        prefix=place.prefix or None,
        config=_config_of(place, keys),
        client_options={
            "allow_http": place.allow_http,
            "connect_timeout": CONNECT_TIMEOUT,
            "timeout": REQUEST_TIMEOUT,
        },
        retry_config={"max_retries": RETRIES_MAX, "retry_timeout": RETRY_TIMEOUT},
    )


def _config_of(place: Place, keys: Keys | None) -> "S3Config":
    """Path style works with every compatible server; a bucket as a host name needs DNS for it."""
    config: S3Config = {"region": place.region, "virtual_hosted_style_request": False}
    if place.endpoint is not None:
        config["endpoint"] = place.endpoint
    if keys is not None:
        config["access_key_id"] = keys.access_key_id
        config["secret_access_key"] = keys.secret_access_key
    return config


def _blob_of(data: bytes) -> BlobId:
    return BlobId(hashlib.sha256(data).hexdigest())


def _sentence_of(error: Exception) -> str:
    """The library appends the server's document and a debug dump to its sentence."""
    return str(error).partition("\n")[0].partition("<?xml")[0].rstrip(" :")[:300]
