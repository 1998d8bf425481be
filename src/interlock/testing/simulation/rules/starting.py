"""May this task get a worker now? One lease, dependencies, groups, limits, p0, pause and stop."""

from collections.abc import Iterator
from typing import Final

from interlock.domain.facts.base import Fact
from interlock.domain.facts.lease import LeaseGranted
from interlock.domain.facts.task import TaskSkipped
from interlock.domain.ids import GroupId
from interlock.domain.task import ESTIMATE_MINUTES_DEFAULT, Dependency
from interlock.testing.simulation.books import (
    Books,
    GroupEntry,
    RunEntry,
    Seen,
    TaskEntry,
    stages_of,
)

ALL: Final = 100
"""Percent at which a dependency has landed, and not merely come far enough."""


def one_live_lease(seen: Seen[LeaseGranted]) -> str:
    books, task, fact = seen.books, seen.task, seen.fact
    if task.lease is not None:
        return f"{fact.lease_id} is granted while {task.lease.lease_id} is live"
    if fact.token <= task.token:
        return f"token {fact.token} does not grow: it was {task.token} before"
    if fact.lease_id in books.leases:
        return f"{fact.lease_id} was granted before"
    return ""


def not_after_landing(seen: Seen[LeaseGranted]) -> str:
    return "" if seen.task.landed is None else "it has landed and is given to a worker again"


def not_while_held(seen: Seen[LeaseGranted]) -> str:
    books, task = seen.books, seen.task
    if books.stopped or books.part_lost:
        return "a lease is granted although everything is stopped"
    if books.paused or task.run.paused:
        return "a lease is granted although new starts are held"
    return ""


def on_its_condition(seen: Seen[LeaseGranted]) -> str:
    task = seen.task
    flag = task.planned.when
    return (
        "" if flag is None or flag in task.run.flags else f"it is leased although {flag} is false"
    )


def not_skipped_on_its_condition(seen: Seen[TaskSkipped]) -> str:
    task = seen.task
    flag = task.planned.when
    return (
        "it is skipped although nothing says so" if flag is None or flag in task.run.flags else ""
    )


def worker_fits(seen: Seen[LeaseGranted]) -> str:
    books, task, fact = seen.books, seen.task, seen.fact
    worker = books.workers.get(fact.worker_id)
    if worker is None or not worker.online or worker.session != fact.session:
        return f"{fact.worker_id} is not there to take it"
    if worker.holds >= worker.capacity:
        return f"{fact.worker_id} has its hands full with {worker.holds}"
    if worker.agent != task.planned.agent or not worker.capabilities.issuperset(
        task.planned.skills
    ):
        return f"{fact.worker_id} cannot do this kind of work"
    return ""


# --- what comes before it -------------------------------------------------------------------------


def far_enough(seen: Seen[LeaseGranted]) -> str:
    """Full dependencies have landed, partial ones are as far as the plan asks."""
    task = seen.task
    late = [d for d in task.planned.depends_on if _reached(task.run, d) < d.at]
    return f"it starts before {_names(late)}" if late else ""


def _reached(run: RunEntry, dependency: Dependency) -> float:
    """How many percent of what is depended on are there."""
    if dependency.group is not None:
        return _landed_share(run, run.groups[dependency.group])
    other = None if dependency.task is None else run.tasks.get(dependency.task)
    if other is None:
        return 0.0
    return ALL if other.satisfied else min(other.percent, ALL - 1)


def _landed_share(run: RunEntry, group: GroupEntry) -> float:
    """By estimate; only a whole group counts as all of it, however small the rest."""
    stages = stages_of(run, group)
    if all(stage.satisfied for stage in stages):
        return ALL
    total = sum(stage.planned.estimate_minutes or ESTIMATE_MINUTES_DEFAULT for stage in stages)
    landed = sum(
        stage.planned.estimate_minutes or ESTIMATE_MINUTES_DEFAULT
        for stage in stages
        if stage.satisfied
    )
    return min(ALL * landed / total, ALL - 0.001)


def all_landed(seen: Seen[Fact]) -> str:
    """A task that was allowed to start early lands only after all it depends on."""
    task = seen.task
    late = [d for d in task.planned.depends_on if _reached(task.run, d) < ALL]
    return f"it lands before {_names(late)}" if late else ""


def _names(dependencies: list[Dependency]) -> str:
    return ", ".join(str(d.task if d.group is None else f"group {d.group}") for d in dependencies)


def group_is_open(seen: Seen[LeaseGranted]) -> str:
    task = seen.task
    group, run = task.group, task.run
    if group is None:
        return ""
    if group.status != "running":
        return f"a stage is leased while group {group.id} is {group.status}"
    if any(run.groups[before].status != "passed" for before in group.depends_on):
        return f"a stage of group {group.id} is leased before the groups it depends on have passed"
    if not group.parallel:
        earlier = group.stages[: group.stages.index(task.planned.id)]
        if not all(run.tasks[stage].satisfied for stage in earlier):
            return f"group {group.id} goes one after another, and a stage before this one is open"
    return ""


# --- how many at once, and who first --------------------------------------------------------------


def within_limits(seen: Seen[Fact]) -> str:
    """Room for this one: it counts already if it works, else it would be one more."""
    books, task = seen.books, seen.task
    run, more = task.run, 0 if task.works else 1
    if books.working + more > run.limits.workers:
        return f"{books.working + more} tasks work at once, {run.limits.workers} may"
    if task.group is not None and run.working_stages + more > run.limits.parallel_stages:
        return f"{run.working_stages + more} stages work at once, {run.limits.parallel_stages} may"
    for rule in run.affinity:
        if task.planned.agent in rule.agents:
            count = sum(run.working_agents.get(agent, 0) for agent in rule.agents) + more
            if count > rule.max_concurrent:
                return f"{count} of {'/'.join(rule.agents)} work at once, {rule.max_concurrent} may"
    return ""


def p0_first(seen: Seen[Fact]) -> str:
    """While a p0 task has the plane, only it and what blocks it may have a worker."""
    books, task = seen.books, seen.task
    if not books.p0 or task.id in books.p0:
        return ""
    if any(task.id in _blockers(books, p0) for p0 in books.p0):
        return ""
    return f"it goes on while p0 task {min(books.p0)} has the plane"


def _blockers(books: Books, p0: str) -> set[str]:
    found: set[str] = set()
    todo = [books.tasks[p0]] if p0 in books.tasks else []
    while todo:
        for other in _before(todo.pop()):
            if not other.satisfied and other.id not in found:
                found.add(other.id)
                todo.append(other)
    return found


def _before(task: TaskEntry) -> Iterator[TaskEntry]:
    """Its dependencies, the groups before its own, and the stages that settle together with it."""
    run, groups = task.run, [d.group for d in task.planned.depends_on if d.group is not None]
    for dependency in task.planned.depends_on:
        if dependency.task in run.tasks:
            yield run.tasks[dependency.task]
    if task.group is not None:
        groups.extend((*task.group.depends_on, task.group.id))
    for group in _not_passed(run, groups):
        yield from stages_of(run, group)


def _not_passed(run: RunEntry, groups: list[GroupId]) -> list[GroupEntry]:
    """These groups and all before them: each must pass before the next may start."""
    found: dict[GroupId, GroupEntry] = {}
    todo = list(groups)
    while todo:
        group = run.groups[todo.pop()]
        if group.id not in found and group.status != "passed":
            found[group.id] = group
            todo.extend(group.depends_on)
    return list(found.values())
