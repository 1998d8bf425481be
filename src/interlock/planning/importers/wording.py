"""Titles and prompts out of what an author wrote, within what a plan may hold."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from interlock.domain.goal import GOAL_CHARACTERS_MAX
from interlock.planning.entries import PROMPT_CHARACTERS_MAX, TITLE_CHARACTERS_MAX

CONTEXT_CHARACTERS_MAX: Final = 40_000
"""Of one prompt; the task's own words come on top."""

ALL_CONTEXT_CHARACTERS_MAX: Final = 8_000_000
"""Of all prompts together: a thousand tasks under a long proposal must not fill the memory."""

OWN_CHARACTERS_MAX: Final = PROMPT_CHARACTERS_MAX - CONTEXT_CHARACTERS_MAX - 10_000
"""What an author may say of one task."""

_WORTH_SAYING: Final = 200
_SPACE: Final = re.compile(r"\s+")


def title_of(text: str) -> str:
    """The text on one line, without marks for bold around it."""
    line = _SPACE.sub(" ", text).strip()
    bold = re.fullmatch(r"\*\*([^*]+)\*\*[:.]?", line)
    return cut(bold[1] if bold else line, TITLE_CHARACTERS_MAX)


def goal_of(title: str, reason: str = "", reason_max: int = 1_000) -> str:
    """A title, and why."""
    return cut("\n\n".join(filter(None, (title, cut(reason, reason_max)))), GOAL_CHARACTERS_MAX)


def cut(text: str, characters_max: int) -> str:
    return text if len(text) <= characters_max else text[: characters_max - 1].rstrip() + "…"


def share_of(tasks: int) -> int:
    """How much context each of so many prompts may have."""
    return min(CONTEXT_CHARACTERS_MAX, ALL_CONTEXT_CHARACTERS_MAX // max(tasks, 1))


def prompt_of(own: str, context: Iterable[tuple[str, str]], room: int) -> str:
    """What is to be done, then what must be known, under headings, as far as there is room."""
    parts = [own]
    for heading, text in context:
        part = f"## {heading}\n\n{text}"
        if not text or room < len(heading) + _WORTH_SAYING:
            continue
        if len(part) > room:
            part = f"{cut(part, room)}\n\n(The rest is left out here.)"
        room -= len(part)
        parts.append(part)
    return "\n\n".join(parts).strip()


def enumeration(words: Sequence[str], most: int = 12) -> str:
    """A few of them in a row, and how many more there are."""
    shown = ", ".join(words[:most])
    return shown + (f" and {len(words) - most:,} more" if len(words) > most else "")
