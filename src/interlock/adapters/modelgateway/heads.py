"""What is passed on of heads, and what is not: pure rules over header fields."""

import hmac
from typing import Final

from interlock.adapters.modelgateway.upstream import Base
from interlock.workers.models.dialect import Dialect

Headers = list[tuple[bytes, bytes]]

_OF_THE_CONNECTION: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_OURS: Final = frozenset(
    {
        b"accept-encoding",
        b"authorization",
        b"content-length",
        b"cookie",
        b"expect",
        b"host",
        b"openai-organization",
        b"openai-project",
        b"x-api-key",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
    }
)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})


def value_of(headers: Headers, name: bytes) -> str:
    return next((value.decode("latin-1") for each, value in headers if each == name), "")


def stranger(headers: Headers, secret: str) -> tuple[int, str] | None:
    """Why it is nobody we let in: status and sentence. A web page never is."""
    host = value_of(headers, b"host").rpartition(":")[0] or value_of(headers, b"host")
    if host not in _LOOPBACK or value_of(headers, b"origin"):
        return 403, "This door is for one agent on this machine, not for web pages."
    shown = (value_of(headers, b"x-api-key"), _bearer(headers))
    if not any(hmac.compare_digest(each.encode(), secret.encode()) for each in shown):
        return 401, "This key does not open this door. Use the one that this attempt was given."
    return None


def to_provider(
    headers: Headers, base: Base, key: str, dialect: Dialect | None, length: int | None
) -> Headers:
    """The real key where the provider wants it, and an answer that can be read along."""
    dropped = _OF_THE_CONNECTION | _OURS | _named_by_connection(headers)
    kept = [(name, value) for name, value in headers if name not in dropped]
    wants = dialect.key_header if dialect else "authorization" if _bearer(headers) else "x-api-key"
    shown = f"Bearer {key}" if wants == "authorization" else key
    ours = [
        (b"host", base.authority.encode()),
        *kept,
        (wants.encode(), shown.encode("latin-1", "replace")),
        (b"accept-encoding", b"identity"),
    ]
    return ours if length is None else [*ours, (b"content-length", str(length).encode())]


def to_caller(headers: Headers, *, changed: bool) -> Headers:
    """`changed`: something is left out of the body, so that its length is not known."""
    dropped = _OF_THE_CONNECTION | _named_by_connection(headers)
    if changed:
        dropped |= {b"content-length"}
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def _bearer(headers: Headers) -> str:
    kind, _, value = value_of(headers, b"authorization").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


def _named_by_connection(headers: Headers) -> frozenset[bytes]:
    named = value_of(headers, b"connection").split(",")
    return frozenset(name.strip().lower().encode("latin-1") for name in named)
