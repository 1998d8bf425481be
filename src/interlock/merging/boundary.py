"""A task's boundary: which paths lie inside the `files` that its plan names.

    app/models/**    everything below app/models
    app/models       that file, or that folder and all in it
    app/*.py         one level, no deeper
    **/x.py          x.py anywhere, at the root too

Patterns start at the root of the repository. No patterns: no boundary.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

_WILD: Final = frozenset("*?[")


def outside(paths: Iterable[str], patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The paths that no pattern covers, in their order."""
    if not patterns:
        return ()
    return tuple(path for path in paths if not covers(patterns, path))


def covers(patterns: tuple[str, ...], path: str) -> bool:
    return any(_expression(pattern).fullmatch(path) for pattern in patterns)


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    folder = pattern.endswith("/")
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if not parts:
        return re.compile(r".*", re.DOTALL)
    text = "".join(_pieces(parts))
    if folder:
        text += "/.*"
    elif not _WILD & set(parts[-1]):
        text += "(?:/.*)?"
    return re.compile(text, re.DOTALL)


def _pieces(parts: list[str]) -> Iterator[str]:
    """`**` swallows the slash behind it, so that it can also stand for no folder at all."""
    last = len(parts) - 1
    for at, part in enumerate(parts):
        if part == "**":
            yield ".+" if at == last else "(?:[^/]+/)*"
        else:
            yield _one_name(part) + ("" if at == last else "/")


def _one_name(part: str) -> str:
    """One path segment with its wildcards; a bracket that never closes stands for itself."""
    pieces: list[str] = []
    at = 0
    while at < len(part):
        sign = part[at]
        at += 1
        if sign == "*":
            pieces.append("[^/]*")
        elif sign == "?":
            pieces.append("[^/]")
        elif sign == "[" and (end := part.find("]", at + 1)) > 0:
            pieces.append(_one_of(part[at:end]))
            at = end + 1
        else:
            pieces.append(re.escape(sign))
    return "".join(pieces)


def _one_of(signs: str) -> str:
    negated = signs[0] in "!^"
    body = signs[1:] if negated else signs
    ranges = re.sub(r"[\\\[\]^&~|]", lambda sign: "\\" + sign.group(), body)
    try:
        re.compile(f"[{ranges}]")
    except re.error:
        return re.escape(f"[{signs}]")
    return f"(?!/)[{'^' if negated else ''}{ranges}]"
