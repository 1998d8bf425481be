"""The protocols by the ends of their paths."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from interlock.testing.models import anthropic, chat, responses
from interlock.testing.models.answers import Answer, Piece, in_bytes
from interlock.testing.models.conversation import Asked
from interlock.testing.models.script import Tokens


class Protocol(msgspec.Struct, frozen=True):
    """How one protocol asks, answers and refuses; `told` is what it can tell of some tokens."""

    name: str
    asked: Callable[[Mapping[str, object]], Asked]
    document: Callable[[Answer], Mapping[str, object]]
    pieces: Callable[[Answer, bool], Iterable[Piece]]
    refusal: Callable[[int, str], Mapping[str, object]]
    told: Callable[[Tokens], Tokens]


def _refusal(status: int, why: str) -> Mapping[str, object]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    if status == 429:
        kind = "rate_limit_exceeded"
    return {"error": {"message": why, "type": kind, "param": None, "code": kind}}


ANTHROPIC: Final = Protocol(
    "anthropic",
    anthropic.asked,
    anthropic.document,
    lambda answer, _: anthropic.pieces(answer),
    anthropic.refusal,
    anthropic.told,
)
RESPONSES: Final = Protocol(
    "responses",
    responses.asked,
    responses.document,
    lambda answer, _: responses.pieces(answer),
    _refusal,
    lambda tokens: tokens,
)
CHAT: Final = Protocol(
    "chat", chat.asked, chat.document, chat.pieces, _refusal, lambda tokens: tokens
)


def protocol_of(path: str) -> Protocol | None:
    """Whatever stands before it: a gateway or a proxy may have a prefix of its own."""
    if path.endswith("/messages"):
        return ANTHROPIC
    if path.endswith("/responses"):
        return RESPONSES
    return CHAT if path.endswith("/chat/completions") else None


def content_of(protocol: Protocol, answer: Answer, asked: Asked) -> list[Piece]:
    """The answer on the wire, piece by piece."""
    if asked.stream:
        return list(protocol.pieces(answer, asked.usage_wanted))
    whole = msgspec.json.encode(protocol.document(answer))
    return in_bytes(whole, protocol.told(answer.tokens))
