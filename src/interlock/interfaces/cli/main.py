"""From the words on the command line to one command module, which knows all the rest."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NoReturn, Protocol, cast

if TYPE_CHECKING:
    from interlock.interfaces.cli.doors import Doors

COMMANDS: Final = {
    "init": "look at this repository and write interlock.toml",
    "run": "carry out a plan: agents work, gates prove, changes land",
    "plan": "check a plan and show what it would do",
    "status": "show where every run, task and worker stands",
    "watch": "the teams at work, live",
    "task": "list, show, add, claim, hand in, hold, retry and cancel tasks",
    "review": "what waits for a person, and your decisions",
    "worker": "who works here; register yourself, start and stop workers",
    "pause": "hold new starts, everywhere or in one run",
    "resume": "go on after a pause or an emergency stop",
    "stop": "emergency stop of everything, now",
    "log": "show what happened, event by event",
    "report": "what came of a run, with its evidence and numbers",
    "why": "where a line comes from: goal, task, agent, evidence",
    "health": "workers, queue, conflicts, utilization in a few lines",
    "audit": "prove that the history is as it was written",
    "doctor": "look at every part Interlock stands on",
    "demo": "watch many agents build a small shop, simulated",
}

_HELP: Final = """\
Interlock runs many coding agents on one codebase and lets only proven changes reach main.

usage: interlock COMMAND [...]

commands:
{commands}

options:
  --help            show this; `interlock COMMAND --help` shows one command
  --version         show the version

examples:
  interlock demo
  interlock plan PLAN.yaml

exit codes: 0 done, 1 finished but something failed or waits for a person, 2 wrong usage or
configuration, 3 a configured part is out of order, 130 stopped by you
"""
OPTIONS: Final = ("--help", "--version")
_WRONG_USAGE: Final = 2


class CommandModule(Protocol):
    """What every module in `commands` offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace, doors: Doors) -> int: ...


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and where to read on."""

    def error(self, message: str) -> NoReturn:
        self.exit(_WRONG_USAGE, f"{self.prog}: {message}. See `{self.prog} --help`\n")


def run(words: Sequence[str], doors: Doors) -> int:
    """Carry out one command line; the exit code comes back, also where argparse would leave."""
    first, rest = (words[0], list(words[1:])) if words else ("--help", [])
    if first == "help":
        first, rest = (rest[0], ["--help"]) if rest else ("--help", [])
    if first in {"-h", "--help"}:
        print(help_text(), end="")
        return 0
    if first == "--version":
        print(f"interlock {importlib.import_module('interlock').__version__}")
        return 0
    if first not in COMMANDS:
        print(_unknown(first), file=sys.stderr)
        return _WRONG_USAGE
    return _run_command(first, rest, doors)


def help_text() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = (f"  {name:<{width}}{summary}" for name, summary in COMMANDS.items())
    return _HELP.format(commands="\n".join(lines))


def _run_command(name: str, rest: list[str], doors: Doors) -> int:
    module = importlib.import_module(f"interlock.interfaces.cli.commands.{name}")
    command = cast("CommandModule", module)
    parser = _Parser(
        prog=f"interlock {name}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=module.__doc__,
        allow_abbrev=False,
    )
    command.configure(parser)
    try:
        arguments = parser.parse_args(rest)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else _WRONG_USAGE
    return command.run(arguments, doors)


def _unknown(word: str) -> str:
    difflib = importlib.import_module("difflib")
    near = difflib.get_close_matches(word[:60].lower(), [*COMMANDS, *OPTIONS], n=1)
    hint = f"did you mean `interlock {near[0]}`?" if near else "see `interlock --help`"
    kind = "option" if word.startswith("-") else "command"
    shown = "".join(letter if letter.isprintable() else "?" for letter in word[:60])
    return f"interlock: there is no {kind} '{shown}'; {hint}"
