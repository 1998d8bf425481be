"""Issues kept as Markdown files with front matter become tasks; the body is the prompt.

    ---
    id: 12
    title: Log in with a mail address
    labels: [feature, auth, "priority: high", "skill: python"]
    depends_on: [7]
    estimate: 45m
    ---
    What is to be done, in as many words as it takes.

An issue is called `issue-12`, or by its own id if that is a word. A file without front matter is no
issue. What an issue depends on must be among those that were chosen, or closed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from interlock.domain.ids import TaskName
from interlock.domain.task import Dependency, PlannedTask, Priority, TaskKind
from interlock.planning import nodes
from interlock.planning.entries import (
    FILES_MAX,
    GATES_MAX,
    KINDS,
    PERCENT,
    PRIORITIES,
    SKILLS_MAX,
    TITLE_CHARACTERS_MAX,
    TaskEntry,
    Traits,
)
from interlock.planning.faults import Fault, quoted
from interlock.planning.fields import LINE_CHARACTERS_MAX, Word
from interlock.planning.importers.checklist import ITEMS_MAX, Imported
from interlock.planning.importers.folio import Folio, Page
from interlock.planning.importers.front_matter import (
    Issue,
    Notes,
    key_of,
    read_issue,
    stem_of,
    words_of,
)
from interlock.planning.importers.labels import kind_of, priority_of, skills_of
from interlock.planning.importers.markdown import lines_of, sections_of
from interlock.planning.importers.query import CLOSED, Query
from interlock.planning.importers.wording import (
    OWN_CHARACTERS_MAX,
    enumeration,
    goal_of,
    prompt_of,
    title_of,
)

_LAST: Final = 10**18
"""Issues with a word for an id stand behind all numbers."""


def read_issues(query: Query, pages: Iterable[Page], folio: Folio) -> Imported | None:
    """The tasks of all issues that were asked for; None after a fault that leaves nothing."""
    found: list[Issue] = []
    notes = Notes()
    for page in pages:
        text = folio.read(page)
        issue = None if text is None else read_issue(text, folio, notes)
        if issue is not None:
            found.append(issue)
    known = _register(found, folio)
    chosen = sorted((e for e in found if _is_chosen(e, query, known)), key=_place_in_line)
    tasks = []
    if _is_sound(query, chosen, known, folio):
        keys = {issue.key for issue in chosen}
        tasks = [_Reader(issue, folio).entry(known, keys) for issue in chosen]
    for issue in found:
        folio.take(issue.fields.report.faults())
    if not tasks:
        return None
    titles = [entry.task.title for entry in tasks]
    folder = query.folder
    title = titles[0] if len(titles) == 1 else f"{len(titles)} issues of {folder}/"
    listed = "" if len(titles) == 1 else enumeration(titles)
    return Imported(goal_of(title, listed), tuple(tasks), notes.said(folder))


# --- all of them ----------------------------------------------------------------------------------


def _register(found: Iterable[Issue], folio: Folio) -> dict[str, Issue]:
    """Every issue under everything that it is called; a word for two of them is a fault."""
    known: dict[str, Issue] = {}
    names: dict[str, Issue] = {}
    for issue in found:
        first = names.setdefault(issue.name, issue)
        if first is issue:
            known.setdefault(issue.key, issue)
        else:
            what = f"the id {quoted(issue.key)} is that of {folio.place(first.line)}, too"
            folio.add(issue.line, what, "give one of the two issues another id")
    for issue in names.values():
        for alias in issue.aliases:
            known.setdefault(alias, issue)
    return known


def _is_chosen(issue: Issue, query: Query, known: Mapping[str, Issue]) -> bool:
    if known.get(issue.key) is not issue or issue.state in CLOSED:
        return False
    if query.state not in {"open", issue.state}:
        return False
    if query.ids and not any(known.get(key_of(ref)) is issue for ref in query.ids):
        return False
    milestone = issue.fields.node("milestone")
    said = milestone.text.strip().lower() if isinstance(milestone, nodes.Scalar) else ""
    if query.milestone and said != query.milestone.lower():
        return False
    return set(query.labels) <= {label.lower() for label in issue.labels}


def _place_in_line(issue: Issue) -> tuple[int, str]:
    return (int(issue.key), "") if issue.has_number else (_LAST, issue.key)


def _is_sound(
    query: Query, chosen: Sequence[Issue], known: Mapping[str, Issue], folio: Folio
) -> bool:
    where = f"issues:{query.folder}{query.words}"
    for ref in query.ids:
        issue = known.get(key_of(ref))
        if issue is None:
            mend = folio.did_you_mean(key_of(ref), known, "name one that is there")
            folio.take([Fault(where, f"there is no issue {quoted(ref)} in {query.folder}/", mend)])
        elif issue.state in CLOSED:
            what = f"issue {quoted(ref)} is {issue.state}: nothing is left to do"
            folio.take([Fault(where, what, f"open it again in {issue.text.path}, or leave it out")])
    if len(chosen) > ITEMS_MAX:
        what = f"{len(chosen):,} issues were chosen, {ITEMS_MAX:,} are allowed"
        folio.take([Fault(where, what, "choose by label or milestone")])
        return False
    if not chosen and not folio:
        what = f"none of {len(set(map(id, known.values()))):,} issues there is open and was chosen"
        folio.take([Fault(where, what, "write an issue, or choose less strictly")])
    return bool(chosen)


class _Reader:
    """Reads one chosen issue to its end."""

    def __init__(self, issue: Issue, folio: Folio) -> None:
        self._issue, self._fields, self._folio = issue, issue.fields, folio

    def entry(self, known: Mapping[str, Issue], chosen: Iterable[str]) -> TaskEntry:
        issue, fields = self._issue, self._fields
        waits = list(self._waits(known, set(chosen)))
        own = Traits(agent=self._word("agent"), gates=self._gates())
        title = self._title()
        if len(issue.body) > OWN_CHARACTERS_MAX:
            what = (
                f"its text has {len(issue.body):,} characters, {OWN_CHARACTERS_MAX:,} are allowed"
            )
            fields.fault(1, what, "put long texts into files and name those")
        task = PlannedTask(
            id=TaskName(issue.name),
            title=title,
            prompt=self._prompt(title),
            kind=self._kind(),
            spec=fields.text("spec", LINE_CHARACTERS_MAX) or issue.text.path,
            files=tuple(word.text for word in fields.words("files", FILES_MAX)),
            depends_on=tuple(Dependency(task=TaskName(name)) for name, _ in waits),
            priority=self._priority(),
            estimate_minutes=fields.minutes("estimate"),
            agent=own.agent.text if own.agent else "default",
            skills=self._skills(),
            gates=tuple(gate.text for gate in own.gates or ()),
            confidence=fields.whole("confidence", *PERCENT),
            tests_may_go=fields.flag("tests_may_go") or False,
        )
        return TaskEntry(task, issue.line, own, tuple(line for _, line in waits))

    def _waits(self, known: Mapping[str, Issue], chosen: set[str]) -> Iterator[tuple[str, int]]:
        seen = set()
        for word in self._issue.waits:
            other = known.get(key_of(word.text))
            owner = f"issue {quoted(self._issue.key)} depends on {quoted(word.text)}"
            if other is None:
                mend = self._folio.did_you_mean(key_of(word.text), known, "name one that is there")
                self._folio.add(word.line, f"{owner}, which is no issue there", mend)
            elif other.state not in CLOSED and other.key not in chosen:
                mend = "choose that one, too, close it if it is done, or take the dependency away"
                self._folio.add(word.line, f"{owner}, which is open but was not chosen", mend)
            elif other.key in chosen and other.key not in seen:
                seen.add(other.key)
                yield other.name, word.line

    def _title(self) -> str:
        fields = self._fields
        if "title" in fields:
            return fields.text("title", TITLE_CHARACTERS_MAX) or ""
        headings = (s.title for s in sections_of(lines_of(self._issue.body)) if s.level == 1)
        return title_of(next(headings, "") or stem_of(self._issue.text.path).replace("-", " "))

    def _prompt(self, title: str) -> str:
        """The body, and the title over it where the body says nothing of it."""
        path = self._issue.text.path
        own = self._issue.body if title in self._issue.body else f"{title}\n\n{self._issue.body}"
        place = f"This is the issue {path}. Do this one only, and leave its front matter as it is."
        return prompt_of(own.strip(), [("Where this belongs", place)], OWN_CHARACTERS_MAX)

    def _kind(self) -> TaskKind:
        """What is said in so many words goes before what labels suggest."""
        said = self._fields.choice("kind", KINDS)
        typed = [word.text for word in words_of(self._fields, "type")]
        return said or kind_of(typed) or kind_of(self._issue.labels) or TaskKind.FEATURE

    def _priority(self) -> Priority:
        said = self._fields.choice("priority", PRIORITIES)
        return said or priority_of(self._issue.labels) or Priority.MEDIUM

    def _skills(self) -> tuple[str, ...]:
        said = (word.text for word in self._fields.words("skills", SKILLS_MAX))
        return tuple(dict.fromkeys([*said, *skills_of(self._issue.labels)]))[:SKILLS_MAX]

    def _word(self, name: str) -> Word | None:
        text = self._fields.text(name, LINE_CHARACTERS_MAX)
        return Word(text, self._global(name)) if text else None

    def _gates(self) -> tuple[Word, ...] | None:
        if "gates" not in self._fields:
            return None
        words = self._fields.words("gates", GATES_MAX)
        return tuple(Word(word.text, self._issue.text.offset + word.line) for word in words)

    def _global(self, name: str) -> int:
        return self._issue.text.offset + self._fields.line_of(name)
