"""Text of others as Markdown that says what it says: no markup, no control characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Final

_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|#~&])")
_TICKS: Final = re.compile(r"`+")
_SHA_CHARACTERS: Final = 10
_PRECISE, _MINUTE, _HOUR = 9.95, 60.0, 3600.0


def inert(text: str) -> str:
    """On one line, without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def words(text: str) -> str:
    """On one line, with everything that Markdown or a terminal would obey made harmless."""
    return _MARKUP.sub(r"\\\1", inert(text).strip())


def code(text: str) -> str:
    """Between backticks, whatever backticks it has itself."""
    line = inert(text).replace("|", "/")
    longest = max((len(run) for run in _TICKS.findall(line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def block(text: str) -> str:
    """Several lines as they are, below an item of a list, where code stands six blanks in."""
    lines = text.strip("\n").split("\n")
    shown = ("".join(c if c.isprintable() or c == "\t" else " " for c in line) for line in lines)
    return "\n".join(f"      {line}".rstrip() for line in shown)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The cells must be Markdown already."""
    bars = ["---"] * len(heads)
    return [f"| {' | '.join(cells)} |" for cells in (heads, bars, *rows)]


def sha(commit: str) -> str:
    return code(commit[:_SHA_CHARACTERS])


def moment(at: datetime, zone: tzinfo | None) -> str:
    """In the zone given; None is the zone of this machine."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def duration(seconds: float) -> str:
    """'0.4 s', '42 s', '12 min', '3 h 05 min'."""
    if seconds < _PRECISE:
        return f"{seconds:.1f} s"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / _MINUTE)
    if minutes < _HOUR / _MINUTE:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
