"""One mapping of the document, read field by field into typed values; misfits are reported.

A key is known under its canonical name, the same name in camelCase, and the names that imports use
for it. A key without a value counts as left out.
"""

import re
from collections.abc import Mapping as Table
from typing import Final, TypeVar

import msgspec

from interlock.domain.duration import WrongDuration, minutes_of
from interlock.planning.faults import Report, listed, quoted
from interlock.planning.nodes import Listing, Mapping, Node, Pair, Scalar, kind_of

NAME_CHARACTERS_MAX: Final = 64
LINE_CHARACTERS_MAX: Final = 500
NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LIKE_A_FLAG: Final = {"yes": "true", "on": "true", "y": "true", "true": "true", "1": "true"}

T = TypeVar("T")


class Word(msgspec.Struct, frozen=True):
    """A text and the line it stands in."""

    text: str
    line: int


class Keys:
    """The keys that one kind of mapping may have, and what else people call them."""

    def __init__(self, *names: str, also: Table[str, str] | None = None) -> None:
        self.names = names
        self._meant = {name: name for name in names} | dict(also or {})

    def canonical(self, key: str) -> str | None:
        if key in self._meant:
            return self._meant[key]
        if len(key) > NAME_CHARACTERS_MAX:
            return None
        return self._meant.get(_CAMEL.sub("_", key).lower())


class Fields:
    """A mapping with known keys; `owner` says in a fault what it belongs to."""

    def __init__(self, mapping: Mapping, keys: Keys, owner: str, report: Report) -> None:
        self.owner, self.line = owner, mapping.line
        self.report = report
        self._pairs: dict[str, Pair] = {}
        for key, pair in mapping.entries.items():
            self._take(key, pair, keys)

    def _take(self, key: str, pair: Pair, keys: Keys) -> None:
        name = keys.canonical(key)
        if name is None:
            mend = self.report.did_you_mean(
                key, keys.names, f"allowed here: {', '.join(keys.names)}"
            )
            if key == "<<":
                mend = "merge keys are not read; write what all tasks share under `defaults`"
            self.report.add(pair.line, f"{self.owner}: unknown key {quoted(key)}", mend)
        elif name in self._pairs:
            first = self._pairs[name].line
            what = f"{self.owner}: {quoted(key)} says `{name}` again, first in line {first}"
            self.report.add(pair.line, what, "keep one of them")
        elif not (isinstance(pair.node, Scalar) and pair.node.value is None):
            self._pairs[name] = pair

    def __contains__(self, name: str) -> bool:
        return name in self._pairs

    def fault(self, line: int, what: str, mend: str) -> None:
        self.report.add(line, f"{self.owner}: {what}", mend)

    def line_of(self, name: str) -> int:
        """Where the key stands, or where it should."""
        return self._pairs[name].line if name in self._pairs else self.line

    def node(self, name: str) -> Node | None:
        return self._pairs[name].node if name in self._pairs else None

    def is_empty_list(self, name: str) -> bool:
        node = self.node(name)
        return isinstance(node, Listing) and not node.items

    def text(self, name: str, characters_max: int, *, lines: bool = False) -> str | None:
        node = self.node(name)
        return None if node is None else self.text_of(node, name, characters_max, lines=lines)

    def text_of(
        self, node: Node, name: str, characters_max: int, *, lines: bool = False
    ) -> str | None:
        """The text of a node without blanks around it; None after a fault, and when it is blank."""
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            mend = (
                f"put it in quotes: '{node.text[:40]}'"
                if isinstance(node, Scalar)
                else "write one text"
            )
            self.fault(node.line, f"{name} must be text, not {kind_of(node)}", mend)
            return None
        text = node.value.strip()
        if len(text) > characters_max:
            what = f"{name} has {len(text):,} characters, {characters_max:,} are allowed"
            self.fault(node.line, what, "say it shorter, or put it into a file named in `spec`")
            return None
        if _CONTROL.search(text) or ("\n" in text and not lines):
            what = "a control character" if lines else "a line break or a control character"
            self.fault(node.line, f"{name} holds {what}", "take it out")
            return None
        return text

    def name(self, name: str) -> str | None:
        """An id: short, and safe in file names, branches and addresses."""
        text = self.text(name, LINE_CHARACTERS_MAX)
        if text is None or NAME.fullmatch(text):
            return text
        proposal = re.sub(r"[^a-z0-9]+", "-", text.lower())[:NAME_CHARACTERS_MAX].strip("-")
        mend = f"write {proposal!r}, for example" if proposal else "write for example 'schema'"
        what = f"{quoted(text)} is no id: 1 to 64 of a-z, 0-9 and '-', with no '-' at either end"
        self.fault(self.line_of(name), what, mend)
        return None

    def whole(self, name: str, low: int, high: int) -> int | None:
        node = self.node(name)
        return None if node is None else self.whole_of(node, name, low, high)

    def whole_of(self, node: Node, name: str, low: int, high: int) -> int | None:
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            what = f"{name} must be a whole number, not {_shown(node)}"
        elif not low <= value <= high:
            what = f"{name} is {value}, outside {low} to {high}"
        else:
            return value
        self.fault(node.line, what, f"write a whole number from {low} to {high}")
        return None

    def flag(self, name: str) -> bool | None:
        node = self.node(name)
        return None if node is None else self.flag_of(node, name)

    def flag_of(self, node: Node, name: str) -> bool | None:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        mend = "write true or false"
        if isinstance(node, Scalar) and len(node.text) <= 5:  # noqa: PLR2004 - as long as 'false'
            mend = f"write {_LIKE_A_FLAG.get(node.text.lower(), 'false')}, without quotes"
        self.fault(node.line, f"{name} must be true or false, not {_shown(node)}", mend)
        return None

    def choice(self, name: str, allowed: Table[str, T]) -> T | None:
        """One of a few words; case, and '_' for '-', do not matter."""
        text = self.text(name, LINE_CHARACTERS_MAX)
        if text is None:
            return None
        meant = allowed.get(text.lower().replace("_", "-"))
        if meant is None:
            names = {str(value) for value in allowed.values()}
            mend = self.report.did_you_mean(text, names, f"write one of: {listed(names)}")
            self.fault(self.line_of(name), f"unknown {name} {quoted(text)}", mend)
        return meant

    def minutes(self, name: str) -> float | None:
        node = self.node(name)
        if node is None:
            return None
        value = node.value if isinstance(node, Scalar) else None
        mend = "write for example 45, 15m, '15 min' or 1h30m, 366 days at most"
        if isinstance(value, str | int | float) and len(str(value)) <= NAME_CHARACTERS_MAX:
            try:
                return minutes_of(value)
            except (WrongDuration, OverflowError):
                pass
        self.fault(node.line, f"{name} must be a duration, not {_shown(node)}", mend)
        return None

    def items(self, name: str, items_max: int) -> list[Node]:
        """The nodes of a list; none after a fault."""
        node = self.node(name)
        if node is None:
            return []
        if not isinstance(node, Listing):
            mend = (
                f"write [{node.text[:40]}]" if isinstance(node, Scalar) else "write a list: [a, b]"
            )
            self.fault(node.line, f"{name} must be a list, not {kind_of(node)}", mend)
            return []
        if len(node.items) > items_max:
            what = f"{name} has {len(node.items):,} entries, {items_max:,} are allowed"
            self.fault(node.line, what, "cut it into several")
            return []
        return node.items

    def words(self, name: str, items_max: int) -> list[Word]:
        """A list of texts, each once."""
        found: dict[str, Word] = {}
        for node in self.items(name, items_max):
            text = self.text_of(node, f"an entry of {name}", LINE_CHARACTERS_MAX)
            if text == "":
                self.fault(
                    node.line, f"an entry of {name} is blank", "write something or leave it out"
                )
            elif text is not None:
                found.setdefault(text, Word(text, node.line))
        return list(found.values())


def _shown(node: Node) -> str:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return f"the text {quoted(node.text)}"
    return kind_of(node)
