"""The entries of a plan file: a task, what tasks share, a stage group, an affinity rule."""

from typing import Final, TypeVar

import msgspec

from interlock.domain.group import StageGroup
from interlock.domain.ids import GroupId, TaskName
from interlock.domain.plan import AffinityRule, ResourceProfile
from interlock.domain.task import Dependency, PlannedTask, Priority, TaskKind
from interlock.planning.faults import Report, listed, quoted
from interlock.planning.fields import LINE_CHARACTERS_MAX, Fields, Keys, Word
from interlock.planning.nodes import Mapping, Node, Scalar, kind_of

TITLE_CHARACTERS_MAX: Final = 300
PROMPT_CHARACTERS_MAX: Final = 100_000
FILES_MAX: Final = 1_000
SKILLS_MAX: Final = 50
GATES_MAX: Final = 50
REFERENCES_MAX: Final = 20_000
RULE_AGENTS_MAX: Final = 100
GROUP_ID_MAX: Final = 1_000_000
CONCURRENT_MAX: Final = 100_000
PERCENT: Final = (0, 100)

TRAITS: Final = (
    "kind", "spec", "files", "priority", "estimate",
    "agent", "skills", "when", "gates", "confidence", "tests_may_go",
)  # fmt: skip
"""What a task may also take from `defaults`."""

_TRAIT_SYNONYMS: Final = {
    "type": "kind",
    "affected_files": "files",
    "estimated_duration": "estimate",
    "estimated_minutes": "estimate",
    "duration": "estimate",
    "required_skills": "skills",
    "condition": "when",
}
TRAIT_KEYS: Final = Keys(*TRAITS, also=_TRAIT_SYNONYMS)
TASK_KEYS: Final = Keys(
    "id", "title", "prompt", "depends_on", *TRAITS,
    also=_TRAIT_SYNONYMS
    | {"name": "title", "description": "prompt", "dependencies": "depends_on"},
)  # fmt: skip
DEPENDENCY_KEYS: Final = Keys("task", "group", "at")
GROUP_KEYS: Final = Keys(
    "id", "stages", "depends_on", "parallel", also={"dependencies": "depends_on"}
)
RULE_KEYS: Final = Keys("agents", "max_concurrent", "resource_profile")

KINDS: Final = {kind.value: kind for kind in TaskKind}
PRIORITIES: Final = {priority.value: priority for priority in Priority} | {
    "catastrophic": Priority.P0,
    "catastrophe": Priority.P0,
    "urgent": Priority.CRITICAL,
    "crit": Priority.CRITICAL,
    "p1": Priority.CRITICAL,
    "p2": Priority.HIGH,
    "med": Priority.MEDIUM,
    "normal": Priority.MEDIUM,
    "p3": Priority.MEDIUM,
    "minor": Priority.LOW,
    "p4": Priority.LOW,
}
PROFILES: Final[dict[str, ResourceProfile]] = {"cpu": "cpu", "memory": "memory", "io": "io"}


T = TypeVar("T")


class Traits(msgspec.Struct, frozen=True):
    """What a task says of itself or takes from the defaults; None where nothing is said."""

    kind: TaskKind | None = None
    spec: str | None = None
    files: tuple[str, ...] | None = None
    priority: Priority | None = None
    estimate_minutes: float | None = None
    agent: Word | None = None
    skills: tuple[str, ...] | None = None
    when: Word | None = None
    gates: tuple[Word, ...] | None = None
    confidence: int | None = None
    tests_may_go: bool | None = None


class TaskEntry(msgspec.Struct, frozen=True):
    """A task with what its author said in which line."""

    task: PlannedTask
    line: int
    own: Traits
    dependency_lines: tuple[int, ...]


class GroupEntry(msgspec.Struct, frozen=True):
    """A stage group with the lines of what it names."""

    id: GroupId | None
    line: int
    stages: tuple[Word, ...]
    depends_on: tuple[tuple[GroupId, int], ...]
    parallel: bool

    def group(self, group_id: GroupId) -> StageGroup:
        stages = tuple(TaskName(stage.text) for stage in self.stages)
        return StageGroup(
            group_id, stages, tuple(before for before, _ in self.depends_on), self.parallel
        )


class RuleEntry(msgspec.Struct, frozen=True):
    """An affinity rule with the lines of its agents."""

    rule: AffinityRule
    agents: tuple[Word, ...]


def read_task(node: Node, number: int, shared: Traits, report: Report) -> TaskEntry | None:
    if not isinstance(node, Mapping):
        report.add(
            node.line, f"task number {number} is {kind_of(node)}", "write {id: ..., title: ...}"
        )
        return None
    fields = Fields(node, TASK_KEYS, _label("task", node, number), report)
    name = fields.name("id")
    if "id" not in fields:
        fields.fault(fields.line, "id is missing", "give it an id of a-z, 0-9 and '-'")
    prompt = fields.text("prompt", PROMPT_CHARACTERS_MAX, lines=True) or ""
    own = read_traits(fields)
    dependencies = read_dependencies(fields)
    bare = PlannedTask(
        id=TaskName(name or ""),
        title=_title(fields, prompt),
        prompt=prompt,
        depends_on=tuple(dependency for dependency, _ in dependencies),
    )
    return TaskEntry(
        _planned(bare, own, shared),
        fields.line_of("id"),
        own,
        tuple(line for _, line in dependencies),
    )


def _label(what: str, mapping: Mapping, number: int) -> str:
    pair = mapping.entries.get("id")
    if pair is not None and isinstance(pair.node, Scalar) and pair.node.text:
        return f"{what} {quoted(pair.node.text) if what == 'task' else pair.node.text[:20]}"
    return f"{what} number {number}"


def _title(fields: Fields, prompt: str) -> str:
    """The title, or the first line of the prompt where there is no title."""
    title = fields.text("title", TITLE_CHARACTERS_MAX)
    if title:
        return title
    if prompt:
        return prompt.splitlines()[0].strip()[:TITLE_CHARACTERS_MAX]
    if title is not None or "title" not in fields:
        mend = "write what is to be done as its `title`, and more of it as its `prompt`"
        fields.fault(fields.line, "the task is empty, it has no title", mend)
    return ""


def read_traits(fields: Fields) -> Traits:
    return Traits(
        kind=fields.choice("kind", KINDS),
        spec=fields.text("spec", LINE_CHARACTERS_MAX),
        files=_texts(fields, "files", FILES_MAX),
        priority=fields.choice("priority", PRIORITIES),
        estimate_minutes=fields.minutes("estimate"),
        agent=_word(fields, "agent"),
        skills=_texts(fields, "skills", SKILLS_MAX),
        when=_word(fields, "when"),
        gates=tuple(fields.words("gates", GATES_MAX)) if "gates" in fields else None,
        confidence=fields.whole("confidence", *PERCENT),
        tests_may_go=fields.flag("tests_may_go"),
    )


def _word(fields: Fields, name: str) -> Word | None:
    text = fields.text(name, LINE_CHARACTERS_MAX)
    return Word(text, fields.line_of(name)) if text else None


def _texts(fields: Fields, name: str, items_max: int) -> tuple[str, ...] | None:
    return tuple(word.text for word in fields.words(name, items_max)) if name in fields else None


def _planned(bare: PlannedTask, own: Traits, shared: Traits) -> PlannedTask:
    """The task with its own traits, else the shared ones, else what a task has when nobody says."""
    agent, when = own.agent or shared.agent, own.when or shared.when
    gates = _first(own.gates, shared.gates, ())
    confidence = own.confidence if own.confidence is not None else shared.confidence
    estimate = own.estimate_minutes if own.estimate_minutes is not None else shared.estimate_minutes
    return msgspec.structs.replace(
        bare,
        kind=_first(own.kind, shared.kind, bare.kind),
        spec=_first(own.spec, shared.spec, bare.spec),
        files=_first(own.files, shared.files, bare.files),
        priority=_first(own.priority, shared.priority, bare.priority),
        estimate_minutes=estimate,
        agent=bare.agent if agent is None else agent.text,
        skills=_first(own.skills, shared.skills, bare.skills),
        when=None if when is None else when.text,
        gates=tuple(gate.text for gate in gates),
        confidence=confidence,
        tests_may_go=_first(own.tests_may_go, shared.tests_may_go, bare.tests_may_go),
    )


def _first(own: T | None, shared: T | None, otherwise: T) -> T:
    if own is not None:
        return own
    return otherwise if shared is None else shared


def read_dependencies(fields: Fields) -> list[tuple[Dependency, int]]:
    """What the task waits for, each with its line."""
    found = []
    for node in fields.items("depends_on", REFERENCES_MAX):
        dependency = _dependency(node, fields)
        if dependency is not None:
            found.append((dependency, node.line))
    return found


def _dependency(node: Node, fields: Fields) -> Dependency | None:
    if not isinstance(node, Mapping):
        text = fields.text_of(node, "an entry of depends_on", LINE_CHARACTERS_MAX)
        return None if text is None else Dependency(task=TaskName(text))
    inner = Fields(node, DEPENDENCY_KEYS, f"{fields.owner}, depends_on", fields.report)
    if ("task" in inner) == ("group" in inner):
        inner.fault(
            node.line, "it needs either a task or a group", "write {task: a, at: 50} or {group: 1}"
        )
        return None
    at = inner.whole("at", *PERCENT)
    at = PERCENT[1] if at is None else at
    if "group" in inner:
        group = inner.whole("group", 0, GROUP_ID_MAX)
        return None if group is None else Dependency(group=GroupId(group), at=at)
    task = inner.text("task", LINE_CHARACTERS_MAX)
    return None if task is None else Dependency(task=TaskName(task), at=at)


def read_group(node: Node, number: int, report: Report) -> GroupEntry | None:
    if not isinstance(node, Mapping):
        report.add(
            node.line, f"group number {number} is {kind_of(node)}", "write {id: 1, stages: [a, b]}"
        )
        return None
    fields = Fields(node, GROUP_KEYS, _label("group", node, number), report)
    if "id" not in fields:
        fields.fault(fields.line, "id is missing", "number the groups: id: 1, id: 2, and so on")
    group_id = fields.whole("id", 0, GROUP_ID_MAX)
    stages = [Word(stage.text, stage.line) for stage in _stages(fields)]
    before = []
    for item in fields.items("depends_on", REFERENCES_MAX):
        other = fields.whole_of(item, "an entry of depends_on", 0, GROUP_ID_MAX)
        if other is not None:
            before.append((GroupId(other), item.line))
    parallel = fields.flag("parallel")
    return GroupEntry(
        None if group_id is None else GroupId(group_id),
        fields.line_of("id"),
        tuple(stages),
        tuple(before),
        parallel is not False,
    )


def _stages(fields: Fields) -> list[Word]:
    """Every mention of a stage, also a second one: that is a fault, nothing to pass over."""
    nodes = fields.items("stages", REFERENCES_MAX)
    if "stages" not in fields or fields.is_empty_list("stages"):
        fields.fault(
            fields.line_of("stages"), "it has no stages", "name at least one task in `stages`"
        )
    texts = [
        (fields.text_of(node, "an entry of stages", LINE_CHARACTERS_MAX), node) for node in nodes
    ]
    return [Word(text, node.line) for text, node in texts if text is not None]


def read_rule(node: Node, number: int, report: Report) -> RuleEntry | None:
    owner = f"affinity rule number {number}"
    if not isinstance(node, Mapping):
        mend = "write {agents: [a, b], max_concurrent: 1, resource_profile: cpu}"
        report.add(node.line, f"{owner} is {kind_of(node)}", mend)
        return None
    fields = Fields(node, RULE_KEYS, owner, report)
    agents = fields.words("agents", RULE_AGENTS_MAX)
    if "agents" not in fields or fields.is_empty_list("agents"):
        fields.fault(fields.line_of("agents"), "it names no agents", "write agents: [a, b]")
    most = fields.whole("max_concurrent", 1, CONCURRENT_MAX)
    if "max_concurrent" not in fields:
        fields.fault(
            fields.line, "max_concurrent is missing", "write how many of them may work at once"
        )
    profile = fields.choice("resource_profile", PROFILES)
    if "resource_profile" not in fields:
        fields.fault(
            fields.line, "resource_profile is missing", f"write one of: {listed(PROFILES)}"
        )
    if most is None or profile is None:
        return None
    rule = AffinityRule(tuple(agent.text for agent in agents), most, profile)
    return RuleEntry(rule, tuple(agents))
