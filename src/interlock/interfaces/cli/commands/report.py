"""Report on a run: what came of it, what waits for you, the evidence, the numbers.

Examples:
  interlock report                         the newest run, as Markdown
  interlock report run-1f3a --json
  interlock report --markdown REPORT.md
  interlock report --journal               pages per day, task and worker in .interlock/logs
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from interlock.control.report_text import report_text
from interlock.control.run_document import RunReport
from interlock.interfaces.cli.arguments import add_json, add_store
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.text import counted, print_json, safe


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", metavar="RUN", help="a run, or a part of its name")
    add_json(parser)
    parser.add_argument("--markdown", metavar="FILE", help="write the Markdown into this file")
    parser.add_argument(
        "--journal", action="store_true", help="write the journal into .interlock/logs instead"
    )
    add_store(parser)


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    if arguments.journal:
        return _journal(arguments, doors)
    report = asyncio.run(doors.open_desk(arguments.store).report(arguments.run))
    if arguments.markdown is not None:
        _write(report, Path(arguments.markdown))
    if arguments.json:
        print_json(report)
    elif arguments.markdown is None:
        print(report_text(report), end="")
    return 0


def _write(report: RunReport, file: Path) -> None:
    file.write_text(report_text(report), encoding="utf-8")
    print(f"Wrote {safe(str(file))}", file=sys.stderr)


def _journal(arguments: argparse.Namespace, doors: Doors) -> int:
    written = asyncio.run(doors.open_desk(arguments.store).write_journal())
    if arguments.json:
        print_json({"written": [str(path) for path in written]})
        return 0
    print(f"Wrote {counted(len(written), 'page')}, the newest day is {safe(str(written[0]))}")
    return 0
