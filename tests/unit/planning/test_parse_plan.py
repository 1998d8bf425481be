"""A right plan: every field arrives, in whatever spelling an author or an import uses."""

import json
from pathlib import Path

import pytest
from hypothesis import given

from interlock.domain.plan import Plan
from interlock.domain.task import Dependency, PlannedTask, Priority, TaskKind
from interlock.planning.document import parse_plan
from tests.unit.planning.plans import (
    accepted,
    at,
    document_of,
    group,
    json_of,
    plan,
    plans,
    refused,
    task,
)

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"

WHOLE = """
goal: |
  Implement user authentication
defaults: {agent: default, gates: [tests]}
flags: {needs_security: true}
tasks:
  - id: schema
    title: Database schema for users and sessions
    prompt: |
      Write it.
        Indented.
    kind: crud
    spec: openspec/changes/add-auth
    files: ["app/models/**"]
    depends_on: []
    priority: high
    estimate: 15m
    agent: fast
    skills: [python]
    when: needs_security
    gates: [tests, lint]
    confidence: 85
  - id: api
    title: API
    depends_on: [schema, {task: later, at: 50}, {group: 1}, {group: 2, at: 5}]
  - {id: later, title: Later}
  - {id: last, title: Last}
groups:
  - {id: 1, stages: [schema], depends_on: [], parallel: true}
  - {id: 2, stages: [later, last], depends_on: [1], parallel: false}
affinity:
  - {agents: [billy, liz], max_concurrent: 1, resource_profile: cpu}
"""


def test_every_field_of_a_plan_arrives():
    read = accepted(
        WHOLE, known_agents={"default", "fast", "billy", "liz"}, known_gates={"tests", "lint"}
    )
    assert read.goal == "Implement user authentication"
    assert read.flags == {"needs_security": True}
    assert read.tasks == (
        PlannedTask(
            id="schema",
            title="Database schema for users and sessions",
            prompt="Write it.\n  Indented.",
            kind=TaskKind.CRUD,
            spec="openspec/changes/add-auth",
            files=("app/models/**",),
            priority=Priority.HIGH,
            estimate_minutes=15.0,
            agent="fast",
            skills=("python",),
            when="needs_security",
            gates=("tests", "lint"),
            confidence=85,
        ),
        PlannedTask(
            id="api",
            title="API",
            depends_on=(
                Dependency(task="schema"),
                Dependency(task="later", at=50),
                Dependency(group=1),
                Dependency(group=2, at=5),
            ),
            gates=("tests",),
        ),
        PlannedTask(id="later", title="Later", gates=("tests",)),
        PlannedTask(id="last", title="Last", gates=("tests",)),
    )
    assert read.groups == (
        group(1, "schema"),
        group(2, "later", "last", after=(1,), parallel=False),
    )
    (rule,) = read.affinity
    assert (rule.agents, rule.max_concurrent, rule.resource_profile) == (("billy", "liz"), 1, "cpu")


def test_the_smallest_plan():
    read = accepted("{goal: g, tasks: [{id: a, title: b}]}")
    assert read == Plan("g", (PlannedTask("a", "b"),))


@given(plans())
def test_any_plan_comes_back_from_its_document(made: Plan):
    in_yaml = "--- " + json.dumps(document_of(made), ensure_ascii=False, indent=1)
    for text, where in ((json_of(made), "p.json"), (json_of(made), "p.yaml"), (in_yaml, "p.yaml")):
        assert parse_plan(text.encode(), where) == made


def test_names_in_camel_case_and_from_imports_mean_the_same():
    imported = """{
      "goal": "g", "stageGroups": [{"id": 1, "stages": ["a"], "dependsOn": []}],
      "tasks": [{"id": "a", "title": "t", "description": "d", "estimatedDuration": 45,
                 "requiredSkills": ["python"], "affectedFiles": ["x.py"], "dependencies": ["b"]},
                {"id": "b", "name": "t", "prompt": "d", "estimated_duration": "15 min",
                 "dependsOn": [], "type": "docs"}],
      "affinityRules": [{"agents": ["x"], "maxConcurrent": 2, "resourceProfile": "io"}]
    }"""
    canonical = """
    goal: g
    tasks:
      - {id: a, title: t, prompt: d, estimate: 45m, skills: [python], files: [x.py],
         depends_on: [b]}
      - {id: b, title: t, prompt: d, estimate: 15, kind: docs}
    groups: [{id: 1, stages: [a]}]
    affinity: [{agents: [x], max_concurrent: 2, resource_profile: io}]
    """
    assert accepted(imported, "p.json") == accepted(canonical)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("med", Priority.MEDIUM),
        ("normal", Priority.MEDIUM),
        ("P0", Priority.P0),
        ("catastrophic", Priority.P0),
        ("urgent", Priority.CRITICAL),
        ("HIGH", Priority.HIGH),
        ("low", Priority.LOW),
    ],
)
def test_priorities_have_other_names_too(said: str, meant: Priority):
    assert (
        accepted(f"{{goal: g, tasks: [{{id: a, title: b, priority: {said}}}]}}").tasks[0].priority
        == meant
    )


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("15 min", 15),
        ("1h30m", 90),
        ("90s", 1.5),
        ("45", 45),
        ("2 hours", 120),
        ("0", 0),
        ("'20'", 20),
        ("1.5", 1.5),
    ],
)
def test_estimates_are_read_as_people_write_them(said: str, minutes: float):
    read = accepted(f"{{goal: g, tasks: [{{id: a, title: b, estimate: {said}}}]}}")
    assert read.tasks[0].estimate_minutes == minutes


def test_kinds_may_be_written_with_an_underscore():
    read = accepted("{goal: g, tasks: [{id: a, title: b, kind: Data_Deletion}]}")
    assert read.tasks[0].kind is TaskKind.DATA_DELETION


def test_defaults_fill_what_a_task_leaves_open():
    read = accepted("""
    goal: g
    defaults: {agent: x, gates: [tests], priority: low, kind: docs, estimate: 5m, skills: [go],
               files: [a], spec: s, when: f, confidence: 50}
    flags: {f: true, g: false}
    tasks:
      - {id: takes-all, title: t}
      - {id: takes-none, title: t, agent: y, gates: [], priority: high, kind: ui, estimate: 0,
         skills: [py], files: [], spec: z, when: g, confidence: 0}
    """)
    assert read.tasks == (
        PlannedTask(
            "takes-all", "t", "", TaskKind.DOCS, "s", ("a",), (), Priority.LOW, 5.0,
            "x", ("go",), "f", ("tests",), 50,
        ),
        PlannedTask(
            "takes-none", "t", "", TaskKind.UI, "z", (), (), Priority.HIGH, 0.0,
            "y", ("py",), "g", (), 0,
        ),
    )  # fmt: skip


def test_a_key_without_a_value_counts_as_left_out():
    read = accepted(
        "goal: g\nflags:\ngroups:\ntasks:\n- id: a\n  title: b\n  prompt:\n  depends_on:\n"
    )
    assert read == Plan("g", (PlannedTask("a", "b"),))


def test_without_a_title_the_first_line_of_the_prompt_is_one():
    read = accepted("goal: g\ntasks:\n- id: a\n  prompt: |\n\n    Do this.\n    And that.\n")
    assert (read.tasks[0].title, read.tasks[0].prompt) == ("Do this.", "Do this.\nAnd that.")


def test_what_is_named_twice_in_a_list_counts_once():
    read = accepted("{goal: g, tasks: [{id: a, title: b, gates: [x, y, x], skills: [s, s]}]}")
    assert (read.tasks[0].gates, read.tasks[0].skills) == (("x", "y"), ("s",))


def test_the_largest_plan_that_is_allowed():
    entries = "".join(
        f"- {{id: t{n}, title: x, depends_on: [t{n - 1}]}}\n" for n in range(1, 20_000)
    )
    read = accepted("goal: g\ntasks:\n- {id: t0, title: x}\n" + entries)
    assert len(read.tasks) == 20_000


def test_an_early_start_inside_a_sequential_group_is_no_circle():
    stages = group(1, "a", "b", parallel=False)
    made = plan(task("a"), task("b", None, at("a", 50)), groups=(stages,))
    assert accepted(json_of(made)) == made


def test_an_early_start_inside_a_parallel_group_is_refused():
    made = plan(task("a"), task("b", None, at("a", 50)), groups=(group(1, "a", "b"),))
    assert "both are stages of the parallel group 1" in refused(json_of(made))[0].what


@pytest.mark.parametrize("name", ["workflow", "authentication"])
def test_the_examples_are_right(name: str):
    path = EXAMPLES / f"{name}.yaml"
    read = accepted(path.read_text(), path.name)
    assert parse_plan(json.dumps(document_of(read)).encode(), "plan.json") == read
