"""When each task would start and finish if every estimate were true: rehearsed on a pretend clock.

The rehearsal does what the real scheduler does: the most urgent ready task first, then the one with
the longest way to the end, then the first in the plan; never more at once than there are workers,
than `parallel_stages` allows for stages of groups, than an affinity rule allows.

    a (10 min), b (20 min), c (20 min) after a; two workers: a and b from 0 on, c from 10 to 30
"""

import heapq
from collections.abc import Iterator
from typing import Final

import msgspec

from interlock.domain.ids import TaskName
from interlock.domain.plan import Plan
from interlock.domain.task import Priority
from interlock.planning.graph import longest_way, remaining
from interlock.planning.network import MILLISECONDS_PER_MINUTE, Event, Network

_URGENCY: Final = {priority: rank for rank, priority in enumerate(Priority)}

Rank = tuple[int, int, int]
"""Smallest first: priority, minus what remains, place in the plan."""
Want = tuple[bool, tuple[int, ...]]
"""What a task competes for besides a worker: a place among the stages, the affinity rules."""


class Slot(msgspec.Struct, frozen=True):
    """From when to when a task would be worked on."""

    start_minutes: float
    finish_minutes: float


class Minutes(msgspec.Struct, frozen=True):
    """One after another, as forecast, and what no schedule with these workers could beat."""

    sequential: float
    parallel: float
    lower_bound: float


class Forecast(msgspec.Struct, frozen=True):
    """The rehearsed run. A task that is skipped has no slot."""

    slots: dict[TaskName, Slot]
    minutes: Minutes
    critical_path: tuple[TaskName, ...]


def forecast(plan: Plan, workers: int, parallel_stages: int) -> Forecast:
    """The same plan and limits always give the same forecast."""
    network = Network(plan)
    critical = longest_way(network)
    total = sum(network.durations)
    starts = _Rehearsal(network, max(1, workers), max(1, parallel_stages)).starts()
    finishes = {number: start + network.durations[number] for number, start in starts.items()}
    shared_out = -(-total // max(1, workers))
    return Forecast(
        slots={
            network.tasks[number].id: Slot(_minutes(starts[number]), _minutes(finishes[number]))
            for number in sorted(starts)
        },
        minutes=Minutes(
            sequential=_minutes(total),
            parallel=_minutes(max(finishes.values(), default=0)),
            lower_bound=_minutes(max(critical.milliseconds, shared_out)),
        ),
        critical_path=critical.tasks,
    )


def _minutes(milliseconds: int) -> float:
    """Whole minutes as whole numbers: people read 375, not 375.0."""
    whole, rest = divmod(milliseconds, MILLISECONDS_PER_MINUTE)
    return whole if not rest else milliseconds / MILLISECONDS_PER_MINUTE


class Limits:
    """What is in use of the workers, the places for stages and each affinity rule."""

    def __init__(self, plan: Plan, workers: int, parallel_stages: int) -> None:
        self._workers_free = workers
        self._stages_free = parallel_stages
        self._rules_free = [rule.max_concurrent for rule in plan.affinity]

    @property
    def exhausted(self) -> bool:
        return self._workers_free <= 0

    def admit(self, want: Want) -> bool:
        is_stage, rules = want
        if self.exhausted or (is_stage and self._stages_free <= 0):
            return False
        return all(self._rules_free[rule] > 0 for rule in rules)

    def take(self, want: Want, count: int = 1) -> None:
        is_stage, rules = want
        self._workers_free -= count
        self._stages_free -= count if is_stage else 0
        for rule in rules:
            self._rules_free[rule] -= count

    def give_back(self, want: Want) -> None:
        self.take(want, -1)


class _Rehearsal:
    """One pass over the events of a plan in the order of their time."""

    def __init__(self, network: Network, workers: int, parallel_stages: int) -> None:
        self._network = network
        self._limits = Limits(network.plan, workers, parallel_stages)
        self._wants = list(wants(network))
        self._ranks = ranks(network)
        self._waits = network.waits()
        self._due = [0] * network.events
        self._coming: list[tuple[int, Event]] = []
        self._ready: dict[Want, list[Rank]] = {}
        self._starts: dict[int, int] = {}

    def starts(self) -> dict[int, int]:
        """When each task that runs is started, in milliseconds from the beginning."""
        self._coming = [(0, event) for event, count in enumerate(self._waits) if not count]
        heapq.heapify(self._coming)
        while self._coming:
            now = self._coming[0][0]
            while self._coming and self._coming[0][0] == now:
                self._reach(heapq.heappop(self._coming)[1], now)
            self._start_what_may(now)
        return self._starts

    def _reach(self, event: Event, now: int) -> None:
        task = self._network.started_at(event)
        if task is not None and not self._network.skipped[task]:
            heapq.heappush(self._ready.setdefault(self._wants[task], []), self._ranks[task])
            return
        task = self._network.worked_at(event)
        if task is not None and not self._network.skipped[task]:
            self._limits.give_back(self._wants[task])
        self._happen(event, now)

    def _happen(self, event: Event, now: int) -> None:
        for following, lag in self._network.after[event]:
            self._waits[following] -= 1
            self._due[following] = max(self._due[following], now + lag)
            if not self._waits[following]:
                heapq.heappush(self._coming, (self._due[following], following))

    def _start_what_may(self, now: int) -> None:
        """The first of each queue that its limits admit, the best of them, until none is left."""
        while not self._limits.exhausted:
            heads = [
                (queue[0], want) for want, queue in self._ready.items() if self._limits.admit(want)
            ]
            if not heads:
                return
            (_, _, task), want = min(heads)
            heapq.heappop(self._ready[want])
            if not self._ready[want]:
                del self._ready[want]
            self._limits.take(want)
            self._starts[task] = now
            self._happen(self._network.start(task), now)


def wants(network: Network) -> Iterator[Want]:
    """What each task competes for, in the order of the plan."""
    rules_of: dict[str, list[int]] = {}
    for number, rule in enumerate(network.plan.affinity):
        for agent in rule.agents:
            rules_of.setdefault(agent, []).append(number)
    for task in network.tasks:
        yield task.id in network.group_of, tuple(rules_of.get(task.agent, ()))


def ranks(network: Network) -> list[Rank]:
    """How the scheduler orders what is ready."""
    left = remaining(network)
    return [
        (_URGENCY[task.priority], -left[network.start(number)], number)
        for number, task in enumerate(network.tasks)
    ]
