"""From the bytes of a plan file to a tree with line numbers; hostile bytes soon end in a fault."""

import re
from typing import Final

from interlock.planning.composer import Composer
from interlock.planning.faults import NotWellFormed, Report, Unreadable
from interlock.planning.json_text import read_json
from interlock.planning.nodes import Node
from interlock.planning.yaml_text import read_yaml

BYTES_MAX: Final = 4_000_000
"""The caller asks the file system first, and does not even open what is larger."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_LOOKS_LIKE_JSON: Final = re.compile(r'\s*\{\s*["}]')


def read_document(content: bytes, where: str, report: Report) -> Node | None:
    """The one value in a YAML or JSON file; None when the report says why there is none."""
    try:
        return _read(_decoded(content), where, report)
    except Unreadable as end:
        report.add(end.line, end.what, end.mend)
        return None


def _too_large(size_bytes: int) -> Unreadable:
    what = f"the file has {size_bytes:,} bytes, a plan may have {BYTES_MAX:,}"
    return Unreadable(
        1, what, "cut it into several plans, or put long texts into files named in `spec`"
    )


def _decoded(content: bytes) -> str:
    if len(content) > BYTES_MAX:
        raise _too_large(len(content))
    content = content.removeprefix(_BYTE_ORDER_MARK)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, "the file is not UTF-8 text", "save it as UTF-8") from None
    control = _CONTROL.search(text)
    if control is not None:
        line = text.count("\n", 0, control.start()) + 1
        what = f"the control character U+{ord(control.group()):04X} cannot stand in a plan"
        raise Unreadable(line, what, "take it out; a binary file is no plan")
    return text


def _read(text: str, where: str, report: Report) -> Node:
    if where.lower().endswith(".json"):
        return _read_json(text, report)
    if text.lstrip()[:1] != "{":
        return _read_yaml(text, report)
    try:
        return _read_json(text, report)
    except NotWellFormed as no_json:
        # YAML has braces too, and allows comments and words without quotes between them.
        try:
            return _read_yaml(text, report)
        except NotWellFormed:
            if _LOOKS_LIKE_JSON.match(text):
                raise no_json from None
            raise


def _read_json(text: str, report: Report) -> Node:
    composer = Composer(report)
    read_json(text, composer)
    return _root(composer)


def _read_yaml(text: str, report: Report) -> Node:
    composer = Composer(report)
    read_yaml(text, composer, report)
    return _root(composer)


def _root(composer: Composer) -> Node:
    if composer.root is None:
        raise Unreadable(1, "the plan is empty", "write at least `goal:` and `tasks:`")
    return composer.root
