"""Show how the house is: workers, queue, locks, conflicts, utilization, and what waits longest.

Examples:
  interlock health
  interlock health --json
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator

from interlock.control.health import HealthReport
from interlock.interfaces.cli.arguments import add_json, add_store
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.text import Screen, counted, print_json, safe

_OK, _WARNING, _UNKNOWN = "✓", "⚠", "·"
_COLOURS = {_OK: "green", _WARNING: "yellow", _UNKNOWN: "dim"}
_HUNDRED = 100
_MINUTE = 60.0


def configure(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    add_store(parser)


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    health = asyncio.run(doors.open_desk(arguments.store).health())
    if arguments.json:
        print_json(health)
        return 0
    screen = Screen(doors)
    for sign, text in health_lines(health):
        print(f"{screen.paint(sign, _COLOURS[sign])} {text}")
    return 0


def health_lines(health: HealthReport) -> Iterator[tuple[str, str]]:
    """A sign and a sentence per line; a warning sign where somebody should look."""
    if health.held_up_by is not None:
        yield _WARNING, f"Held up: {safe(health.held_up_by)}"
    registry, queue = health.registry, health.queue
    wanted = queue.backlog + queue.in_progress + queue.review
    sign = _WARNING if registry.stale and wanted else _OK  # After its work a worker may well leave.
    yield sign, f"Worker Registry: {registry.active} active, {registry.stale} stale"
    told = f"{queue.backlog} backlog, {queue.in_progress} in progress, {queue.review} review"
    yield _OK, f"Task Queue: {told}"
    sign = _WARNING if queue.people else _OK
    yield sign, f"Waiting for a person: {counted(queue.people, 'task')}"
    yield _locks(health)
    yield _conflicts(health)
    yield _utilization(health)
    if health.oldest_waiting is not None:
        oldest = health.oldest_waiting
        minutes = f"{oldest.seconds // _MINUTE:.0f} min"
        what = f"{safe(oldest.title)} ({oldest.task}, {oldest.state})"
        yield _OK, f"Waiting longest: {what} for {minutes}, for {safe(oldest.reason)}"


def _locks(health: HealthReport) -> tuple[str, str]:
    if health.locks is None:
        return _UNKNOWN, "File Locks: not tracked yet"
    sign = _WARNING if health.locks.expired else _OK
    return sign, f"File Locks: {health.locks.active} active, {health.locks.expired} expired"


def _conflicts(health: HealthReport) -> tuple[str, str]:
    met = health.conflicts
    if met.rate is None:
        return _UNKNOWN, "Conflict Rate: not known, nothing was worked on yet"
    sign = _WARNING if met.conflicts else _OK
    told = f"{counted(met.conflicts, 'conflict')} / {counted(met.tasks, 'task')}"
    return sign, f"Conflict Rate: {_HUNDRED * met.rate:.0f} % ({told})"


def _utilization(health: HealthReport) -> tuple[str, str]:
    used = health.utilization
    if used is None:
        return _UNKNOWN, "Worker Utilization: not known, no agent has been at work"
    share = f"Worker Utilization: {_HUNDRED * used.share:.0f} %"
    if used.below_target:
        return _WARNING, f"{share} (below the target of {_HUNDRED * used.target:.0f} %)"
    return _OK, share
