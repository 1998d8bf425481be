"""Several files as one document: their lines stand behind one another, and a fault finds its file.

Checks of a plan know lines only. So every file begins at a line of the folio, and what is found in
line 812 of the folio is said of, for example, line 3 of `issues/12.md`.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

import msgspec

from interlock.planning.faults import Fault, Report

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")


class Page(msgspec.Struct, frozen=True):
    """One file: its path from the root of the repository, and what stands in it."""

    path: str
    content: bytes


class Text(msgspec.Struct, frozen=True):
    """A page that could be read; its line n is line `offset + n` of the folio."""

    path: str
    text: str
    offset: int


class Folio(Report):
    """The faults of many files, each with its own file and line."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._name = name
        self._paths: list[str] = []
        self._starts: list[int] = []
        self._end = 0
        self._elsewhere: list[Fault] = []

    def __bool__(self) -> bool:
        return super().__bool__() or bool(self._elsewhere)

    def read(self, page: Page) -> Text | None:
        """The text of a page; None after a fault."""
        content = page.content.removeprefix(_BYTE_ORDER_MARK)
        offset = self._begin(page.path, content.count(b"\n") + 1)
        try:
            text = content.decode().replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self.add(offset + line, "the file is not UTF-8 text", "save it as UTF-8")
            return None
        control = _CONTROL.search(text)
        if control is not None:
            line = text.count("\n", 0, control.start()) + 1
            what = f"the control character U+{ord(control.group()):04X} cannot stand in a plan"
            self.add(offset + line, what, "take it out; a binary file is no plan")
            return None
        return Text(page.path, text, offset)

    def _begin(self, path: str, lines: int) -> int:
        """What is to be added to a line of this file."""
        self._paths.append(path)
        self._starts.append(self._end)
        self._end += lines
        return self._starts[-1]

    def take(self, faults: Iterable[Fault]) -> None:
        """Faults that know their place already."""
        self._elsewhere.extend(faults)

    def faults(self) -> tuple[Fault, ...]:
        return (*self._elsewhere, *map(self._placed, super().faults()))

    def _placed(self, fault: Fault) -> Fault:
        line = fault.where.removeprefix(f"{self._name}:")
        if line == fault.where or not self._starts:
            return fault
        return msgspec.structs.replace(fault, where=self.place(int(line)))

    def place(self, line: int) -> str:
        """Where a line of the folio stands, as `path:line`."""
        page = bisect_right(self._starts, line - 1) - 1
        return f"{self._paths[page]}:{line - self._starts[page]}"
