"""Options that several commands share, and numbers with a range."""

import argparse
from typing import Final

_NUMBER_MAX: Final = 2**53


def whole_number(text: str) -> int:
    """Zero or more."""
    return _at_least(text, 0)


def count(text: str) -> int:
    """One or more."""
    return _at_least(text, 1)


def _at_least(text: str, least: int) -> int:
    if not text.isdecimal() or not least <= int(text[:20]) <= _NUMBER_MAX:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from {least} on")
    return int(text)


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        metavar="PATH",
        help="a store file, or the folder that holds one; default: the one of this repository",
    )
