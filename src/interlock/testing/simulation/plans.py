"""Random plans that planning would accept: eight tasks as a rule, sometimes over a hundred."""

import random
from typing import Final

from interlock.domain.group import StageGroup
from interlock.domain.ids import GroupId, TaskName
from interlock.domain.plan import AffinityRule, Plan
from interlock.domain.task import Dependency, PlannedTask, Priority

AGENTS: Final = ("default", "billy", "liz")
SKILLS: Final = ("python", "sql")
FLAGS: Final = ("perf", "security")
_PRIORITIES: Final = (
    Priority.LOW,
    Priority.MEDIUM,
    Priority.MEDIUM,
    Priority.HIGH,
    Priority.CRITICAL,
)


def random_plan(dice: random.Random) -> Plan:
    """A plan of a random shape; one third of them has explicit groups."""
    size = (
        dice.randint(101, 130)
        if dice.random() < 0.05
        else max(1, round(dice.lognormvariate(2.05, 0.5)))
    )
    names = [TaskName(f"t{index}") for index in range(size)]
    groups = _groups(names, dice) if size >= 3 and dice.random() < 0.35 else ()
    group_of = {stage: group for group in groups for stage in group.stages}
    tasks = tuple(_task(index, names, groups, group_of, dice) for index in range(size))
    return Plan(
        "rehearse", tasks, {flag: dice.random() < 0.5 for flag in FLAGS}, groups, _affinity(dice)
    )


def _groups(names: list[TaskName], dice: random.Random) -> tuple[StageGroup, ...]:
    """Neighbouring tasks, each group after some groups before it; some tasks stay outside."""
    groups: list[StageGroup] = []
    at = dice.randint(0, 2)
    while at < len(names) and len(groups) < 12:
        width = dice.randint(1, 4)
        number = GroupId(len(groups) + 1)
        before = tuple(g.id for g in groups if dice.random() < 0.5) if groups else ()
        groups.append(
            StageGroup(number, tuple(names[at : at + width]), before, dice.random() < 0.75)
        )
        at += width + (dice.random() < 0.3)
    return tuple(groups)


def _task(
    index: int,
    names: list[TaskName],
    groups: tuple[StageGroup, ...],
    group_of: dict[TaskName, StageGroup],
    dice: random.Random,
) -> PlannedTask:
    name = names[index]
    return PlannedTask(
        id=name,
        title=f"Task {index}",
        depends_on=_depends_on(index, names, groups, group_of, dice),
        priority=Priority.P0 if dice.random() < 0.02 else dice.choice(_PRIORITIES),
        estimate_minutes=round(dice.uniform(0.2, 6.0), 2),
        agent=dice.choice(AGENTS),
        skills=(dice.choice(SKILLS),) if dice.random() < 0.2 else (),
        when=dice.choice(FLAGS) if dice.random() < 0.1 else None,
    )


def _depends_on(
    index: int,
    names: list[TaskName],
    groups: tuple[StageGroup, ...],
    group_of: dict[TaskName, StageGroup],
    dice: random.Random,
) -> tuple[Dependency, ...]:
    """Earlier tasks only, and none that its own group could wait for in a circle."""
    own = group_of.get(names[index])
    earlier = [n for n in names[:index] if _may_precede(n, own, names)]
    chosen = dice.sample(earlier, min(len(earlier), dice.choice((0, 0, 1, 1, 2, 3))))
    found = [Dependency(task=n, at=dice.choice((100, 100, 100, 50, 25))) for n in sorted(chosen)]
    done = [
        g
        for g in groups
        if names.index(g.stages[-1]) < (names.index(own.stages[0]) if own else index)
    ]
    if done and dice.random() < 0.1:
        found.append(Dependency(group=dice.choice(done).id, at=dice.choice((100, 50))))
    return tuple(found)


def _may_precede(name: TaskName, own: StageGroup | None, names: list[TaskName]) -> bool:
    """Groups settle as wholes, so a stage waits only for what lies before its group."""
    return own is None or names.index(name) < names.index(own.stages[0])


def _affinity(dice: random.Random) -> tuple[AffinityRule, ...]:
    if dice.random() < 0.6:
        return ()
    return (
        AffinityRule(("billy", "liz"), dice.randint(1, 2), dice.choice(("cpu", "memory", "io"))),
    )
