"""Text for terminals and pipes."""

import pytest

from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.text import Screen, cut, json_text, safe


def screen(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, colour: bool) -> Screen:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    return Screen(Doors(None, None, lambda: colour))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("terminal", "colour", "painted"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_colours_show_only_on_a_terminal_that_wants_them(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, colour: bool, painted: bool
):
    shown = screen(monkeypatch, terminal=terminal, colour=colour).state("done")
    assert ("\x1b[" in shown) is painted


def test_columns_stand_below_each_other(monkeypatch: pytest.MonkeyPatch):
    lines = screen(monkeypatch, terminal=False, colour=False).table(
        ("A", "STATE", "REST"), [("x", "done", "1"), ("long", "ready", "2")]
    )
    assert list(lines) == ["  A     STATE  REST", "  x     done   1", "  long  ready  2"]


def test_text_of_others_cannot_command_a_terminal():
    assert safe("a\x1b[2Jb\r\nc\x9bd\u202ee") == "a [2Jb  c d e"


def test_long_text_is_cut_with_a_mark():
    assert (cut("abcdef", 6), cut("abcdefg", 6), cut("abc", 0)) == ("abcdef", "abcde…", "…")


def test_documents_are_indented_json():
    assert json_text({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'
