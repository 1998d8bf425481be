"""OpenAI Chat Completions: `POST /v1/chat/completions`."""

from collections.abc import Iterator, Mapping

from interlock.testing.models.answers import Answer, Piece, as_json, bare_event, in_parts
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


def asked(body: Mapping[str, object]) -> Asked:
    model = model_of(body)
    messages = [mapping(each, "a message") for each in listing(body.get("messages"), "`messages`")]
    tools = [mapping(tool, "a tool") for tool in listing(body.get("tools") or [], "`tools`")]
    options = body.get("stream_options")
    stream = body.get("stream") is True
    return Asked(
        model,
        stream,
        tuple(word for message in messages if (word := _word(message)) is not None),
        tuple(known for tool in tools if (known := _offered(tool)) is not None),
        "\n".join(_text(each) for each in messages if each.get("role") in {"system", "developer"}),
        not stream or (isinstance(options, dict) and options.get("include_usage") is True),
    )


def _word(message: Mapping[str, object]) -> Word | None:
    match message.get("role"):
        case "user":
            return Word("prompt", _text(message))
        case "tool":
            return Word("result", _text(message))
        case "assistant" if message.get("tool_calls"):
            return Word("call")
        case _:
            return None


def _text(message: Mapping[str, object]) -> str:
    return text_in(message.get("content"), ("text",))


def _offered(tool: Mapping[str, object]) -> Offered | None:
    function = tool.get("function")
    if not isinstance(function, dict):
        return None
    return offered(function, function.get("parameters"))


def document(answer: Answer) -> Mapping[str, object]:
    """The whole answer at once."""
    message: dict[str, object] = {"role": "assistant", "content": answer.say or None}
    if answer.calls:
        message["tool_calls"] = [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}
            for call_id, name, text in _calls(answer)
        ]
    choice = {"index": 0, "message": message, "finish_reason": _stop(answer), "logprobs": None}
    usage = _usage(answer.tokens)
    return {**_head(answer, "chat.completion"), "choices": [choice], "usage": usage}


def pieces(answer: Answer, usage_wanted: bool) -> Iterator[Piece]:
    yield _chunk(answer, {"role": "assistant", "content": ""})
    for part in in_parts(answer.say):
        yield _chunk(answer, {"content": part})
    for index, (call_id, name, text) in enumerate(_calls(answer)):
        begun = {"name": name, "arguments": ""}
        first = {"index": index, "id": call_id, "type": "function", "function": begun}
        yield _chunk(answer, {"tool_calls": [first]})
        for part in in_parts(text):
            more = {"index": index, "function": {"arguments": part}}
            yield _chunk(answer, {"tool_calls": [more]})
    yield _chunk(answer, {}, _stop(answer))
    if usage_wanted:
        head = _head(answer, "chat.completion.chunk")
        tokens = answer.tokens
        yield bare_event({**head, "choices": [], "usage": _usage(tokens)}, tokens)
    yield Piece(b"data: [DONE]\n\n")


def _chunk(answer: Answer, delta: Mapping[str, object], stop: str | None = None) -> Piece:
    choice = {"index": 0, "delta": delta, "finish_reason": stop, "logprobs": None}
    return bare_event({**_head(answer, "chat.completion.chunk"), "choices": [choice]})


def _head(answer: Answer, kind: str) -> dict[str, object]:
    return {"id": f"chatcmpl-{answer.id}", "object": kind, "created": 0, "model": answer.model}


def _calls(answer: Answer) -> Iterator[tuple[str, str, str]]:
    for number, call in enumerate(answer.calls):
        yield answer.call_id(number, "call_"), call.tool, as_json(call)


def _stop(answer: Answer) -> str:
    return "tool_calls" if answer.calls else "stop"


def _usage(tokens: Tokens) -> Mapping[str, object]:
    """Here all input is one number, and a cache's part of it is told apart."""
    cached = {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.cache_write}
    return {
        "prompt_tokens": tokens.all_input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.all_input + tokens.output,
        "prompt_tokens_details": cached,
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }
