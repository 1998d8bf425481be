"""An answer before it is put into the words of a protocol, and those words as pieces."""

from collections.abc import Mapping

import msgspec

from interlock.testing.models.script import Tokens
from interlock.testing.models.tools import Called


class Answer(msgspec.Struct, frozen=True):
    """What the model says and calls; `id` is unique to the request."""

    id: str
    model: str
    say: str
    calls: tuple[Called, ...]
    tokens: Tokens

    def call_id(self, number: int, prefix: str) -> str:
        return f"{prefix}{self.id}n{number}"


class Piece(msgspec.Struct, frozen=True):
    """One event of a stream; `told` are the tokens that the client knows of once it has it."""

    content: bytes
    told: Tokens | None = None


def event(name: str, data: Mapping[str, object], told: Tokens | None = None) -> Piece:
    return Piece(b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data)), told)


def bare_event(data: Mapping[str, object], told: Tokens | None = None) -> Piece:
    return Piece(b"data: %s\n\n" % msgspec.json.encode(data), told)


def in_parts(text: str) -> list[str]:
    """As a model says it: in about ten parts, none of them tiny."""
    size = max(20, -(-len(text) // 10))
    return [text[start : start + size] for start in range(0, len(text), size)]


def as_json(call: Called) -> str:
    """The input as the text that streams carry."""
    return call.input if isinstance(call.input, str) else msgspec.json.encode(call.input).decode()


def in_bytes(whole: bytes, told: Tokens) -> list[Piece]:
    """A document in a few pieces; who has the last one knows all of it."""
    size = -(-len(whole) // 4)
    parts = [Piece(whole[start : start + size]) for start in range(0, len(whole), size)]
    return [*parts[:-1], Piece(parts[-1].content, told)]
