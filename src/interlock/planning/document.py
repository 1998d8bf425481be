r"""A plan document becomes a validated plan, or a list of everything that is wrong with it.

parse_plan(b"goal: Log in\ntasks: [{id: a, title: Table}]", "plan.yaml") -> Plan(...)
parse_plan(b"goal: Log in", "plan.yaml") -> (Fault("plan.yaml:1", ...),)
"""

from collections.abc import Collection
from typing import Final

from interlock.domain.goal import GOAL_CHARACTERS_MAX
from interlock.domain.plan import Plan
from interlock.planning.checks import Draft, check
from interlock.planning.composer import CHARACTERS_MAX
from interlock.planning.entries import (
    TRAIT_KEYS,
    TaskEntry,
    Traits,
    read_group,
    read_rule,
    read_task,
    read_traits,
)
from interlock.planning.faults import Fault, Report, quoted
from interlock.planning.fields import NAME_CHARACTERS_MAX, Fields, Keys
from interlock.planning.nodes import Mapping, kind_of
from interlock.planning.source import read_document

TASKS_MAX: Final = 20_000
GROUPS_MAX: Final = 20_000
RULES_MAX: Final = 100
FLAGS_MAX: Final = 1_000

DOCUMENT_KEYS: Final = Keys(
    "goal", "defaults", "flags", "tasks", "groups", "affinity", "$schema",
    also={"stage_groups": "groups", "affinity_rules": "affinity"},
)  # fmt: skip


def parse_plan(
    text: bytes,
    where: str,
    *,
    known_agents: Collection[str] | None = None,
    known_gates: Collection[str] | None = None,
) -> Plan | tuple[Fault, ...]:
    """The whole plan, or every fault in it; never a part of a plan."""
    report = Report(where)
    root = read_document(text, where, report)
    if root is None:
        return report.faults()
    if not isinstance(root, Mapping):
        what = f"the plan is {kind_of(root)}, not a mapping"
        report.add(root.line, what, "write `goal:` and `tasks:` at the left margin")
        return report.faults()
    fields = Fields(root, DOCUMENT_KEYS, "the plan", report)
    goal = _goal(fields)
    draft = _draft(fields)
    if draft.tasks:
        check(draft, known_agents, known_gates, report)
    return report.faults() if report else _plan(goal, draft)


def _goal(fields: Fields) -> str:
    goal = fields.text("goal", GOAL_CHARACTERS_MAX, lines=True)
    if goal == "" or "goal" not in fields:
        fields.fault(fields.line_of("goal"), "it has no goal", "say in `goal` what this is all for")
    return goal or ""


def _draft(fields: Fields) -> Draft:
    shared = _shared(fields)
    tasks = _tasks(fields, shared)
    _check_repetition(fields, shared, len(tasks))
    groups = [
        read_group(node, n, fields.report)
        for n, node in enumerate(fields.items("groups", GROUPS_MAX), 1)
    ]
    rules = [
        read_rule(node, n, fields.report)
        for n, node in enumerate(fields.items("affinity", RULES_MAX), 1)
    ]
    return Draft(
        tuple(tasks),
        tuple(group for group in groups if group is not None),
        tuple(rule for rule in rules if rule is not None),
        shared,
        _flags(fields),
    )


def _tasks(fields: Fields, shared: Traits) -> list[TaskEntry]:
    nodes = fields.items("tasks", TASKS_MAX)
    if "tasks" not in fields or fields.is_empty_list("tasks"):
        fields.fault(
            fields.line_of("tasks"), "it has no tasks", "write at least one: - {id: a, title: ...}"
        )
    entries = [read_task(node, n, shared, fields.report) for n, node in enumerate(nodes, 1)]
    return [entry for entry in entries if entry is not None]


def _shared(fields: Fields) -> Traits:
    node = fields.node("defaults")
    if node is None:
        return Traits()
    if not isinstance(node, Mapping):
        what = f"defaults must be a mapping, not {kind_of(node)}"
        fields.fault(node.line, what, "write for example {agent: default, gates: [tests]}")
        return Traits()
    return read_traits(Fields(node, TRAIT_KEYS, "defaults", fields.report))


def _check_repetition(fields: Fields, shared: Traits, tasks: int) -> None:
    """What every task takes over is counted as often as it is taken."""
    texts = [
        *(shared.files or ()),
        *(shared.skills or ()),
        *(gate.text for gate in shared.gates or ()),
    ]
    if tasks * sum(len(text) + 1 for text in texts) > CHARACTERS_MAX:
        what = (
            f"defaults, repeated for {tasks:,} tasks, make more than {CHARACTERS_MAX:,} characters"
        )
        fields.fault(fields.line_of("defaults"), what, "share less")


def _flags(fields: Fields) -> dict[str, bool]:
    node = fields.node("flags")
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        what = f"flags must be a mapping, not {kind_of(node)}"
        fields.fault(node.line, what, "write for example {needs_security: true}")
        return {}
    if len(node.entries) > FLAGS_MAX:
        fields.fault(
            node.line, f"it has more than {FLAGS_MAX:,} flags", "leave out what no `when` names"
        )
        return {}
    flags = {}
    for name, pair in node.entries.items():
        if not name.strip() or len(name) > NAME_CHARACTERS_MAX:
            fields.fault(
                pair.line, f"{quoted(name)} is no name for a flag", "take 1 to 64 characters"
            )
        # A flag with a wrong value is still one that a `when` may name.
        flags[name] = bool(fields.flag_of(pair.node, f"the flag {quoted(name)}"))
    return flags


def _plan(goal: str, draft: Draft) -> Plan:
    return Plan(
        goal=goal,
        tasks=tuple(entry.task for entry in draft.tasks),
        flags=draft.flags,
        groups=tuple(entry.group(entry.id) for entry in draft.groups if entry.id is not None),
        affinity=tuple(entry.rule for entry in draft.rules),
    )
