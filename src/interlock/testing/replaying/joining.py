"""Commits that are red on their own are replayed together with the one that mends them."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from interlock.testing.replaying.history import Step, merged
from interlock.testing.replaying.proving import Seen, removes_tests, worse


class Joined(msgspec.Struct, frozen=True):
    """The steps that can land, and the commits at the end that stay red and are left out."""

    steps: tuple[Step, ...]
    left_out: tuple[str, ...] = ()


def joined(repository: Path, base: Seen, steps: Sequence[Step], seen: Sequence[Seen]) -> Joined:
    """No gate lets a red commit through, so a step ends where the tests are as good as before."""
    found: list[Step] = []
    current, pending = base, list[Step]()
    for step, now in zip(steps, seen, strict=True):
        pending.append(step)
        if worse(now, current):
            continue
        whole = merged(repository, pending, tests_may_go=removes_tests(now, current))
        if whole.paths:
            found.append(whole)
        current, pending = now, []
    return Joined(tuple(found), tuple(commit for step in pending for commit in step.commits))
