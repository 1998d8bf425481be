"""Commands with verbs below them: `interlock task claim`, `interlock review approve`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interlock.interfaces.cli.doors import Doors

REASON_CHARACTERS_MAX: Final = 4_000


class Verb(Protocol):
    """Carries out one verb; the exit code comes back."""

    def __call__(self, arguments: argparse.Namespace, doors: Doors) -> int: ...


class Verbs:
    """The verbs of one command, each with a help text that ends in examples."""

    def __init__(self, parser: argparse.ArgumentParser, command: str) -> None:
        self._command = command
        self._actions = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def add(self, name: str, summary: str, *examples: str) -> argparse.ArgumentParser:
        """`examples` are what stands behind the verb, one line each."""
        start = f"  interlock {self._command} {name} "
        text = "\n".join(f"{start}{example}".rstrip() for example in examples)
        return self._actions.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.\n\nExamples:\n{text}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )


def run_verb(verbs: Mapping[str, Verb], arguments: argparse.Namespace, doors: Doors) -> int:
    verb: str = arguments.verb
    return verbs[verb](arguments, doors)


def add_reason(parser: argparse.ArgumentParser, text: str = "kept in the history") -> None:
    parser.add_argument("--reason", type=_reason, default="", metavar="WHY", help=text)


def _reason(text: str) -> str:
    if len(text) > REASON_CHARACTERS_MAX:
        raise argparse.ArgumentTypeError(
            f"this has {len(text):,} characters, a reason may have {REASON_CHARACTERS_MAX:,}"
        )
    return text


def words(text: str) -> tuple[str, ...]:
    """'python, sql' -> ('python', 'sql')."""
    return tuple(word for part in text.split(",") if (word := part.strip()))
