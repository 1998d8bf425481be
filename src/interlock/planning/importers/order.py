"""What waits for what, from the order in which tasks are written down.

    [P] on a task      at once with the neighbours in its section that carry it, too
    [P] on a section   at once with the neighbouring sections that carry it, too
    everything else    one after another, as it is written
    a note             "(depends on 1.2)" adds to that; it never takes anything away

So a section is a row of steps, a document a row of stages, and nothing begins before the step and
the stage before it are done. What is ticked off holds nobody up.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from interlock.planning.importers.markdown import Box, Line

WAITS_MAX: Final = 200_000
_BESIDE: Final = re.compile(r"\[P\]|\((?:in )?parallel\)|\[(?:in )?parallel\]", re.IGNORECASE)
_ASIDE: Final = re.compile(
    r"[(\[]\s*(?:depends(?:\s+on)?|dependencies|blocked\s+by|after)\b[\s*_:]*([^()\[\]]*)",
    re.IGNORECASE,
)
_OWN_LINE: Final = re.compile(
    r"\s*(?:[-*+]\s+)?[*_]{0,3}(?:depends\s+on|dependencies|blocked\s+by)\b[\s*_:]*(.*)",
    re.IGNORECASE,
)
_NOTHING: Final = re.compile(r"(?:none|nothing|no one|-|n/a)?[\s.)]*", re.IGNORECASE)

T = TypeVar("T")


class TooManyWaits(Exception):
    """More tasks wait for more tasks than a plan may say."""


class Entry(msgspec.Struct, frozen=True):
    """One task as far as its order goes; `number` counts the tasks of the document from 0."""

    number: int
    beside: bool
    done: bool


class Block(msgspec.Struct, frozen=True):
    """The tasks of one section, in their order."""

    entries: tuple[Entry, ...]
    beside: bool = False


def is_beside(text: str) -> bool:
    """Whether a task or a heading says that it can go on beside its neighbours."""
    return _BESIDE.search(text) is not None


def without_mark(text: str) -> str:
    return re.sub(r"\s{2,}", " ", _BESIDE.sub("", text)).strip()


def waits_of(blocks: Iterable[Block]) -> dict[int, tuple[int, ...]]:
    """For each open task, the open tasks that must be done first; raises TooManyWaits."""
    found: dict[int, tuple[int, ...]] = {}
    budget = WAITS_MAX
    before: tuple[int, ...] = ()
    for stage in _rows(blocks, lambda block: block.beside):
        ends: list[int] = []
        for block in stage:
            last = before
            for step in _rows(block.entries, lambda entry: entry.beside):
                own = tuple(entry.number for entry in step if not entry.done)
                budget -= len(own) * len(last)
                if budget < 0:
                    raise TooManyWaits
                found |= dict.fromkeys(own, last)
                last = own or last
            ends += last if last is not before else ()
        before = tuple(ends) or before
    return found


def _rows(items: Iterable[T], beside: Callable[[T], bool]) -> Iterator[list[T]]:
    """Neighbours that go on beside one another in one row, everybody else alone."""
    row: list[T] = []
    for item in items:
        if row and not (beside(item) and beside(row[-1])):
            yield row
            row = []
        row.append(item)
    if row:
        yield row


# --- notes ----------------------------------------------------------------------------------------


class Note(msgspec.Struct, frozen=True):
    """What a task says it depends on, in its author's words."""

    line: int
    words: str


def notes_of(box: Box) -> Iterator[Note]:
    """'(depends on 1.2)' anywhere in the task, and lines that begin with 'Depends on:'."""
    for number, line in enumerate((Line(box.line, box.text), *box.body)):
        if line.fenced:
            continue
        own_line = _OWN_LINE.fullmatch(line.text) if number else None
        words = [own_line[1]] if own_line else [found[1] for found in _ASIDE.finditer(line.text)]
        yield from (
            Note(line.number, each.strip()) for each in words if not _NOTHING.fullmatch(each)
        )
