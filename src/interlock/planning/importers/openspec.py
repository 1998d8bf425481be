"""An OpenSpec change becomes tasks: `tasks.md`, with its proposal and spec deltas as their context.

    ## 1. Server                          a section; sections follow one another
    - [x] 1.1 Table of users              done: left out, and nobody waits for it
    - [ ] 1.2 Endpoint to log in          the task `1-2`
    - [ ] 1.3 [P] Mail (depends on 1.1)   [P]: at once with neighbours that say so, too

Numbers are a task's identity. A task without a number is called by its place, `task-1-4`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from interlock.domain.task import PlannedTask
from interlock.planning.faults import quoted
from interlock.planning.fields import NAME_CHARACTERS_MAX
from interlock.planning.importers.checklist import Checklist, Imported, Item
from interlock.planning.importers.folio import Folio, Page, Text
from interlock.planning.importers.markdown import (
    Section,
    lines_of,
    sections_of,
    text_of,
    under_heading,
)
from interlock.planning.importers.order import is_beside, without_mark
from interlock.planning.importers.wording import enumeration, goal_of, prompt_of, share_of, title_of

REQUIREMENTS_MAX: Final = 2_000
_NUMBER: Final = re.compile(
    r"(?:\*\*)?(\d+(?:\.\d+)+[a-z]?|\d+(?=[.):]))[.):]*(?:\*\*)?[.):]*(?:\s+(.*))?"
)
_SECTION_NUMBER: Final = re.compile(r"(\d+)[.)]?\s")
_REFS: Final = re.compile(r"(?<![\w.])\d+(?:\.\d+)*[a-z]?(?![\w])")
_DELTA: Final = re.compile(r"(ADDED|MODIFIED|REMOVED|RENAMED)\s+Requirements", re.IGNORECASE)
_REQUIREMENT: Final = re.compile(r"Requirement:\s*(.+)", re.IGNORECASE)
_TITLE: Final = re.compile(r"(?:Change(?: Proposal)?|Proposal)\s*:?\s*(.*)", re.IGNORECASE)
_WHY: Final = ("why", "motivation", "problem", "summary")
_WHAT: Final = ("what changes", "what", "proposal", "solution")
_BEST: Final = "- [ ] 1.1 What is to be done"


class Requirement(msgspec.Struct, frozen=True):
    """One requirement that the change adds, modifies, removes or renames."""

    path: str
    capability: str
    verb: str
    name: str
    text: str


class Proposal(msgspec.Struct, frozen=True):
    """Why the change is made, and what changes."""

    title: str = ""
    why: str = ""
    what: str = ""


def read_change(folder: str, pages: Iterable[Page], folio: Folio) -> Imported | None:
    """The tasks of a change; None after a fault that leaves nothing to look at."""
    texts = {page.path: folio.read(page) for page in pages}
    tasks = texts.pop(f"{folder}/tasks.md", None)
    if tasks is None:
        return None
    proposal = texts.pop(f"{folder}/proposal.md", None)
    why = Proposal() if proposal is None else _proposal(proposal)
    demands = [each for text in texts.values() if text is not None for each in _deltas(text)]
    if len(demands) > REQUIREMENTS_MAX:
        what = f"its specs have {len(demands):,} requirements, {REQUIREMENTS_MAX:,} are allowed"
        folio.add(tasks.offset + 1, what, "cut it into several changes")
        return None
    sections = sections_of(lines_of(tasks.text))
    found = _checklist(sections, tasks, folio)
    if not found.is_sound(_BEST):
        return None
    if proposal is None:
        found.notes.append(f"{folder} has no proposal.md, so its name is the goal")
    waits = found.waits({at: is_beside(section.title) for at, section in enumerate(sections)})
    writer = _Writer(folder, sections, why, demands, share_of(len(found.items)))
    entries = [
        found.entry(item, writer.task(item), waits.get(item.number, []))
        for item in found.items
        if not item.done
    ]
    goal = goal_of(why.title or folder.rpartition("/")[2], why.why)
    return Imported(goal, tuple(entries), tuple(found.notes))


def _checklist(sections: Sequence[Section], text: Text, folio: Folio) -> Checklist:
    found = Checklist(text, folio, lambda words, _: _REFS.findall(words))
    for at, section in enumerate(sections):
        first = len(found.items)
        for place, box in enumerate(section.boxes, 1):
            words = without_mark(box.text)
            numbered = _NUMBER.fullmatch(words)
            if numbered is None:
                ref, rest = f"task {at}.{place}", words
                name = f"task-{at}-{place}"
            else:
                ref, rest = numbered[1], numbered[2] or ""
                name = ref.replace(".", "-")
            if len(name) > NAME_CHARACTERS_MAX:
                what = f"{quoted(ref)} is too long for a number"
                found.fault(box.line, what, f"take {NAME_CHARACTERS_MAX} characters at most")
            else:
                found.add(ref, name, without_mark(rest), box, at)
        number = _SECTION_NUMBER.match(section.title)
        if number is not None:
            found.also(number[1], (item.number for item in found.items[first:]))
    return found


def _proposal(text: Text) -> Proposal:
    sections = sections_of(lines_of(text.text))
    title = next((each.title for each in sections if each.level == 1), "")
    told = _TITLE.fullmatch(title)
    return Proposal(
        title_of(told[1] if told else title),
        _under(sections, _WHY),
        _under(sections, _WHAT),
    )


def _under(sections: Sequence[Section], titles: Sequence[str]) -> str:
    for at, section in enumerate(sections):
        if section.level and section.title.lower().strip(" :?") in titles:
            return text_of(list(under_heading(sections, at)))
    return ""


def _deltas(text: Text) -> Iterator[Requirement]:
    capability = text.path.split("/")[-2]
    verb = ""
    sections = sections_of(lines_of(text.text))
    for at, section in enumerate(sections):
        delta = _DELTA.fullmatch(section.title)
        if delta is not None:
            verb = delta[1].lower()
            told = text_of(section.prose) if verb == "renamed" else ""
            if told:
                yield Requirement(text.path, capability, verb, told, "")
        elif section.level and section.level <= 2:  # noqa: PLR2004 - a heading beside the deltas
            verb = ""
        demand = _REQUIREMENT.fullmatch(section.title)
        if verb and demand is not None:
            said = text_of(list(under_heading(sections, at)))
            yield Requirement(text.path, capability, verb, demand[1].strip(), said)


class _Writer:
    """Writes the prompt of each task out of what belongs to the change."""

    def __init__(
        self,
        folder: str,
        sections: Sequence[Section],
        why: Proposal,
        demands: Sequence[Requirement],
        room: int,
    ) -> None:
        self._folder, self._sections, self._why = folder, sections, why
        self._demands, self._room = demands, room

    def task(self, item: Item) -> PlannedTask:
        section = self._sections[item.section]
        wanted = self._wanted(f"{section.title}\n{item.words}")
        places = {each.path for each in wanted}
        return PlannedTask(
            id=item.name,
            title=title_of(item.text),
            prompt=prompt_of(item.words, self._context(item, section, wanted), self._room),
            spec=places.pop() if len(places) == 1 else self._folder,
        )

    def _wanted(self, words: str) -> Sequence[Requirement]:
        """The requirements that a task names, by their name or their capability's; else all."""
        low = words.lower()
        named = [e for e in self._demands if e.name.lower() in low or e.capability.lower() in low]
        return named or self._demands

    def _context(
        self, item: Item, section: Section, wanted: Sequence[Requirement]
    ) -> Iterator[tuple[str, str]]:
        place = f'in the section "{section.title}" ' if section.title else ""
        yield (
            "Where this belongs",
            f"This is one task {place}of {self._folder}/tasks.md: {item.ref}. The other tasks of "
            "that file are done by others: do this one only, and leave the boxes in it as they "
            "are.",
        )
        yield "Why the change is made", self._why.why
        yield "What changes as a whole", self._why.what
        own = dict.fromkeys(each.path for each in wanted)
        for path in own:
            told = [_told(each) for each in wanted if each.path == path]
            yield f"Requirements in {path}", "\n\n".join(told)
        others = [each for each in self._demands if each.path not in own]
        yield "Requirements of other tasks", _names(others)


def _told(demand: Requirement) -> str:
    head = f"### {demand.verb.upper()}: {demand.name}"
    return f"{head}\n\n{demand.text}" if demand.text else head


def _names(demands: Sequence[Requirement]) -> str:
    by_path: Mapping[str, list[str]] = {each.path: [] for each in demands}
    for each in demands:
        by_path[each.path].append(each.name)
    return "\n".join(f"- {path}: {enumeration(names)}" for path, names in by_path.items())
