"""A document as a tree: values, lists and mappings, each with the line it stands in."""

import re
from typing import Final, TypeAlias

import msgspec

Value: TypeAlias = str | int | float | bool | None


class Scalar(msgspec.Struct, frozen=True, gc=False):
    """One value and how its author wrote it."""

    value: Value
    text: str
    line: int


class Listing(msgspec.Struct, frozen=True):
    """Values in a row."""

    items: "list[Node]"
    line: int


class Mapping(msgspec.Struct, frozen=True):
    """Values by name; each name with its own line."""

    entries: "dict[str, Pair]"
    line: int


class Pair(msgspec.Struct, frozen=True):
    """A name's line and what stands under it."""

    line: int
    node: "Node"


Node: TypeAlias = Scalar | Listing | Mapping

NUMERAL_CHARACTERS_MAX: Final = 40
"""What is longer is text: reading a numeral of a million digits takes minutes."""

_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL: Final = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def value_of(text: str) -> Value:
    """What unquoted text means under the core schema of YAML 1.2: 'yes' and 'on' stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > NUMERAL_CHARACTERS_MAX or text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text[2:] if base != 10 else text, base)  # noqa: PLR2004 - ten fingers
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


def kind_of(node: Node) -> str:
    """What a node is, in the words of its author."""
    match node:
        case Listing():
            return "a list"
        case Mapping():
            return "a mapping"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool()):
            return f"the flag {node.text}"
        case Scalar(value=int() | float()):
            return f"the number {node.text}"
        case Scalar():
            return "text"
