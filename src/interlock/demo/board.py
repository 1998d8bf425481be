"""The board: a row for each task and what was said last, never wider than its screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from interlock.control.read_models import Status, TaskRow
from interlock.demo.screen import Line, Piece
from interlock.domain.plan import Plan

TITLE: Final = "INTERLOCK DEMO"
SUBTITLE: Final = "a shop built by many agents"
LABEL: Final = "agents simulated, all else real"
ROWS_BESIDE_TASKS: Final = 6
"""Two lines of head, three empty ones, and one that stays free below."""

NEWS_MAX: Final = 6
CELLS: Final = 10
WIDTH_MIN: Final = 76

_SURE, _LESS_SURE = 80, 50
_SHA: Final = 8
_WORK_SHARE: Final = 0.7
"""Of the way to main, the agent's part; gates and landing are the rest."""

_ON_THE_WAY: Final = {"verifying": 0.8, "review": 0.9, "merging": 0.95, "done": 1.0, "failed": 0.8}
_WORDS: Final = {
    "claimed": ("an agent takes it", "blue"),
    "in_progress": ("works", "blue"),
    "verifying": ("the gates look at it", "magenta"),
    "review": ("proved, waits to land", "magenta"),
    "merging": ("proved, lands", "magenta"),
    "done": ("landed", "green"),
    "failed": ("waits for you", "yellow"),
    "awaiting_review": ("waits for you", "yellow"),
    "blocked_on_human": ("waits for you", "yellow"),
}
_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Scene(msgspec.Struct, frozen=True):
    """One moment: the status of then, the news so far, the seconds since it began."""

    status: Status | None
    news: Sequence[str]
    box: str
    seconds: float
    tick: int = 0


def board_lines(plan: Plan, scene: Scene, width: int, height: int) -> Iterator[Line]:
    width = max(width, WIDTH_MIN)
    rows = {} if scene.status is None else {task.id: task for task in scene.status.tasks}
    yield _title(width)
    yield _numbers(scene, len(plan.tasks))
    yield ()
    last = ""
    for planned in plan.tasks:
        sure = sureness(planned.confidence)
        head = Piece(f"{sure if sure != last else '':<9}", "dim")
        row = rows.get(planned.id)
        words, style = _state(row)
        bar = _bar(row, style)
        mark = _SPINNER[scene.tick % len(_SPINNER)] if style == "blue" else " "
        title = Piece(f"{planned.title[:20]:<21}", "" if row and row.state != "backlog" else "dim")
        room = width - 9 - 21 - CELLS - 4
        yield (head, title, *bar, Piece(f" {mark} ", style), Piece(fit(words, room), style))
        last = sure
    yield ()
    room = min(NEWS_MAX, height - len(plan.tasks) - ROWS_BESIDE_TASKS)
    news = [fit(text, width - 2) for text in scene.news[-room:]] if room > 0 else []
    for text in news[:-1]:
        yield (Piece(f"  {text}", "dim"),)
    for text in [*news[-1:], *[""] * (room - len(news))]:
        yield (Piece(f"  {text}"),)


def sureness(confidence: int | None) -> str:
    """How sure the plan's author is, in a word."""
    if confidence is None:
        return ""
    return "high" if confidence >= _SURE else "medium" if confidence >= _LESS_SURE else "low"


def fit(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def _title(width: int) -> Line:
    room = width - len(TITLE) - len(SUBTITLE) - 4
    return (Piece(TITLE, "bold"), Piece(f"  {SUBTITLE}"), Piece(fit(f"  {LABEL}", room), "yellow"))


def _numbers(scene: Scene, tasks: int) -> Line:
    rows = () if scene.status is None else scene.status.tasks
    done = sum(task.state == "done" for task in rows)
    working = sum(task.state in {"claimed", "in_progress"} for task in rows)
    proving = sum(task.state in {"verifying", "review", "merging"} for task in rows)
    return (
        Piece(f"{done}", "bold green"),
        Piece(f" of {tasks} on main   "),
        Piece(f"{working}", "bold blue"),
        Piece(" at work   "),
        Piece(f"{proving}", "bold magenta"),
        Piece(f" being proved   box {scene.box}   "),
        Piece(clock(scene.seconds), "bold"),
    )


def _bar(row: TaskRow | None, style: str) -> tuple[Piece, Piece]:
    full = int(_share(row) * CELLS)  # rounded down: full means landed
    return Piece("━" * full, style), Piece("─" * (CELLS - full), "dim")


def _share(row: TaskRow | None) -> float:
    if row is None:
        return 0.0
    working = row.state in {"claimed", "in_progress"}
    return row.percent / 100 * _WORK_SHARE if working else _ON_THE_WAY.get(row.state, 0.0)


def _state(row: TaskRow | None) -> tuple[str, str]:
    """What it says about itself, and in which colour."""
    if row is None:
        return "", "dim"
    if row.state not in _WORDS:
        return _held_back(row)
    words, style = _WORDS[row.state]
    again = f", attempt {row.attempts}" if row.attempts > 1 else ""
    if row.state == "failed":
        return f"{words} after {row.attempts} attempts", style
    if row.state == "in_progress":
        words = f"{(row.worker or 'an agent').removeprefix('agent-')} works"
    if row.state == "done" and row.commit:
        words = f"{words} {row.commit[:_SHA]}"
    return f"{words}{again}", style


def _held_back(row: TaskRow) -> tuple[str, str]:
    if row.attempts and row.state == "ready":
        return f"comes back for attempt {row.attempts + 1}", "yellow"
    if row.waits_for is None:
        return "ready", "dim"
    if row.state == "ready":
        return "waits for a free worker", "dim"
    return f"waits for {row.waits_for.partition(', which is')[0]}", "dim"
