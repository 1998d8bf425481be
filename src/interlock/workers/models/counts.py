"""Tokens of one answer, from the figures that its provider tells, whatever else it says.

Figures only ever grow: a provider tells them several times, and one that is told twice, late or
out of order changes nothing.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

FIGURE_MAX: Final = 10**9
"""No answer has so many tokens; a larger figure is nonsense and not believed."""


class Counts(msgspec.Struct, frozen=True):
    """By kind; no token counts twice, but these are parts of others.

    `cache_write_hour` is the part of `cache_write` that was put away for long, `reasoning` a part
    of `output`. `searches` are no tokens; each has a fee.
    """

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    cache_write_hour: int = 0
    output: int = 0
    reasoning: int = 0
    searches: int = 0

    @property
    def sent(self) -> int:
        """Everything that went in."""
        return self.input + self.cached + self.cache_write


class Told(msgspec.Struct, frozen=True):
    """What one event, or a whole answer that came at once, says.

    `whole`: its figures are those of the whole answer, not of its beginning. `end`: nothing comes
    after it. `extra`: it is there for its figures only, and for nobody who did not ask for them.
    `fault` is an error that is told in the middle of an answer.
    """

    figures: Mapping[str, int] = {}
    whole: bool = False
    end: bool = False
    extra: bool = False
    fault: str = ""


def figures(usage: object) -> dict[str, int]:
    """`{"a": 1, "b": {"c": 2}}` as `{"a": 1, "b.c": 2}`; what is no figure is left out."""
    if not isinstance(usage, dict):
        return {}
    found: dict[str, int] = {}
    for name, value in usage.items():
        if isinstance(value, dict):
            inner = {f"{name}.{each}": number for each, number in value.items()}
            found |= {each: number for each, number in inner.items() if _is_figure(number)}
        elif _is_figure(value):
            found[name] = value
    return found


def _is_figure(value: object) -> bool:
    return type(value) is int and 0 <= value <= FIGURE_MAX
