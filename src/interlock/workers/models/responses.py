"""OpenAI Responses: everything is told once, with the last event."""

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from interlock.workers.models.anthropic import fault_in
from interlock.workers.models.asking import (
    Ask,
    Fields,
    Unreadable,
    count_in,
    factor_in,
    fetches_more,
    fields_of,
    keeps_long,
    lies_elsewhere,
    rounds_in,
    text_in,
    value_in,
)
from interlock.workers.models.counts import Counts, Told, figures
from interlock.workers.models.dialect import Dialect

_Shape = TypeVar("_Shape")

WORDS: Final = {
    "service_tier": {
        "": 1.0,
        "auto": 1.0,
        "default": 1.0,
        "standard": 1.0,
        "flex": 1.0,
        "scale": 3.0,
        "priority": 3.0,
        "fast": 3.0,
        "ultrafast": 8.0,
    }
}


class _Response(msgspec.Struct):
    """The fields of a response that matter here."""

    usage: object = None
    error: object = None


class _Event(msgspec.Struct):
    """The fields of any event that matter here."""

    type: str = ""
    response: _Response | None = None
    message: object = None


def read_request(body: bytes) -> Ask | Unreadable:
    fields = fields_of(body, WORDS)
    if isinstance(fields, Unreadable):
        return fields
    written = msgspec.json.encode(fields)
    return Ask(
        model=text_in(fields, "model"),
        body=written,
        stream=value_in(fields, "stream") is True,
        output_max=count_in(fields, "max_output_tokens"),
        elsewhere=lies_elsewhere(written) or isinstance(value_in(fields, "prompt"), dict),
        fetches=fetches_more(written),
        tier=tier_in(fields),
        long_cache=keeps_long(written),
        factor=factor_in(fields, "service_tier", WORDS),
        rounds=rounds_in(fields),
    )


def tier_in(fields: Fields) -> str:
    """Empty where nothing costs more than usual."""
    return text_in(fields, "service_tier") if factor_in(fields, "service_tier", WORDS) > 1 else ""


def read_event(data: bytes) -> Told:
    event = _decoded(data, _Event())
    match event.type:
        case "response.completed" | "response.incomplete" | "response.failed":
            response = event.response or _Response()
            found = figures(response.usage)
            return Told(found, "output_tokens" in found, end=True, fault=fault_in(response.error))
        case "error":
            return Told(fault=fault_in(event.message) or "error")
        case _:
            return Told()


def read_answer(body: bytes) -> Told:
    answer = _decoded(body, _Response())
    found = figures(answer.usage)
    return Told(found, "output_tokens" in found, end=True, fault=fault_in(answer.error))


def counts(found: Mapping[str, int]) -> Counts:
    return parted(
        found.get("input_tokens", 0),
        found.get("input_tokens_details.cached_tokens", 0),
        found.get("input_tokens_details.cache_write_tokens", 0),
        found.get("output_tokens", 0),
        found.get("output_tokens_details.reasoning_tokens", 0),
    )


def parted(sent: int, cached: int, cache_write: int, output: int, reasoning: int) -> Counts:
    """From a sum and its parts; parts that are more than the sum are cut."""
    cached = min(cached, sent)
    cache_write = min(cache_write, sent - cached)
    return Counts(
        input=sent - cached - cache_write,
        cached=cached,
        cache_write=cache_write,
        output=output,
        reasoning=min(reasoning, output),
    )


def _decoded(data: bytes, otherwise: _Shape) -> _Shape:
    try:
        return msgspec.json.decode(data, type=type(otherwise))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return otherwise


RESPONSES: Final = Dialect(
    "OpenAI Responses",
    "authorization",
    read_request,
    read_event,
    read_answer,
    counts,
    "input_tokens",
    "max_output_tokens",
)
COMPACT: Final = msgspec.structs.replace(RESPONSES, limit_field="")
"""The same, for a request that takes no limit."""
