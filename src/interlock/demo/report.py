"""What came of it in words, read off the run's own document."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from interlock.control.run_document import RunReport, TaskSeen
from interlock.demo.screen import Line, Piece
from interlock.demo.story import REFUSED, came_back, departures, landed, still_waiting

LINE: Final = "shop/cart.py:12"
"""A line that the cart's task brought."""

WIDTH_MAX: Final = 100
_COLOURS: Final = {"landed": "green", "came back": "yellow", "waits": "yellow"}
_HEAD: Final = 12
_NAME: Final = 10


class Place(msgspec.Struct, frozen=True):
    """Where the repository lies and how the person calls Interlock from there."""

    folder: Path
    program: str


def report_lines(report: RunReport, place: Place, width: int) -> Iterator[Line]:
    width = min(width, WIDTH_MAX)
    yield from _landed(report, width)
    yield from _tasks("came back", _returns(came_back(report)), width)
    yield from _tasks("waits", _waits(still_waiting(report)), width)
    yield from _entry("time", _time(report), width)
    yield from _entry("agents", _agents(report), width)
    if different := tuple(departures(report)):
        yield ()
        yield (Piece("This did not end as told:", "yellow"),)
        for sentence in different:
            yield from _entry("", sentence, width)
    yield ()
    yield (Piece("Look around:"),)
    yield from _commands(look_commands(place))
    if any(task.id == REFUSED for task in still_waiting(report)):
        yield ()
        yield (Piece("Tell the agent what is wrong, and let the rest land:"),)
        yield from _commands(mend_commands(place))


def _commands(commands: tuple[str, ...]) -> Iterator[Line]:
    yield from ((Piece(f"  {command}", "bold"),) for command in commands)


def look_commands(place: Place) -> tuple[str, ...]:
    return (
        f"cd {shlex.quote(str(place.folder))}",
        f"{place.program} report",
        f"{place.program} why {LINE}",
        f"{place.program} review list",
    )


def mend_commands(place: Place) -> tuple[str, ...]:
    reason = shlex.quote("no keys in the code")
    return (
        f"{place.program} task retry {REFUSED} --reason {reason}",
        f"{place.program} run",
    )


def _landed(report: RunReport, width: int) -> Iterator[Line]:
    gates = sorted({gate.name for task in landed(report) for gate in task.gates})
    yield from _entry(
        "landed",
        f"{len(landed(report))} of {len(report.tasks)} tasks on {report.target.branch}, each "
        f"proved by {' and '.join(gates) or 'nothing'} on the very tree that landed; "
        f"{report.metrics.gate_runs} gate runs",
        width,
    )


def _returns(tasks: tuple[TaskSeen, ...]) -> Iterator[tuple[str, str]]:
    for task in tasks:
        for attempt in task.tries[:-1]:
            why = attempt.reason or attempt.outcome or "no reason was recorded"
            yield task.id, f"{why.rstrip('.')}. It landed with attempt {task.attempts}."


def _waits(tasks: tuple[TaskSeen, ...]) -> Iterator[tuple[str, str]]:
    for task in tasks:
        yield task.id, f"for {task.waits_for}" if task.waits_for else task.reason or task.state


def _time(report: RunReport) -> str:
    numbers = report.metrics
    one_by_one = f"one after another {numbers.sequential_seconds:.0f} s"
    factor = numbers.parallel_efficiency
    faster = "" if factor is None or factor < 1 else f", so {factor:.1f}x faster"
    return f"{numbers.wall_seconds:.0f} s; {one_by_one}{faster}"


def _agents(report: RunReport) -> str:
    attempts = sum(len(task.tries) for task in report.tasks)
    kind = "simulated, they played a script; " if report.simulated else ""
    boxed = " or ".join(box for box in report.boxes if box != "none")
    where = f"each in a {boxed} box" if boxed else "WITHOUT A BOX"
    return f"{kind}{attempts} attempts, {where}"


def _tasks(head: str, rows: Iterator[tuple[str, str]], width: int) -> Iterator[Line]:
    for name, words in rows:
        yield from _entry(head, words, width, name)
        head = ""


def _entry(head: str, words: str, width: int, name: str = "") -> Iterator[Line]:
    room = width - _HEAD - (_NAME if name else 0)
    for line in textwrap.wrap(words, room, break_on_hyphens=False):
        start = Piece(f"{head:<{_HEAD}}", _COLOURS.get(head, "dim"))
        yield (
            start,
            Piece(f"{name:<{_NAME}}" if room < width - _HEAD else "", "bold"),
            Piece(line),
        )
        head = name = ""
