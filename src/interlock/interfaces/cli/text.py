"""Text for terminals and pipes: aligned columns, colours only where they are welcome."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from interlock.interfaces.cli.doors import Doors

_COLOURS: Final = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
}
_STATE_COLOURS: Final = {
    "done": "green", "completed": "green", "ok": "green", "passed": "green", "skipped": "dim",
    "failed": "red", "rejected": "red", "broken": "red", "blocked": "red", "stopped": "red",
    "awaiting_review": "yellow", "blocked_on_human": "yellow", "waiting": "yellow",
    "warning": "yellow", "paused": "yellow", "in_progress": "blue", "active": "blue",
    "verifying": "blue", "merging": "blue", "busy": "blue",
}  # fmt: skip
_PIPE_WIDTH: Final = 10_000
"""Nobody's screen: whoever reads from a pipe gets whole lines."""

_GAP: Final = 2


def safe(text: str) -> str:
    """Text of others on one line, without anything that a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def counted(number: int, noun: str) -> str:
    """'1 event', '1,234 events'."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


class Screen:
    """Where text goes, how wide it is, and whether it may be coloured."""

    def __init__(self, doors: Doors) -> None:
        terminal = sys.stdout.isatty()
        self.colour = terminal and doors.colour()
        self.width = shutil.get_terminal_size().columns if terminal else _PIPE_WIDTH

    def paint(self, text: str, colour: str | None) -> str:
        if not self.colour or colour is None:
            return text
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"

    def state(self, state: str, width: int = 0) -> str:
        """A state in its colour, padded to a column."""
        padding = " " * max(0, width - len(state))
        return self.paint(state, _STATE_COLOURS.get(state)) + padding

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """Aligned lines; the last column gets the room that is left. States are coloured."""
        cells = [[safe(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        yield self.paint(self._line(heads, widths), "dim")
        for row in cells:
            yield self._line(row, widths)

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        at, parts = _GAP, []
        for cell, width in zip(cells[:-1], widths[:-1], strict=True):
            parts.append(self.state(cell, width))
            at += width + _GAP
        last = cut(cells[-1], max(self.width - at, 8))
        return (" " * _GAP + (" " * _GAP).join([*parts, self.state(last)])).rstrip()


def local(at: datetime | str) -> str:
    """An instant in the person's own time zone."""
    instant = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{instant.astimezone():%Y-%m-%d %H:%M:%S}"


def json_text(document: object) -> str:
    """One document, indented for people; programs do not mind."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def print_json(document: object) -> None:
    print(json_text(document))
