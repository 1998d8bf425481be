"""The board as people see it: the same lines everywhere, never wider than the screen."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from interlock.control.dashboard import Dashboard, QueueRow, TeamRow
from interlock.domain.ids import RunId, TaskName
from interlock.interfaces.cli.board import WIDTH_MIN, bar, board_lines
from interlock.interfaces.cli.live_board import framed

WORKS = ("API endpoints", "UI components", "Database schema", "Testing", "Documentation")
PERCENTS = (80, 70, 100, 50, 85)

FIVE_TEAMS = Dashboard(
    at=datetime(2026, 1, 5, 10, tzinfo=UTC),
    teams=tuple(
        TeamRow(f"Team {number}", work, percent, "in_progress", simulated=False)
        for number, work, percent in zip(range(1, 6), WORKS, PERCENTS, strict=True)
    ),
    queue=(
        QueueRow(TaskName("oauth"), "OAuth integration", "high", "review", 330.0),
        QueueRow(TaskName("split"), "Microservices split", "medium", "review", 600.0),
    ),
    completed_today=12,
    average_wait_seconds=480.0,
    parallel_efficiency=5.2,
    run=RunId("r1"),
    goal="Sell shoes",
    unfinished=7,
    held_up_by=None,
    holder="p1",
)


def shown(seen: Dashboard, width: int = 80) -> str:
    return "\n".join(line.text.rstrip() for line in board_lines(seen, width)) + "\n"


def test_five_teams_two_questions_and_three_numbers():
    assert (
        shown(FIVE_TEAMS)
        == """\
AUTONOMOUS TEAMS STATUS
Sell shoes

ACTIVE TEAMS (5)
  Team 1: API endpoints    ████████░░ 80%
  Team 2: UI components    ███████░░░ 70%
  Team 3: Database schema  ██████████ 100% ✓
  Team 4: Testing          █████░░░░░ 50%
  Team 5: Documentation    ████████░░ 85%

HUMAN REVIEW QUEUE (2)
  [HIGH] OAuth integration   Waiting 5 min
  [MED] Microservices split  Waiting 10 min

COMPLETED TODAY: 12 tasks
AVERAGE WAIT TIME: 8 minutes
PARALLEL EFFICIENCY: 5.2x faster
"""
    )


def replaced(**changes: object) -> Dashboard:
    import msgspec

    return msgspec.structs.replace(FIVE_TEAMS, **changes)


def test_what_nobody_knows_is_not_a_number():
    nothing = replaced(
        teams=(), queue=(), completed_today=0, average_wait_seconds=None,
        parallel_efficiency=None, run=None, goal=None, unfinished=0, holder=None,
    )  # fmt: skip
    text = shown(nothing)
    assert "Nothing has run here yet" in text
    assert "ACTIVE TEAMS (0)" in text
    assert "COMPLETED TODAY: 0 tasks" in text
    assert "PARALLEL EFFICIENCY: not known yet" in text
    assert "AVERAGE WAIT TIME: nothing has waited for a person today" in text


def test_slower_is_not_called_faster():
    assert "0.8x, slower than one by one" in shown(replaced(parallel_efficiency=0.8))


def test_a_board_at_which_nobody_works_says_so():
    text = shown(replaced(holder=None, held_up_by="smoke"))
    assert "HELD UP: smoke" in text
    assert "No process works on it now: 7 unfinished tasks" in text


@pytest.mark.parametrize(
    ("percent", "cells"), [(0, 0), (9, 0), (10, 1), (55, 5), (99, 9), (100, 10)]
)
def test_a_bar_is_full_only_at_the_end(percent: int, cells: int):
    drawn = bar(TeamRow("t", "w", percent, "in_progress", simulated=False))
    assert drawn.count("█") == cells
    assert drawn.count("█") + drawn.count("░") == 10
    assert ("✓" in drawn) is (percent == 100)


def test_names_of_others_are_inert_and_give_way():
    team = TeamRow("\x1b[2JTeam\n", "x" * 300, 50, "in_progress", simulated=True)
    item = QueueRow(TaskName("a"), "\x1b]0;owned\x07" + "長" * 200, "p0", "review", 0.0)
    hostile = replaced(teams=(team,), queue=(item,), goal="g\x1b[31m" * 50)
    for width in (WIDTH_MIN, 60, 200):
        text = shown(hostile, width)
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "█████░░░░░ 50%" in text
        assert "Waiting 0 min" in text
        assert all(cells(line) <= width for line in text.splitlines()), text


def cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


@pytest.mark.parametrize("width", [50, 80, 120])
def test_the_frame_is_as_wide_as_the_window(width: int):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True)
    console.print(framed(FIVE_TEAMS, console))
    lines = console.file.getvalue().rstrip("\n").split("\n")  # type: ignore[attr-defined]
    plain = [
        line.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\x1b[2m", "") for line in lines
    ]
    assert {cells(line) for line in plain} == {width}
    assert any("Team 3: Database schema  ██████████ 100% ✓" in line for line in plain)
