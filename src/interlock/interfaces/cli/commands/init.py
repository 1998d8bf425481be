"""Look at this repository and write interlock.toml: how it is tested, who works in it, which box.

Nothing is overwritten; --force writes a new file and keeps the one that is there.

Examples:
  interlock init
  interlock init --json
  interlock init --force
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from interlock.interfaces.cli.arguments import add_json
from interlock.interfaces.cli.doors import Doors
from interlock.interfaces.cli.text import Screen, print_json, safe

if TYPE_CHECKING:
    from interlock.control.init import SetUp


def configure(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    parser.add_argument(
        "--force", action="store_true", help="write a new file; the old one is kept as a backup"
    )


def run(arguments: argparse.Namespace, doors: Doors) -> int:
    done = asyncio.run(doors.open_desk(None).set_up(force=arguments.force))
    if arguments.json:
        print_json(done)
        return 0
    screen = Screen(doors)
    for name, text in _found(done):
        print(f"{screen.paint(f'{name:<9}', 'dim')}  {safe(text)}")
    print(f"{screen.paint('written', 'green')}    {safe(done.path)}")
    if done.backup is not None:
        print(f"kept       {safe(done.backup)}")
    print("\nNext:")
    for step in done.next_steps:
        print(f"  - {safe(step)}")
    return 0


def _found(done: SetUp) -> Iterator[tuple[str, str]]:
    """What was found and what was chosen for it, a line each."""
    yield "languages", ", ".join(done.languages) or "none that are known here"
    for gate in done.gates:
        yield f"{gate.name}", f"{gate.because}: {gate.run} (read as {gate.reads})"
    if not done.gates:
        yield "tests", "no way to test this project was found"
    for agent in done.agents:
        yield "agent", f"{agent.program} is on PATH: [agents.{agent.profile}] drives it"
    if not done.agents:
        yield "agent", "no coding agent is on PATH"
    if done.prepare is not None:
        how = "builds" if done.prepare.needed else "could build, if you want that,"
        yield "prepare", f"{how} {done.prepare.keeps} from {', '.join(done.prepare.files)}"
    yield "sandbox", f"{done.sandbox.name} starts" if done.sandbox.name else "no box starts here"
    for remark in done.sandbox.remarks:
        yield "", remark
