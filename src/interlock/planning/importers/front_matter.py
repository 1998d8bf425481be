"""One issue: a Markdown file that begins with front matter, as far as other issues must know it."""

import difflib
import re
from typing import Final

import msgspec

from interlock.planning import nodes
from interlock.planning.composer import Composer
from interlock.planning.faults import Report, Unreadable, quoted
from interlock.planning.fields import (
    LINE_CHARACTERS_MAX,
    NAME,
    NAME_CHARACTERS_MAX,
    Fields,
    Keys,
    Word,
)
from interlock.planning.importers.folio import Folio, Text
from interlock.planning.importers.markdown import lines_of, text_of
from interlock.planning.importers.query import CLOSED, OPEN, state_word
from interlock.planning.importers.wording import enumeration
from interlock.planning.yaml_text import read_yaml

ISSUE_KEYS: Final = Keys(
    "id", "number", "title", "state", "labels", "milestone", "type", "kind", "priority",
    "estimate", "skills", "files", "depends_on", "blocked_by", "agent", "gates", "spec",
    "confidence", "tests_may_go",
    also={
        "status": "state", "label": "labels", "tags": "labels", "dependencies": "depends_on",
        "estimated_duration": "estimate", "required_skills": "skills", "affected_files": "files",
    },
)  # fmt: skip
_WORDS_MAX: Final = 200
_KEYS_MAX: Final = 200
_MISSPELT: Final = 0.8
"""So much alike is a slip of the pen; everything else is a word of another tool."""

_RULE: Final = re.compile(r"---\s*")
_END: Final = re.compile(r"(?:---|\.\.\.)\s*")
_NUMBER: Final = re.compile(r"\d{1,18}")
_STEM_NUMBER: Final = re.compile(r"(\d{1,18})(?:[-_ .]|$)")


_WAITS: Final = ("depends_on", "blocked_by")


class Issue(msgspec.Struct, frozen=True):
    """What everybody must know of it; lines are the folio's, faults gather in its fields."""

    key: str
    line: int
    text: Text
    fields: Fields
    body: str
    state: str
    labels: tuple[str, ...]
    waits: tuple[Word, ...]

    @property
    def has_number(self) -> bool:
        return _NUMBER.fullmatch(self.key) is not None

    @property
    def name(self) -> str:
        return f"issue-{self.key}" if self.has_number else _slug(self.key)

    @property
    def aliases(self) -> tuple[str, ...]:
        return (self.key, key_of(stem_of(self.text.path)), self.name)


class Notes:
    """What was passed over, in two sentences however much it was."""

    def __init__(self) -> None:
        self.no_issues: list[str] = []
        self.ignored: dict[str, None] = {}

    def said(self, folder: str) -> tuple[str, ...]:
        found = []
        if self.no_issues:
            names = enumeration(self.no_issues)
            found.append(f"no issues, for they have no front matter: {names}")
        if self.ignored:
            names = enumeration([quoted(key) for key in self.ignored])
            found.append(f"{folder}: front matter that means nothing here: {names}")
        return tuple(found)


def read_issue(text: Text, folio: Folio, notes: Notes) -> Issue | None:
    lines = text.text.split("\n")
    if not _RULE.fullmatch(lines[0].removesuffix("\r")):
        notes.no_issues.append(text.path)
        return None
    end = next((at for at, line in enumerate(lines[1:], 1) if _END.fullmatch(line)), 0)
    if not end:
        mend = "write --- in a line of its own behind it"
        folio.add(text.offset + 1, "the front matter has no end", mend)
        return None
    report = Report(text.path)
    mapping = _front_matter("\n".join(["", *lines[1:end], ""]), report)
    body = text_of(lines_of("\n".join(lines[end + 1 :])))
    issue = None if mapping is None else _known(mapping, report, text, body, notes)
    if issue is None:
        folio.take(report.faults())
    return issue


def _front_matter(text: str, report: Report) -> nodes.Mapping | None:
    """Its first line is empty, so that its lines have the numbers of the file."""
    composer = Composer(report)
    try:
        read_yaml(text, composer, report)
    except Unreadable as end:
        report.add(end.line, end.what, end.mend)
        return None
    root = composer.root or nodes.Mapping({}, 1)
    if isinstance(root, nodes.Scalar) and root.value is None:
        return nodes.Mapping({}, 1)
    if not isinstance(root, nodes.Mapping):
        what = f"the front matter is {nodes.kind_of(root)}, not a mapping"
        report.add(root.line, what, "write for example `title: Log in`")
        return None
    return root


def _known(
    mapping: nodes.Mapping, report: Report, text: Text, body: str, notes: Notes
) -> Issue | None:
    if len(mapping.entries) > _KEYS_MAX:
        what = f"the front matter has {len(mapping.entries):,} keys"
        report.add(1, what, f"keep to {_KEYS_MAX}")
        return None
    kept = {}
    for key, pair in mapping.entries.items():
        near = difflib.get_close_matches(key[:60].lower(), ISSUE_KEYS.names, 1, _MISSPELT)
        if ISSUE_KEYS.canonical(key) is not None or near:
            kept[key] = pair
        else:
            notes.ignored[key] = None
    stem = stem_of(text.path)
    fields = Fields(nodes.Mapping(kept, mapping.line), ISSUE_KEYS, f"issue {quoted(stem)}", report)
    state, own_key = _state(fields, text.path), _key(fields, stem)
    if state is None or own_key is None:
        return None
    waits = [Word(w.text, text.offset + w.line) for n in _WAITS for w in words_of(fields, n)]
    return Issue(
        key=own_key,
        line=text.offset + fields.line_of("id"),
        text=text,
        fields=fields,
        body=body,
        state=state,
        labels=tuple(word.text for word in words_of(fields, "labels")),
        waits=tuple(waits),
    )


def words_of(fields: Fields, name: str) -> list[Word]:
    """A list of words or numbers, or one text with commas: people write both."""
    node = fields.node(name)
    if node is None:
        return []
    if isinstance(node, nodes.Scalar):
        parts = (part.strip() for part in node.text.split(","))
        found = [Word(part, node.line) for part in parts if part]
    else:
        listed = node.items if isinstance(node, nodes.Listing) else [node]
        wrong = next((each for each in listed if not isinstance(each, nodes.Scalar)), None)
        if wrong is not None:
            what = f"{name} must be a list of words, not {nodes.kind_of(wrong)}"
            fields.fault(wrong.line, what, f"write {name}: [a, b]")
            return []
        scalars = (each for each in listed if isinstance(each, nodes.Scalar))
        found = [Word(each.text.strip(), each.line) for each in scalars if each.text.strip()]
    if not all(word.text.isprintable() for word in found):
        fields.fault(node.line, f"{name} holds a control character", "take it out")
        return []
    if len(found) > _WORDS_MAX or any(len(word.text) > LINE_CHARACTERS_MAX for word in found):
        fields.fault(node.line, f"{name} is too long", f"keep to {_WORDS_MAX} short words")
        return []
    return found


def _state(fields: Fields, path: str) -> str | None:
    """What the front matter says, else the folder: `issues/closed/7.md` is closed."""
    node = fields.node("state")
    if node is None:
        folders = map(state_word, path.split("/")[:-1])
        return next((word for word in folders if word in CLOSED), "open")
    state = state_word(node.text) if isinstance(node, nodes.Scalar) else ""
    if state in CLOSED or state in OPEN:
        return state
    mend = fields.report.did_you_mean(state, OPEN | CLOSED, "write open, in-progress or closed")
    fields.fault(node.line, f"unknown state {quoted(state)}", mend)
    return None


def _key(fields: Fields, stem: str) -> str | None:
    named = "id" if "id" in fields else "number"
    node = fields.node(named)
    if node is None:
        number = _STEM_NUMBER.match(stem)
        key = key_of(number[1] if number else stem)
    else:
        key = key_of(node.text) if isinstance(node, nodes.Scalar) else ""
    if not _slug(key):
        mend = "write a number or a word of a-z, 0-9 and '-' as its `id`"
        fields.fault(fields.line_of(named), "this issue has no id that a task can have", mend)
        return None
    return key


def key_of(reference: str) -> str:
    """'#012', 'issue-12', 'Issue-12.md' -> '12'; other words in small letters."""
    word = reference.strip().lower().removeprefix("#").removesuffix(".md")
    bare = re.sub(r"issue[-_ #]*(?=\d+$)", "", word)
    return (bare.lstrip("0") or "0") if _NUMBER.fullmatch(bare) else word


def _slug(key: str) -> str:
    if NAME.fullmatch(key):
        return key
    return re.sub(r"[^a-z0-9]+", "-", key)[:NAME_CHARACTERS_MAX].strip("-")


def stem_of(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".md")
