"""Prove that the history is as it was written: no event changed, removed, inserted or cut off.

Examples:
  interlock audit verify
  interlock audit verify --json
  interlock audit verify --head 1234:9f2c...   what you noted down must be part of it
"""

from __future__ import annotations

import argparse
import asyncio

from interlock.interfaces.cli.arguments import add_json, add_store
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.text import Screen, counted, print_json, safe


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="verify", required=True)
    verify = actions.add_parser(
        "verify",
        help="check the whole history",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_json(verify)
    verify.add_argument(
        "--head",
        metavar="POSITION:HASH",
        help="a head noted down earlier, which must be part of it",
    )
    add_store(verify)


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    report = asyncio.run(doors.open_desk(arguments.store).audit(arguments.head))
    if arguments.json:
        print_json(report)
        return 0 if report.ok else 1
    screen = Screen(doors)
    events = counted(report.events, "event")
    if report.ok:
        print(f"{screen.paint('intact', 'green')}: {events}, both chains hold")
        print(f"head    {report.head}")
        print("Keep the head somewhere else: --head with it proves that nothing was cut off later.")
        return 0
    print(f"{screen.paint('BROKEN', 'red')}: {safe(report.first_broken or 'unknown place')}")
    print(f"{events} before that place intact. Compare with a backup of the store.")
    return 1
