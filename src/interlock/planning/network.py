"""A plan as events and what waits for what: the one place that knows how groups and tasks hold on.

Each task has three events: it starts, its work is done, it has landed. Each group has three: it
opens, its stages are judged, it has passed. An arc says that one event comes no sooner than another
and a lag.

    task             start --minutes--> worked --> landed
    b after a        landed(a) --> start(b)
    b after 50 % a   start(a) --half its minutes--> start(b), landed(a) --> landed(b)
    group            passed(before) --> opened --> start(stage), landed(stage) --> passed
      parallel       worked(stage) --> judged --> landed(stage): its stages are judged together
      else           landed(stage) --> start(next stage)

Time is counted in whole milliseconds, so that sums are exact in whatever order they are taken.
"""

from itertools import pairwise
from typing import Final

from interlock.domain.group import StageGroup
from interlock.domain.ids import GroupId, TaskName
from interlock.domain.plan import Plan
from interlock.domain.task import ESTIMATE_MINUTES_DEFAULT, Dependency, PlannedTask

MILLISECONDS_PER_MINUTE: Final = 60_000
WHOLE: Final = 100
_START, _WORKED, _LANDED = range(3)
_OPENED, _JUDGED, _PASSED = range(3)
_EVENTS_EACH: Final = 3

Event = int


def is_skipped(plan: Plan, task: PlannedTask) -> bool:
    """A task whose flag is not true never runs, and holds nobody up."""
    return task.when is not None and not plan.flags.get(task.when, False)


def duration_milliseconds(task: PlannedTask) -> int:
    given = task.estimate_minutes
    minutes = ESTIMATE_MINUTES_DEFAULT if given is None else given
    return round(minutes * MILLISECONDS_PER_MINUTE)


class Network:
    """The events of a plan and the arcs between them.

    `skipping` leaves out what tasks with a false flag would wait for. Without `judging`, stages of
    a parallel group land one by one, not judged together.
    """

    def __init__(self, plan: Plan, *, skipping: bool = True, judging: bool = True) -> None:
        self.plan = plan
        self.tasks = plan.tasks
        self._judging = judging
        self.index: dict[TaskName, int] = {
            task.id: number for number, task in enumerate(plan.tasks)
        }
        self.skipped = [skipping and is_skipped(plan, task) for task in plan.tasks]
        self.durations = [
            0 if skipped else duration_milliseconds(task)
            for task, skipped in zip(plan.tasks, self.skipped, strict=True)
        ]
        self._groups: dict[GroupId, int] = {
            group.id: number for number, group in enumerate(plan.groups)
        }
        self.group_of: dict[TaskName, StageGroup] = {s: g for g in plan.groups for s in g.stages}
        self._reached: dict[tuple[GroupId, int], Event | None] = {}
        self.events = _EVENTS_EACH * (len(plan.tasks) + len(plan.groups))
        self.after: list[list[tuple[Event, int]]] = [[] for _ in range(self.events)]
        for number, task in enumerate(plan.tasks):
            self._add_task(number, task)
        for group in plan.groups:
            self._add_group(group)

    def start(self, task: int) -> Event:
        return _EVENTS_EACH * task + _START

    def worked(self, task: int) -> Event:
        return _EVENTS_EACH * task + _WORKED

    def landed(self, task: int) -> Event:
        return _EVENTS_EACH * task + _LANDED

    def name(self, event: Event) -> TaskName | GroupId:
        """The task or group an event belongs to."""
        number = event // _EVENTS_EACH
        tasks = len(self.tasks)
        return self.tasks[number].id if number < tasks else self.plan.groups[number - tasks].id

    def started_at(self, event: Event) -> int | None:
        """The task that this event starts, if it starts one."""
        return self._task_if(event, _START)

    def worked_at(self, event: Event) -> int | None:
        """The task whose work this event ends, if it ends any."""
        return self._task_if(event, _WORKED)

    def _task_if(self, event: Event, which: int) -> int | None:
        task, part = divmod(event, _EVENTS_EACH)
        return task if part == which and task < len(self.tasks) else None

    def waits(self) -> list[int]:
        """For each event, how many arcs lead to it."""
        count = [0] * self.events
        for arcs in self.after:
            for event, _ in arcs:
                count[event] += 1
        return count

    def _group_event(self, group: GroupId, which: int) -> Event:
        return _EVENTS_EACH * (len(self.tasks) + self._groups[group]) + which

    def _arc(self, before: Event, after: Event, lag: int = 0) -> None:
        self.after[before].append((after, lag))

    def _add_task(self, number: int, task: PlannedTask) -> None:
        self._arc(self.start(number), self.worked(number), self.durations[number])
        group = self.group_of.get(task.id)
        together = self._judging and not self.skipped[number]
        if group is not None and group.parallel and together:
            self._arc(self.worked(number), self._group_event(group.id, _JUDGED))
            self._arc(self._group_event(group.id, _JUDGED), self.landed(number))
        else:
            self._arc(self.worked(number), self.landed(number))
        if not self.skipped[number]:
            for dependency in task.depends_on:
                self._add_dependency(number, dependency)

    def _add_dependency(self, number: int, dependency: Dependency) -> None:
        if dependency.task is not None:
            self._add_task_dependency(number, self.index[dependency.task], dependency.at)
        elif dependency.group is not None:
            self._add_group_dependency(number, dependency.group, dependency.at)

    def _add_task_dependency(self, number: int, before: int, at: int) -> None:
        if at >= WHOLE:
            self._arc(self.landed(before), self.start(number))
            return
        if at > 0:
            self._arc(self.start(before), self.start(number), self.durations[before] * at // WHOLE)
        self._arc(self.landed(before), self.landed(number))

    def _add_group_dependency(self, number: int, group_id: GroupId, at: int) -> None:
        passed = self._group_event(group_id, _PASSED)
        if at >= WHOLE:
            self._arc(passed, self.start(number))
            return
        if (group_id, at) not in self._reached:
            group = self.plan.groups[self._groups[group_id]]
            self._reached[group_id, at] = self._share_reached(group, at)
        reached = self._reached[group_id, at]
        if reached is not None:
            self._arc(reached, self.start(number))
        self._arc(passed, self.landed(number))

    def _share_reached(self, group: StageGroup, at: int) -> Event | None:
        """The event by which that share of the group has landed; None if it has from the start."""
        stages = [self.index[stage] for stage in group.stages]
        weights = {stage: duration_milliseconds(self.tasks[stage]) for stage in stages}
        wanted = sum(weights.values()) * at
        landed = sum(weight for stage, weight in weights.items() if self.skipped[stage])
        if landed * WHOLE >= wanted:
            return None
        if group.parallel:
            return self._group_event(group.id, _PASSED)
        for stage in stages:
            if self.skipped[stage]:
                continue
            landed += weights[stage]
            if landed * WHOLE >= wanted:
                return self.landed(stage)
        return self._group_event(group.id, _PASSED)

    def _add_group(self, group: StageGroup) -> None:
        opened = self._group_event(group.id, _OPENED)
        passed = self._group_event(group.id, _PASSED)
        self._arc(opened, passed)
        for before in group.depends_on:
            self._arc(self._group_event(before, _PASSED), opened)
        stages = [number for s in group.stages if not self.skipped[number := self.index[s]]]
        for stage in stages:
            self._arc(opened, self.start(stage))
            self._arc(self.landed(stage), passed)
        if not group.parallel:
            for stage, following in pairwise(stages):
                self._arc(self.landed(stage), self.start(following))
