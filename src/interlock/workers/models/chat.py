"""OpenAI Chat Completions: a stream tells what it used only to who asks for it, so we ask."""

from collections.abc import Mapping
from typing import Final

import msgspec

from interlock.workers.models.anthropic import fault_in
from interlock.workers.models.asking import (
    Ask,
    Unreadable,
    count_in,
    factor_in,
    fetches_more,
    fields_of,
    keeps_long,
    lies_elsewhere,
    text_in,
    value_in,
)
from interlock.workers.models.counts import Counts, Told, figures
from interlock.workers.models.dialect import Dialect
from interlock.workers.models.responses import WORDS, parted, tier_in

_LAST: Final = b"[DONE]"


class _Chunk(msgspec.Struct):
    """The fields of a piece, or of a whole answer, that matter here."""

    choices: msgspec.Raw = msgspec.Raw(b"")
    usage: object = None
    error: object = None


def read_request(body: bytes) -> Ask | Unreadable:
    fields = fields_of(body, WORDS)
    if isinstance(fields, Unreadable):
        return fields
    stream = value_in(fields, "stream") is True
    options = value_in(fields, "stream_options") if stream else None
    asked = isinstance(options, dict) and options.get("include_usage") is True
    if stream and not asked:
        wanted = {**(options if isinstance(options, dict) else {}), "include_usage": True}
        fields["stream_options"] = msgspec.Raw(msgspec.json.encode(wanted))
    written = msgspec.json.encode(fields)
    return Ask(
        model=text_in(fields, "model"),
        body=written,
        stream=stream,
        output_max=count_in(fields, "max_completion_tokens", "max_tokens"),
        answers=count_in(fields, "n", "best_of") or 1,
        elsewhere=lies_elsewhere(written),
        fetches=fetches_more(written),
        tier=tier_in(fields),
        factor=factor_in(fields, "service_tier", WORDS),
        hides_usage=stream and not asked,
        long_cache=keeps_long(written),
    )


def read_event(data: bytes) -> Told:
    if data.strip() == _LAST:
        return Told(end=True)
    chunk = _decoded(data)
    found = figures(chunk.usage)
    whole = "completion_tokens" in found
    return Told(found, whole, extra=whole and _is_empty(chunk.choices), fault=fault_in(chunk.error))


def read_answer(body: bytes) -> Told:
    answer = _decoded(body)
    found = figures(answer.usage)
    return Told(found, "completion_tokens" in found, end=True, fault=fault_in(answer.error))


def counts(found: Mapping[str, int]) -> Counts:
    return parted(
        found.get("prompt_tokens", 0),
        max(
            found.get("prompt_tokens_details.cached_tokens", 0),
            found.get("prompt_cache_hit_tokens", 0),
        ),
        found.get("prompt_tokens_details.cache_write_tokens", 0),
        found.get("completion_tokens", 0),
        found.get("completion_tokens_details.reasoning_tokens", 0),
    )


def _is_empty(choices: msgspec.Raw) -> bool:
    return bytes(choices).translate(None, b" \t\r\n") == b"[]"


def _decoded(data: bytes) -> _Chunk:
    try:
        return msgspec.json.decode(data, type=_Chunk)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Chunk()


CHAT: Final = Dialect(
    "OpenAI Chat Completions",
    "authorization",
    read_request,
    read_event,
    read_answer,
    counts,
    "prompt_tokens",
    "max_completion_tokens",
)
