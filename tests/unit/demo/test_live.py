"""The board on a terminal: what is drawn, and what others say meanwhile."""

import io
import sys
from collections.abc import AsyncIterator

import pytest

from interlock.adapters.pretend.clock import PretendClock
from interlock.demo.live import LiveBoard, has_room
from interlock.demo.main import shipped_plan
from tests.unit.demo.documents import row, status


class Desk:
    """A desk that knows one status and calls for a look once."""

    async def status(self):
        return status(row("cart", "done"))

    async def watch(self) -> AsyncIterator[None]:
        yield None


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")


async def test_what_others_say_meanwhile_does_not_tear_the_picture_and_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
):
    screen, errors = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    board = LiveBoard(shipped_plan(), screen, PretendClock(), colour=False)
    board.open("bubblewrap")
    sys.stderr.write("a library complains\n")
    assert errors.getvalue() == ""
    await board.close(Desk())
    board.drop()
    assert sys.stderr is errors
    assert errors.getvalue() == "a library complains\n"
    assert "a library complains" not in screen.getvalue()
    assert "landed 6e751a93" in screen.getvalue()


async def test_dropped_twice_it_says_things_once(monkeypatch: pytest.MonkeyPatch):
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    board = LiveBoard(shipped_plan(), io.StringIO(), PretendClock(), colour=False)
    board.open("bubblewrap")
    sys.stderr.write("once\n")
    board.drop()
    board.drop()
    assert errors.getvalue() == "once\n"


@pytest.mark.parametrize(
    ("columns", "lines", "room"), [(80, 24, True), (70, 24, False), (80, 20, False)]
)
def test_a_small_terminal_gets_lines(
    monkeypatch: pytest.MonkeyPatch, columns: int, lines: int, room: bool
):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(lines))
    assert has_room(shipped_plan()) == room
