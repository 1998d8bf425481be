"""Can two glob patterns name the same file? Asked before a second person touches it.

    overlap("app/models/**", "app/**/user.py") -> True
    overlap("app/*.py", "docs/**")             -> False

When in doubt the answer is yes: a bracket stands for any one letter, and a path without wildcards
also stands for everything below it.
"""

from collections.abc import Callable, Sequence
from typing import Final

_ANY_DEPTH: Final = "**"
_ANY_LETTERS: Final = "*"
_ANY_LETTER: Final = "?"


def overlap(one: str, other: str) -> bool:
    """True when some path could match both."""
    return _meet(_parts(one), _parts(other), _ANY_DEPTH, _names_meet)


def _names_meet(one: str, other: str) -> bool:
    return _meet(_letters(one), _letters(other), _ANY_LETTERS, _letters_meet)


def _letters_meet(one: str, other: str) -> bool:
    return one == other or _ANY_LETTER in (one, other)


def _meet(
    one: Sequence[str], other: Sequence[str], many: str, same: Callable[[str, str], bool]
) -> bool:
    """Can both sequences spell the same, where `many` stands for any number of pieces?

    `row[j]` says so for the rest of `one` after the present piece and the rest of `other` from `j`.
    """
    row = [False] * len(other) + [True]
    for j in reversed(range(len(other))):
        row[j] = other[j] == many and row[j + 1]
    for piece in reversed(one):
        last, row = row, [False] * (len(other) + 1)
        row[-1] = piece == many and last[-1]
        for j in reversed(range(len(other))):
            if many in (piece, other[j]):
                row[j] = last[j] or row[j + 1]
            else:
                row[j] = last[j + 1] and same(piece, other[j])
    return row[0]


def _parts(pattern: str) -> tuple[str, ...]:
    parts = tuple(part for part in pattern.split("/") if part not in ("", "."))
    below = not parts or not set(parts[-1]) & set("*?[")
    return (*parts, _ANY_DEPTH) if below else parts


def _letters(name: str) -> list[str]:
    """One entry per letter; `*` is any number of them, `?` exactly one; a bracket counts as `?`."""
    found: list[str] = []
    at = 0
    while at < len(name):
        closing = name.find("]", at + 2) if name[at] == "[" else -1
        found.append(_ANY_LETTER if closing > 0 else name[at])
        at = closing + 1 if closing > 0 else at + 1
    return found
