"""Check a plan and show what it would do: graph, groups, critical path, time. Nothing is started.

Examples:
  interlock plan PLAN.yaml
  interlock plan PLAN.yaml --json --parallel 4
  generate-plan | interlock plan -
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from interlock.control.plans import BYTES_MAX, plan_schema
from interlock.interfaces.cli.arguments import add_json, count
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.source import NoSource, read_source
from interlock.interfaces.cli.text import print_json

_REFUSED: Final = 2


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", nargs="?", metavar="PLAN", help="a YAML or JSON file, - for stdin"
    )
    add_json(parser)
    parser.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of a plan file"
    )
    parser.add_argument("--parallel", type=count, metavar="N", help="how many tasks at once")


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    if arguments.schema:
        print_json(plan_schema())
        return 0
    if arguments.source is None:
        print(
            "interlock plan: name a plan file, or - for stdin. See `interlock plan --help`",
            file=sys.stderr,
        )
        return _REFUSED
    try:
        content, where = read_source(arguments.source, BYTES_MAX)
    except NoSource as none:
        if arguments.json:
            fault = {"where": none.where, "what": none.what, "mend": none.mend}
            print_json({"faults": [fault]})
            return _REFUSED
        raise
    seen = doors.open_desk(None).look_at_plan(content, where, arguments.parallel)
    if arguments.json:
        print_json(seen.document)
    else:
        print(seen.text, end="", file=sys.stdout if seen.accepted else sys.stderr)
    return 0 if seen.accepted else _REFUSED
