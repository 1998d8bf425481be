"""Watch the engine at work: eleven stages on pretend time, killed in the middle; all simulated.

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
    parser.add_argument("--fast", action="store_true", help="do not take the time of a show")
    add_json(parser)
    parser.add_argument(
        "--no-browser", action="store_true", help="accepted; nothing opens a browser yet"
    )


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    return doors.show_demo(Demo(fast=arguments.fast, json=arguments.json))
