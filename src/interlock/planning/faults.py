"""What is wrong with a plan, said so that its author can mend it."""

import difflib
from collections.abc import Collection
from typing import Final

import msgspec

FAULTS_MAX: Final = 1_000
_GUESSES_MAX: Final = 100
_CANDIDATES_MAX: Final = 300
_SHOWN_CHARACTERS_MAX: Final = 60


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong, where it stands and how to mend it."""

    where: str
    what: str
    mend: str


class Unreadable(Exception):
    """The text gives no document, so nothing else can be said about it."""

    def __init__(self, line: int, what: str, mend: str) -> None:
        super().__init__(what)
        self.line, self.what, self.mend = line, what, mend


class NotWellFormed(Unreadable):
    """The text breaks the rules of its notation; it may be well-formed in another one."""


class Report:
    """Collects the faults of one document, a bounded number of them."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._found: dict[tuple[int, str], str] = {}
        self._left_out = 0
        self._guesses = 0

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, line: int, what: str, mend: str) -> None:
        if len(self._found) < FAULTS_MAX:
            self._found.setdefault((line, what), mend)
        else:
            self._left_out += 1

    def faults(self) -> tuple[Fault, ...]:
        """Every fault, from the first line to the last."""
        in_order = sorted(self._found.items(), key=lambda item: item[0][0])
        found = [Fault(f"{self._where}:{line}", what, mend) for (line, what), mend in in_order]
        if self._left_out:
            more = f"{self._left_out:,} more faults, not listed"
            found.append(Fault(self._where, more, "mend these first, then look again"))
        return tuple(found)

    def did_you_mean(self, word: str, known: Collection[str], otherwise: str) -> str:
        """How to mend a misspelt word: the nearest known one, or what else to do."""
        self._guesses += 1
        if self._guesses > _GUESSES_MAX or len(word) > _SHOWN_CHARACTERS_MAX:
            return otherwise
        near = difflib.get_close_matches(word.lower(), _candidates(word, known), n=1)
        return f"did you mean {quoted(near[0])}?" if near else otherwise


def _candidates(word: str, known: Collection[str]) -> Collection[str]:
    """Comparing with thousands of words takes seconds: of many, only those that look alike."""
    if len(known) <= _CANDIDATES_MAX:
        return known
    alike = [k for k in known if k[:1] == word[:1] and abs(len(k) - len(word)) <= 2]  # noqa: PLR2004
    return alike[:_CANDIDATES_MAX]


def quoted(text: str) -> str:
    """Text of the author inside our sentence: short, and without anything a terminal obeys."""
    if len(text) > _SHOWN_CHARACTERS_MAX:
        text = text[: _SHOWN_CHARACTERS_MAX - 1] + "…"
    return repr(text)


def listed(words: Collection[str]) -> str:
    """A few words in a row, for a sentence that names what is allowed."""
    shown = sorted(words)[:30]
    return ", ".join(shown) + (", …" if len(words) > len(shown) else "")
