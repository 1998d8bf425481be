"""Which issues are meant: `DIR?label=auth&state=open`, every part of it optional.

issues:                              open issues in issues/, or in .issues/
issues:docs/issues                   open issues in another folder
issues:?label=auth&label=api         those that carry both labels
issues:?id=12,15                     these two
issues:?milestone=v2&state=ready     what of a milestone is ready; state=open is everything
                                     that is not closed, and said when nothing is
"""

from typing import Final
from urllib.parse import parse_qsl, quote

import msgspec

from interlock.planning.faults import listed, quoted

FOLDERS: Final = ("issues", ".issues")
_KEYS: Final = ("id", "label", "milestone", "state")
OPEN: Final = frozenset({
    "open", "opened", "new", "todo", "to-do", "draft", "planned", "proposed", "backlog",
    "ready", "accepted", "approved", "triaged", "in-progress", "started", "doing", "active",
    "review", "in-review", "blocked", "reopened", "paused",
})  # fmt: skip
CLOSED: Final = frozenset({
    "closed", "done", "resolved", "completed", "complete", "fixed", "merged", "shipped",
    "released", "verified", "archived", "cancelled", "canceled", "rejected", "wontfix",
    "won't-fix", "duplicate", "invalid", "obsolete", "superseded",
})  # fmt: skip
_PARTS_MAX: Final = 50


class WrongQuery(Exception):
    """The words behind `issues:` cannot be understood; the message says why and what can."""


class Query(msgspec.Struct, frozen=True):
    """Which issues of which folder; an empty folder stands for the usual ones."""

    folder: str = ""
    labels: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    milestone: str = ""
    state: str = "open"

    @property
    def words(self) -> str:
        """What is behind the folder, in one spelling for one meaning."""
        parts = [f"id={','.join(map(quote, self.ids))}"] if self.ids else []
        parts += [f"label={quote(label)}" for label in self.labels]
        parts += [f"milestone={quote(self.milestone)}"] if self.milestone else []
        parts += [f"state={quote(self.state)}"] if self.state != "open" else []
        return "?" + "&".join(parts) if parts else ""


def parse_query(words: str) -> Query:
    """Raises WrongQuery."""
    folder, _, rest = words.partition("?")
    query = Query(folder=folder.rstrip("/") or folder[:1])
    for key, value in _parts(rest):
        query = _with(query, key, value.strip())
    return query


def _parts(rest: str) -> list[tuple[str, str]]:
    if not rest:
        return []
    try:
        return parse_qsl(
            rest, keep_blank_values=True, strict_parsing=True, max_num_fields=_PARTS_MAX
        )
    except ValueError:
        raise WrongQuery(f"{quoted(rest)} is no query: write ?label=auth&state=open") from None


def state_word(text: str) -> str:
    """'In Progress' -> 'in-progress'."""
    return "-".join(text.lower().replace("_", " ").replace("-", " ").split())


def _with(query: Query, key: str, value: str) -> Query:
    if key not in _KEYS:
        raise WrongQuery(f"issues cannot be chosen by {quoted(key)}: take {listed(_KEYS)}")
    if not value:
        raise WrongQuery(f"{key}= says nothing: write what to look for behind it")
    if key == "state":
        state = state_word(value)
        if state in CLOSED:
            raise WrongQuery(f"what is {state} is never done again: take state=open")
        if state not in OPEN:
            raise WrongQuery(f"unknown state {quoted(value)}: take one of {listed(OPEN)}")
        return msgspec.structs.replace(query, state=state)
    if key == "label":
        return msgspec.structs.replace(query, labels=(*query.labels, value.lower()))
    if key == "id":
        ids = tuple(part for each in value.split(",") if (part := each.strip()))
        return msgspec.structs.replace(query, ids=(*query.ids, *ids))
    return msgspec.structs.replace(query, milestone=value)
