"""What a request asks for, as far as it decides what may come of it.

What is passed on is what was read: the fields are written anew, so that a name that comes twice
cannot mean one thing here and another there.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

import msgspec

_ELSEWHERE: Final = re.compile(
    rb'"(?:(?:previous_response_id|conversation|container|file_ids?)"\s*:\s*["\[{]'
    rb'|type"\s*:\s*"(?:url|file|document|input_file|input_image|image_url|item_reference)")'
)
_FETCHED: Final = re.compile(
    rb'"(?:(?:server_url|vector_store_ids|mcp_servers|web_search_options)"\s*:\s*["\[{]'
    rb'|type"\s*:\s*"(?:web_|code_|file_search|image_generation|tool_search))'
)
_SPELLED: Final = re.compile(rb"\\u00(?:[46][1-9a-fA-F]|[57][0-9aA]|5[fF])")
"""Nobody needs to write letters this way, unless a name shall not be recognised."""

_LONG_CACHE: Final = re.compile(rb'"(?:1h|12h|24h)"')
_COUNTS: Final = (
    "max_tokens",
    "max_output_tokens",
    "max_completion_tokens",
    "n",
    "best_of",
)
"""What a request may come to is one of these, or several of them multiplied."""

_SHOWN_MAX: Final = 40


class Ask(msgspec.Struct, frozen=True):
    """One request that can be counted.

    `output_max` is what it allows itself for each of its `answers`; None: as much as the model
    can. `elsewhere`: its size says little, because part of it lies with its provider. `fetches`:
    its provider may bring more to it, with tools of its own. `tier` is set where it wants to be
    served for another price. `hides_usage`: we asked for figures that its sender did not ask for.
    `long_cache`: it may pay for keeping its input longer than usual. `factor` is what its tier
    costs at most where nobody priced it, `region` what its place costs on top of any tier.
    `rounds`: how often its provider may go through all of it. `others`: another model may answer.
    `advised`: one of its tools is another model.
    """

    model: str
    body: bytes
    stream: bool = False
    output_max: int | None = None
    answers: int = 1
    elsewhere: bool = False
    fetches: bool = False
    tier: str = ""
    hides_usage: bool = False
    long_cache: bool = False
    factor: float = 1.0
    region: float = 1.0
    rounds: int = 1
    others: bool = False
    advised: bool = False


class Unreadable(msgspec.Struct, frozen=True):
    """It cannot be counted; the sentence is for its sender."""

    why: str


Fields = Mapping[str, msgspec.Raw]
Words = Mapping[str, Mapping[str, float]]
"""By the name of a field: its words, and what each multiplies the price with at most."""


def fields_of(body: bytes, words: Words) -> dict[str, msgspec.Raw] | Unreadable:
    """`words` are the fields that set a price, with every word that each may be."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Unreadable(f"The request is no JSON object that can be counted: {error}.")
    why = _strange_count(fields) or _strange_word(fields, words)
    if not why and value_in(fields, "models"):
        why = "`models` names several, and what the request costs depends on which one answers."
        why += " Name one, as `model`."
    return Unreadable(why) if why else fields


def _strange_count(fields: Fields) -> str:
    """JSON knows no whole numbers: 8.0 may be 8 to whoever is paid for it."""
    for name in _COUNTS:
        value = value_in(fields, name)
        if value is not None and (type(value) is not int or value < 0):
            return f"`{name}` must be a whole number, not {_shown(fields[name])}."
    return ""


def _strange_word(fields: Fields, words: Words) -> str:
    for name, known in words.items():
        value = value_in(fields, name)
        if value is not None and (not isinstance(value, str) or value not in known):
            return (
                f"`{name}` may be {', '.join(filter(None, known))}: what {_shown(fields[name])} "
                "costs is not known."
            )
    return ""


def _shown(raw: msgspec.Raw) -> str:
    return json.dumps(bytes(raw).decode("utf-8", "replace")[:_SHOWN_MAX])[1:-1]


def factor_in(fields: Fields, name: str, words: Words) -> float:
    return words[name].get(text_in(fields, name), 1.0)


def limited(ask: Ask, field: str, most: int) -> Ask:
    """The same request, with a limit to its output that it did not set itself."""
    fields = msgspec.json.decode(ask.body, type=dict[str, msgspec.Raw])
    fields[field] = msgspec.Raw(msgspec.json.encode(most))
    return msgspec.structs.replace(ask, body=msgspec.json.encode(fields), output_max=most)


def lies_elsewhere(body: bytes) -> bool:
    return any(pattern.search(body) for pattern in (_ELSEWHERE, _SPELLED))


def fetches_more(body: bytes) -> bool:
    return _FETCHED.search(body) is not None


def is_advised(fields: Fields) -> bool:
    return b'"type":"advisor' in msgspec.json.encode(value_in(fields, "tools"))


def rounds_in(fields: Fields) -> int:
    """A provider that condenses a conversation first goes through it twice."""
    return 2 if b"compact" in msgspec.json.encode(value_in(fields, "context_management")) else 1


def keeps_long(body: bytes) -> bool:
    return _LONG_CACHE.search(body) is not None


def text_in(fields: Fields, name: str) -> str:
    value = value_in(fields, name)
    return value if isinstance(value, str) else ""


def count_in(fields: Fields, *names: str) -> int | None:
    """The largest of these that is set; a count is at least one."""
    values = [value_in(fields, name) for name in names]
    counts = [value for value in values if type(value) is int and value > 0]
    return max(counts, default=None)


def value_in(fields: Fields, name: str) -> object:
    raw = fields.get(name)
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
