"""Anthropic Messages: what goes in is told at the start, what came out at the end."""

from collections.abc import Mapping
from typing import Final

import msgspec

from interlock.workers.models.asking import (
    Ask,
    Unreadable,
    count_in,
    fetches_more,
    fields_of,
    keeps_long,
    lies_elsewhere,
    text_in,
    value_in,
)
from interlock.workers.models.counts import Counts, Told, figures
from interlock.workers.models.dialect import Dialect


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
    fields = fields_of(body)
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
    )


def read_event(data: bytes) -> Told:
    event = _decoded(data)
    match event.type:
        case "message_start" if event.message is not None:
            return Told(figures(event.message.usage))
        case "message_delta":
            found = figures(event.usage)
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
    found = figures(answer.usage)
    return Told(found, whole="output_tokens" in found, end=True)


def fault_in(error: object) -> str:
    """What an error says of itself, as providers shape them."""
    if not isinstance(error, dict):
        return str(error or "")
    parts = (error.get("type"), error.get("message"))
    return ": ".join(part for part in parts if isinstance(part, str) and part)


def counts(found: Mapping[str, int]) -> Counts:
    return Counts(
        input=found.get("input_tokens", 0),
        cached=found.get("cache_read_input_tokens", 0),
        cache_write=found.get("cache_creation_input_tokens", 0),
        cache_write_hour=min(
            found.get("cache_creation.ephemeral_1h_input_tokens", 0),
            found.get("cache_creation_input_tokens", 0),
        ),
        output=found.get("output_tokens", 0),
        reasoning=min(
            found.get("output_tokens_details.thinking_tokens", 0), found.get("output_tokens", 0)
        ),
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
