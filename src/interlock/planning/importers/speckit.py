"""A Spec Kit feature becomes tasks: `tasks.md`, with `spec.md` and `plan.md` as their context.

    ## Phase 3: User Story 1 - Log in (Priority: P1)
    - [ ] T010 [P] [US1] Test of the endpoint in tests/test_login.py
    - [ ] T011 [P] [US1] Model in src/models/user.py
    - [ ] T012 [US1] Endpoint in src/api/login.py (depends on T011)

Phases follow one another. In a phase, neighbours with [P] are worked on at once and everything else
in turn. `T012` becomes the task `t012`; the paths that its text names become its `files`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from interlock.domain.task import PlannedTask, Priority
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
from interlock.planning.importers.paths import paths_in
from interlock.planning.importers.wording import goal_of, prompt_of, share_of, title_of

_TASK: Final = re.compile(
    r"(?:\*\*)?(T\d{1,9}(?:[a-z]|-(?!T\d)[a-z0-9-]{0,20}[a-z0-9])?)(?:\*\*)?(?![\w-])[:.]?\s*(.*)",
    re.IGNORECASE,
)
_PLACEHOLDER: Final = re.compile(r"(?:\*\*)?T[XN]{1,9}\b", re.IGNORECASE)
_LABEL: Final = re.compile(r"\[((?:US|Story)[ -]?\d{1,4}(?:\s*,\s*US\d{1,4})*)\]", re.IGNORECASE)
_STORY_HEADING: Final = re.compile(r"User Story (\d{1,4})\b.*", re.IGNORECASE)
_PHASE: Final = re.compile(r"Phase (\w+)\b", re.IGNORECASE)
_REFS: Final = re.compile(
    r"\b(?:T\d{1,9}(?:[a-z]\b|-(?!T\d)[a-z][a-z0-9-]{0,20})?|US\d{1,4}|Phase \d{1,4})\b",
    re.IGNORECASE,
)
_RANGE: Final = re.compile(
    r"\bT(\d{1,9})\s*(?:-|\u2013|\u2014|to|through)\s*T(\d{1,9})\b", re.IGNORECASE
)
_PRIORITY: Final = re.compile(r"\(\s*(?:Priority:\s*)?P([1-9])\s*\)", re.IGNORECASE)
_PRIORITIES: Final = {"1": Priority.HIGH, "2": Priority.MEDIUM}
_TITLE: Final = re.compile(
    r"(?:Feature Specification|Feature Spec|Tasks)\s*:\s*(.*)", re.IGNORECASE
)
_PLAN_PARTS: Final = ("summary", "technical context")
_PHASE_LEVEL: Final = 2
_BEST: Final = "- [ ] T001 What is to be done in src/file.py"


def read_feature(folder: str, pages: Iterable[Page], folio: Folio) -> Imported | None:
    """The tasks of a feature; None after a fault that leaves nothing to look at."""
    texts = {page.path.rpartition("/")[2]: folio.read(page) for page in pages}
    tasks = texts.get("tasks.md")
    if tasks is None:
        return None
    sections = sections_of(lines_of(tasks.text))
    phases = _phases(sections)
    found = _checklist(sections, phases, tasks, folio)
    if not found.is_sound(_BEST):
        return None
    waits = found.waits({at: is_beside(sections[at].title) for at in set(phases)})
    book = _Book(folder, sections, phases, texts, share_of(len(found.items)))
    entries = [
        found.entry(item, book.task(item), waits.get(item.number, []))
        for item in found.items
        if not item.done
    ]
    return Imported(goal_of(book.title()), tuple(entries), tuple(found.notes))


def _phases(sections: Sequence[Section]) -> list[int]:
    """For each section the one that began its phase: a heading of level 2, or named 'Phase'."""
    found, phase = [], 0
    for at, section in enumerate(sections):
        if section.level <= _PHASE_LEVEL or _PHASE.match(section.title):
            phase = at
        found.append(phase)
    return found


def _checklist(
    sections: Sequence[Section], phases: Sequence[int], text: Text, folio: Folio
) -> Checklist:
    found = Checklist(text, folio, _refs_in)
    passed_over = 0
    for at, section in enumerate(sections):
        is_phase = any(_TASK.fullmatch(box.text) for box in section.boxes)
        for box in section.boxes:
            numbered = _TASK.fullmatch(box.text)
            if numbered is not None:
                words = without_mark(_LABEL.sub("", numbered[2])).lstrip(": ")
                found.add(numbered[1].upper(), numbered[1].lower(), words, box, phases[at])
                _file_under(found, box.text, sections[phases[at]].title)
            elif is_phase or _PLACEHOLDER.match(box.text):
                what = "this task has no number"
                found.fault(box.line, what, "write - [ ] T001 and what is to be done")
            else:
                passed_over += 1
    if passed_over:
        boxes = "1 box" if passed_over == 1 else f"{passed_over:,} boxes"
        found.notes.append(f"{text.path}: {boxes} without a task number passed over")
    return found


def _refs_in(words: str, known: Collection[str]) -> list[str]:
    """'T003-T005, US1' -> T003, T004, T005, US1; of a range only what there is."""
    ranges = []
    for found in _RANGE.finditer(words):
        first, last = int(found[1]), int(found[2])
        if first < last:
            ranges += [ref for ref in known if first < _number_of(ref) < last]
    return list(dict.fromkeys([*_REFS.findall(words), *ranges]))


def _number_of(ref: str) -> int:
    """'t006a' -> 6."""
    return int(re.sub(r"\D.*", "", ref[1:]))


def _file_under(found: Checklist, words: str, phase: str) -> None:
    """Its stories and its phase are words for the task, too."""
    number = len(found.items) - 1
    for story in _stories(words):
        found.also(f"US{story}", [number])
    named = _PHASE.match(phase)
    if named is not None:
        found.also(f"Phase {named[1]}", [number])


def _stories(words: str) -> list[str]:
    label = _LABEL.search(words)
    return re.findall(r"\d+", label[1]) if label else []


class _Book:
    """What stands beside the list of tasks: phases, stories and the plan."""

    def __init__(
        self,
        folder: str,
        sections: Sequence[Section],
        phases: Sequence[int],
        texts: Mapping[str, Text | None],
        room: int,
    ) -> None:
        self._folder, self._sections, self._phases = folder, sections, phases
        self._room = room
        self._spec, self._plan = (_sections(texts.get(name)) for name in ("spec.md", "plan.md"))
        self._files = [name for name, text in texts.items() if text is not None]
        self._stories = dict(_stories_of(self._spec))

    def title(self) -> str:
        """What the feature is called: by its spec, else by its tasks, else by its folder."""
        for sections in (self._spec, self._sections):
            title = next((each.title for each in sections if each.level == 1), "")
            told = _TITLE.fullmatch(title)
            if (told and told[1]) or title:
                return title_of(told[1] if told and told[1] else title)
        return self._folder.rpartition("/")[2]

    def task(self, item: Item) -> PlannedTask:
        phase = self._sections[item.section]
        rank = _PRIORITY.search(phase.title)
        stories = _stories(item.box.text)
        spec = "spec.md" if "spec.md" in self._files else "tasks.md"
        return PlannedTask(
            id=item.name,
            title=title_of(item.text),
            prompt=prompt_of(item.words, self._context(item, phase, stories), self._room),
            spec=f"{self._folder}/{spec}",
            files=paths_in(item.words),
            priority=_PRIORITIES.get(rank[1], Priority.LOW) if rank else Priority.MEDIUM,
        )

    def _context(
        self, item: Item, phase: Section, stories: Sequence[str]
    ) -> Iterator[tuple[str, str]]:
        place = f'in "{phase.title}" ' if phase.title else ""
        yield (
            "Where this belongs",
            f"This is one task {place}of {self._folder}/tasks.md: {item.ref}. The other tasks of "
            "that file are done by others: do this one only, and leave the boxes in it as they "
            "are.",
        )
        yield "What the phase is for", text_of(phase.prose).strip("-\n ")
        for story in stories:
            yield f"User story {story}", self._stories.get(story, "")
        for at, section in enumerate(self._plan):
            if section.title.lower() in _PLAN_PARTS:
                yield f"{section.title} of the plan", text_of(list(under_heading(self._plan, at)))


def _sections(text: Text | None) -> Sequence[Section]:
    return () if text is None else sections_of(lines_of(text.text))


def _stories_of(sections: Sequence[Section]) -> Iterator[tuple[str, str]]:
    for at, section in enumerate(sections):
        story = _STORY_HEADING.fullmatch(section.title)
        if story is not None:
            told = text_of(list(under_heading(sections, at))).rstrip("-\n ")
            yield story[1], f"{section.title}\n\n{told}"
