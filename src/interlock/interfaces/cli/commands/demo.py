"""Watch many agents build a shop, in a throw-away repository that stays for you to look at.

The agents are simulated: they play a script. Their files, boxes, gates, conflicts and landings are
real. No account, no network, and nothing of yours is touched.

Examples:
  interlock demo
  interlock demo --fast
  interlock demo --json
"""

from __future__ import annotations

import argparse

from interlock.interfaces.cli.arguments import add_json
from interlock.interfaces.cli.doors import Demo, Doors


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fast", action="store_true", help="without the pauses of the show")
    add_json(parser)
    parser.add_argument(
        "--no-browser", action="store_true", help="accepted; nothing opens a browser yet"
    )


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    return doors.show_demo(Demo(fast=arguments.fast, json=arguments.json))
