"""A plan document without its entries of some names, and otherwise as its author wrote it.

    without(text, {"gates"}) -> Without("goal: x", (Taken(2, "gates: [tests]"),))

Entries are found by what the YAML means and cut out of the text, so comments and order stay. The
result is to be read as YAML, JSON too: a comma may stand at the end of what was cut.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final

import msgspec
import yaml
from yaml import CSafeLoader
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from interlock.planning.entries import TASK_KEYS
from interlock.planning.yaml_text import DIRECTIVE

_SHOWN_MAX: Final = 100
_COMMA: Final = re.compile(r"\s*,[ \t]*")
_BLANK: Final = re.compile(r"[ \t]*\n")


class Taken(msgspec.Struct, frozen=True):
    """One entry that was cut out: the line in which it stood, and how it began."""

    line: int
    text: str


class Without(msgspec.Struct, frozen=True):
    """What is left of the text, and what is not."""

    text: str
    taken: tuple[Taken, ...]


class _Cut(msgspec.Struct, frozen=True, order=True):
    """From and to where, without what stands around it."""

    start: int
    end: int
    line: int
    in_flow: bool


class _Open:
    """A list or mapping that has not ended yet; of a mapping also its entry of the moment."""

    __slots__ = ("expects_name", "in_flow", "is_mapping", "line", "name", "start")

    def __init__(self, event: SequenceStartEvent | MappingStartEvent) -> None:
        self.is_mapping, self.in_flow = isinstance(event, MappingStartEvent), bool(event.flow_style)
        self.expects_name = True
        self.name: str | None = None
        self.start = self.line = 0


class _Finder:
    """Follows the events of one text and remembers where entries of these names stand."""

    def __init__(self, names: Collection[str]) -> None:
        self.cuts: list[_Cut] = []
        self._names, self._end = names, 0
        self._open: list[_Open] = []
        self._anchored: dict[str, str] = {}

    def take(self, event: Event) -> None:
        if isinstance(event, CollectionEndEvent):
            if self._open.pop().in_flow:  # A block ends where the next thing begins.
                self._end = _at(event.end_mark)
            self._over()
        elif isinstance(event, NodeEvent):
            self._begin(event)
            if isinstance(event, SequenceStartEvent | MappingStartEvent):
                self._open.append(_Open(event))
            else:
                self._end = _at(event.end_mark)
                self._over()

    def _begin(self, event: NodeEvent) -> None:
        text = self._text(event)
        if text is not None and event.anchor is not None:
            self._anchored[event.anchor] = text
        if self._open and self._open[-1].is_mapping and self._open[-1].expects_name:
            around, mark = self._open[-1], event.start_mark
            around.name, around.start = text, _at(mark)
            around.line = 1 if mark is None else mark.line + 1

    def _text(self, event: NodeEvent) -> str | None:
        if isinstance(event, ScalarEvent):
            return event.value
        return self._anchored.get(event.anchor or "") if isinstance(event, AliasEvent) else None

    def _over(self) -> None:
        """A name or a value has ended."""
        if not self._open or not self._open[-1].is_mapping:
            return
        around = self._open[-1]
        around.expects_name = not around.expects_name
        if around.expects_name and TASK_KEYS.canonical(around.name or "") in self._names:
            self.cuts.append(_Cut(around.start, self._end, around.line, around.in_flow))


def without(text: str, names: Collection[str]) -> Without | None:
    """None where the text is no YAML, so that nobody knows what stands in it."""
    if DIRECTIVE.search(
        text
    ):  # libyaml compares each of them with all before it: that takes hours.
        return None
    finder, loader = _Finder(names), CSafeLoader(text)
    try:
        while loader.check_event():
            event = loader.get_event()
            if event is not None:
                finder.take(event)
    except yaml.YAMLError:
        return None
    finally:
        loader.dispose()
    cuts = list(_outermost(finder.cuts))
    taken = tuple(Taken(cut.line, _shown(text[cut.start : cut.end])) for cut in cuts)
    return Without("".join(_kept(text, cuts)), taken)


def _at(mark: object) -> int:
    return getattr(mark, "index", 0)


def _outermost(cuts: list[_Cut]) -> Iterator[_Cut]:
    over = 0
    for cut in sorted(cuts):
        if cut.start >= over:
            over = cut.end
            yield cut


def _kept(text: str, cuts: list[_Cut]) -> Iterator[str]:
    at = 0
    for cut in cuts:
        start, end = _widened(text, cut)
        yield text[at:start]
        at = end
    yield text[at:]


def _widened(text: str, cut: _Cut) -> tuple[int, int]:
    """With its comma, and with its line where nothing else stands in that."""
    start, end = cut.start, cut.start + len(text[cut.start : cut.end].rstrip())
    if cut.in_flow and (comma := _COMMA.match(text, end)):
        end = comma.end()
    line = text.rfind("\n", 0, start) + 1
    blank = _BLANK.match(text, end)
    if blank and not text[line:start].strip(" \t"):
        return line, blank.end()
    return start, end


def _shown(text: str) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= _SHOWN_MAX else f"{shown[:_SHOWN_MAX]}..."
