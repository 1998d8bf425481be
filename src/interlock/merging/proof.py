"""The proof that a merge kept both sides, path by path, from three trees and their common base.

What only one side touched must stand as that side left it; what nobody touched must not have moved;
what both touched alike stands so. Where both touched a path differently the merge decides, and the
caller compares the whole tree with a merge made anew.

A rename carries the other side's edit along: one side moved `a` to `b`, the other edited `a`, so
`b` has content that neither side had. That, and nothing else, explains a difference.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

Entry = tuple[str, str]
"""A mode and the identity of a content."""

Side = Mapping[str, Entry | None]
"""What one side touched since the base: path -> how it left it, None where it removed it."""

VIOLATIONS_MAX: Final = 20


class _Carries(NamedTuple):
    """Which side removed a path that the other one edited."""

    by_change: bool
    by_target: bool


def between(one: Side, other: Side) -> tuple[str, ...]:
    """The paths in which two sides of the same base differ from each other."""
    both = sorted({*one, *other})
    return tuple(path for path in both if one.get(path, _UNTOUCHED) != other.get(path, _UNTOUCHED))


def violations(target: Side, change: Side, landed: Side, added: frozenset[str]) -> tuple[str, ...]:
    """Where `landed` does not hold what the two sides left; `added` are paths the base had not."""
    # Asked once: for each path of a change to a hundred thousand it would hold up everybody.
    carries = _Carries(_carries(change, target), _carries(target, change))
    found: list[str] = []
    for path in sorted({*target, *change, *landed}):
        sentence = _at(path, (target, change, landed), added, carries)
        if sentence:
            found.append(sentence)
    return tuple(found[:VIOLATIONS_MAX])


def _at(path: str, sides: tuple[Side, Side, Side], added: frozenset[str], carries: _Carries) -> str:
    target, change, landed = sides
    result = landed.get(path, _UNTOUCHED)
    in_target, in_change = path in target, path in change
    if in_target and in_change:
        broken = target[path] == change[path] and result != target[path]
        return f"{path}: both sides left it alike, it is not so" if broken else ""
    if in_change:
        carried = path in added and carries.by_change
        return _kept(path, change[path], result, "the change", carried=carried)
    if in_target:
        carried = path in added and carries.by_target
        return _kept(path, target[path], result, "the target", carried=carried)
    return f"{path}: nobody touched it, it is not as it was"


_UNTOUCHED: Final = object()


def _kept(path: str, left: Entry | None, result: object, who: str, *, carried: bool) -> str:
    if result == left:
        return ""
    if carried and result is not None and result is not _UNTOUCHED:
        return ""
    return f"{path}: only {who} touched it, it is not as {who} left it"


def _carries(mover: Side, editor: Side) -> bool:
    """Did one side remove a path that the other one edited?"""
    return any(_moved_and_edited(mover, editor))


def _moved_and_edited(mover: Side, editor: Side) -> Iterator[str]:
    for path, left in mover.items():
        if left is None and editor.get(path) is not None:
            yield path
