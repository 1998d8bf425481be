"""What a change does to lines, as far as gates need to know it."""

import re
from typing import Final

import msgspec

from interlock.gates.evidence import Lines


class ChangeFacts(msgspec.Struct, frozen=True):
    """`lines` are the numbers of added or changed lines by path, as they stand in the candidate.

    None: nobody has looked yet. `tests_may_go`: the task is meant to remove or skip tests.
    """

    lines: dict[str, Lines] | None = None
    tests_may_go: bool = False


_HUNK: Final = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE: Final = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS: Final = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def changed_lines(patch: bytes) -> dict[str, Lines]:
    """The added lines of a patch in git's format, by path; binary files have none.

    What stands in a hunk is counted by the hunk's own header, so that a line of a file that looks
    like a header is not taken for one.
    """
    found: dict[str, list[int]] = {}
    path, number, old_left, new_left = "", 0, 0, 0
    for line in patch.split(b"\n"):
        if old_left > 0 or new_left > 0:
            sign = line[:1]
            if sign == b"+":
                found.setdefault(path, []).append(number)
            if sign in {b"+", b" ", b""}:
                number += 1
                new_left -= 1
            if sign in {b"-", b" ", b""}:
                old_left -= 1
        elif line.startswith(b"+++ "):
            path = _path(line[4:])
        elif hunk := _HUNK.match(line):
            old_left, number, new_left = int(hunk[1] or 1), int(hunk[2]), int(hunk[3] or 1)
    found.pop("", None)
    return {path: tuple(numbers) for path, numbers in found.items()}


def _path(named: bytes) -> str:
    """`b/src/a.py`, quoted where it holds unusual bytes; nothing for a file that is gone."""
    named = named.removesuffix(b"\t").removesuffix(b"\r")
    if named.startswith(b'"') and named.endswith(b'"'):
        named = _ESCAPE.sub(_unescaped, named[1:-1])
    if named == b"/dev/null":
        return ""
    return named.removeprefix(b"b/").decode("utf-8", "replace")


def _unescaped(escape: re.Match[bytes]) -> bytes:
    code = escape[1]
    return bytes([int(code, 8) & 0xFF]) if code.isdigit() else _LETTERS.get(code, code)
