"""Where a request may go: below the base address of one provider, and nowhere else."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from interlock.domain.settings import ModelUpstream
from interlock.workers.models.anthropic import ANTHROPIC
from interlock.workers.models.chat import CHAT
from interlock.workers.models.dialect import Dialect
from interlock.workers.models.responses import COMPACT, RESPONSES

DIALECTS: Final = {
    "/messages": ANTHROPIC,
    "/responses": RESPONSES,
    "/responses/compact": COMPACT,
    "/chat/completions": CHAT,
}
"""By path, which may begin with a version."""

_FREE: Final = frozenset({"/messages/count_tokens", "/responses/input_tokens"})
_READING: Final = frozenset({"GET", "HEAD"})
_LISTING: Final = re.compile(r"/models(?:/.*)?")
_VERSION: Final = re.compile(r"/v\d+(?=/)")
_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[\w.~!$&'()*+,=:@-]+)*/?", re.ASCII)
_QUERY: Final = re.compile(r"[\w.~!$&'()*+,;=:@/?%\[\]-]*", re.ASCII)


class Route(msgspec.Struct, frozen=True):
    """`target` follows the base address. No `dialect`: nothing in it is counted.

    `free`: it uses no model, as far as is known of its kind.
    """

    upstream: ModelUpstream
    target: str
    dialect: Dialect | None = None
    free: bool = False


class NoRoute(msgspec.Struct, frozen=True):
    """The sentence is for whoever sent it."""

    status: int
    why: str


def route(method: str, target: str, upstreams: Sequence[ModelUpstream]) -> Route | NoRoute:
    """One spelling of a path only: what looks like a way around the rules is refused."""
    path, mark, query = target.partition("?")
    if not _PATH.fullmatch(path) or not _QUERY.fullmatch(query):
        return NoRoute(400, "The address must be a plain path below /<provider>/.")
    name, slash, rest = path.removeprefix("/").partition("/")
    upstream = next((each for each in upstreams if each.name == name), None)
    if upstream is None:
        known = ", ".join(f"/{each.name}/" for each in upstreams)
        return NoRoute(404, f"There is no provider {name[:40]!r} here; there is {known}.")
    below = slash + rest
    plain = _VERSION.sub("", below.lower().rstrip("/"), count=1)
    dialect = DIALECTS.get(plain) if method == "POST" else None
    if method != "POST" and not _only_asks(method, plain):
        return NoRoute(405, "Here one may POST what a model shall do, and GET the list of models.")
    free = method != "POST" or plain in _FREE
    return Route(upstream, below + mark + query, dialect, free)


def _only_asks(method: str, plain: str) -> bool:
    """Which models there are, or whether anybody is there at all."""
    listing = _LISTING.fullmatch(plain) is not None
    return method in _READING and (listing or (method == "HEAD" and not plain))
