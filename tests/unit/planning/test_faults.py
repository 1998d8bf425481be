"""A wrong plan: refused whole, with every fault, its line and a way to mend it."""

import pytest

from interlock.planning.faults import FAULTS_MAX, Report
from tests.unit.planning.plans import refused, said

HEAD = "goal: g\ntasks:\n"
FINE = "- {id: fine, title: Fine}\n"


def only_fault(text: str, where: str = "plan.yaml", **known: object) -> tuple[str, str]:
    (fault,) = refused(text, where, **known)
    return f"{fault.where.rpartition(':')[2]}: {fault.what}", fault.mend


def test_every_fault_is_named_and_nothing_of_the_plan_is_left():
    faults = refused("""
goal: "  "
flags: {a: yes}
task: []
tasks:
  - {id: schema, titel: Tables}
  - {id: api, title: 5, depends_on: [shema, api, {task: docs, at: 120}]}
  - {id: schema, title: Twice, estimate: soon, priority: hi, kind: docz, confidence: 0.9, when: b}
  - {id: a_b, title: Docs, gates: tests}
  - just text
groups:
  - {id: 1, stages: [schema, x]}
  - {id: 1, stages: [api], depends_on: [7]}
affinity:
  - {agents: [], max_concurrent: 0, resource_profile: gpu}
""")
    assert said(faults) == [
        "2: the plan: it has no goal",
        "3: the plan: the flag 'a' must be true or false, not the text 'yes'",
        "4: the plan: unknown key 'task'",
        "6: task 'schema': unknown key 'titel'",
        "6: task 'schema': the task is empty, it has no title",
        "7: task 'api', depends_on: at is 120, outside 0 to 100",
        "7: task 'api': title must be text, not the number 5",
        "7: task 'api' depends on 'shema', which is no task of this plan",
        "7: task 'api' depends on itself",
        "7: task 'api' depends on 'docs', which is no task of this plan",
        "8: task 'schema': unknown kind 'docz'",
        "8: task 'schema': unknown priority 'hi'",
        "8: task 'schema': estimate must be a duration, not the text 'soon'",
        "8: task 'schema': confidence must be a whole number, not the number 0.9",
        "8: the id 'schema' is given twice, first in line 6",
        "8: task 'schema': unknown flag 'b' in `when`",
        "9: task 'a_b': 'a_b' is no id: 1 to 64 of a-z, 0-9 and '-', with no '-' at either end",
        "9: task 'a_b': gates must be a list, not text",
        "10: task number 5 is text",
        "12: group 1: the stage 'x' is no task of this plan",
        "13: the group 1 is given twice, first in line 12",
        "13: group 1 depends on group 7, which does not exist",
        "15: affinity rule number 1: it names no agents",
        "15: affinity rule number 1: max_concurrent is 0, outside 1 to 100000",
        "15: affinity rule number 1: unknown resource_profile 'gpu'",
    ]
    assert all(fault.mend for fault in faults)
    assert {fault.where.split(":")[0] for fault in faults} == {"plan.yaml"}


@pytest.mark.parametrize(
    ("text", "fault", "mend"),
    [
        ("tasks: [{id: a, title: b}]", "1: the plan: it has no goal", "`goal`"),
        (
            "goal: " + "x" * 20_001 + "\ntasks: [{id: a, title: b}]",
            "1: the plan: goal has 20,001 characters, 20,000 are allowed",
            "shorter",
        ),
        ("goal: g", "1: the plan: it has no tasks", "at least one"),
        ("goal: g\ntasks: []", "2: the plan: it has no tasks", "at least one"),
        ("goal: g\ntasks: {a: b}", "2: the plan: tasks must be a list, not a mapping", "list"),
        ("- a", "1: the plan is a list, not a mapping", "`goal:`"),
        ("just words", "1: the plan is text, not a mapping", "`goal:`"),
        (
            "goal: g\ntasks:\n- {id: a}",
            "3: task 'a': the task is empty, it has no title",
            "`title`",
        ),
        (
            "goal: g\ntasks:\n- {id: a, title: ' '}",
            "3: task 'a': the task is empty, it has no title",
            "`title`",
        ),
        ("goal: g\ntasks:\n- {title: a}", "3: task number 1: id is missing", "id"),
        (
            "goal: g\ntasks:\n- {id: 1, title: a}",
            "3: task '1': id must be text, not the number 1",
            "quotes: '1'",
        ),
        (
            'goal: g\ntasks:\n- {id: a, title: "a\\nb"}',
            "3: task 'a': title holds a line break or a control character",
            "take it out",
        ),
        (
            "goal: g\ntasks:\n- {id: a, title: a, when: securty}\nflags: {security: true}",
            "3: task 'a': unknown flag 'securty' in `when`",
            "did you mean 'security'?",
        ),
        (
            HEAD + FINE + "groups: [{id: 1, stages: [fine]},\n {id: 2, stages: [fine]}]",
            "5: the stage 'fine' of group 2 is one of group 1",
            "line 4",
        ),
        (
            HEAD + "- {id: a, title: a, depends_on: [{group: 1}]}\ngroups: [{id: 1, stages: [a]}]",
            "3: task 'a' depends on its own group 1",
            "out of the group",
        ),
    ],
)
def test_a_fault_says_where_what_and_how_to_mend_it(text: str, fault: str, mend: str):
    sentence, way_out = only_fault(text)
    assert sentence == fault
    assert mend in way_out


@pytest.mark.parametrize(
    ("said_of_it", "fault", "mend"),
    [
        ("estimate: -5", ": estimate must be a duration, not the number -5", "15m"),
        ("estimate: .inf", ": estimate must be a duration, not the number .inf", "15m"),
        ("estimate: [1]", ": estimate must be a duration, not a list", "15m"),
        ("estimate: 5, duration: 6", ": 'duration' says `estimate` again, first in line 3", "one"),
        ("confidence: 101", ": confidence is 101, outside 0 to 100", "0 to 100"),
        ("confidence: true", ": confidence must be a whole number, not the flag true", "0 to 100"),
        ("priority: hihg", ": unknown priority 'hihg'", "did you mean 'high'?"),
        ("kind: xyz", ": unknown kind 'xyz'", "architecture, auth"),
        ("depends_on: b", ": depends_on must be a list, not text", "[b]"),
        ("depends_on: [[b]]", ": an entry of depends_on must be text, not a list", "text"),
        (
            "depends_on: [{at: 5}]",
            ", depends_on: it needs either a task or a group",
            "{task: a, at: 50}",
        ),
        ("depends_on: [{group: 3}]", " depends on group 3, which does not exist", "`groups`"),
        ("gates: ['']", ": an entry of gates is blank", "leave it out"),
        ('prompt: "\\e[2J"', ": prompt holds a control character", "take it out"),
    ],
)
def test_a_fault_in_a_task(said_of_it: str, fault: str, mend: str):
    sentence, way_out = only_fault(f"{HEAD}- {{id: a, title: a, {said_of_it}}}")
    assert sentence == f"3: task 'a'{fault}"
    assert mend in way_out


@pytest.mark.parametrize(
    ("name", "shown", "proposal"),
    [
        ("-a", "-a", "'a'"),
        ("a-", "a-", "'a'"),
        ("a" * 65, "a" * 59 + "…", "a" * 64),
        ("Ä Big Task", "Ä Big Task", "'big-task'"),
        ("a/../b", "a/../b", "'a-b'"),
        ("???", "???", "'schema'"),
    ],
)
def test_an_id_is_safe_in_files_and_branches(name: str, shown: str, proposal: str):
    sentence, way_out = only_fault(f"{HEAD}- {{id: '{name}', title: a}}")
    rule = "is no id: 1 to 64 of a-z, 0-9 and '-', with no '-' at either end"
    assert sentence == f"3: task '{shown}': '{shown}' {rule}"
    assert proposal in way_out


@pytest.mark.parametrize(
    ("line", "fault", "mend"),
    [
        ("flag: {}\n", "the plan: unknown key 'flag'", "did you mean 'flags'?"),
        (
            "- {id: a, title: a, depends_on: [{task: fine, at: 50%}]}",
            "task 'a', depends_on: at must be a whole number, not the text '50%'",
            "0 to 100",
        ),
        (
            "- {id: a, title: a, depends_on: [fine, {task: fine, at: 5}]}",
            "task 'a' depends twice on fine",
            "once",
        ),
        (
            "- {id: a, title: a, depends_on: [fien]}",
            "task 'a' depends on 'fien', which is no task of this plan",
            "did you mean 'fine'?",
        ),
        ("defaults: {agnet: x}", "defaults: unknown key 'agnet'", "did you mean 'agent'?"),
        ("defaults: [x]", "the plan: defaults must be a mapping, not a list", "{agent: default"),
        ("flags: [x]", "the plan: flags must be a mapping, not a list", "{needs_security: true}"),
        (
            "flags: {x: on}",
            "the plan: the flag 'x' must be true or false, not the text 'on'",
            "write true, without quotes",
        ),
        (
            "flags: {x: no}",
            "the plan: the flag 'x' must be true or false, not the text 'no'",
            "write false, without quotes",
        ),
        (
            "flags: {x: 'true'}",
            "the plan: the flag 'x' must be true or false, not the text 'true'",
            "write true, without quotes",
        ),
        ("groups: [{id: 1, stages: []}]", "group 1: it has no stages", "at least one"),
        ("groups: [{stages: [fine]}]", "group number 1: id is missing", "number the groups"),
        (
            "groups: [{id: one, stages: [fine]}]",
            "group one: id must be a whole number, not the text 'one'",
            "0 to",
        ),
        (
            "groups: [{id: 1, stages: [fnie]}]",
            "group 1: the stage 'fnie' is no task of this plan",
            "did you mean 'fine'?",
        ),
        (
            "groups: [{id: 1, stages: [fine, fine]}]",
            "the stage 'fine' of group 1 is one of group 1",
            "line 4",
        ),
        (
            "groups: [{id: 1, stages: [fine], depends_on: [2]}]",
            "group 1 depends on group 2, which does not exist",
            "groups 1",
        ),
        ("groups: [{id: 1, stages: [fine], depends_on: [1]}]", "group 1 depends on itself", "take"),
        (
            "groups: [{id: 1, stages: [fine], parallel: yes}]",
            "group 1: parallel must be true or false, not the text 'yes'",
            "write true",
        ),
        ("groups: [5]", "group number 1 is the number 5", "{id: 1"),
        (
            "affinity: [{agents: [x], max_concurrent: 1}]",
            "affinity rule number 1: resource_profile is missing",
            "cpu, io, memory",
        ),
        (
            "affinity: [{agents: [x], resource_profile: io}]",
            "affinity rule number 1: max_concurrent is missing",
            "at once",
        ),
        (
            "affinity: [{max_concurrent: 1, resource_profile: io}]",
            "affinity rule number 1: it names no agents",
            "[a, b]",
        ),
    ],
)
def test_a_fault_beside_a_task_that_is_fine(line: str, fault: str, mend: str):
    sentence, way_out = only_fault(HEAD + FINE + line)
    assert sentence == f"4: {fault}"
    assert mend in way_out


def test_merge_keys_are_named_for_what_they_are():
    faults = refused(HEAD + "- &a {id: a, title: a}\n- {<<: *a, id: b, title: b}")
    assert said(faults) == ["4: task 'b': unknown key '<<'"]
    assert "`defaults`" in faults[0].mend


def test_agents_and_gates_must_be_ones_we_have():
    text = """
goal: g
defaults: {gates: [tets]}
tasks:
  - {id: a, title: a, agent: fats}
  - {id: b, title: b, gates: [lint, tests]}
  - {id: c, title: c}
affinity:
  - {agents: [fast, nobody], max_concurrent: 1, resource_profile: cpu}
"""
    faults = refused(text, known_agents=["fast", "slow"], known_gates={"tests"})
    assert list(zip(said(faults), [fault.mend for fault in faults], strict=True)) == [
        ("3: defaults: unknown gate 'tets'", "did you mean 'tests'?"),
        ("5: task 'a': unknown agent 'fats'", "did you mean 'fast'?"),
        ("6: 2 of the tasks name no agent, and there is no agent 'default'",
         "name one under `defaults`, or add agents.default to interlock.toml"),
        ("6: task 'b': unknown gate 'lint'", "add gates.lint to interlock.toml"),
        ("9: affinity: unknown agent 'nobody'", "add agents.nobody to interlock.toml"),
    ]  # fmt: skip


def test_a_task_that_cannot_be_read_does_not_make_its_dependents_wrong_twice():
    faults = refused(HEAD + "- {id: a, title: 5}\n- {id: b, title: b, depends_on: [a]}\n")
    assert said(faults) == ["3: task 'a': title must be text, not the number 5"]


def test_what_a_second_task_of_the_same_id_says_is_checked_as_well():
    faults = refused(HEAD + FINE + "- {id: fine, title: b, depends_on: [x]}\n- {depends_on: [y]}")
    assert said(faults) == [
        "4: the id 'fine' is given twice, first in line 3",
        "4: task 'fine' depends on 'x', which is no task of this plan",
        "5: task number 3: id is missing",
        "5: task number 3: the task is empty, it has no title",
        "5: this task depends on 'y', which is no task of this plan",
    ]


def test_too_many_tasks_are_one_fault():
    entries = "".join(f"- {{id: t{n}, title: x}}\n" for n in range(20_001))
    sentence, mend = only_fault(HEAD + entries + "groups: [{id: 1, stages: [t5]}]")
    assert sentence == "3: the plan: tasks has 20,001 entries, 20,000 are allowed"
    assert mend == "cut it into several"


def test_defaults_that_unfold_to_masses_are_refused():
    files = ", ".join(f"{n:0>90}/x" for n in range(900))
    entries = "".join(f"- {{id: t{n}, title: x}}\n" for n in range(1_000))
    sentence, _ = only_fault(f"defaults: {{files: [{files}]}}\n{HEAD}{entries}")
    assert (
        sentence
        == "1: the plan: defaults, repeated for 1,000 tasks, make more than 16,000,000 characters"
    )


def test_thousands_of_faults_are_counted_not_listed():
    entries = "".join(f"- {{id: t{n}, titel: x, depends_on: [gone-{n}]}}\n" for n in range(2_000))
    faults = refused(HEAD + entries)
    assert len(faults) == FAULTS_MAX + 1
    assert faults[-1].what == "5,000 more faults, not listed"
    assert faults[-1].where == "plan.yaml"


def test_the_words_of_the_author_cannot_steer_a_terminal():
    for fault in refused('goal: g\ntasks: [{id: "\\e[31m", "\\u202e\\a": 1, title: x}]'):
        assert fault.what.isprintable()
        assert fault.mend.isprintable()


def test_many_candidates_are_compared_only_where_they_look_alike():
    known = [f"task-{n}" for n in range(5_000)]
    report = Report("plan")
    assert report.did_you_mean("task-17x", known, "else") in {f"did you mean '{k}'?" for k in known}
    assert report.did_you_mean("entirely-different", known, "else") == "else"
    assert report.did_you_mean("x" * 1_000_000, known, "else") == "else"
