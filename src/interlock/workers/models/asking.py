"""What a request asks for, as far as it decides what may come of it.

What is passed on is what was read: the fields are written anew, so that a name that comes twice
cannot mean one thing here and another there.
"""

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


class Ask(msgspec.Struct, frozen=True):
    """One request that can be counted.

    `output_max` is what it allows itself for each of its `answers`; None: as much as the model
    can. `elsewhere`: its size says little, because part of it lies with its provider. `fetches`:
    its provider may bring more to it, with tools of its own. `tier` is set where it wants to be
    served for another price. `hides_usage`: we asked for figures that its sender did not ask for.
    `long_cache`: it may pay for keeping its input longer than usual.
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


class Unreadable(msgspec.Struct, frozen=True):
    """It cannot be counted; the sentence is for its sender."""

    why: str


Fields = Mapping[str, msgspec.Raw]


def fields_of(body: bytes) -> dict[str, msgspec.Raw] | Unreadable:
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Unreadable(f"The request is no JSON object that can be counted: {error}.")


def lies_elsewhere(body: bytes) -> bool:
    return any(pattern.search(body) for pattern in (_ELSEWHERE, _SPELLED))


def fetches_more(body: bytes) -> bool:
    return _FETCHED.search(body) is not None


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
