"""Coverage in Cobertura's XML: which lines of which files ran.

File names are relative to one of `<sources>`, and the report does not say to which. With one
source a line that ran in any of its entries ran; with several an entry is filed under each, and
only a line that ran in all of them counts, so that no file borrows another one's coverage.
"""

from typing import Final

from interlock.gates.evidence import Lines, Reading
from interlock.gates.readers.words import first_words, inside
from interlock.gates.readers.xml_text import Element, Unreadable, parse

DIGITS_MAX: Final = 18


def read(data: bytes, roots: tuple[str, ...] = ()) -> Reading:
    try:
        covered = _covered(_report(data), roots)
    except Unreadable as fault:
        return Reading(unreadable=str(fault))
    return Reading(covered=covered)


def _report(data: bytes) -> Element:
    root = parse(data, doctype_may_be_named=True)
    if root.name != "coverage":
        raise Unreadable(f"the report is no coverage report: it begins with <{root.name}>")
    return root


def _covered(root: Element, roots: tuple[str, ...]) -> dict[str, tuple[Lines, Lines]]:
    sources = _sources(root)
    ran: dict[str, dict[int, bool]] = {}
    for entry in _walk(root):
        name = entry.get("filename")
        if entry.name != "class" or not name:
            continue
        lines = _lines(entry)
        for path in _paths(name, sources, roots):
            known = ran.setdefault(path, {})
            for number, hit in lines.items():
                before = known.get(number, hit)
                known[number] = (before and hit) if len(sources) > 1 else (before or hit)
    _demand_lines(root, ran)
    return {path: _split(lines) for path, lines in ran.items()}


def _sources(root: Element) -> list[str]:
    texts = [
        source.text.strip()
        for group in root.named("sources")
        for source in group.named("source")
        if source.text.strip()
    ]
    return list(dict.fromkeys(texts))


def _walk(root: Element) -> list[Element]:
    found, waiting = [], [root]
    while waiting:
        element = waiting.pop()
        found.append(element)
        waiting.extend(reversed(element.children))
    return found


def _paths(name: str, sources: list[str], roots: tuple[str, ...]) -> list[str]:
    if name.startswith("/") or not sources:
        return [inside(name, roots)]
    seen = (inside(f"{source.rstrip('/')}/{name}", roots) for source in sources)
    # A source outside of the workspace says nothing about where the file lies in it.
    paths = [path for path in seen if not path.startswith("/")]
    return list(dict.fromkeys(paths)) or [inside(name, roots)]


def _lines(entry: Element) -> dict[int, bool]:
    """Line -> did it run. Lines stand in the class and once more in its methods."""
    lines: dict[int, bool] = {}
    for line in _walk(entry):
        if line.name == "line":
            number = _number(line, "number")
            lines[number] = lines.get(number, False) or _number(line, "hits") > 0
    return lines


def _number(line: Element, attribute: str) -> int:
    text = line.get(attribute).strip()
    if not (text.isascii() and text.isdigit()) or len(text) > DIGITS_MAX:
        raise Unreadable(f"the report has a line with {attribute}={first_words(text, 40)!r}")
    return int(text)


def _demand_lines(root: Element, ran: dict[str, dict[int, bool]]) -> None:
    said = root.get("lines-valid").strip()
    if said not in {"", "0"} and not any(ran.values()):
        raise Unreadable(
            f"the report contradicts itself: it says {first_words(said, 20)} lines and holds none"
        )


def _split(lines: dict[int, bool]) -> tuple[Lines, Lines]:
    hit = tuple(sorted(number for number, ran in lines.items() if ran))
    return hit, tuple(sorted(number for number, ran in lines.items() if not ran))
