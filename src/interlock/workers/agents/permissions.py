"""What settings answer by themselves when an agent asks whether it may use a tool.

    allow = ["Edit", "Bash(git *)"]      a tool, or a tool with a pattern for what it is used on
    deny  = ["Bash(git push*)"]          goes first

Inside a box that hides and holds, a profile that says nothing allows everything: the box is the
limit. Where the box holds nothing, everything is asked.

A rule that allows a tool for files, and names none, is about the work: the workspace and the
outbox. What lies elsewhere, the home of the task with its clients' settings above all, needs a rule
that names it.
"""

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from msgspec.structs import replace

from interlock.domain.settings import AgentProfile, BoxName
from interlock.sandbox.ports import OUTBOX
from interlock.workers.agents.ports import Wanted

ALLOW: Final = "allow"
_NOT_ALLOWED: Final = "deny: the settings of this project do not allow it"

_EVERYTHING: Final = "*"
_CHANGING: Final = frozenset({"Delete", "Edit", "Move", "MultiEdit", "NotebookEdit", "Write"})
"""Tools that are used on files: what lies in the workspace is named relative to it."""

_CHAINED: Final = re.compile(r"[;&|<>`\n\r]|\$\(")
"""A command with one of these may be several: a pattern for one of them does not allow all."""


def rule_for(profile: AgentProfile, box: BoxName, wanted: Wanted) -> str:
    """The answer of the settings, or nothing: then a person is asked."""
    if not wanted.tool:
        return ""
    if any(_matches(rule, part) for rule in profile.deny for part in _parts(wanted)):
        return _NOT_ALLOWED
    allowed = profile.allow
    if allowed is None:
        return "" if box == "none" else ALLOW
    return ALLOW if any(_allows(rule, wanted) for rule in allowed) else ""


def _parts(wanted: Wanted) -> Iterator[Wanted]:
    """What is asked for, and each command of a chain, each path of several, by itself."""
    yield wanted
    for part in _CHAINED.split(wanted.detail):
        if part.strip() != wanted.detail:
            yield replace(wanted, detail=part.strip())


def _allows(rule: str, wanted: Wanted) -> bool:
    if "(" not in rule and rule.strip() != _EVERYTHING and _changes_other_places(wanted):
        return False
    hidden = "(" in rule and _CHAINED.search(wanted.detail) and not _CHAINED.search(rule)
    return not hidden and _matches(rule, wanted)


def _changes_other_places(wanted: Wanted) -> bool:
    if wanted.tool not in _CHANGING:
        return False
    paths = map(posixpath.normpath, wanted.detail.splitlines())
    return any(
        path.startswith(("/", "~", "../")) and not path.startswith(f"{OUTBOX}/") for path in paths
    )


def _matches(rule: str, wanted: Wanted) -> bool:
    tool, bracket, rest = rule.strip().partition("(")
    if not fnmatchcase(wanted.tool, tool.strip() or "*"):
        return False
    return not bracket or fnmatchcase(wanted.detail, rest.removesuffix(")"))
