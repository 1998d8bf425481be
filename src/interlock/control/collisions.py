"""Which tasks of a plan may touch the same files: pairs whose patterns overlap, and how likely.

How likely two open tasks collide is a rule of thumb: even odds where both name the same file, one
of four where one's pattern takes in a path of the other, one of ten where two patterns meet.

Every pattern is filed under its path up to the first wildcard, so that only those that can meet at
all are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from interlock.control.overlap import overlap
from interlock.domain.task import PlannedTask
from interlock.planning.outlook import Pair

PAIRS_MAX: Final = 300
"""The likeliest; a plan in which everything meets everything says so with as many."""

COMPARED_MAX: Final = 50_000
_SAME_FILE, _WITHIN, _VAGUE = 0.5, 0.25, 0.1
_WILD: Final = frozenset("*?[")


class Collisions(msgspec.Struct, frozen=True):
    """The likeliest pairs first; `complete` is false where there are more than are listed."""

    pairs: tuple[Pair, ...]
    complete: bool


def collisions(tasks: Sequence[PlannedTask]) -> Collisions:
    """Which of them are ever open at once, the rehearsal finds out."""
    found: dict[tuple[int, int], dict[str, float]] = {}
    complete = True
    for count, (one, other) in enumerate(_neighbours(tasks)):
        if count >= COMPARED_MAX:
            complete = False
            break
        (task, pattern), (its_task, its_pattern) = sorted((one, other))
        if task != its_task and (pattern == its_pattern or overlap(pattern, its_pattern)):
            path, odds = _meeting(pattern, its_pattern)
            paths = found.setdefault((task, its_task), {})
            paths[path] = max(odds, paths.get(path, 0.0))
    pairs = [_pair(tasks[one], tasks[other], paths) for (one, other), paths in found.items()]
    pairs.sort(key=lambda pair: (-pair.probability, pair.tasks))
    return Collisions(tuple(pairs[:PAIRS_MAX]), complete and len(pairs) <= PAIRS_MAX)


def _pair(one: PlannedTask, other: PlannedTask, paths: dict[str, float]) -> Pair:
    """Each path on which they meet is one more chance to collide."""
    spared = 1.0
    for odds in paths.values():
        spared *= 1.0 - odds
    return Pair((one.id, other.id), tuple(sorted(paths)), 1.0 - spared)


_Filed = tuple[int, str]


def _neighbours(tasks: Sequence[PlannedTask]) -> Iterator[tuple[_Filed, _Filed]]:
    """Each two patterns of which one's fixed part begins with the other's."""
    files: dict[tuple[str, ...], list[_Filed]] = {}
    filed = [
        (_fixed(pattern), (number, pattern))
        for number, task in enumerate(tasks)
        for pattern in task.files
    ]
    for fixed, each in sorted(filed, key=lambda entry: len(entry[0])):
        for length in range(len(fixed) + 1):
            for other in files.get(fixed[:length], ()):
                yield other, each
        files.setdefault(fixed, []).append(each)


def _fixed(pattern: str) -> tuple[str, ...]:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    wild = (at for at, part in enumerate(parts) if set(part) & _WILD)
    return tuple(parts[: next(wild, len(parts))])


def _meeting(one: str, other: str) -> tuple[str, float]:
    """Where they meet, named by the narrower of the two."""
    wild = [pattern for pattern in (one, other) if set(pattern) & _WILD]
    if not wild:
        return max(one, other, key=len), _SAME_FILE
    if len(wild) == 1:
        return (other if wild[0] == one else one), _WITHIN
    return max(one, other, key=lambda pattern: (len(_fixed(pattern)), pattern)), _VAGUE
