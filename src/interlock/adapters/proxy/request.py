"""The head of a request to the proxy: where it wants to go, and how it is passed on."""

import urllib.parse
from typing import Final

import msgspec

from interlock.adapters.proxy.rules import Target, target

_NOT_PASSED_ON: Final = frozenset(
    {b"connection", b"host", b"keep-alive", b"proxy-authorization", b"proxy-connection"}
)
_WORDS: Final = 3
_HTTPS_PORT: Final = 443
_HTTP_PORT: Final = 80


class Request(msgspec.Struct, frozen=True):
    """Where to, and what to say there first; a tunnel says nothing of its own."""

    target: Target
    tunnel: bool
    head: bytes = b""


def read_request(head: bytes) -> Request | None:
    """None when it is nothing that a proxy understands."""
    first, *fields = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    words = first.split(b" ")
    if len(words) != _WORDS or not words[2].startswith(b"HTTP/1."):
        return None
    method, wanted, _ = words
    if method == b"CONNECT":
        place = target(wanted.decode("latin-1"), _HTTPS_PORT)
        return None if place is None else Request(place, tunnel=True)
    return _plain(method, wanted.decode("latin-1"), fields)


def _plain(method: bytes, wanted: str, fields: list[bytes]) -> Request | None:
    try:
        url = urllib.parse.urlsplit(wanted)
    except ValueError:
        return None
    place = target(url.netloc.rpartition("@")[2], _HTTP_PORT)
    if url.scheme.lower() != "http" or place is None:
        return None
    path = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
    host = str(place).removesuffix(f":{_HTTP_PORT}")
    # One request a connection: the next one might be for another host.
    ours = (f"{method.decode('latin-1')} {path} HTTP/1.1", f"Host: {host}", "Connection: close")
    kept = [line for line in fields if line.split(b":")[0].strip().lower() not in _NOT_PASSED_ON]
    lines = [*(line.encode("latin-1") for line in ours), *kept]
    return Request(place, tunnel=False, head=b"\r\n".join(lines) + b"\r\n\r\n")
