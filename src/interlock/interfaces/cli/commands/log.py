"""Show what happened, event by event, oldest first; all of it unless you say otherwise.

Examples:
  interlock log --limit 20            the last twenty events
  interlock log --follow              and everything new as it happens
  interlock log --stream task/ --json --after 100
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec

from interlock.control.errors import NoHistory
from interlock.control.queries import LogQuestion
from interlock.control.read_models import LogEntry
from interlock.interfaces.cli.arguments import add_json, add_store, whole_number
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.text import Screen, cut, json_text, local, safe

_VALUE_CHARACTERS = 60


def configure(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    parser.add_argument(
        "--follow",
        action="store_true",
        help="go on with what happens; with --json one event a line",
    )
    parser.add_argument(
        "--stream", metavar="S", help="one stream, or all below `task/` and the like"
    )
    parser.add_argument("--after", type=whole_number, metavar="N", help="begin after position N")
    parser.add_argument(
        "--limit",
        type=whole_number,
        metavar="N",
        help="N events: with --after the next, else the last",
    )
    add_store(parser)


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    asyncio.run(_show(arguments, doors))
    return 0


async def _show(arguments: argparse.Namespace, doors: Doors) -> None:
    desk = doors.open_desk(arguments.store)
    question = LogQuestion(arguments.stream, arguments.after, arguments.limit)
    if arguments.follow:
        async with aclosing(desk.follow(question)) as entries:
            await _print_lines(entries, Screen(doors), as_json=arguments.json)
        return
    try:
        async with aclosing(desk.log(question)) as entries:
            if arguments.json:
                await _print_document(entries)
            else:
                await _print_lines(entries, Screen(doors), as_json=False)
    except NoHistory as none:
        print('{"events": []}' if arguments.json else _sentence(none))


def _sentence(none: NoHistory) -> str:
    text = str(none)
    return f"{text[0].upper()}{text[1:]}."


async def _print_document(entries: AsyncIterator[LogEntry]) -> None:
    """One document, written as it is read: a long history need not fit into memory."""
    separator = '{"events": [\n'
    async for entry in entries:
        print(separator + json_text(entry), end="")
        separator = ",\n"
    print("\n]}" if separator.startswith(",") else '{"events": []}')


async def _print_lines(entries: AsyncIterator[LogEntry], screen: Screen, *, as_json: bool) -> None:
    async for entry in entries:
        line = msgspec.json.encode(entry).decode() if as_json else _line(entry, screen)
        print(line, flush=True)


def _line(entry: LogEntry, screen: Screen) -> str:
    """Aligned as far as widths are known beforehand; streams have long names and stand behind."""
    start = f"{entry.position:>6}  {local(entry.at)}  "
    middle = f"{entry.type:<18}  {safe(entry.actor):<16}  {safe(entry.stream)}  "
    rest = cut(_data(entry), max(screen.width - len(start) - len(middle), 0))
    return (screen.paint(start, "dim") + middle + screen.paint(rest, "dim")).rstrip()


def _data(entry: LogEntry) -> str:
    fields = msgspec.json.decode(entry.data, type=dict[str, object])
    return "  ".join(f"{name}={_value(value)}" for name, value in fields.items())


def _value(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return cut(safe(text), _VALUE_CHARACTERS)
