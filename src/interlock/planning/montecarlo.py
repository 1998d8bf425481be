"""A run rehearsed many times with dice: how long it takes, what it costs, who meets whom.

Each rehearsal does what the plane does: the most urgent ready task to a free worker, within the
limits of stages and affinity; gates for so many changes at once; one landing at a time; what is
sent back gets another attempt. How long each attempt takes is thrown with dice.

    start -> attempt -> gates -> landing lane -> landed
               ^----- sent back ----'

A rehearsal may begin in the middle: what is done is done, what is at work has worked so long.
Tasks that wait for a person, and what waits for those, do not move and are not counted.
"""

from collections.abc import Sequence
from enum import IntEnum
from heapq import heappop, heappush, heapreplace
from math import ceil, exp
from typing import Final

import msgspec

from interlock.domain.forecast import Spread
from interlock.planning.forecast import Limits, Rank, Want, ranks, wants
from interlock.planning.network import Event, Network
from interlock.planning.spread import SHIFT, SIDES, STEPS, Dice, Guess, normal_scores

DICE_PER_ATTEMPT: Final = 3
"""How long it takes, how long its gates take, whether it is sent back."""

_NEVER: Final = float("inf")
_LITTLE_MORE: Final = 1.02
_REACHED, _WORKED, _JUDGED, _LANDED = range(4)


class Stand(IntEnum):
    """How far a task is when the rehearsal begins."""

    TO_DO = 0
    WORKING = 1
    JUDGING = 2
    LANDING = 3
    DONE = 4
    STUCK = 5


class Chore(msgspec.Struct, frozen=True):
    """One task as the dice need it; `elapsed` minutes of its present attempt are over."""

    minutes: Guess
    cost_usd: Guess | None
    fails: float
    stand: Stand = Stand.TO_DO
    elapsed: float = 0.0


class Means(msgspec.Struct, frozen=True):
    """What there is to work with. `bias` is how far all guesses together may be off."""

    workers: int
    parallel_stages: int
    gates: int
    max_attempts: int
    judging: Guess
    landing_minutes: float
    bias: float


class Trials(msgspec.Struct, frozen=True):
    """What came of all rehearsals.

    `met` is how often each of the pairs was under way at once; `unmoved` never land, in none.
    """

    minutes: Spread
    cost_usd: Spread
    met: tuple[float, ...]
    unmoved: tuple[int, ...]


def rehearse(
    network: Network,
    chores: Sequence[Chore],
    means: Means,
    seed: bytes,
    samples: int,
    pairs: Sequence[tuple[int, int]] = (),
) -> Trials:
    """The same seed and the same question always give the same answer."""
    course = _Course(network, chores, means)
    dice = Dice(seed, 1 + DICE_PER_ATTEMPT * means.max_attempts * len(chores))
    ends, costs, met = [], [], [0] * len(pairs)
    landings: Sequence[float] = ()
    for number in range(samples):
        trial = _Trial(course, dice.throw(number))
        ends.append(trial.end())
        costs.append(trial.cost_usd)
        starts, landings = trial.started, trial.landed
        for at, (one, other) in enumerate(pairs):
            met[at] += starts[one] < landings[other] and starts[other] < landings[one]
    unmoved = tuple(task for task, landed in enumerate(landings) if landed == _NEVER)
    return Trials(spread(ends), spread(costs), tuple(n / samples for n in met), unmoved)


def spread(values: Sequence[float]) -> Spread:
    ordered = sorted(values)
    return Spread(ordered[ceil(0.5 * len(ordered)) - 1], ordered[ceil(0.8 * len(ordered)) - 1])


class _Course:
    """Everything that is the same in each rehearsal, worked out once."""

    def __init__(self, network: Network, chores: Sequence[Chore], means: Means) -> None:
        self.network, self.chores, self.means = network, chores, means
        self.waits = network.waits()
        self.after = [self._arcs(event) for event in range(network.events)]
        self.roots = [event for event in range(network.events) if not self.waits[event]]
        self.starts = [network.started_at(event) for event in range(network.events)]
        self.lands = {network.landed(number): number for number in range(len(chores))}
        self.wants, self.ranks = list(wants(network)), ranks(network)
        self.scores = normal_scores()
        self.floors = [
            chore.minutes.share_below(chore.elapsed) if chore.stand is Stand.WORKING else None
            for chore in chores
        ]

    def _arcs(self, event: Event) -> list[tuple[Event, float]]:
        """Lags as shares of the task's own time, which is thrown anew; its end is thrown, too."""
        task = self.network.started_at(event)
        if task is None:
            return [(following, 0.0) for following, _ in self.network.after[event]]
        worked, whole = self.network.worked(task), self.network.durations[task]
        return [
            (following, lag / whole if whole else 0.0)
            for following, lag in self.network.after[event]
            if following != worked
        ]


class _Trial:
    """One rehearsal. `started` and `landed` hold minutes; what never happens is at infinity.

    Gates and the landing lane serve in the order of arrival, and arrivals come in the order of
    time: so when either is free next is all that must be remembered of them.
    """

    __slots__ = (
        "_attempts", "_begun", "_coming", "_course", "_dice", "_due", "_gates", "_lane", "_limits",
        "_luck", "_ready", "_todo", "_took", "_waits", "cost_usd", "landed", "started",
    )  # fmt: skip

    def __init__(self, course: _Course, dice: Sequence[int]) -> None:
        means, tasks = course.means, len(course.chores)
        self._course, self._dice = course, dice
        self._luck = exp(means.bias * course.scores[dice[0] >> SHIFT])
        self._limits = Limits(course.network.plan, means.workers, means.parallel_stages)
        self._gates, self._lane = [0.0] * means.gates, 0.0
        self._waits, self._due = list(course.waits), [0.0] * course.network.events
        self._coming: list[tuple[float, int, int]] = []
        self._todo: list[Event] = []
        self._ready: dict[Want, list[Rank]] = {}
        self._begun, self._attempts, self._took = [False] * tasks, [0] * tasks, [0.0] * tasks
        self.started, self.landed = [_NEVER] * tasks, [_NEVER] * tasks
        self.cost_usd = 0.0

    def end(self) -> float:
        """Minutes until nothing more happens."""
        now, coming, meet = 0.0, self._coming, self._meet
        self._begin()
        self._settle(now)
        while coming:
            now, what, number = heappop(coming)
            meet(what, number, now)
            while coming and coming[0][0] <= now:
                _, what, number = heappop(coming)
                meet(what, number, now)
            if self._todo or self._ready:
                self._settle(now)
        return now

    def _begin(self) -> None:
        network = self._course.network
        for number, chore in enumerate(self._course.chores):
            stand = Stand.DONE if network.skipped[number] else chore.stand
            if stand is not Stand.TO_DO:
                self._begun[number] = True
                if stand is not Stand.STUCK:
                    self._begin_at(number, stand)
        self._todo.extend(self._course.roots)

    def _begin_at(self, number: int, stand: Stand) -> None:
        network, chore = self._course.network, self._course.chores[number]
        self.started[number] = -chore.elapsed
        if stand is Stand.WORKING:
            self._limits.take(self._course.wants[number])
            self._attempt(number, 0.0)
        self._happen(network.start(number), 0.0)
        if stand >= Stand.JUDGING:
            self._attempts[number] = 1
            self._happen(network.worked(number), 0.0)
        if stand is Stand.DONE:
            self.landed[number] = 0.0
            self._happen(network.landed(number), 0.0)

    def _settle(self, now: float) -> None:
        """Everything that follows at once."""
        todo, limits, reach = self._todo, self._limits, self._reach
        while True:
            while todo:
                reach(todo.pop(), now)
            if not self._ready or limits.exhausted or not self._start_best(now):
                return

    def _meet(self, what: int, number: int, now: float) -> None:
        if what == _JUDGED:
            self._judged(number, now)
        elif what == _WORKED:
            self._limits.give_back(self._course.wants[number])
            if self._attempts[number] == 1:
                self._happen(self._course.network.worked(number), now)
            else:
                self._judge(number, now)
        elif what == _LANDED:
            self.landed[number] = now
            self._happen(self._course.network.landed(number), now)
        else:
            self._todo.append(number)

    def _reach(self, event: Event, now: float) -> None:
        course = self._course
        task = course.starts[event]
        if task is not None:
            if not self._begun[task]:
                self._begun[task] = True
                self._wish(task)
            return
        task = course.lands.get(event)
        if task is None:
            self._happen(event, now)
        elif self.landed[task] == _NEVER:
            if course.chores[task].stand is Stand.LANDING:
                self._land(task, now)
            else:
                self._judge(task, now)

    def _happen(self, event: Event, now: float) -> None:
        waits, due = self._waits, self._due
        for following, share in self._course.after[event]:
            waits[following] -= 1
            task = self._course.starts[event] if share else None
            if task is not None:
                due[following] = max(due[following], self.started[task] + share * self._took[task])
            if not waits[following]:
                if due[following] > now:
                    heappush(self._coming, (due[following], _REACHED, following))
                else:
                    self._todo.append(following)

    # --- work -------------------------------------------------------------------------------------

    def _wish(self, task: int) -> None:
        want = self._course.wants[task]
        queue = self._ready.get(want)
        if queue is None:
            self._ready[want] = [self._course.ranks[task]]
        else:
            heappush(queue, self._course.ranks[task])

    def _start_best(self, now: float) -> bool:
        """The best of what its limits admit; False when there is none."""
        admit, ready = self._limits.admit, self._ready
        heads = [(queue[0], want) for want, queue in ready.items() if admit(want)]
        if not heads:
            return False
        (_, _, task), want = heads[0] if len(heads) == 1 else min(heads)
        heappop(ready[want])
        if not ready[want]:
            del ready[want]
        self._limits.take(want)
        self._attempt(task, now)
        if self._attempts[task] == 1:
            self.started[task] = now
            self._happen(self._course.network.start(task), now)
        return True

    def _attempt(self, task: int, now: float) -> None:
        """A long attempt is a dear one: both come from the same die."""
        course = self._course
        chore, floor = course.chores[task], None if self._attempts[task] else course.floors[task]
        self._attempts[task] += 1
        step = self._dice[self._die(task)] >> SHIFT
        if floor is not None:
            step = min(STEPS - 1, int(STEPS * floor + step * (1 - floor)))
        score, guess = course.scores[step], chore.minutes
        took = left = self._luck * exp(guess.mean + guess.deviation * score)
        if floor is not None:
            took = max(took, chore.elapsed * _LITTLE_MORE)
            left = took - chore.elapsed
        self._took[task] = took
        if chore.cost_usd is not None:
            cost = exp(chore.cost_usd.mean + chore.cost_usd.deviation * score)
            self.cost_usd += cost * left / took
        heappush(self._coming, (now + left, _WORKED, task))

    def _die(self, task: int) -> int:
        number = self._course.means.max_attempts * task + self._attempts[task] - 1
        return 1 + DICE_PER_ATTEMPT * number

    # --- gates and landing ------------------------------------------------------------------------

    def _judge(self, task: int, now: float) -> None:
        judging = self._course.means.judging
        score = self._course.scores[self._dice[self._die(task) + 1] >> SHIFT]
        ends = max(now, self._gates[0]) + exp(judging.mean + judging.deviation * score)
        heapreplace(self._gates, ends)
        heappush(self._coming, (ends, _JUDGED, task))

    def _judged(self, task: int, now: float) -> None:
        course = self._course
        again = self._attempts[task] < course.means.max_attempts
        if again and self._dice[self._die(task) + 2] < SIDES * course.chores[task].fails:
            self._wish(task)
        else:
            self._land(task, now)

    def _land(self, task: int, now: float) -> None:
        self._lane = max(now, self._lane) + self._course.means.landing_minutes
        heappush(self._coming, (self._lane, _LANDED, task))
