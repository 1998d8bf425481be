"""Which agent profile is good enough for a kind of work, and costs least: proposed, never taken.

Good enough: so many first attempts at tasks of this kind were not sent back that, nine times of
ten, at least seven of ten are not (the lower bound of Wilson's interval). Of those the cheapest is
proposed, by what tasks of this kind cost in the mean until one attempt was good. A profile that
never told what it cost is not cheap, it is unknown.

    small   11 of 12 at the first attempt, $0.04 a task     -> proposed
    large   20 of 20, $0.31 a task
    new     2 of 2, $0.01 a task                            too few to tell
"""

from collections.abc import Collection, Iterable
from math import sqrt
from typing import Final

import msgspec

from interlock.domain.task import PlannedTask, TaskKind
from interlock.planning.history import Attempted

GOOD_ENOUGH: Final = 0.7
Z90: Final = 1.2815515655446004
"""Nine of ten draws of a standard normal lie below."""


class Candidate(msgspec.Struct, frozen=True):
    """A profile that a task might get. No `skills`: it is taken to have every skill."""

    name: str
    skills: tuple[str, ...] = ()

    def can_do(self, task: PlannedTask) -> bool:
        return not self.skills or set(task.skills) <= set(self.skills)


class Record(msgspec.Struct, frozen=True):
    """How one profile did at one kind of work."""

    agent: str
    kind: TaskKind
    firsts: int
    good_firsts: int
    cost_usd: float | None

    @property
    def surely_good(self) -> float:
        """The share of good first attempts that is exceeded nine times of ten."""
        return lower_bound(self.good_firsts, self.firsts)


class Suggestion(msgspec.Struct, frozen=True):
    """The profile, and the sentence that says why."""

    agent: str
    because: str


def lower_bound(good: int, tries: int) -> float:
    """The lower end of Wilson's interval; of no tries nothing is sure."""
    if tries == 0:
        return 0.0
    share, z2 = good / tries, Z90 * Z90
    middle = share + z2 / (2 * tries)
    swing = Z90 * sqrt(share * (1 - share) / tries + z2 / (4 * tries * tries))
    return max(0.0, (middle - swing) / (1 + z2 / tries))


def records(attempts: Iterable[Attempted]) -> dict[tuple[TaskKind, str], Record]:
    """What attempts of which the outcome is known say of each profile at each kind."""
    sorted_: dict[tuple[TaskKind, str], list[Attempted]] = {}
    for attempt in attempts:
        if attempt.good is not None:
            sorted_.setdefault((attempt.kind, attempt.agent), []).append(attempt)
    return {key: _record(key[1], key[0], found) for key, found in sorted_.items()}


def _record(agent: str, kind: TaskKind, attempts: list[Attempted]) -> Record:
    firsts = [attempt for attempt in attempts if attempt.first]
    return Record(
        agent=agent,
        kind=kind,
        firsts=len(firsts),
        good_firsts=sum(attempt.good is True for attempt in firsts),
        cost_usd=_cost_of_a_good_one(attempts),
    )


def _cost_of_a_good_one(attempts: list[Attempted]) -> float | None:
    """What was sent back was paid for as well."""
    told = [attempt for attempt in attempts if attempt.cost_usd is not None]
    good = sum(attempt.good is True for attempt in told)
    return sum(attempt.cost_usd or 0.0 for attempt in told) / good if good else None


def suggest(
    task: PlannedTask,
    candidates: Collection[Candidate],
    known: dict[tuple[TaskKind, str], Record],
) -> Suggestion | None:
    """None where no profile is known to be good enough, or none of these told what it cost."""
    enough = [
        (record.cost_usd, candidate.name, record)
        for candidate in candidates
        if candidate.can_do(task)
        and (record := known.get((task.kind, candidate.name))) is not None
        and record.cost_usd is not None
        and record.surely_good >= GOOD_ENOUGH
    ]
    if not enough:
        return None
    cost, name, record = min(enough, key=lambda found: found[:2])
    because = (
        f"{record.good_firsts} of {record.firsts} first attempts of kind {task.kind.value} were "
        f"good, at ${cost:.2f} a task"
    )
    own = known.get((task.kind, task.agent))
    if name != task.agent and own is not None and own.cost_usd is not None:
        because += f"; {task.agent}: {own.good_firsts} of {own.firsts}, ${own.cost_usd:.2f}"
    return Suggestion(name, because)
