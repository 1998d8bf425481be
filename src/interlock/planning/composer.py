"""Builds the tree of a document from what a reader meets, within limits that no text can exceed.

Readers call `scalar`, `open_listing`, `open_mapping`, `close` and `alias` in the order of the text.
An alias counts as all that it repeats, so ten lines that unfold to a billion values are refused.
"""

from typing import Final

from interlock.planning.faults import Report, Unreadable, quoted
from interlock.planning.nodes import Listing, Mapping, Node, Pair, Scalar, value_of

DEPTH_MAX: Final = 64
NODES_MAX: Final = 500_000
CHARACTERS_MAX: Final = 16_000_000
"""Counted with everything that aliases repeat."""


def too_many_values(line: int) -> Unreadable:
    what = f"the plan has more than {NODES_MAX:,} values with what aliases repeat"
    return Unreadable(line, what, "cut it into several plans")


class _Open:
    """A list or mapping that is not yet closed."""

    __slots__ = ("anchor", "characters_before", "height", "key", "node", "nodes_before")

    def __init__(
        self, node: Listing | Mapping, anchor: str | None, nodes: int, characters: int
    ) -> None:
        self.node = node
        self.anchor = anchor
        self.key: Scalar | None = None
        self.height = 1
        self.nodes_before, self.characters_before = nodes, characters


class _Anchored:
    """A node that aliases may repeat, and how much they repeat with it."""

    __slots__ = ("characters", "height", "node", "nodes")

    def __init__(self, node: Node, nodes: int, characters: int, height: int) -> None:
        self.node, self.nodes, self.characters, self.height = node, nodes, characters, height


class Composer:
    """Takes one document apart into nodes."""

    def __init__(self, report: Report) -> None:
        self.root: Node | None = None
        self._report = report
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._nodes = 0
        self._characters = 0

    def scalar(self, text: str, line: int, *, plain: bool, anchor: str | None = None) -> None:
        self._count(1, len(text), line)
        node = Scalar(value_of(text) if plain else text, text, line)
        if anchor is not None:
            self._anchors[anchor] = _Anchored(node, 1, len(text), 0)
        self._place(node, line)

    def open_listing(self, line: int, anchor: str | None = None) -> None:
        self._enter(Listing([], line), anchor)

    def open_mapping(self, line: int, anchor: str | None = None) -> None:
        self._enter(Mapping({}, line), anchor)

    def close(self) -> None:
        done = self._open.pop()
        if done.anchor is not None:
            nodes, characters = (
                self._nodes - done.nodes_before,
                self._characters - done.characters_before,
            )
            self._anchors[done.anchor] = _Anchored(done.node, nodes, characters, done.height)
        if self._open:
            self._open[-1].height = max(self._open[-1].height, done.height + 1)

    def alias(self, anchor: str, line: int) -> None:
        if anchor not in self._anchors:
            mend = f"write &{anchor[:60]} before what it stands for"
            self._report.add(line, f"the alias {quoted('*' + anchor)} stands for nothing", mend)
            self._place(Scalar(None, "", line), line)
            return
        meant = self._anchors[anchor]
        if meant is None:
            what = f"the alias {quoted('*' + anchor)} stands inside what it stands for"
            raise Unreadable(line, what, "write out what you mean")
        self._count(meant.nodes, meant.characters, line)
        self._check_depth(len(self._open) + meant.height, line)
        if self._open:
            self._open[-1].height = max(self._open[-1].height, meant.height + 1)
        self._place(meant.node, line)

    def _enter(self, node: Listing | Mapping, anchor: str | None) -> None:
        before = self._nodes, self._characters
        self._count(1, 0, node.line)
        self._check_depth(len(self._open) + 1, node.line)
        self._place(node, node.line)
        if anchor is not None:
            self._anchors[anchor] = None
        self._open.append(_Open(node, anchor, *before))

    def _count(self, nodes: int, characters: int, line: int) -> None:
        self._nodes += nodes
        self._characters += characters
        if self._nodes > NODES_MAX:
            raise too_many_values(line)
        if self._characters > CHARACTERS_MAX:
            what = f"the plan has more than {CHARACTERS_MAX:,} characters with what aliases repeat"
            raise Unreadable(line, what, "put long texts into files and name those in `spec`")

    def _check_depth(self, depth: int, line: int) -> None:
        if depth > DEPTH_MAX:
            what = f"values stand inside one another more than {DEPTH_MAX} deep"
            raise Unreadable(line, what, "a plan needs five levels at most")

    def _place(self, node: Node, line: int) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent.node, Listing):
            parent.node.items.append(node)
        elif parent.key is not None:
            self._put(parent.node, parent.key, node)
            parent.key = None
        elif isinstance(node, Scalar):
            parent.key = node
        else:
            raise Unreadable(
                line, "a list or mapping stands where a name must stand", "write a plain name"
            )

    def _put(self, mapping: Mapping, key: Scalar, node: Node) -> None:
        before = mapping.entries.get(key.text)
        if before is None:
            mapping.entries[key.text] = Pair(key.line, node)
            return
        what = f"{quoted(key.text)} stands twice in one mapping, first in line {before.line}"
        self._report.add(key.line, what, "keep one of them")
