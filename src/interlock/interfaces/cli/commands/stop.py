"""Emergency stop of everything, now: agents are ended, their work is kept, nothing lands.

Only `interlock resume` or a person's `interlock run` lifts it.

Examples:
  interlock stop --reason "the tests delete real data"
  interlock stop --json
"""

from __future__ import annotations

import argparse
import asyncio

from interlock.interfaces.cli.answers import print_reply
from interlock.interfaces.cli.arguments import add_json
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.verbs import add_reason


def configure(parser: argparse.ArgumentParser) -> None:
    add_reason(parser)
    add_json(parser)


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    counter = doors.open_desk(None).counter(doors.person())
    reply = asyncio.run(counter.stop(arguments.reason))
    return print_reply(reply, doors, as_json=arguments.json)
