"""How the story should end, and in what it was different if it did not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from interlock.control.run_document import RunReport, TaskSeen
from interlock.domain.ids import TaskName

REFUSED: Final = TaskName("payments")
"""It keeps a key in the code until its attempts are used up, so a person must look at it."""

WAITING: Final = TaskName("fraud")
"""It is built on the payments."""

_LANDED: Final = "done"
_ENDINGS: Final = {REFUSED: "failed", WAITING: "backlog"}


def departures(report: RunReport) -> Iterator[str]:
    """Each is a sentence; none means that it ended as told."""
    for task in report.tasks:
        expected = _ENDINGS.get(task.id, _LANDED)
        if task.state != expected:
            why = task.waits_for or task.reason or "no reason was recorded"
            yield f"{task.id} should be {_word(expected)} and is {_word(task.state)}: {why}"


def landed(report: RunReport) -> tuple[TaskSeen, ...]:
    return tuple(task for task in report.tasks if task.state == _LANDED)


def came_back(report: RunReport) -> tuple[TaskSeen, ...]:
    """Sent back at least once, and landed all the same."""
    return tuple(task for task in landed(report) if task.attempts > 1)


def still_waiting(report: RunReport) -> tuple[TaskSeen, ...]:
    return tuple(task for task in report.tasks if task.state != _LANDED)


def _word(state: str) -> str:
    return {"done": "landed", "backlog": "waiting"}.get(state, state.replace("_", " "))
