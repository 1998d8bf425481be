"""The terminal shows the newest picture, whatever was there before, without being emptied."""

import re

from hypothesis import given
from hypothesis import strategies as st

from interlock.demo.screen import Canvas, Piece, painted

WIDTH, HEIGHT = 12, 9
WORDS = re.compile(r"\x1b\[[?\d;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+")


class Terminal:
    """As much of a terminal as the canvas uses."""

    def __init__(self) -> None:
        self.rows = [""] * 100
        self.at = 0
        self.column = 0
        self.written: list[str] = []
        self.cursor = True

    def take(self, text: str) -> None:
        for word in WORDS.findall(text):
            match word:
                case "\n":
                    self.at += 1
                case "\r":
                    self.column = 0
                case "\x1b[K":
                    self.rows[self.at] = self.rows[self.at][: self.column]
                case "\x1b[J":
                    self.rows[self.at :] = [""] * (100 - self.at)
                case "\x1b[2J\x1b[H" | "\x1b[2J":
                    self.rows = [""] * 100
                case "\x1b[H":
                    self.at = self.column = 0
                case "\x1b[?25l" | "\x1b[?25h":
                    self.cursor = word.endswith("h")
                case _ if word.startswith("\x1b["):
                    self.at -= int(word[2:-1])
                case _:
                    before = self.rows[self.at].ljust(self.column)
                    after = before[self.column + len(word) :]
                    self.rows[self.at] = before[: self.column] + word + after
                    self.column += len(word)
                    self.written.append(word)


pictures = st.lists(
    st.lists(st.text("ab ", max_size=WIDTH).map(str.rstrip), min_size=1, max_size=HEIGHT),
    min_size=1,
    max_size=6,
)
sizes = st.lists(st.sampled_from([(80, 24), (100, 30)]), min_size=6, max_size=6)


@given(pictures, sizes)
def test_the_last_picture_is_what_stands_there(
    pictures: list[list[str]], sizes: list[tuple[int, int]]
):
    terminal, canvas = Terminal(), Canvas()
    for lines, size in zip(pictures, sizes, strict=False):
        terminal.take(canvas.frame(lines, size))
        assert terminal.rows[: terminal.at] == lines
        assert not any(terminal.rows[terminal.at :])
        assert not terminal.cursor
    terminal.take(canvas.end())
    assert terminal.cursor


def test_only_what_changed_is_written():
    terminal, canvas = Terminal(), Canvas()
    terminal.take(canvas.frame(["one", "two", "three"], (80, 24)))
    terminal.written.clear()
    terminal.take(canvas.frame(["one", "TWO", "three"], (80, 24)))
    assert terminal.written == ["TWO"]


def test_what_was_never_drawn_changes_no_cursor():
    assert Canvas().end() == ""


def test_no_text_makes_the_terminal_obey():
    line = (Piece("red\x1b[31m\r\x07alert", "bold green"),)
    assert painted(line, colour=False) == "red [31m  alert"
    assert painted(line, colour=True) == "\x1b[1;32mred [31m  alert\x1b[0m"
