"""A list of ticked tasks: what OpenSpec and Spec Kit have in common."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from interlock.domain.ids import TaskName
from interlock.domain.task import Dependency, PlannedTask
from interlock.planning.entries import TaskEntry, Traits
from interlock.planning.faults import quoted
from interlock.planning.importers.folio import Folio, Text
from interlock.planning.importers.markdown import Box, text_of
from interlock.planning.importers.order import (
    Block,
    Entry,
    Note,
    TooManyWaits,
    is_beside,
    notes_of,
    waits_of,
)
from interlock.planning.importers.wording import OWN_CHARACTERS_MAX

ITEMS_MAX: Final = 2_000
_FEW: Final = 2


class Imported(msgspec.Struct, frozen=True):
    """What an importer found: the goal, the tasks with their lines, and what it has to say."""

    goal: str
    entries: tuple[TaskEntry, ...]
    notes: tuple[str, ...] = ()


RefsIn: TypeAlias = Callable[[str, Collection[str]], list[str]]
"""What a note names: (its words, the tasks there are, in small letters) -> references."""


class Item(msgspec.Struct, frozen=True):
    """One task of a list; `ref` is what its author calls it."""

    number: int
    ref: str
    name: TaskName
    text: str
    box: Box
    section: int

    @property
    def done(self) -> bool:
        return self.box.mark == "done"

    @property
    def words(self) -> str:
        """Everything its author says about it."""
        body = text_of(self.box.body)
        return f"{self.text}\n\n{body}" if body else self.text


class Checklist:
    """The tasks of one file; `meant` says what else than a task a note may name."""

    def __init__(self, text: Text, folio: Folio, refs: RefsIn) -> None:
        self.items: list[Item] = []
        self._text, self._folio, self._refs = text, folio, refs
        self._tasks: dict[str, int] = {}
        self._groups: dict[str, tuple[int, ...]] = {}
        self.notes: list[str] = []

    def add(self, ref: str, name: str, text: str, box: Box, section: int) -> None:
        """One more task; whatever is wrong with its box or its name becomes a fault."""
        item = Item(len(self.items), ref, TaskName(name), text, box, section)
        key = ref.lower()
        if key in self._tasks:
            first = self.items[self._tasks[key]].box.line
            what = f"{quoted(ref)} is given twice, first in line {first}"
            self.fault(box.line, what, "give one of the two tasks another number")
            return
        self._tasks[key] = item.number
        self.items.append(item)
        if not text:
            self.fault(box.line, f"the task {quoted(ref)} is empty", "say what is to be done")
        if len(item.words) > OWN_CHARACTERS_MAX:
            length = f"{len(item.words):,} characters, {OWN_CHARACTERS_MAX:,} are allowed"
            mend = "put long texts into files and name those"
            self.fault(box.line, f"{quoted(ref)} has {length}", mend)
        if box.mark == "unclear":
            what = "this box is neither open nor ticked"
            self.fault(box.line, what, "write [ ] for what is to be done, [x] for what is done")
        elif item.done and box.inner_open is not None:
            what = f"{quoted(ref)} is ticked, but the box in line {box.inner_open} below it is not"
            self.fault(box.line, what, "tick that one, or take the tick away here")

    def also(self, ref: str, numbers: Iterable[int]) -> None:
        """Another word for these tasks: a section, a story. A task of that name goes before."""
        self._groups[ref.lower()] = (*self._groups.get(ref.lower(), ()), *numbers)

    def fault(self, line: int, what: str, mend: str) -> None:
        self._folio.add(self._text.offset + line, what, mend)

    def is_sound(self, task: str) -> bool:
        """Whether there is something left to do, and not too much; else a fault says so."""
        if len(self.items) > ITEMS_MAX:
            what = f"it has {len(self.items):,} tasks, {ITEMS_MAX:,} are allowed"
            self.fault(1, what, "cut it into several")
        elif not self.items:
            self.fault(1, "it has no tasks", f"write at least one: {task}")
        elif all(item.done for item in self.items):
            what = f"all of its {len(self.items):,} tasks are ticked: nothing is left to do"
            self.fault(1, what, "add a task, or take away the tick of one that is to be done again")
        else:
            done = sum(item.done for item in self.items)
            if done:
                are = "1 task is" if done == 1 else f"{done:,} tasks are"
                self.notes.append(f"{self._text.path}: {are} ticked and left out")
            return True
        return False

    def waits(self, beside: Mapping[int, bool]) -> dict[int, list[tuple[TaskName, int]]]:
        """For each open task the open ones before it, with lines; `beside` is said of sections."""
        sections: dict[int, list[Entry]] = {}
        for item in self.items:
            entry = Entry(item.number, is_beside(item.box.text), item.done)
            sections.setdefault(item.section, []).append(entry)
        blocks = [Block(tuple(own), beside.get(at, False)) for at, own in sections.items()]
        self._say_what_is_serial(blocks)
        try:
            order = waits_of(blocks)
        except TooManyWaits:
            what = "so many tasks wait for so many others that no plan can hold it"
            self.fault(1, what, "cut it into several, or mark fewer neighbours with [P]")
            return {}
        return {number: self._waits_of(self.items[number], own) for number, own in order.items()}

    def _say_what_is_serial(self, blocks: Sequence[Block]) -> None:
        marked = any(block.beside or any(e.beside for e in block.entries) for block in blocks)
        if not marked and sum(not item.done for item in self.items) > _FEW:
            self.notes.append(
                f"{self._text.path}: nothing is marked [P], so its tasks are done one after "
                "another; mark neighbours that do not need one another, tasks or whole sections"
            )

    def _waits_of(self, item: Item, order: Sequence[int]) -> list[tuple[TaskName, int]]:
        found = dict.fromkeys(order, item.box.line)
        for note in notes_of(item.box):
            for number in self._named(item, note):
                found.setdefault(number, note.line)
        open_ones = ((self.items[number], line) for number, line in found.items())
        return [(other.name, line) for other, line in open_ones if not other.done]

    def _named(self, item: Item, note: Note) -> list[int]:
        refs = self._refs(note.words, self._tasks)
        if not refs:
            where = f"{self._text.path}:{note.line}"
            self.notes.append(
                f"{where}: {quoted(note.words)} names no task, so nothing waits because of it"
            )
        found: list[int] = []
        for ref in map(str.lower, refs):
            if ref in self._tasks:
                found.append(self._tasks[ref])
            elif ref in self._groups:
                found += (number for number in self._groups[ref] if number != item.number)
            else:
                mend = self._folio.did_you_mean(ref, self._tasks, "name a task of this file")
                what = f"{quoted(item.ref)} depends on {quoted(ref)}, which does not stand here"
                self.fault(note.line, what, mend)
        return found

    def entry(self, item: Item, task: PlannedTask, waits: list[tuple[TaskName, int]]) -> TaskEntry:
        """A task as the checks of a plan want it."""
        dependencies = tuple(Dependency(task=name) for name, _ in waits)
        offset = self._text.offset
        return TaskEntry(
            msgspec.structs.replace(task, depends_on=dependencies),
            offset + item.box.line,
            Traits(),
            tuple(offset + line for _, line in waits),
        )
