"""Reads JSON text token by token, with line numbers.

YAML is not quite a superset of JSON (surrogate pairs, a colon on the next line, U+0085 in text), so
JSON has a reader of its own.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from interlock.planning.composer import NODES_MAX, Composer, too_many_values
from interlock.planning.faults import NotWellFormed

_TEXT: Final = r'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"'
_TOKEN: Final = re.compile(
    rf"""(?P<mark>[{{}}\[\],:])
      | (?P<text>{_TEXT})
      | (?P<word>-?[0-9][0-9.eE+-]*+|true\b|false\b|null\b)""",
    re.VERBOSE,
)
_BLANK: Final = re.compile(r"[ \t\r\n]*+")
_NUMERAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+")

Expected = Literal["value", "value or ]", "name", "name or }", ":", ", or end", "end of text"]


class _Token(NamedTuple):
    kind: str
    """One of the names in `_TOKEN`."""
    text: str
    line: int


def read_json(text: str, composer: Composer) -> None:
    """Hand the one value in this text to the composer."""
    _refuse_masses(text)
    reader = _Reader(composer)
    line = 1
    for token in _tokens(text):
        line = token.line
        reader.take(token)
    if reader.expected != "end of text":
        raise _wrong(line, f"it ends where {reader.expected} should come")


def _refuse_masses(text: str) -> None:
    """What has too many commas has too many values; counting them takes no time."""
    outside = re.sub(_TEXT, "", text)
    if outside.count(",") + outside.count(":") > NODES_MAX:
        raise too_many_values(1)


def _tokens(text: str) -> Iterator[_Token]:
    at, line = 0, 1
    while True:
        blank = _BLANK.match(text, at)
        start = at if blank is None else blank.end()
        line += text.count("\n", at, start)
        if start == len(text):
            return
        found = _TOKEN.match(text, start)
        if found is None:
            raise _wrong(line, f"{text[start : start + 20]!r} cannot stand here")
        at = found.end()
        yield _Token(found.lastgroup or "", found.group(), line)


class _Reader:
    """Knows what may come next."""

    def __init__(self, composer: Composer) -> None:
        self.expected: Expected = "value"
        self._composer = composer
        self._inside: list[str] = []

    def take(self, token: _Token) -> None:
        match self.expected:
            case "value" | "value or ]":
                self._value(token)
            case "name" | "name or }":
                self._name(token)
            case ":":
                self._must_be(":", token)
                self.expected = "value"
            case ", or end":
                self._comma_or_end(token)
            case "end of text":
                raise _wrong(token.line, f"{token.text[:20]!r} follows after the end")

    def _value(self, token: _Token) -> None:
        if token.kind != "mark":
            self._scalar(token)
            self._after_value()
        elif token.text == "{":
            self._composer.open_mapping(token.line)
            self._inside.append("}")
            self.expected = "name or }"
        elif token.text == "[":
            self._composer.open_listing(token.line)
            self._inside.append("]")
            self.expected = "value or ]"
        elif token.text == "]" and self.expected == "value or ]":
            self._close()
        else:
            raise _wrong(token.line, f"{token.text!r} stands where a value should come")

    def _name(self, token: _Token) -> None:
        if token.text == "}" and self.expected == "name or }":
            self._close()
            return
        if token.kind != "text":
            raise _wrong(
                token.line, f"{token.text[:20]!r} stands where a name in double quotes should come"
            )
        self._scalar(token)
        self.expected = ":"

    def _comma_or_end(self, token: _Token) -> None:
        if token.kind == "mark" and token.text == self._inside[-1]:
            self._close()
            return
        self._must_be(",", token)
        self.expected = "name" if self._inside[-1] == "}" else "value"

    def _close(self) -> None:
        self._composer.close()
        self._inside.pop()
        self._after_value()

    def _after_value(self) -> None:
        self.expected = ", or end" if self._inside else "end of text"

    def _must_be(self, mark: str, token: _Token) -> None:
        if token.kind != "mark" or token.text != mark:
            raise _wrong(token.line, f"{token.text[:20]!r} stands where {mark!r} should come")

    def _scalar(self, token: _Token) -> None:
        if token.kind == "text":
            self._composer.scalar(_unescaped(token), token.line, plain=False)
            return
        if token.text[0] in "-0123456789" and _NUMERAL.fullmatch(token.text) is None:
            raise _wrong(token.line, f"{token.text[:20]!r} is not a number")
        self._composer.scalar(token.text, token.line, plain=True)


def _unescaped(token: _Token) -> str:
    if "\\" not in token.text:
        return token.text[1:-1]
    try:
        text = str(json.loads(token.text))
        text.encode()
    except ValueError:
        raise _wrong(
            token.line, f"{token.text[:40]!r} has an escape that means no character"
        ) from None
    return text


def _wrong(line: int, what: str) -> NotWellFormed:
    return NotWellFormed(line, f"this is not JSON: {what}", "look at commas, quotes and brackets")
