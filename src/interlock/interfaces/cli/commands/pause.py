"""Hold new starts, everywhere or in one run. What is being worked on goes on, and lands.

Examples:
  interlock pause --reason lunch
  interlock pause run-4k2p
  interlock pause --json
"""

from __future__ import annotations

import argparse
import asyncio

from interlock.interfaces.cli.answers import print_reply
from interlock.interfaces.cli.arguments import add_json
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.verbs import add_reason


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", metavar="RUN", help="one run; default: everything")
    add_reason(parser)
    add_json(parser)


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    counter = doors.open_desk(None).counter(doors.person())
    reply = asyncio.run(counter.pause(arguments.run, arguments.reason))
    return print_reply(reply, doors, as_json=arguments.json)
