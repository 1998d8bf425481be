"""Plans for the tests of this room: read from text, made by hand, or drawn at random."""

import json
from collections.abc import Collection
from typing import Any

from hypothesis import strategies as st

from interlock.domain.group import StageGroup
from interlock.domain.ids import GroupId, TaskName
from interlock.domain.plan import AffinityRule, Plan
from interlock.domain.task import Dependency, PlannedTask, Priority, TaskKind
from interlock.planning.document import parse_plan
from interlock.planning.faults import Fault


def accepted(text: str, where: str = "plan.yaml", **known: Collection[str]) -> Plan:
    found = parse_plan(text.encode(), where, **known)
    assert isinstance(found, Plan), found
    return found


def refused(
    text: str | bytes, where: str = "plan.yaml", **known: Collection[str]
) -> tuple[Fault, ...]:
    found = parse_plan(text.encode() if isinstance(text, str) else text, where, **known)
    assert not isinstance(found, Plan)
    assert found
    return found


def said(faults: tuple[Fault, ...]) -> list[str]:
    """Line and sentence of each fault."""
    return [f"{fault.where.rpartition(':')[2]}: {fault.what}" for fault in faults]


def task(
    name: str,
    minutes: float | None = None,
    *after: str | Dependency,
    **more: Any,  # noqa: ANN401
) -> PlannedTask:
    dependencies = (
        each if isinstance(each, Dependency) else Dependency(task=TaskName(each)) for each in after
    )
    return PlannedTask(
        TaskName(name), name, depends_on=tuple(dependencies), estimate_minutes=minutes, **more
    )


def at(name: str | int, percent: int) -> Dependency:
    if isinstance(name, int):
        return Dependency(group=GroupId(name), at=percent)
    return Dependency(task=TaskName(name), at=percent)


def group(
    number: int, *stages: str, after: tuple[int, ...] = (), parallel: bool = True
) -> StageGroup:
    before = tuple(GroupId(each) for each in after)
    return StageGroup(GroupId(number), tuple(TaskName(stage) for stage in stages), before, parallel)


def plan(*tasks: PlannedTask, groups: tuple[StageGroup, ...] = (), **more: Any) -> Plan:  # noqa: ANN401
    return Plan("Try it out", tasks, groups=groups, **more)


# --- a plan as its author would write it --------------------------------------------------------


def document_of(made: Plan) -> dict[str, Any]:
    """In canonical spelling; what is left out is what the parser fills in."""
    document: dict[str, Any] = {"goal": made.goal, "flags": made.flags}
    document["tasks"] = [task_document(each) for each in made.tasks]
    document["groups"] = [
        {
            "id": each.id,
            "stages": list(each.stages),
            "depends_on": list(each.depends_on),
            "parallel": each.parallel,
        }
        for each in made.groups
    ]
    document["affinity"] = [
        {
            "agents": list(rule.agents),
            "max_concurrent": rule.max_concurrent,
            "resource_profile": rule.resource_profile,
        }
        for rule in made.affinity
    ]
    return document


def task_document(each: PlannedTask) -> dict[str, Any]:
    said_of_it = {
        "id": each.id,
        "title": each.title,
        "prompt": each.prompt,
        "kind": each.kind,
        "spec": each.spec,
        "files": list(each.files),
        "depends_on": [dependency_document(dependency) for dependency in each.depends_on],
        "priority": each.priority,
        "estimate": each.estimate_minutes,
        "agent": each.agent,
        "skills": list(each.skills),
        "when": each.when,
        "gates": list(each.gates),
        "confidence": each.confidence,
    }
    return {key: value for key, value in said_of_it.items() if value not in (None, "", [])}


def dependency_document(dependency: Dependency) -> str | dict[str, object] | None:
    if dependency.group is not None:
        return {"group": dependency.group, "at": dependency.at}
    if dependency.at == 100:
        return dependency.task
    return {"task": dependency.task, "at": dependency.at}


def json_of(made: Plan) -> str:
    return json.dumps(document_of(made))


# --- drawn at random ----------------------------------------------------------------------------

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
WORDS = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20
).filter(lambda text: text.strip() == text and text != "")
AGENTS = st.sampled_from(["default", "billy", "liz", "roy"])
PERCENTS = st.integers(0, 100)


@st.composite
def plans(draw: st.DrawFn, tasks_max: int = 10) -> Plan:
    """Valid plans: tasks wait for earlier ones only, groups are neighbours in the plan."""
    names = draw(st.lists(NAMES, min_size=1, max_size=tasks_max, unique=True))
    flags = draw(st.dictionaries(NAMES, st.booleans(), max_size=3))
    groups = draw(neighbours(names))
    tasks = tuple(
        draw(one_task(name, names[:place], groups, tuple(flags)))
        for place, name in enumerate(names)
    )
    return Plan(draw(WORDS), tasks, flags, groups, tuple(draw(st.lists(RULES, max_size=2))))


RULES = st.builds(
    AffinityRule,
    st.lists(AGENTS, min_size=1, unique=True).map(tuple),
    st.integers(1, 3),
    st.sampled_from(["cpu", "memory", "io"]),
)


@st.composite
def neighbours(draw: st.DrawFn, names: list[str]) -> tuple[StageGroup, ...]:
    found: list[StageGroup] = []
    place = draw(st.integers(0, len(names)))
    while place < len(names) and draw(st.booleans()):
        size = draw(st.integers(1, 4))
        stages = names[place : place + size]
        before = draw(st.sets(st.integers(0, len(found) - 1), max_size=2)) if found else set()
        after = tuple(sorted(before))
        found.append(group(len(found), *stages, after=after, parallel=draw(st.booleans())))
        place += size + draw(st.integers(0, 1))
    return tuple(found)


@st.composite
def one_task(
    draw: st.DrawFn,
    name: str,
    earlier: list[str],
    groups: tuple[StageGroup, ...],
    flags: tuple[str, ...],
) -> PlannedTask:
    own = next((each for each in groups if name in each.stages), None)
    passed = [each for each in groups if set(each.stages) <= set(earlier)]
    dependencies: list[Dependency] = []
    if earlier:
        for other in draw(st.lists(st.sampled_from(earlier), max_size=3, unique=True)):
            together = own is not None and own.parallel and other in own.stages
            # Stages of a parallel group start together; only the order of landing is left.
            percent = 0 if together else draw(PERCENTS)
            dependencies.append(at(other, percent))
    if passed and draw(st.booleans()):
        dependencies.append(at(draw(st.sampled_from(passed)).id, draw(PERCENTS)))
    return PlannedTask(
        id=TaskName(name),
        title=draw(WORDS),
        prompt=draw(st.just("") | WORDS | st.just("Line one\nline two\t:\n- no: yaml")),
        kind=draw(st.sampled_from(list(TaskKind))),
        files=tuple(draw(st.lists(WORDS, max_size=2, unique=True))),
        depends_on=tuple(dependencies),
        priority=draw(st.sampled_from(list(Priority))),
        estimate_minutes=draw(st.none() | st.sampled_from([0.0, 0.5, 1.0, 7.0, 30.0, 90.0])),
        agent=draw(AGENTS),
        skills=tuple(draw(st.lists(WORDS, max_size=2, unique=True))),
        when=draw(st.none() | st.sampled_from(flags)) if flags else None,
        gates=tuple(draw(st.lists(NAMES, max_size=2, unique=True))),
        confidence=draw(st.none() | PERCENTS),
    )
