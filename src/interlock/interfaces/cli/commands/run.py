"""Carry out a plan: agents work at once in boxes, gates prove every change, what passes lands.

Without SOURCE it goes on with what is unfinished, after a crash, a stop or a decision. It returns
when nothing more can move without a person; --wait stays until the end.

Examples:
  interlock run PLAN.yaml
  interlock run PLAN.yaml --parallel 4 --json > report.json
  interlock run
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Final

from interlock.control.errors import WrongUsage
from interlock.control.plans import BYTES_MAX
from interlock.control.run_document import RunReport
from interlock.control.running import RunEnd, RunWish, Stop, WrongPlan
from interlock.interfaces.cli.arguments import add_json, count
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.source import STDIN, read_source
from interlock.interfaces.cli.text import Screen, print_json, safe

_UNFINISHED: Final = 1
_STOPPED: Final = 130
_ELSEWHERE: Final = ("openspec:", "speckit:", "issues:")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", nargs="?", metavar="SOURCE", help="a plan file (YAML or JSON), - for stdin"
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
    content, where = _content(arguments.source)
    wish = RunWish(
        actor=doors.person(),
        content=content,
        where=where,
        parallel=arguments.parallel,
        wait=arguments.wait,
        new=arguments.new,
        resume=arguments.resume,
    )
    if arguments.detach:
        return _detach(arguments, wish, doors)
    try:
        end = asyncio.run(_run(doors, wish))
    except WrongPlan as wrong:
        if arguments.json:
            faults = [{"where": f.where, "what": f.what, "mend": f.mend} for f in wrong.faults]
            print_json({"faults": faults})
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
    words = ["run", *([wish.where] if wish.where else [])]
    words += [f"--{name}" for name in ("wait", "new", "resume") if getattr(arguments, name)]
    words += [] if wish.parallel is None else ["--parallel", str(wish.parallel)]
    _say(f"it goes on in the background; what it says: {doors.detach(words)}")
    _say("Follow it with `interlock watch`, end it with `interlock stop`")
    return 0


def _content(source: str | None) -> tuple[bytes | None, str]:
    if source is None:
        return None, ""
    in_words = " " in source and not Path(source).exists()
    if in_words or source.startswith(_ELSEWHERE):
        raise WrongUsage(
            f"{source[:60]!r} is no plan file. This release runs plan files only: write one "
            "(`interlock plan --schema` says what stands in it) and name it"
        )
    content, where = read_source(source, BYTES_MAX)
    return content, where if source == STDIN else str(Path(where).absolute())


async def _run(doors: Doors, wish: RunWish) -> RunEnd:
    stop, loop = Stop(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, _asked, stop)
    return await doors.open_desk(None).run(wish, stop, _say)


def _asked(stop: Stop) -> None:
    stop.ask()
    if stop.now.is_set():
        _say("killing what still runs")
    else:
        _say("no new starts; workers put down what they hold (once more: kill them)")


def _say(sentence: str) -> None:
    print(safe(sentence), file=sys.stderr, flush=True)


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
