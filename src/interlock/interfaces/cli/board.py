"""The dashboard as lines of text: plain for a pipe, framed and coloured for a screen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

from interlock.control.dashboard import Dashboard, QueueRow, TeamRow
from interlock.control.forecast_text import time_left
from interlock.interfaces.cli.text import counted, safe

TITLE: Final = "AUTONOMOUS TEAMS STATUS"
CELLS: Final = 10
WIDTH_MIN: Final = 44

_LABELS: Final = {"p0": "P0", "critical": "CRITICAL", "high": "HIGH", "medium": "MED", "low": "LOW"}
_FULL = 100
_NAME_WIDTH_MAX = 34
_MINUTE = 60.0
_BAR_WIDTH = 20


class Line(NamedTuple):
    """One line and the colour that suits it, if any."""

    text: str
    colour: str | None = None


def board_lines(seen: Dashboard, width: int) -> Iterator[Line]:
    """Never wider than `width`; names give way first, numbers never."""
    width = max(width, WIDTH_MIN)
    yield Line(TITLE, "bold")
    yield from (Line(_fit(text, width), colour) for text, colour in _state(seen))
    names = len({team.name for team in seen.teams})
    yield Line("")
    yield Line(f"ACTIVE TEAMS ({names})", "green" if names else "dim")
    label_width = _label_width([_team_label(team) for team in seen.teams], width - _BAR_WIDTH)
    for team in seen.teams:
        yield Line(f"  {_fit(_team_label(team), label_width, pad=True)}  {bar(team)}")
    yield Line("")
    yield Line(f"HUMAN REVIEW QUEUE ({len(seen.queue)})", "yellow" if seen.queue else "dim")
    label_width = _label_width([_item_label(row) for row in seen.queue], width - _BAR_WIDTH)
    for row in seen.queue:
        waiting = f"Waiting {row.waiting_seconds // _MINUTE:.0f} min"
        yield Line(f"  {_fit(_item_label(row), label_width, pad=True)}  {waiting}")
    yield Line("")
    yield Line(f"COMPLETED TODAY: {counted(seen.completed_today, 'task')}")
    yield Line(f"AVERAGE WAIT TIME: {_average(seen.average_wait_seconds)}")
    yield Line(f"PARALLEL EFFICIENCY: {_efficiency(seen.parallel_efficiency)}")


def bar(team: TeamRow) -> str:
    """'████████░░ 80%', with a check mark when it is all done."""
    full = team.percent * CELLS // _FULL
    mark = " ✓" if team.percent >= _FULL else ""
    return f"{'█' * full}{'░' * (CELLS - full)} {team.percent}%{mark}"


def _team_label(team: TeamRow) -> str:
    mark = " (simulated)" if team.simulated else ""
    return f"{safe(team.name)}: {safe(team.work)}{mark}"


def _item_label(row: QueueRow) -> str:
    return f"[{_LABELS.get(row.priority, row.priority.upper())}] {safe(row.title)}"


def _state(seen: Dashboard) -> Iterator[Line]:
    if seen.run is None:
        yield Line(
            "Nothing has run here yet. Look at a plan with `interlock plan PLAN.yaml`.", "dim"
        )
        return
    if seen.goal is not None:
        yield Line(f"{safe(seen.goal)}", "dim")
    if seen.held_up_by is not None:
        yield Line(f"HELD UP: {safe(seen.held_up_by)}", "red")
    if seen.forecast is not None:
        yield Line(f"ABOUT {time_left(seen.forecast)}")
    if seen.holder is None and seen.unfinished:
        tasks = counted(seen.unfinished, "unfinished task")
        yield Line(f"No process works on it now: {tasks}", "yellow")


def _average(seconds: float | None) -> str:
    if seconds is None:
        return "nothing has waited for a person today"
    minutes = round(seconds / _MINUTE)
    return f"{minutes} minute" + ("" if minutes == 1 else "s")


def _efficiency(factor: float | None) -> str:
    if factor is None:
        return "not known yet"
    return f"{factor:.1f}x faster" if factor >= 1 else f"{factor:.1f}x, slower than one by one"


def _label_width(labels: list[str], room: int) -> int:
    return min(max((_cells(label) for label in labels), default=0), max(room, WIDTH_MIN // 2))


def _fit(text: str, width: int, *, pad: bool = False) -> str:
    """Cut to so many cells of a terminal, where some letters take two and some none."""
    if _cells(text) > width:
        kept = ""
        for letter in text:
            if _cells(kept + letter) > width - 1:
                break
            kept += letter
        text = f"{kept}…"
    return text + " " * (width - _cells(text)) if pad else text


def _cells(text: str) -> int:
    return sum(_letter_cells(letter) for letter in text)


def _letter_cells(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
