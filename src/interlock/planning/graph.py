"""What follows from a plan alone: an order of its tasks, levels, the longest path, what is left.

a (15 min) -> b (60 min) -> d (10 min)      levels            (a, c), (b,), (d,)
c (30 min) ----------------^                critical path     a, b, d: 85 minutes
                                            remaining         a 85, b 70, c 40, d 10
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec

from interlock.domain.group import StageGroup
from interlock.domain.ids import TaskName
from interlock.domain.plan import Plan
from interlock.planning.network import MILLISECONDS_PER_MINUTE, Event, Network


class CircularPlanError(ValueError):
    """A plan whose tasks wait for one another in a circle has no order; parsing refuses it."""

    def __init__(self) -> None:
        super().__init__("the plan has a circle of dependencies; parse_plan names it")


class CriticalPath(msgspec.Struct, frozen=True):
    """The chain of tasks that no number of workers makes shorter."""

    tasks: tuple[TaskName, ...]
    milliseconds: int

    @property
    def minutes(self) -> float:
        return self.milliseconds / MILLISECONDS_PER_MINUTE


def effective_edges(plan: Plan) -> Iterator[tuple[TaskName, TaskName]]:
    """Each pair (before, after) where `after` waits for `before`, by itself or by its group.

    There may be as many as the square of the stages; the other functions never unfold them.
    """
    groups = {group.id: group for group in plan.groups}
    for task in plan.tasks:
        for dependency in task.depends_on:
            if dependency.task is not None:
                yield dependency.task, task.id
            elif dependency.group is not None:
                yield from ((stage, task.id) for stage in groups[dependency.group].stages)
    for group in plan.groups:
        for before in group.depends_on:
            yield from _between(groups[before], group)
        if not group.parallel:
            yield from pairwise(group.stages)


def _between(before: StageGroup, after: StageGroup) -> Iterator[tuple[TaskName, TaskName]]:
    return ((first, then) for first in before.stages for then in after.stages)


def topological_order(plan: Plan) -> tuple[TaskName, ...]:
    """Every task after all it waits for; where nothing decides, in the order of the plan."""
    network = Network(plan, skipping=False)
    return _tasks_begun(network, in_order(network))


def levels(plan: Plan) -> tuple[tuple[TaskName, ...], ...]:
    """Tasks that could be worked on at the same time, the first ones first."""
    network = Network(plan, skipping=False)
    level = [0] * network.events
    for event in in_order(network):
        step = 0 if network.started_at(event) is None else 1
        for following, _ in network.after[event]:
            level[following] = max(level[following], level[event] + step)
    found: dict[int, list[TaskName]] = {}
    for number, task in enumerate(network.tasks):
        found.setdefault(level[network.start(number)], []).append(task.id)
    return tuple(tuple(found[number]) for number in sorted(found))


def critical_path(plan: Plan) -> CriticalPath:
    """The longest way through the plan, counting only tasks that run."""
    return longest_way(Network(plan))


def remaining_minutes(plan: Plan) -> dict[TaskName, float]:
    """For each task, the longest way from its start to the end of the run, itself included.

    A skipped task has none.
    """
    network = Network(plan)
    to_the_end = remaining(network)
    return {
        task.id: 0.0
        if network.skipped[number]
        else to_the_end[network.start(number)] / MILLISECONDS_PER_MINUTE
        for number, task in enumerate(network.tasks)
    }


# --- the same over the network of a plan ----------------------------------------------------------


def in_order(network: Network) -> list[Event]:
    """Every event after all that lead to it, in one pass over the arcs."""
    waits = network.waits()
    ready = deque(event for event in range(network.events) if not waits[event])
    order = []
    while ready:
        event = ready.popleft()
        order.append(event)
        for following, _ in network.after[event]:
            waits[following] -= 1
            if not waits[following]:
                ready.append(following)
    if len(order) < network.events:
        raise CircularPlanError
    return order


def remaining(network: Network) -> list[int]:
    """For each event, the milliseconds from it to the end."""
    longest = [0] * network.events
    for event in reversed(in_order(network)):
        for following, lag in network.after[event]:
            longest[event] = max(longest[event], lag + longest[following])
    return longest


def longest_way(network: Network) -> CriticalPath:
    """Begins at the event with most before it, and goes on where as much remains as must."""
    left = remaining(network)
    event = max(range(network.events), key=left.__getitem__, default=None)
    if event is None:
        return CriticalPath((), 0)
    whole, way = left[event], [event]
    while left[event]:
        arcs = network.after[event]
        event = next(f for f, lag in sorted(arcs) if lag + left[f] == left[event])
        way.append(event)
    skipped = {task.id for task, skip in zip(network.tasks, network.skipped, strict=True) if skip}
    return CriticalPath(tuple(t for t in _tasks_begun(network, way) if t not in skipped), whole)


def _tasks_begun(network: Network, events: Iterable[Event]) -> tuple[TaskName, ...]:
    started = (network.started_at(event) for event in events)
    return tuple(network.tasks[number].id for number in started if number is not None)
