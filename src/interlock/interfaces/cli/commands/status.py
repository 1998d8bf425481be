"""Show where everything stands: runs, tasks, workers, what is held up and why.

Examples:
  interlock status
  interlock status --json
  interlock status --store /some/where/store.db
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator

from interlock.control.forecast_text import money, time_left
from interlock.control.read_models import RunRow, Status, TaskRow
from interlock.interfaces.cli.arguments import add_json, add_store
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.text import Screen, counted, cut, print_json, safe

_ENDED = ("completed", "failed")
_TASKS_SHOWN_MAX = 60
_GOAL_CHARACTERS = 60


def configure(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    add_store(parser)


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    status = asyncio.run(doors.open_desk(arguments.store).status())
    if arguments.json:
        print_json(status)
        return 0
    for line in _lines(status, Screen(doors)):
        print(line)
    return 0


def _lines(status: Status, screen: Screen) -> Iterator[str]:
    if status.repository is not None:
        yield f"repository  {safe(status.repository)}"
    yield from _box(status, screen)
    if status.box is not None and status.box.lent:
        names = ", ".join(map(safe, status.box.lent))
        yield f"log-ins     {names}: a copy of yours in each box; usage is as reported, uncapped"
    if status.events == 0:
        yield "Nothing has run here yet. Look at a plan with `interlock plan PLAN.yaml`."
        return
    yield f"history     {counted(status.events, 'event')} in {safe(status.store)}"
    yield f"plane       {_plane(status)}"
    yield from _held(status, screen)
    shown = [run for run in status.runs if run.state not in _ENDED] or list(status.runs[-1:])
    for run in shown:
        yield ""
        yield from _run(run, [task for task in status.tasks if task.run == run.run], screen)
    hidden = len(status.runs) - len(shown)
    if hidden:
        have = "run has" if hidden == 1 else "runs have"
        yield f"\n{hidden} earlier {have} ended; --json lists them."
    yield ""
    yield from _workers(status, screen)


def _box(status: Status, screen: Screen) -> Iterator[str]:
    if status.box is None:
        return
    name = screen.paint("none starts", "red") if status.box.name is None else status.box.name
    yield f"box         {name}"
    for lack in status.box.lacks:
        yield f"            {safe(lack)}"


def _plane(status: Status) -> str:
    if status.plane.holder is None:
        return "no process runs it now; what is ready stays ready"
    return f"run by {safe(status.plane.holder)}"


def _held(status: Status, screen: Screen) -> Iterator[str]:
    plane = status.plane
    if plane.stopped is not None:
        yield f"{screen.paint('stopped', 'red')}     {safe(plane.stopped)}; nothing starts or lands"
    if plane.paused is not None:
        yield f"{screen.paint('paused', 'yellow')}      {safe(plane.paused)}; nothing new starts"
    if plane.lost is not None:
        yield f"{screen.paint('lost', 'red')}        {safe(plane.lost)}; work stands still"
    if plane.p0:
        yield f"{screen.paint('p0', 'red')}          {', '.join(plane.p0)} goes first"
    if plane.unanswered_commands:
        number = plane.unanswered_commands
        yield f"commands    {number} wait{'s' if number == 1 else ''} for a plane to answer"


def _run(run: RunRow, tasks: list[TaskRow], screen: Screen) -> Iterator[str]:
    counts = ", ".join(f"{number} {state}" for state, number in run.counts.items())
    goal = cut(safe(run.goal), _GOAL_CHARACTERS)
    yield f"run {screen.paint(run.run, 'bold')}  {screen.state(run.state)}  {goal}"
    yield f"  {counted(run.tasks, 'task')}: {counts or 'not in the log yet'}"
    if run.forecast is not None:
        yield f"  about {time_left(run.forecast)}"
    yield from _used(tasks)
    for reason in run.reasons:
        yield f"  {screen.paint('because', 'red')} {safe(reason)}"
    if run.groups:
        groups = "  ".join(f"{group.id} {screen.state(group.state)}" for group in run.groups)
        yield f"  groups: {groups}"
    if not tasks:
        return
    heads = ("TASK", "STATE", "AGENT", "WORKER", "TRIES", "DONE", "WAITS FOR")
    yield from screen.table(heads, [_cells(task) for task in tasks[:_TASKS_SHOWN_MAX]])
    if len(tasks) > _TASKS_SHOWN_MAX:
        yield f"  ... and {len(tasks) - _TASKS_SHOWN_MAX} more; --json lists all"


def _used(tasks: list[TaskRow]) -> Iterator[str]:
    """What was counted until now; a cost that one of them cannot tell is not guessed."""
    counted_ones = [task for task in tasks if task.tokens is not None]
    if not counted_ones:
        return
    costs = [task.cost_usd for task in counted_ones if task.cost_usd is not None]
    known = len(costs) == len(counted_ones)
    cost = money(sum(costs)) if known else "at a cost that is not known"
    yield f"  used {sum(task.tokens or 0 for task in counted_ones):,} tokens, {cost}"


def _cells(task: TaskRow) -> tuple[str, ...]:
    return (
        task.id,
        task.state,
        task.agent,
        task.worker or "",
        str(task.attempts),
        f"{task.percent} %",
        task.waits_for or "",
    )


def _workers(status: Status, screen: Screen) -> Iterator[str]:
    if not status.workers:
        yield "No worker has ever joined."
        return
    rows = [
        (worker.id, worker.state, worker.agent.replace("*", "any"), ", ".join(worker.holds))
        for worker in status.workers
    ]
    yield from screen.table(("WORKER", "STATE", "AGENT", "WORKS ON"), rows)
