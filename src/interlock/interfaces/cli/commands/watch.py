"""Watch the teams at work, live: who does what, what waits for you, today in three numbers.

Ctrl-C leaves; nothing stops because you stop watching. In a pipe it prints the board once.

Examples:
  interlock watch
  interlock watch --json              the board once, as a document
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import aclosing

from interlock.control.dashboard import Dashboard
from interlock.control.desk import FrontDesk
from interlock.interfaces.cli.arguments import add_json, add_store
from interlock.interfaces.cli.board import board_lines
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.text import Screen, print_json


def configure(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    add_store(parser)


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    desk, screen = doors.open_desk(arguments.store), Screen(doors)
    if not arguments.json and sys.stdout.isatty():
        from interlock.interfaces.cli.live_board import show_live  # rich is slow to import

        asyncio.run(show_live(desk, screen))
        return 0
    seen = asyncio.run(_once(desk))
    if arguments.json:
        print_json(seen)
        return 0
    for line in board_lines(seen, screen.width):
        print(line.text)
    return 0


async def _once(desk: FrontDesk) -> Dashboard:
    async with aclosing(desk.watch()) as boards:
        return await anext(boards)
