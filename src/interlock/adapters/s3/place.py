"""Where blobs lie: `s3://bucket/prefix?endpoint=...&region=...&allow_http=true` and its parts.

The URL holds no secrets, so it may stand in a configuration file and in an error. Keys come
separately, or from where the S3 world keeps them (its environment variables, the host's role).
"""

from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

SETTINGS: Final = ("endpoint", "region", "allow_http", "credentials")
EXAMPLE: Final = "s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-central-1"


class InvalidPlace(ValueError):
    """The URL of a blob store cannot be used; the message says why and shows one that can."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the URL of the blob store {why}, for example {EXAMPLE}")


class Place(msgspec.Struct, frozen=True):
    """A bucket, a prefix within it, and the server that holds it (None: Amazon's)."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"
    allow_http: bool = False
    hosts_credentials: bool = False
    """Ask the machine's own metadata service for keys; only where a person says so."""


class Keys(msgspec.Struct, frozen=True):
    """What proves to the server who asks."""

    access_key_id: str
    secret_access_key: str


def parse_place(url: str) -> Place:
    parts = urlsplit(url)
    if parts.scheme != "s3":
        raise InvalidPlace("must begin with s3://")
    if "@" in parts.netloc:
        raise InvalidPlace("must not hold keys")
    if not parts.netloc:
        raise InvalidPlace("must name a bucket")
    if parts.fragment:
        raise InvalidPlace("must not hold a '#'")
    settings = _settings_of(parts.query)
    place = Place(
        bucket=parts.netloc,
        prefix=parts.path.strip("/"),
        endpoint=settings.get("endpoint"),
        region=settings.get("region", "us-east-1"),
        allow_http=_truth(settings.get("allow_http", "false")),
        hosts_credentials=_hosts(settings.get("credentials", "")),
    )
    _check_endpoint(place)
    return place


def _settings_of(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise InvalidPlace("must have settings of the form name=value after its '?'") from error
    settings: dict[str, str] = {}
    for name, value in pairs:
        if name not in SETTINGS:
            raise InvalidPlace(f"has a setting {name!r}, but only {', '.join(SETTINGS)} exist")
        if name in settings or not value:
            raise InvalidPlace(f"must give {name} once, with a value")
        settings[name] = value
    return settings


def _truth(value: str) -> bool:
    if value not in {"true", "false"}:
        raise InvalidPlace(f"must say allow_http=true or allow_http=false, not {value!r}")
    return value == "true"


def _check_endpoint(place: Place) -> None:
    if place.endpoint is None:
        return
    endpoint = urlsplit(place.endpoint)
    if endpoint.scheme not in {"http", "https"} or not endpoint.netloc:
        raise InvalidPlace(f"has an endpoint that is no http or https address: {place.endpoint}")
    if endpoint.scheme == "http" and not place.allow_http:
        raise InvalidPlace("has an endpoint without encryption: use https, or say allow_http=true")


def _hosts(text: str) -> bool:
    if text not in ("", "host"):
        raise InvalidPlace("knows credentials=host only")
    return text == "host"
