"""Which worker processes are started next, so that those who are there are not kept waiting.

A process costs most while it starts: an interpreter, its modules, a box to see whether one holds.
Hundreds at once would leave the plane, one process among them, no time to give out work. So only a
few start at a time, and the next when one of them has joined: when the plane has heard its hello.
Who does not join in time, or ends before, holds up nobody any longer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Final

import msgspec

from interlock.control.following import Wanted
from interlock.domain.ids import WorkerId

WORKERS_MAX: Final = 1_000

JOIN_SECONDS_MAX: Final = 20.0

_NAME: Final = "agent-local-"


class Starting(msgspec.Struct, frozen=True):
    """A process that has not joined yet; `before` is the session that its name had until then."""

    since: float
    before: int | None


def starts_at_once(cores: int) -> int:
    """One core is left to those who are at work already."""
    return max(1, cores - 1)


def worker_id_of(number: int) -> WorkerId:
    return WorkerId(f"{_NAME}{number}")


def still_starting(
    starting: Mapping[int, Starting],
    living: Collection[int],
    sessions: Mapping[WorkerId, int],
    now: float,
) -> dict[int, Starting]:
    return {
        number: each
        for number, each in starting.items()
        if number in living
        and sessions.get(worker_id_of(number)) == each.before
        and now - each.since < JOIN_SECONDS_MAX
    }


def due(wanted: Wanted, living: Collection[int], starting: int, at_once: int) -> list[int]:
    """The numbers to start now. Numbers are names: one that ended gives its number to the next.

    First those who hold a task and are not there: nobody shall wait until their leases run out.
    """
    held = sorted(n for n in map(_number_of, wanted.holders) if n and n not in living)
    others = (n for n in range(1, WORKERS_MAX) if n not in living and n not in held)
    missing = max(wanted.workers - len(living) - len(held), 0)
    return [*held, *islice(others, missing)][: max(at_once - starting, 0)]


def _number_of(worker_id: WorkerId) -> int:
    """0: it is none of these processes."""
    digits = worker_id.removeprefix(_NAME)
    short = len(digits) < len(str(WORKERS_MAX)) and digits.isdecimal() and digits.isascii()
    number = int(digits) if short else 0
    return number if worker_id == worker_id_of(number) else 0
