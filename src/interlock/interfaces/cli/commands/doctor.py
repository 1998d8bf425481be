"""Look at every part Interlock stands on by using it: ok, warning or broken, with what to do.

Examples:
  interlock doctor
  interlock doctor --json
"""

from __future__ import annotations

import argparse
import asyncio

from interlock.interfaces.cli.arguments import add_json
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.text import Screen, print_json, safe


def configure(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    checkup = asyncio.run(doors.open_desk(None).checkup())
    if arguments.json:
        print_json(checkup)
        return checkup.exit_code
    screen = Screen(doors)
    width = max(len(check.name) for check in checkup.checks)
    for check in checkup.checks:
        first, *rest = check.found.splitlines() or [""]
        print(f"{screen.state(check.state, 7)}  {check.name:<{width}}  {safe(first)}")
        for line in [*rest, *([f"-> {check.next_step}"] if check.next_step else [])]:
            print(f"{'':7}  {'':{width}}  {safe(line)}")
    return checkup.exit_code
