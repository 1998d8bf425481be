"""Markdown as far as plans are written in it: headings, tick boxes and the lines between them.

What a reader of the rendered page does not see is not there: comments. What stands in a fenced
block is text and no structure.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Final, Literal

import msgspec

TAB_WIDTH: Final = 4
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HEADING: Final = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_BOX: Final = re.compile(r"( *)(?:[-*+]|\d{1,9}[.)]) +\[([ xX/~-])\](?: +(.*)|$)")
_NEW_THOUGHT: Final = re.compile(r"(?:[-+>#|]|\*(?!\*)|\*\*[^*]+:|\d+[.)] |\W+$)")
_DEEP: Final = 2
"""An indented box belongs to the one above it; two columns are meant as an indent."""


class Line(msgspec.Struct, frozen=True):
    """One line, and whether it stands in a fenced block."""

    number: int
    text: str
    fenced: bool = False


class Box(msgspec.Struct, frozen=True):
    """A tick box at the left margin, with everything that belongs to it."""

    line: int
    mark: Literal["open", "done", "unclear"]
    text: str
    body: tuple[Line, ...]
    inner_open: int | None = None
    """The line of an unticked box inside, if there is one."""


class Section(msgspec.Struct, frozen=True):
    """A heading with what stands under it before the next heading."""

    line: int
    level: int
    title: str
    prose: tuple[Line, ...]
    boxes: tuple[Box, ...]


def lines_of(text: str) -> tuple[Line, ...]:
    """Every line without comments; tabs count as blanks."""
    found: list[Line] = []
    fence, hidden = "", False
    for number, line in enumerate(text.split("\n"), 1):
        if fence:
            found.append(Line(number, line, fenced=True))
            fence = "" if _closes(line, fence) else fence
            continue
        seen, hidden = _without_comments(line.expandtabs(TAB_WIDTH), hidden=hidden)
        opens = None if hidden else _FENCE.fullmatch(seen)
        if opens is not None and not (opens[1][0] == "`" and "`" in opens[2]):
            fence = opens[1]
        found.append(Line(number, seen, fenced=bool(fence)))
    return tuple(found)


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(fence) and not stripped.strip(fence[0]) and bool(stripped)


def _without_comments(line: str, *, hidden: bool) -> tuple[str, bool]:
    kept: list[str] = []
    at = 0
    while at < len(line):
        if hidden:
            end = line.find("-->", at)
            if end < 0:
                return "".join(kept), True
            hidden, at = False, end + 3
        else:
            start = line.find("<!--", at)
            if start < 0:
                kept.append(line[at:])
                break
            kept.append(line[at:start])
            hidden, at = True, start + 4
    return "".join(kept), hidden


def sections_of(lines: Sequence[Line]) -> tuple[Section, ...]:
    """The document from heading to heading; what stands before the first has the title ''."""
    found: list[Section] = []
    title, level, begun = "", 0, 1
    under: list[Line] = []
    for line in lines:
        heading = None if line.fenced else _HEADING.fullmatch(line.text)
        if heading is None:
            under.append(line)
            continue
        found.append(_section(begun, level, title, under))
        title, level, begun = _bare(heading[2]), len(heading[1]), line.number
        under = []
    found.append(_section(begun, level, title, under))
    return tuple(found)


def _bare(title: str) -> str:
    """'Title ##' -> 'Title'."""
    stripped = title.rstrip()
    bare = stripped.rstrip("#")
    return bare.strip() if bare.endswith((" ", "\t")) or not bare else stripped.strip()


def _section(line: int, level: int, title: str, under: Sequence[Line]) -> Section:
    prose: list[Line] = []
    boxes: list[tuple[re.Match[str], list[Line]]] = []
    open_ended = False
    for each in under:
        box = None if each.fenced else _BOX.fullmatch(each.text)
        if box is not None and len(box[1]) < _DEEP:
            boxes.append((box, [each]))
            open_ended = True
        elif open_ended and _goes_on(each, boxes[-1][1][-1]):
            boxes[-1][1].append(each)
        else:
            open_ended = False
            prose.append(each)
    return Section(line, level, title, tuple(prose), tuple(_box(box, own) for box, own in boxes))


def _goes_on(line: Line, before: Line) -> bool:
    """Indented, blank, or simply the rest of a paragraph that was wrapped."""
    if line.fenced or not line.text.strip() or line.text.startswith("  "):
        return True
    return bool(before.text.strip()) and not _NEW_THOUGHT.match(line.text)


def _box(found: re.Match[str], own: list[Line]) -> Box:
    sign = found[2]
    mark: Literal["open", "done", "unclear"] = "open" if sign == " " else "unclear"
    if sign in "xX":
        mark = "done"
    wrapped = list(takewhile(_is_wrapped, own[1:]))
    text = " ".join([(found[3] or "").strip(), *(each.text.strip() for each in wrapped)])
    body = own[1 + len(wrapped) :]
    inner = next((each.number for each in body if _is_open(each)), None)
    return Box(own[0].number, mark, text.strip(), tuple(body), inner)


def _is_wrapped(line: Line) -> bool:
    """The rest of a sentence, and neither a new paragraph nor a list."""
    text = line.text.strip()
    return bool(text) and not line.fenced and not _NEW_THOUGHT.match(text)


def _is_open(line: Line) -> bool:
    box = None if line.fenced else _BOX.fullmatch(line.text)
    return box is not None and box[2] == " "


def text_of(lines: Sequence[Line]) -> str:
    """Lines as one text, without the indent they share and without blank lines at the ends."""
    indents = [len(e.text) - len(e.text.lstrip()) for e in lines if e.text.strip()]
    cut = min(indents, default=0)
    return "\n".join(line.text[cut:].rstrip() for line in lines).strip("\n")


def under_heading(sections: Sequence[Section], at: int) -> Iterator[Line]:
    """Everything below a section's heading, its smaller headings included."""
    first = sections[at]
    yield from _as_written(first)
    for number in range(at + 1, len(sections)):  # a slice would copy all that follows
        section = sections[number]
        if section.level <= first.level:
            return
        yield Line(section.line, f"{'#' * section.level} {section.title}")
        yield from _as_written(section)


def _as_written(section: Section) -> Iterator[Line]:
    """Prose and boxes in the order of the page."""
    boxes = {box.line: box for box in section.boxes}
    lines = {line.number: line for line in section.prose}
    for box in section.boxes:
        lines[box.line] = Line(box.line, f"- {box.text}")
        lines |= {line.number: line for line in box.body}
    yield from (lines[number] for number in sorted(lines | boxes))
