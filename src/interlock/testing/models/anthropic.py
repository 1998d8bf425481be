"""Anthropic Messages: `POST /v1/messages`."""

from collections.abc import Iterator, Mapping

import msgspec

from interlock.testing.models.answers import Answer, Piece, as_json, event, in_parts
from interlock.testing.models.conversation import (
    Asked,
    Offered,
    Word,
    listing,
    mapping,
    model_of,
    offered,
    text_in,
)
from interlock.testing.models.script import Tokens

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def asked(body: Mapping[str, object]) -> Asked:
    model = model_of(body)
    tools = [mapping(tool, "a tool") for tool in listing(body.get("tools") or [], "`tools`")]
    return Asked(
        model,
        body.get("stream") is True,
        tuple(_words(listing(body.get("messages"), "`messages`"))),
        tuple(known for tool in tools if (known := _offered(tool)) is not None),
        text_in(body.get("system"), ("text",)),
    )


def _words(messages: list[object]) -> Iterator[Word]:
    for each in messages:
        message = mapping(each, "a message")
        content = message.get("content")
        kinds = [part.get("type") for part in _parts(content)]
        if message.get("role") == "assistant":
            if "tool_use" in kinds:
                yield Word("call")
        elif message.get("role") == "user":
            if "tool_result" in kinds:
                results = [part for part in _parts(content) if part.get("type") == "tool_result"]
                yield Word("result", "\n".join(_text_of(result) for result in results))
            if text := text_in(content, ("text",)):
                yield Word("prompt", text)


def _text_of(result: Mapping[str, object]) -> str:
    return text_in(result.get("content"), ("text",))


def _parts(content: object) -> list[dict[str, object]]:
    if not isinstance(content, list):
        return []
    return [part for part in content if isinstance(part, dict)]


def _offered(tool: Mapping[str, object]) -> Offered | None:
    return offered(tool, tool.get("input_schema"))


def document(answer: Answer) -> Mapping[str, object]:
    """The whole answer at once."""
    return {
        **_message(answer),
        "content": [block for block, _ in _blocks(answer)],
        "stop_reason": _stop(answer),
        "usage": _usage(answer.tokens),
    }


def pieces(answer: Answer) -> Iterator[Piece]:
    # As the real one does: all input is told at the start, output at first as one token.
    tokens = answer.tokens
    begun = Tokens(tokens.input, tokens.cached, tokens.cache_write, min(1, tokens.output))
    start = {**_message(answer), "usage": _usage(begun)}
    yield event("message_start", {"type": "message_start", "message": start}, begun)
    yield event("ping", {"type": "ping"})
    for index, (block, deltas) in enumerate(_blocks(answer)):
        empty = {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}
        at: dict[str, object] = {"index": index}
        yield _event("content_block_start", {**at, "content_block": empty})
        for delta in deltas:
            yield _event("content_block_delta", {**at, "delta": delta})
        yield _event("content_block_stop", at)
    ended = {"stop_reason": _stop(answer), "stop_sequence": None}
    yield _event("message_delta", {"delta": ended, "usage": _usage(tokens)}, told(tokens))
    yield _event("message_stop", {})


def _event(name: str, data: Mapping[str, object], told: Tokens | None = None) -> Piece:
    return event(name, {"type": name, **data}, told)


def _blocks(answer: Answer) -> Iterator[tuple[dict[str, object], list[dict[str, object]]]]:
    """Each block of content whole, and as the deltas that make it."""
    if answer.say:
        deltas = [{"type": "text_delta", "text": part} for part in in_parts(answer.say)]
        yield {"type": "text", "text": answer.say}, [dict(delta) for delta in deltas]
    for number, call in enumerate(answer.calls):
        block = {"type": "tool_use", "id": answer.call_id(number, "toolu_"), "name": call.tool}
        parts = in_parts(as_json(call))
        yield (
            {**block, "input": call.input},
            [{"type": "input_json_delta", "partial_json": part} for part in parts],
        )


def _message(answer: Answer) -> dict[str, object]:
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _stop(answer: Answer) -> str:
    return "tool_use" if answer.calls else "end_turn"


def _usage(tokens: Tokens) -> Mapping[str, int]:
    return {
        "input_tokens": tokens.input,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "output_tokens": tokens.output,
    }


def told(tokens: Tokens) -> Tokens:
    """What of it the protocol can say: it does not count reasoning apart."""
    return msgspec.structs.replace(tokens, reasoning=0)


def refusal(status: int, why: str) -> Mapping[str, object]:
    kind = _ERRORS.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": why}}


def count(body: Mapping[str, object]) -> Mapping[str, object]:
    """`POST /v1/messages/count_tokens`: a rough count, as nothing here is a real tokenizer."""
    return {"input_tokens": max(1, len(msgspec.json.encode(body)) // 4)}
