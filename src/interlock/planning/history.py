"""What happened here before, and what that lets us expect of a task that is like it.

Three circles of experience, the most alike last: other agents, this agent at other kinds of work,
this agent at this kind. Each moves the guess as far as its number of attempts carries it.

    time     with an estimate: how attempts compared to theirs, times this one;
             without: how long attempts took; nothing seen: the estimate, else 30 min
    cost     what attempts cost; of an agent that never told, nobody knows
    failing  how many attempts were sent back; nothing seen: one of ten
    gates    how long judging took; nothing seen: half a minute
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from math import sqrt
from typing import Final, Literal

import msgspec

from interlock.domain.task import ESTIMATE_MINUTES_DEFAULT, PlannedTask, TaskKind
from interlock.planning.spread import PRIOR_WEIGHT, Guess, logarithm, shrunk

DEVIATION: Final = 0.5
"""Before anything was seen: as likely as not within a factor of 1.4 of the estimate."""

BIAS: Final = 0.3
"""The part of it that is wrong the same way for all tasks of a plan, before anything was seen."""

FAILS_PRIOR: Final = 0.1
JUDGING_PRIOR: Final = Guess(logarithm(0.5), 1.0)
_OWN_LEAST: Final = 0.05


Seen = Literal["alike", "other", "nothing"]
"""What is behind a guess: the same kind by the same agent, any other work, or nothing at all."""


class Attempted(msgspec.Struct, frozen=True):
    """One attempt that ended by itself. `good`: it was not sent back; None: nobody knows yet."""

    kind: TaskKind
    agent: str
    minutes: float
    estimate_minutes: float | None = None
    cost_usd: float | None = None
    good: bool | None = None
    first: bool = True


class History(msgspec.Struct, frozen=True):
    """Everything that a forecast learns from."""

    attempts: tuple[Attempted, ...] = ()
    judging_minutes: tuple[float, ...] = ()


class Sorts(msgspec.Struct, frozen=True):
    """Which agents are people, and which are scripts that play an agent; no model is paid there."""

    people: frozenset[str] = frozenset()
    scripts: frozenset[str] = frozenset()

    def of(self, agent: str) -> str:
        if agent in self.people:
            return "people"
        return "scripts" if agent in self.scripts else "programs"


class Expected(msgspec.Struct, frozen=True):
    """What is expected of one attempt at a task, how likely it is sent back, and why so.

    `modelled` is false where no model is used, so that nothing is paid for one.
    """

    minutes: Guess
    cost_usd: Guess | None
    fails: float
    basis: str
    seen: Seen
    modelled: bool


class Experience:
    """The history, sorted so that what is like a task is found at once."""

    def __init__(self, history: History, sorts: Sorts | None = None) -> None:
        self._history, self._sorts = history, sorts or Sorts()
        self._known: dict[tuple[TaskKind, str], _Circles] = {}

    @property
    def bias(self) -> float:
        """How far everything together may be off; the more was seen, the less."""
        return BIAS * sqrt(PRIOR_WEIGHT / (PRIOR_WEIGHT + len(self._history.attempts)))

    @property
    def judging(self) -> Guess:
        """Minutes that gates take for one change."""
        return shrunk(JUDGING_PRIOR, [[logarithm(m) for m in self._history.judging_minutes]])

    def own_deviation(self, guess: Guess) -> float:
        """What is left of a deviation once the part shared by all tasks is taken out."""
        return sqrt(max(guess.deviation**2 - self.bias**2, _OWN_LEAST**2))

    def expect(self, task: PlannedTask) -> Expected:
        circles = self._circles(task.kind, task.agent)
        modelled = self._sorts.of(task.agent) == "programs"
        return Expected(
            minutes=circles.minutes(task.estimate_minutes),
            cost_usd=circles.cost if modelled else None,
            fails=circles.fails,
            basis=_basis(circles, task),
            seen=circles.seen,
            modelled=modelled,
        )

    def _circles(self, kind: TaskKind, agent: str) -> "_Circles":
        if (kind, agent) not in self._known:
            sort = self._sorts.of(agent)
            like = [a for a in self._history.attempts if self._sorts.of(a.agent) == sort]
            self._known[kind, agent] = _Circles(
                [a for a in like if a.agent != agent],
                [a for a in like if a.agent == agent and a.kind is not kind],
                [a for a in like if a.agent == agent and a.kind is kind],
            )
        return self._known[kind, agent]


class _Circles:
    """What was seen, from the least to the most alike, and what follows from it."""

    def __init__(
        self, others: list[Attempted], own: list[Attempted], alike: list[Attempted]
    ) -> None:
        self.others, self.own, self.alike = others, own, alike
        self._all = (others, own, alike)
        self._took = [[logarithm(a.minutes) for a in circle] for circle in self._all]
        self._compared = [list(_compared(circle)) for circle in self._all]
        self._guesses: dict[float | None, Guess] = {}

    @property
    def seen(self) -> Seen:
        if self.alike:
            return "alike"
        return "other" if self.own or self.others else "nothing"

    def minutes(self, estimate: float | None) -> Guess:
        if estimate not in self._guesses:
            self._guesses[estimate] = self._minutes(estimate)
        return self._guesses[estimate]

    def _minutes(self, estimate: float | None) -> Guess:
        if estimate is not None and any(self._compared):
            return shrunk(Guess(0.0, DEVIATION), self._compared).times(estimate)
        believed = ESTIMATE_MINUTES_DEFAULT if estimate is None else estimate
        return shrunk(Guess(logarithm(believed), DEVIATION), self._took)

    @cached_property
    def cost(self) -> Guess | None:
        """By this agent alone: what others cost says nothing about its model."""
        costs = [
            [logarithm(a.cost_usd) for a in circle if a.cost_usd is not None]
            for circle in (self.own, self.alike)
        ]
        told = [cost for circle in costs for cost in circle]
        if not told:
            return None
        return shrunk(Guess(sum(told) / len(told), DEVIATION), costs)

    @cached_property
    def fails(self) -> float:
        share = FAILS_PRIOR
        for circle in self._all:
            decided = [a.good for a in circle if a.good is not None]
            weight = PRIOR_WEIGHT + len(decided)
            share = (PRIOR_WEIGHT * share + decided.count(False)) / weight
        return share


def _compared(attempts: Iterable[Attempted]) -> Iterator[float]:
    for attempt in attempts:
        if attempt.estimate_minutes is not None:
            yield logarithm(attempt.minutes) - logarithm(attempt.estimate_minutes)


def _basis(circles: _Circles, task: PlannedTask) -> str:
    if circles.alike:
        return f"{_attempts(circles.alike)} of kind {task.kind.value} by {task.agent}"
    if circles.own:
        return f"{_attempts(circles.own)} of other kinds by {task.agent}"
    if circles.others:
        return f"{_attempts(circles.others)} by other agents"
    if task.estimate_minutes is None:
        return f"nothing: no estimate, so {ESTIMATE_MINUTES_DEFAULT:.0f} min were assumed"
    return "its estimate"


def _attempts(attempts: Sequence[Attempted]) -> str:
    return "1 attempt" if len(attempts) == 1 else f"{len(attempts):,} attempts"
