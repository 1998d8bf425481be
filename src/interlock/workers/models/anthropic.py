"""Anthropic Messages: what goes in is told at the start, what came out at the end."""

from collections.abc import Mapping
from typing import Final

import msgspec

from interlock.workers.models.asking import (
    Ask,
    Unreadable,
    count_in,
    factor_in,
    fetches_more,
    fields_of,
    is_advised,
    keeps_long,
    lies_elsewhere,
    rounds_in,
    text_in,
    value_in,
)
from interlock.workers.models.counts import Counts, Told, figures
from interlock.workers.models.dialect import Dialect

_WORDS: Final = {
    "speed": {"": 1.0, "standard": 1.0, "fast": 6.0},
    "service_tier": {"": 1.0, "auto": 1.0, "standard": 1.0, "standard_only": 1.0},
    "inference_geo": {"": 1.0, "global": 1.0, "us": 1.1, "eu": 1.1},
}
_FURTHER: Final = "further."


class _Message(msgspec.Struct):
    """The beginning of an answer."""

    usage: object = None


class _Event(msgspec.Struct):
    """The fields of any event that matter here; a whole answer has the same."""

    type: str = ""
    message: _Message | None = None
    usage: object = None
    error: object = None


def read_request(body: bytes) -> Ask | Unreadable:
    fields = fields_of(body, _WORDS)
    if isinstance(fields, Unreadable):
        return fields
    written = msgspec.json.encode(fields)
    return Ask(
        model=text_in(fields, "model"),
        body=written,
        stream=value_in(fields, "stream") is True,
        output_max=count_in(fields, "max_tokens"),
        elsewhere=lies_elsewhere(written),
        fetches=fetches_more(written),
        tier="fast" if text_in(fields, "speed") == "fast" else "",
        long_cache=keeps_long(written),
        factor=factor_in(fields, "speed", _WORDS),
        region=factor_in(fields, "inference_geo", _WORDS),
        rounds=2 if value_in(fields, "fallbacks") else rounds_in(fields),
        others=bool(value_in(fields, "fallbacks")),
        advised=is_advised(fields),
    )


def read_event(data: bytes) -> Told:
    event = _decoded(data)
    match event.type:
        case "message_start" if event.message is not None:
            return Told(_figures(event.message.usage))
        case "message_delta":
            found = _figures(event.usage)
            return Told(found, whole="output_tokens" in found)
        case "message_stop":
            return Told(end=True)
        case "error":
            return Told(fault=fault_in(event.error))
        case _:
            return Told()


def read_answer(body: bytes) -> Told:
    answer = _decoded(body)
    if answer.error is not None:
        return Told(fault=fault_in(answer.error))
    found = _figures(answer.usage)
    return Told(found, whole="output_tokens" in found, end=True)


def fault_in(error: object) -> str:
    """What an error says of itself, as providers shape them."""
    if not isinstance(error, dict):
        return str(error or "")
    parts = (error.get("type"), error.get("message"))
    return ": ".join(part for part in parts if isinstance(part, str) and part)


def _figures(usage: object) -> dict[str, int]:
    """What is not part of the sum stands only in the list of its rounds: it comes on top."""
    found = figures(usage)
    rounds = usage.get("iterations") if isinstance(usage, dict) else None
    for each in rounds if isinstance(rounds, list) else ():
        if isinstance(each, dict) and each.get("type") != "message":
            for name, figure in figures(each).items():
                found[_FURTHER + name] = found.get(_FURTHER + name, 0) + figure
    return found


def counts(found: Mapping[str, int]) -> Counts:
    def both(name: str) -> int:
        return found.get(name, 0) + found.get(_FURTHER + name, 0)

    written, output = both("cache_creation_input_tokens"), both("output_tokens")
    return Counts(
        input=both("input_tokens"),
        cached=both("cache_read_input_tokens"),
        cache_write=written,
        cache_write_hour=min(both("cache_creation.ephemeral_1h_input_tokens"), written),
        output=output,
        reasoning=min(both("output_tokens_details.thinking_tokens"), output),
        searches=both("server_tool_use.web_search_requests"),
    )


def _decoded(data: bytes) -> _Event:
    try:
        return msgspec.json.decode(data, type=_Event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Event()


ANTHROPIC: Final = Dialect(
    "Anthropic Messages",
    "x-api-key",
    read_request,
    read_event,
    read_answer,
    counts,
    "input_tokens",
)
