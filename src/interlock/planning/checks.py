"""What the parts of a plan say of one another: ids that exist, once; no circle; agents we have."""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from interlock.domain.ids import GroupId, TaskName
from interlock.domain.plan import Plan
from interlock.domain.task import Dependency, PlannedTask
from interlock.planning.cycles import Circle, circles
from interlock.planning.entries import GroupEntry, RuleEntry, TaskEntry, Traits
from interlock.planning.faults import Report, quoted
from interlock.planning.fields import Word
from interlock.planning.network import WHOLE

_STEPS_SHOWN: Final = 12
_ADD_TASK: Final = "name a task of this plan, or add that task"


class Draft(msgspec.Struct, frozen=True):
    """A plan as far as its entries could be read."""

    tasks: tuple[TaskEntry, ...]
    groups: tuple[GroupEntry, ...]
    rules: tuple[RuleEntry, ...]
    shared: Traits
    flags: dict[str, bool]


def check(
    draft: Draft,
    known_agents: Collection[str] | None,
    known_gates: Collection[str] | None,
    report: Report,
) -> None:
    """Report everything in the draft that does not fit together."""
    tasks = _once_each(draft.tasks, report)
    groups = _groups_once_each(draft.groups, report)
    _check_dependencies(draft.tasks, tasks, groups, report)
    _check_groups(draft.groups, tasks, groups, report)
    _check_flags(draft, report)
    if known_agents is not None:
        _check_agents(draft, known_agents, report)
    if known_gates is not None:
        _check_gates(draft, known_gates, report)
    _check_circles(tasks, groups, report)


def _once_each(entries: Iterable[TaskEntry], report: Report) -> dict[TaskName, TaskEntry]:
    found: dict[TaskName, TaskEntry] = {}
    for entry in entries:
        name = entry.task.id
        first = found.setdefault(name, entry)
        if name and first is not entry:
            what = f"the id {quoted(name)} is given twice, first in line {first.line}"
            report.add(entry.line, what, "give one of the two tasks another id")
    found.pop(TaskName(""), None)
    return found


def _groups_once_each(entries: Iterable[GroupEntry], report: Report) -> dict[GroupId, GroupEntry]:
    found: dict[GroupId, GroupEntry] = {}
    for entry in entries:
        if entry.id is None:
            continue
        first = found.setdefault(entry.id, entry)
        if first is not entry:
            what = f"the group {entry.id} is given twice, first in line {first.line}"
            report.add(entry.line, what, "give one of the two groups another id")
    return found


# --- what waits for what ------------------------------------------------------------------------


def _check_dependencies(
    entries: Iterable[TaskEntry],
    tasks: Collection[TaskName],
    groups: dict[GroupId, GroupEntry],
    report: Report,
) -> None:
    group_of = {stage.text: entry.id for entry in groups.values() for stage in entry.stages}
    for entry in entries:
        name = entry.task.id
        owner = f"task {quoted(name)}" if name else "this task"
        seen: set[TaskName | GroupId | None] = set()
        for dependency, line in zip(entry.task.depends_on, entry.dependency_lines, strict=True):
            meant = dependency.group if dependency.task is None else dependency.task
            if meant in seen:
                report.add(line, f"{owner} depends twice on {_called(meant)}", "name it once")
            elif dependency.task is not None:
                _check_task_reference(owner, name, Word(dependency.task, line), tasks, report)
                home = group_of.get(name)
                if home is not None and group_of.get(dependency.task) == home:
                    _check_sibling(owner, groups[home], dependency, line, report)
            elif dependency.group not in groups:
                what = f"{owner} depends on group {dependency.group}, which does not exist"
                report.add(line, what, _name_a_group(groups))
            elif group_of.get(name) == dependency.group:
                what = f"{owner} depends on its own group {dependency.group}"
                report.add(line, what, "take the dependency away, or the task out of the group")
            seen.add(meant)


def _check_sibling(
    owner: str, home: GroupEntry, dependency: Dependency, line: int, report: Report
) -> None:
    """Stages of a parallel group start together and land together, so none waits for another."""
    if home.parallel and 0 < dependency.at < WHOLE:
        what = (
            f"{owner} waits until {quoted(dependency.task or '')} is {dependency.at} % done, "
            f"but both are stages of the parallel group {home.id}"
        )
        report.add(line, what, "move one to a later group, or set parallel: false")


def _check_task_reference(
    owner: str, name: TaskName, other: Word, tasks: Collection[TaskName], report: Report
) -> None:
    if other.text == name:
        report.add(other.line, f"{owner} depends on itself", "take this dependency away")
    elif other.text not in tasks:
        what = f"{owner} depends on {quoted(other.text)}, which is no task of this plan"
        report.add(other.line, what, report.did_you_mean(other.text, tasks, _ADD_TASK))


def _check_groups(
    entries: Iterable[GroupEntry],
    tasks: Collection[TaskName],
    groups: Collection[GroupId],
    report: Report,
) -> None:
    stands_in: dict[str, tuple[str, int]] = {}
    for entry in entries:
        owner = "this group" if entry.id is None else f"group {entry.id}"
        for stage in entry.stages:
            if stage.text not in tasks:
                what = f"{owner}: the stage {quoted(stage.text)} is no task of this plan"
                report.add(stage.line, what, report.did_you_mean(stage.text, tasks, _ADD_TASK))
            elif stage.text in stands_in:
                other, line = stands_in[stage.text]
                what = f"the stage {quoted(stage.text)} of {owner} is one of {other}"
                report.add(stage.line, what, f"take it out here or in line {line}")
            else:
                stands_in[stage.text] = (owner, stage.line)
        _check_groups_before(owner, entry, groups, report)


def _check_groups_before(
    owner: str, entry: GroupEntry, groups: Collection[GroupId], report: Report
) -> None:
    seen: set[GroupId] = set()
    for before, line in entry.depends_on:
        if before == entry.id:
            report.add(line, f"{owner} depends on itself", "take this dependency away")
        elif before not in groups:
            what = f"{owner} depends on group {before}, which does not exist"
            report.add(line, what, _name_a_group(groups))
        elif before in seen:
            report.add(line, f"{owner} depends twice on group {before}", "name it once")
        seen.add(before)


def _name_a_group(groups: Collection[GroupId]) -> str:
    if not groups:
        return "add it under `groups`"
    shown = ", ".join(str(group) for group in sorted(groups)[:20])
    return f"name one of the groups {shown}, or add this one"


# --- what the plan, and we, have ------------------------------------------------------------------


def _check_flags(draft: Draft, report: Report) -> None:
    for whose, traits in _all_traits(draft):
        if traits.when is not None and traits.when.text not in draft.flags:
            what = f"{whose}: unknown flag {quoted(traits.when.text)} in `when`"
            mend = "add it under `flags`, as true or false"
            report.add(
                traits.when.line, what, report.did_you_mean(traits.when.text, draft.flags, mend)
            )


def _check_agents(draft: Draft, known: Collection[str], report: Report) -> None:
    named = [
        (whose, traits.agent) for whose, traits in _all_traits(draft) if traits.agent is not None
    ]
    named += [("affinity", agent) for rule in draft.rules for agent in rule.agents]
    for whose, agent in named:
        _check_known("agent", whose, agent, known, report)
    nameless = [e for e in draft.tasks if e.own.agent is None] if draft.shared.agent is None else []
    if nameless and nameless[0].task.agent not in known:
        default = quoted(nameless[0].task.agent)
        what = f"{len(nameless)} of the tasks name no agent, and there is no agent {default}"
        mend = (
            f"name one under `defaults`, or add agents.{nameless[0].task.agent} to interlock.toml"
        )
        report.add(nameless[0].line, what, mend)


def _check_gates(draft: Draft, known: Collection[str], report: Report) -> None:
    for whose, traits in _all_traits(draft):
        for gate in traits.gates or ():
            _check_known("gate", whose, gate, known, report)


def _check_known(what: str, whose: str, word: Word, known: Collection[str], report: Report) -> None:
    if word.text not in known:
        mend = report.did_you_mean(
            word.text, known, f"add {what}s.{word.text[:40]} to interlock.toml"
        )
        report.add(word.line, f"{whose}: unknown {what} {quoted(word.text)}", mend)


def _all_traits(draft: Draft) -> list[tuple[str, Traits]]:
    """Whose they are, and what they say; the shared ones once, not once a task."""
    own = [(f"task {quoted(entry.task.id)}", entry.own) for entry in draft.tasks]
    return [("defaults", draft.shared), *own]


# --- circles --------------------------------------------------------------------------------------


def _check_circles(
    tasks: dict[TaskName, TaskEntry], groups: dict[GroupId, GroupEntry], report: Report
) -> None:
    found = circles(_sound_part(tasks, groups))
    for circle in found.named:
        line = _line_of(circle, tasks, groups)
        what = f"{_path(circle)} wait for one another in a circle"
        report.add(line, what, _way_out(circle, groups))
    if not found.all_named:
        report.add(
            1, "there may be more circles than are named", "mend these first, then look again"
        )


def _sound_part(tasks: dict[TaskName, TaskEntry], groups: dict[GroupId, GroupEntry]) -> Plan:
    """The plan without the references that are reported as faults already."""
    group_of: dict[str, GroupId] = {}
    for group_id, entry in groups.items():
        for stage in entry.stages:
            if stage.text in tasks:
                group_of.setdefault(stage.text, group_id)
    sound = []
    for group_id, entry in groups.items():
        stages = dict.fromkeys(s for s in entry.stages if group_of.get(s.text) == group_id)
        names = {stage.text: stage for stage in stages}
        before = tuple((b, line) for b, line in entry.depends_on if b in groups and b != group_id)
        part = msgspec.structs.replace(entry, stages=tuple(names.values()), depends_on=before)
        sound.append(part.group(group_id))
    return Plan(
        goal="",
        tasks=tuple(_sound_task(entry.task, tasks, groups, group_of) for entry in tasks.values()),
        groups=tuple(sound),
    )


def _sound_task(
    task: PlannedTask,
    tasks: Collection[TaskName],
    groups: Collection[GroupId],
    group_of: dict[str, GroupId],
) -> PlannedTask:
    def is_sound(dependency: Dependency) -> bool:
        if dependency.task is not None:
            return dependency.task in tasks and dependency.task != task.id
        return dependency.group in groups and group_of.get(task.id) != dependency.group

    return msgspec.structs.replace(task, depends_on=tuple(filter(is_sound, task.depends_on)))


def _line_of(
    circle: Circle, tasks: dict[TaskName, TaskEntry], groups: dict[GroupId, GroupEntry]
) -> int:
    first = circle[0]
    return groups[first].line if isinstance(first, int) else tasks[first].line


def _path(circle: Circle) -> str:
    steps = [_called(name) for name in (*circle, circle[0])]
    if len(steps) > _STEPS_SHOWN:
        left_out = len(steps) - _STEPS_SHOWN
        half = _STEPS_SHOWN // 2
        steps = [*steps[:half], f"({left_out:,} more)", *steps[-half:]]
    return " -> ".join(steps)


def _way_out(circle: Circle, groups: dict[GroupId, GroupEntry]) -> str:
    for name in circle:
        if isinstance(name, int) and groups[name].parallel:
            stages = {stage.text for stage in groups[name].stages}
            if len(stages.intersection(map(str, circle))) > 1:
                return (
                    f"the stages of group {name} are judged together, none can wait for another: "
                    "move one to a later group, or set parallel: false"
                )
    return "take one of these dependencies away"


def _called(name: TaskName | GroupId | None) -> str:
    return f"group {name}" if isinstance(name, int) else str(name)
