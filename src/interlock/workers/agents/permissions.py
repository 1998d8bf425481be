"""What settings answer by themselves when an agent asks whether it may use a tool.

    allow = ["Edit", "Bash(git *)"]      a tool, or a tool with a pattern for what it is used on
    deny  = ["Bash(git push*)"]          goes first

Inside a box that hides and holds, a profile that says nothing allows everything: the box is the
limit. Where the box holds nothing, everything is asked.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from msgspec.structs import replace

from interlock.domain.settings import AgentProfile, BoxName
from interlock.workers.agents.ports import Wanted

ALLOW: Final = "allow"
_NOT_ALLOWED: Final = "deny: the settings of this project do not allow it"

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
    hidden = "(" in rule and _CHAINED.search(wanted.detail) and not _CHAINED.search(rule)
    return not hidden and _matches(rule, wanted)


def _matches(rule: str, wanted: Wanted) -> bool:
    tool, bracket, rest = rule.strip().partition("(")
    if not fnmatchcase(wanted.tool, tool.strip() or "*"):
        return False
    return not bracket or fnmatchcase(wanted.detail, rest.removesuffix(")"))
