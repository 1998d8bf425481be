"""Lines of styled text on a terminal; a picture is drawn in place by writing only what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

_STYLES: Final = {
    "bold": "1",
    "dim": "2",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
}
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_TO_THE_END: Final = "\x1b[K"
_CLEAR_BELOW: Final = "\x1b[J"
_CLEAR_ALL: Final = "\x1b[2J\x1b[H"


class Piece(NamedTuple):
    """Some text and the style that suits it, if any: 'dim', 'bold green'."""

    text: str
    style: str = ""


Line = tuple[Piece, ...]


def painted(line: Line, colour: bool) -> str:
    """What goes to the terminal; nothing in a text can make it obey."""
    return "".join(_painted(piece, colour) for piece in line).rstrip(" ")


def _painted(piece: Piece, colour: bool) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in piece.text)
    if not colour or not piece.style:
        return text
    codes = ";".join(_STYLES[word] for word in piece.style.split())
    return f"\x1b[{codes}m{text}\x1b[0m"


class Canvas:
    """Says what to write so that the terminal shows the next picture in the place of the last.

    A line that stays is not written again and none is emptied first, so nothing flickers.
    """

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._size = (0, 0)

    def frame(self, lines: Sequence[str], size: tuple[int, int]) -> str:
        """Lines must fit the screen. When its size changed everything stands elsewhere."""
        anew = bool(self._shown) and size != self._size
        before = [] if anew else self._shown
        parts = [_CLEAR_ALL if anew else f"\x1b[{len(before)}A\r" if before else _HIDE_CURSOR]
        for number, line in enumerate(lines):
            stays = number < len(before) and before[number] == line
            parts.append("\n" if stays else f"{line}{_TO_THE_END}\r\n")
        if len(lines) < len(before):
            parts.append(_CLEAR_BELOW)
        self._shown, self._size = list(lines), size
        return "".join(parts)

    def end(self) -> str:
        """The last picture stays; the cursor is the person's again."""
        drawn, self._shown = bool(self._shown), []
        return _SHOW_CURSOR if drawn else ""
