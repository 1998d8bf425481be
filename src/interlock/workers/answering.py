"""What an attempt answers where a document is asked for: the file it left, else what it said.

The file is called `plan.yaml` and lies in the outbox. Nothing of either is understood here.
"""

from pathlib import Path
from typing import Final

import msgspec

from interlock.sandbox.left import read_left
from interlock.workers.agents.ports import AgentEvent, Said

FILE: Final = "plan.yaml"

FILE_BYTES_MAX: Final = 4_000_000
WORDS_BYTES_MAX: Final = 1_000_000
"""The answer stands at the end of what is said, so of much the last part is kept."""


class LastWords:
    """The end of what an agent says to people, without the tools it uses meanwhile."""

    def __init__(self, bytes_max: int = WORDS_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._words = bytearray()

    def add(self, event: AgentEvent) -> None:
        if isinstance(event, Said):
            self._words += event.text.encode(errors="replace") + b"\n"
            del self._words[: -self._bytes_max]

    def text(self) -> bytes:
        return bytes(self._words)


class Answered(msgspec.Struct, frozen=True):
    """What was answered; words have no file."""

    text: bytes
    file: str = ""


def answer_of(outbox: Path, words: bytes, summary: str) -> Answered | str | None:
    """The answer, a sentence why the file it left cannot be one, or None: nothing was said."""
    left = read_left(outbox / FILE, FILE_BYTES_MAX, f"The {FILE} in its outbox")
    if isinstance(left, str):
        return left
    if left is not None:
        return Answered(left, FILE)
    said = words if words.strip() else summary.encode(errors="replace")
    return Answered(said) if said.strip() else None
