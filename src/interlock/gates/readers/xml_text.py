"""XML that nobody trusts: no definitions, no entities, nothing fetched, depth and size bounded."""

from typing import Final
from xml.parsers import expat

DEPTH_MAX: Final = 50
ELEMENTS_MAX: Final = 3_000_000
TEXT_CHARACTERS_MAX: Final = 20_000
"""Of one element; more would only be captured output, which the log holds anyway."""


class Unreadable(Exception):
    """The bytes are no report to go by; the message is a sentence."""


class Element:
    """One element: its name without a namespace, its attributes, its text, its children."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name.rpartition(":")[2]
        self.attributes = attributes
        self.text = ""
        self.children: list[Element] = []

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    def named(self, *names: str) -> list["Element"]:
        return [child for child in self.children if child.name in names]


def parse(data: bytes, doctype_may_be_named: bool = False) -> Element:
    """The root element. A document type that is only named is never fetched."""
    if not data.strip():
        raise Unreadable("the report is empty")
    builder = _Builder(doctype_may_be_named)
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise Unreadable(f"the report is not well-formed XML ({error})") from error
    except (LookupError, ValueError) as error:
        raise Unreadable(f"the report is written in an encoding nobody knows ({error})") from error
    if builder.root is None:
        raise Unreadable("the report holds no element")
    return builder.root


class _Builder:
    """Listens to the parser and builds the tree."""

    def __init__(self, doctype_may_be_named: bool) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0
        self._doctype_may_be_named = doctype_may_be_named
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.EntityDeclHandler = self._entity
        self.parser.SkippedEntityHandler = self._skipped

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= DEPTH_MAX or self._count > ELEMENTS_MAX:
            raise Unreadable("the report is nested too deeply or has too many elements")
        element = Element(name, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        if self._open and len(self._open[-1].text) < TEXT_CHARACTERS_MAX:
            self._open[-1].text += text

    def _doctype(
        self, _name: str, _system: str | None, _public: str | None, internal: bool
    ) -> None:
        if internal or not self._doctype_may_be_named:
            raise Unreadable("the report brings a document type of its own, which is not read")

    def _entity(self, *_declaration: object) -> None:
        raise Unreadable("the report declares entities, which are not read")

    def _skipped(self, name: str, _is_parameter: bool) -> None:
        raise Unreadable(f"the report uses the entity {name!r}, which it does not define")
