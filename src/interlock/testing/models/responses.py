"""OpenAI Responses: `POST /v1/responses`."""

from collections.abc import Iterator, Mapping

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
from interlock.testing.models.tools import Called

_TEXTS = ("input_text", "text", "output_text")


def asked(body: Mapping[str, object]) -> Asked:
    model = model_of(body)
    given = body.get("input")
    if isinstance(given, str):
        words: list[Word] = [Word("prompt", given)]
        told: list[str] = []
    else:
        items = [mapping(item, "an item of `input`") for item in listing(given, "`input`")]
        words = [word for item in items if (word := _word(item)) is not None]
        told = [
            text_in(item.get("content"), _TEXTS)
            for item in items
            if item.get("role") in {"system", "developer"}
        ]
    tools = [mapping(tool, "a tool") for tool in listing(body.get("tools") or [], "`tools`")]
    return Asked(
        model,
        body.get("stream") is True,
        tuple(words),
        tuple(known for tool in tools if (known := _offered(tool)) is not None),
        "\n".join([text_in(body.get("instructions"), _TEXTS), *told]),
    )


def _word(item: Mapping[str, object]) -> Word | None:
    kind = str(item.get("type", "message"))
    if kind == "message" and item.get("role") == "user":
        return Word("prompt", text_in(item.get("content"), _TEXTS))
    if kind.endswith("_call_output"):
        return Word("result", text_in(item.get("output"), _TEXTS))
    return Word("call") if kind.endswith("_call") else None


def _offered(tool: Mapping[str, object]) -> Offered | None:
    match tool.get("type"):
        case "function":
            return offered(tool, tool.get("parameters"))
        case "custom" if isinstance(name := tool.get("name"), str):
            return Offered(name, free_text=True)
        case _:
            return None


def document(answer: Answer) -> Mapping[str, object]:
    """The whole answer at once."""
    return _response(answer, "completed", [item for item, _ in _items(answer)])


def pieces(answer: Answer) -> Iterator[Piece]:
    for number, (name, data, told) in enumerate(_events(answer)):
        yield event(name, {"type": name, "sequence_number": number, **data}, told)


_Event = tuple[str, Mapping[str, object], Tokens | None]


def _events(answer: Answer) -> Iterator[_Event]:
    begun = _response(answer, "in_progress", [])
    yield "response.created", {"response": begun}, None
    yield "response.in_progress", {"response": begun}, None
    done: list[Mapping[str, object]] = []
    for index, (item, call) in enumerate(_items(answer)):
        at = {"output_index": index}
        empty = {**item, "status": "in_progress", **_nothing_of(item)}
        yield "response.output_item.added", {**at, "item": empty}, None
        inside = _words_of(answer) if call is None else _call_of(call, item)
        for name, data in inside:
            yield name, {**at, "item_id": item["id"], **data}, None
        yield "response.output_item.done", {**at, "item": item}, None
        done.append(item)
    whole = _response(answer, "completed", done)
    yield "response.completed", {"response": whole}, answer.tokens


def _nothing_of(item: Mapping[str, object]) -> Mapping[str, object]:
    """The field that fills up while the item is streamed, empty."""
    empty: Mapping[str, object] = {"content": [], "arguments": "", "input": ""}
    return {name: value for name, value in empty.items() if name in item}


def _words_of(answer: Answer) -> Iterator[tuple[str, Mapping[str, object]]]:
    at = {"content_index": 0}
    part = {"type": "output_text", "annotations": [], "logprobs": []}
    yield "response.content_part.added", {**at, "part": {**part, "text": ""}}
    for text in in_parts(answer.say):
        yield "response.output_text.delta", {**at, "delta": text, "logprobs": []}
    yield "response.output_text.done", {**at, "text": answer.say, "logprobs": []}
    yield "response.content_part.done", {**at, "part": {**part, "text": answer.say}}


def _call_of(
    call: Called, item: Mapping[str, object]
) -> Iterator[tuple[str, Mapping[str, object]]]:
    free = item["type"] == "custom_tool_call"
    stem = "response.custom_tool_call_input" if free else "response.function_call_arguments"
    for part in in_parts(as_json(call)):
        yield f"{stem}.delta", {"delta": part}
    yield f"{stem}.done", {"input" if free else "arguments": as_json(call)}


def _items(answer: Answer) -> Iterator[tuple[Mapping[str, object], Called | None]]:
    if answer.say:
        text = {"type": "output_text", "text": answer.say, "annotations": [], "logprobs": []}
        message = {"type": "message", "id": f"msg_{answer.id}", "role": "assistant"}
        yield {**message, "status": "completed", "content": [text]}, None
    for number, call in enumerate(answer.calls):
        free = isinstance(call.input, str)
        yield (
            {
                "type": "custom_tool_call" if free else "function_call",
                "id": answer.call_id(number, "ctc_" if free else "fc_"),
                "call_id": answer.call_id(number, "call_"),
                "name": call.tool,
                "input" if free else "arguments": as_json(call),
                "status": "completed",
            },
            call,
        )


def _response(
    answer: Answer, status: str, output: list[Mapping[str, object]]
) -> Mapping[str, object]:
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": 0,
        "status": status,
        "model": answer.model,
        "output": output,
        "error": None,
        "incomplete_details": None,
        "usage": _usage(answer.tokens) if status == "completed" else None,
    }


def _usage(tokens: Tokens) -> Mapping[str, object]:
    """Here all input is one number, and a cache's part of it is told apart."""
    cached = {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.cache_write}
    return {
        "input_tokens": tokens.all_input,
        "input_tokens_details": cached,
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.all_input + tokens.output,
    }
