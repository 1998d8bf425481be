"""What the labels of an issue say of its task: kind, priority, skills."""

import re
from collections.abc import Iterable
from typing import Final

from interlock.domain.task import Priority, TaskKind
from interlock.planning.entries import KINDS, PRIORITIES

_PARTS: Final = re.compile(r"\s*[:/=]\s*")
_SKILL: Final = frozenset({"skill", "skills", "lang", "language"})
_KIND_OF: Final = {**KINDS} | {
    "bug": TaskKind.FIX, "bugfix": TaskKind.FIX, "regression": TaskKind.FIX,
    "enhancement": TaskKind.FEATURE, "story": TaskKind.FEATURE,
    "documentation": TaskKind.DOCS, "doc": TaskKind.DOCS,
    "tests": TaskKind.TEST, "testing": TaskKind.TEST, "qa": TaskKind.TEST,
    "refactoring": TaskKind.REFACTOR, "tech-debt": TaskKind.REFACTOR, "cleanup": TaskKind.REFACTOR,
    "frontend": TaskKind.UI, "ux": TaskKind.UI, "design": TaskKind.UI,
    "authentication": TaskKind.AUTH, "authorization": TaskKind.AUTH,
    "vulnerability": TaskKind.SECURITY, "payment": TaskKind.PAYMENTS, "billing": TaskKind.PAYMENTS,
    "ci": TaskKind.INFRA, "infrastructure": TaskKind.INFRA, "devops": TaskKind.INFRA,
    "deployment": TaskKind.DEPLOY, "breaking-change": TaskKind.BREAKING,
}  # fmt: skip
_CAUTION: Final = (
    TaskKind.BREAKING, TaskKind.DATA_DELETION, TaskKind.DEPLOY, TaskKind.BUDGET, TaskKind.PAYMENTS,
    TaskKind.SECURITY, TaskKind.AUTH, TaskKind.ARCHITECTURE, TaskKind.INFRA, TaskKind.FIX,
    TaskKind.FEATURE, TaskKind.CRUD, TaskKind.UI, TaskKind.REFACTOR, TaskKind.TEST, TaskKind.DOCS,
)  # fmt: skip
"""Of several kinds the first one here: whoever says 'bug' and 'security' means security."""


def kind_of(labels: Iterable[str]) -> TaskKind | None:
    kinds = {_KIND_OF[word] for word in map(_last, labels) if word in _KIND_OF}
    return next((kind for kind in _CAUTION if kind in kinds), None)


def priority_of(labels: Iterable[str]) -> Priority | None:
    """The highest that a label names; 'high' alone counts, and 'priority: high'."""
    named = {PRIORITIES[word] for word in map(_last, labels) if word in PRIORITIES}
    return next((priority for priority in Priority if priority in named), None)


def skills_of(labels: Iterable[str]) -> tuple[str, ...]:
    """'skill:python' -> ('python',)."""
    split = (_PARTS.split(label.lower().strip(), maxsplit=1) for label in labels)
    return tuple(dict.fromkeys(p[1] for p in split if len(p) > 1 and p[0] in _SKILL and p[1]))


def _last(label: str) -> str:
    """'Type: Bug' -> 'bug', 'breaking change' -> 'breaking-change'."""
    return "-".join(_PARTS.split(label.lower().strip())[-1].replace("_", " ").split())
