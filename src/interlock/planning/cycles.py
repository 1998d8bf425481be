"""Circles: tasks and groups that wait for one another, so that none could ever start or land.

A plan can have more circles than anyone could list. Named are so many that every dependency which
lies on a circle lies on a named one, within bounds; each knot of circles gives at least one.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

from interlock.domain.ids import GroupId, TaskName
from interlock.domain.plan import Plan
from interlock.planning.network import Event, Network

CIRCLES_MAX: Final = 100
_STEPS_MAX: Final = 500_000

Waiting: TypeAlias = TaskName | GroupId
Circle: TypeAlias = tuple[Waiting, ...]
"""Each waits for the next, the last for the first."""


class Circles(msgspec.Struct, frozen=True):
    """The circles of a plan; `all_named` is false when a bound cut the search short."""

    named: tuple[Circle, ...]
    all_named: bool


def circles(plan: Plan) -> Circles:
    """Every task counts, also one whose flag is false: flags change, a circle stays one.

    That stages are judged together is looked at last: it adds a way round to every other circle.
    """
    found = _circles_in(Network(plan, skipping=False, judging=False))
    return found if found.named else _circles_in(Network(plan, skipping=False))


def _circles_in(network: Network) -> Circles:
    found: dict[Circle, None] = {}
    search = _Search(network)
    for knot in knots(network.after):
        for events in search.circles_of(knot):
            found.setdefault(_as_waiting(network, events), None)
            if len(found) >= CIRCLES_MAX:
                return Circles(tuple(found), all_named=False)
    return Circles(tuple(found), search.complete)


class _Search:
    """Finds shortest circles until every arc inside a knot is on one, or its steps are used up."""

    def __init__(self, network: Network) -> None:
        self.complete = True
        self._network = network
        self._after = network.after
        self._steps = 0

    def circles_of(self, knot: list[Event]) -> Iterator[list[Event]]:
        inside = set(knot)
        covered: set[tuple[Event, Event]] = set()
        for event in sorted(knot):
            for following, _ in self._after[event]:
                if following not in inside or (event, following) in covered:
                    continue
                if self._within_one(event, following):
                    continue
                if covered and self._steps > _STEPS_MAX:
                    self.complete = False
                    return
                path = self._way(following, event, inside)
                covered.update(zip(path, [*path[1:], path[0]], strict=True))
                yield path

    def _within_one(self, event: Event, following: Event) -> bool:
        """Whether the arc only holds a task or a group together: no circle has these alone."""
        one, other = self._network.name(event), self._network.name(following)
        if one == other:
            return isinstance(one, str)
        return _is_stage(self._network, one, other) or _is_stage(self._network, other, one)

    def _way(self, start: Event, end: Event, inside: set[Event]) -> list[Event]:
        """The shortest way from one event to another; in a knot there always is one."""
        came_from = {start: start}
        waiting = deque([start])
        while end not in came_from:
            event = waiting.popleft()
            self._steps += len(self._after[event])
            for following, _ in self._after[event]:
                if following in inside and following not in came_from:
                    came_from[following] = event
                    waiting.append(following)
        path = [end]
        while path[-1] != start:
            path.append(came_from[path[-1]])
        return path[::-1]


def knots(after: list[list[tuple[Event, int]]]) -> Iterator[list[Event]]:
    """Groups of events that all lead to one another: strong components by Gabow's two stacks."""
    search = _Knots(after)
    for root in range(len(after)):
        yield from search.from_root(root)


class _Knots:
    """The stacks of the search; a loop instead of recursion, because a chain may be very long."""

    def __init__(self, after: list[list[tuple[Event, int]]]) -> None:
        self._after = after
        self._number: dict[Event, int] = {}
        self._open: list[Event] = []
        self._bounds: list[Event] = []
        self._closed: set[Event] = set()

    def from_root(self, root: Event) -> Iterator[list[Event]]:
        if root in self._number:
            return
        way = [(root, self._enter(root))]
        while way:
            event, arcs = way[-1]
            following = self._next_new(arcs)
            if following is not None:
                way.append((following, self._enter(following)))
                continue
            way.pop()
            knot = self._leave(event)
            if len(knot) > 1:
                yield knot

    def _enter(self, event: Event) -> Iterator[tuple[Event, int]]:
        self._number[event] = len(self._number)
        self._open.append(event)
        self._bounds.append(event)
        return iter(self._after[event])

    def _next_new(self, arcs: Iterator[tuple[Event, int]]) -> Event | None:
        for following, _ in arcs:
            if following not in self._number:
                return following
            if following not in self._closed:
                while self._number[self._bounds[-1]] > self._number[following]:
                    self._bounds.pop()
        return None

    def _leave(self, event: Event) -> list[Event]:
        if self._bounds[-1] != event:
            return []
        self._bounds.pop()
        at = len(self._open) - 1
        while self._open[at] != event:
            at -= 1
        knot = self._open[at:]
        del self._open[at:]
        self._closed.update(knot)
        return knot


def _as_waiting(network: Network, events: list[Event]) -> Circle:
    """The circle in the words of the plan: from who waits to what it waits for."""
    names = [network.name(event) for event in reversed(events)]
    # Begun at a group, so that no stage between a group's end and its opening is cut in two.
    first_group = next((at for at, name in enumerate(names) if isinstance(name, int)), 0)
    names = names[first_group:] + names[:first_group]
    short: list[Waiting] = []
    for name in [*names, names[0]]:
        if short and short[-1] == name:
            continue
        if len(short) > 1 and short[-2] == name and _is_stage(network, short[-1], name):
            short.pop()
        else:
            short.append(name)
    return _from_the_first(network, short[:-1] if len(short) > 1 else short)


def _is_stage(network: Network, name: Waiting, of: Waiting) -> bool:
    group = None if isinstance(name, int) else network.group_of.get(name)
    return group is not None and group.id == of


def _from_the_first(network: Network, circle: list[Waiting]) -> Circle:
    """Turned so that it begins with the task, else the group, that the plan names first."""

    def place(at: int) -> tuple[bool, int]:
        name = circle[at]
        return (True, name) if isinstance(name, int) else (False, network.index[name])

    start = min(range(len(circle)), key=place)
    return (*circle[start:], *circle[:start])
