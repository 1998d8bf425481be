"""Carry out a plan: agents work at once in boxes, gates prove every change, what passes lands.

A goal in quotes is made into a plan first, by the agent called chief or else the default one.
Without SOURCE it goes on with what is unfinished, after a crash, a stop or a decision. It returns
when nothing more can move without a person; --wait stays until the end.

Examples:
  interlock run PLAN.yaml
  interlock run PLAN.yaml --parallel 4 --json > report.json
  interlock run openspec:add-login
  interlock run "Add rate limiting to the API"
  interlock run
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Final

from interlock.control.demands import WrongPlan
from interlock.control.errors import WrongUsage
from interlock.control.goals import to_chief
from interlock.control.plans import Content
from interlock.control.run_document import RunReport
from interlock.control.running import RunEnd
from interlock.control.starting import RunWish
from interlock.interfaces.cli.arguments import add_json, count
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.leaving import say, with_signals
from interlock.interfaces.cli.source import STDIN, NoSource, content_of, goal_in, print_faults
from interlock.interfaces.cli.text import Screen, print_json, safe

_UNFINISHED: Final = 1
_STOPPED: Final = 130


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a plan file, - for stdin, openspec:CHANGE, speckit:DIR, issues:QUERY, a goal",
    )
    add_json(parser)
    parser.add_argument("--wait", action="store_true", help="stay until the run has ended")
    parser.add_argument("--detach", action="store_true", help="go on in the background")
    parser.add_argument("--new", action="store_true", help="start anew beside an unfinished run")
    parser.add_argument(
        "--resume", action="store_true", help="take a changed plan over into its unfinished run"
    )
    parser.add_argument("--parallel", type=count, metavar="N", help="how many tasks at once")


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    goal = goal_in(arguments.source)
    try:
        content, where = (None, "") if goal is not None else _content(arguments.source, doors)
    except (NoSource, WrongPlan) as none:
        if arguments.json:
            print_faults(none)
        raise
    wish = RunWish(
        actor=doors.person(),
        content=content,
        goal=goal,
        where=where,
        parallel=arguments.parallel,
        wait=arguments.wait,
        new=arguments.new,
        resume=arguments.resume,
    )
    if arguments.detach:
        return _detach(arguments, wish, doors)
    try:
        desk = doors.open_desk(None)
        end = asyncio.run(with_signals(lambda stop: desk.run(wish, stop, say)))
    except WrongPlan as wrong:
        if arguments.json:
            print_faults(wrong)
        raise
    if arguments.json:
        print_json(end.report)
    else:
        _print_end(end, Screen(doors))
    if end.stopped:
        return _STOPPED
    return 0 if end.report.state == "completed" else _UNFINISHED


def _detach(arguments: argparse.Namespace, wish: RunWish, doors: Doors) -> int:
    """What can be refused is refused here, where somebody reads it."""
    if arguments.source == STDIN:
        raise WrongUsage("--detach needs a plan in a file, for standard input ends with you")
    asyncio.run(doors.open_desk(None).check(wish))
    named = wish.where if wish.goal is None else to_chief(wish.goal)
    words = ["run", *([named] if named else [])]
    words += [f"--{name}" for name in ("wait", "new", "resume") if getattr(arguments, name)]
    words += [] if wish.parallel is None else ["--parallel", str(wish.parallel)]
    say(f"it goes on in the background; what it says: {doors.detach(words)}")
    say("Follow it with `interlock watch`, end it with `interlock stop`")
    return 0


def _content(source: str | None, doors: Doors) -> tuple[Content | None, str]:
    if source is None:
        return None, ""
    content, where = content_of(source, doors.open_desk(None))
    is_file = isinstance(content, bytes) and source != STDIN
    return content, str(Path(where).absolute()) if is_file else where


def _print_end(end: RunEnd, screen: Screen) -> None:
    for line in _lines(end.report, screen):
        print(line)


def _lines(report: RunReport, screen: Screen) -> list[str]:
    done = sum(task.state == "done" for task in report.tasks)
    skipped = sum(task.state == "skipped" for task in report.tasks)
    rest = f", {skipped} skipped" if skipped else ""
    lines = [
        "",
        f"run {screen.paint(report.run, 'bold')}  {screen.state(report.state)}  "
        f"{done} of {len(report.tasks)} tasks landed{rest}",
    ]
    lines += [
        f"  {screen.state(t.state)}  {t.id}: {safe(t.waits_for or t.reason)}"
        for t in report.tasks
        if t.state not in ("done", "skipped")
    ]
    lines += [f"  note  {safe(note)}" for note in report.notes]
    if report.simulated:
        lines.append("  some agents of this run were simulated: they played scripts")
    lines.append(f"Read more: interlock report {report.run}")
    return lines
