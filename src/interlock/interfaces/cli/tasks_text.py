"""Tasks in words: a list with an icon for each priority, and one task with its whole past."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from interlock.interfaces.cli.text import Screen, counted, cut, local, safe

if TYPE_CHECKING:
    from interlock.control.read_models import AttemptCard, TaskCard, TaskList, TaskShown

EVENTS_SHOWN: Final = 8
_ICONS: Final = {"p0": "🚨", "critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🟢"}
_PLAIN_ICONS: Final = {"p0": "!!!", "critical": "!!", "high": "!", "medium": "-", "low": "."}
_FEEDBACK_LINES: Final = 6


def icon(priority: str) -> str:
    """Emoji where the terminal knows them."""
    letters = _ICONS[priority]
    try:
        letters.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return _PLAIN_ICONS[priority]
    return letters


# --- the list -------------------------------------------------------------------------------------


def list_lines(found: TaskList, screen: Screen) -> Iterator[str]:
    if not found.tasks and not found.hidden:
        yield "No tasks. Add one with `interlock task add TITLE`, or run a plan."
        return
    yield counted(len(found.tasks), "task")
    names = [card.id for card in found.tasks]
    for card in found.tasks:
        twins = names.count(card.id) > 1
        yield f"{icon(card.priority)} {_headline(card, screen, whole=twins)}"
        yield screen.paint(f"   {_traits(card)}", "dim")
        waits = f"   Waits for: {safe(card.waits_for)}" if card.waits_for else ""
        worker = f"   Worker: {safe(card.worker)}" if card.worker else ""
        yield f"   Status: {screen.state(card.state)}{worker}{waits}"
    if found.hidden:
        yield f"{counted(found.hidden, 'more task')} ended; --all shows them."


def _headline(card: TaskCard, screen: Screen, *, whole: bool) -> str:
    name = safe(card.task_id if whole else card.id)
    title = cut(safe(card.title), max(screen.width - len(name) - 16, 20))
    return f"{screen.paint(name, 'bold')} [{card.priority.upper()}] {title}"


def _traits(card: TaskCard) -> str:
    minutes = "unknown" if card.estimate_minutes is None else f"{card.estimate_minutes:g} min"
    skills = safe(", ".join(card.skills)) or "any"
    return f"Estimated: {minutes}   Files: {len(card.files) or 'any'}   Skills: {skills}"


# --- one task -------------------------------------------------------------------------------------


def task_lines(shown: TaskShown, screen: Screen) -> Iterator[str]:
    card = shown.card
    yield f"{icon(card.priority)} {_headline(card, screen, whole=False)}"
    yield f"   {card.task_id}"
    yield f"   Status: {screen.state(card.state)} since {local(card.since)}"
    if card.waits_for:
        yield f"   Waits for: {safe(card.waits_for)}"
    if card.reason and card.reason not in (card.waits_for or ""):
        yield f"   Reason: {safe(card.reason)}"
    yield f"   {_traits(card)}"
    if card.depends_on:
        yield f"   Depends on: {safe(', '.join(card.depends_on))}"
    if card.files:
        yield f"   Expects to touch: {safe(', '.join(card.files))}"
    if shown.branch:
        yield f"   Branch: {safe(shown.branch)}"
    if shown.path:
        yield f"   Worktree: {safe(shown.path)}"
    if card.commit:
        yield f"   Landed as: {card.commit}"
    yield from _attempts(shown, screen)
    yield from _gates(shown, screen)
    yield from _sent_back(shown)
    yield from _log(shown, screen)
    yield from _events(shown, screen)
    yield f"Next: {safe(shown.next_step)}"


def _attempts(shown: TaskShown, screen: Screen) -> Iterator[str]:
    if not shown.attempts:
        return
    heads = ("ATTEMPT", "OUTCOME", "WORKER", "STARTED", "REASON")
    yield from screen.table(heads, [_attempt(attempt) for attempt in shown.attempts])


def _attempt(attempt: AttemptCard) -> tuple[str, ...]:
    worker = f"{attempt.worker} (simulated)" if attempt.simulated else attempt.worker
    started = local(attempt.started_at)
    return str(attempt.number), attempt.outcome, worker, started, attempt.reason


def _gates(shown: TaskShown, screen: Screen) -> Iterator[str]:
    if shown.gates:
        rows = [(gate.name, gate.outcome, gate.detail) for gate in shown.gates]
        yield from screen.table(("GATE", "OUTCOME", "DETAIL"), rows)


def _sent_back(shown: TaskShown) -> Iterator[str]:
    if shown.feedback:
        yield "  What the next attempt is told:"
        for line in shown.feedback.splitlines()[:_FEEDBACK_LINES]:
            yield f"    {safe(line)}"


def _log(shown: TaskShown, screen: Screen) -> Iterator[str]:
    if shown.log_tail:
        yield f"  The end of its log {screen.paint(shown.log or '', 'dim')}"
        yield from (f"    {safe(line)}" for line in shown.log_tail)


def _events(shown: TaskShown, screen: Screen) -> Iterator[str]:
    hidden = len(shown.events) - EVENTS_SHOWN
    if hidden > 0:
        yield f"  {counted(hidden, 'earlier event')}; --json shows all"
    for event in shown.events[-EVENTS_SHOWN:]:
        yield screen.paint(f"  {local(event.at)}  {event.type}  {safe(event.actor)}", "dim")
