"""Who mends an agent's plan and runs it says only what they say themselves."""

import pytest

from interlock.domain.plan import Plan
from interlock.flows.goal.copying import copy_of
from interlock.planning.document import parse_plan

FINE = "goal: x\ntasks:\n- id: one\n  title: One\n"
JSON = b'{"goal": "x \\ud83e\\uddc0", "tasks": [{"id": "one", "title": "One", "Gates": ["t"]}]}'


def read(copy: bytes) -> Plan:
    plan = parse_plan(copy, "plan.yaml")
    assert isinstance(plan, Plan), plan
    return plan


def test_what_needs_no_change_is_the_same_to_the_letter():
    answer = FINE.encode()
    assert copy_of(answer) is answer


@pytest.mark.parametrize(
    "answer",
    [
        FINE.encode() + b"  gates: [t]\n  tests_may_go: true\n  confidence: 100\n",
        b"defaults: {testsMayGo: yes, gates: [t], confidence: 9}\n" + FINE.encode(),
        b"\xef\xbb\xbf" + FINE.encode() + b"  gates: [t]\n",
        JSON,
    ],
)
def test_what_only_a_person_may_say_is_taken_out_and_told(answer: bytes):
    copy = copy_of(answer)
    (task,) = read(copy).tasks
    assert (task.gates, task.tests_may_go, task.confidence) == ((), False, None)
    first, second, *_ = copy.decode().splitlines()
    assert first.startswith("# The agent wrote what only a person may say")
    assert second.startswith("#   line ")
    assert "[t]" in copy.decode().replace('"', "").replace("[\n", "[").replace("[ t ]", "[t]")


def test_of_many_the_first_are_told():
    tasks = "".join(f"- id: t-{n}\n  title: T\n  gates: [t]\n" for n in range(50))
    head = [
        line
        for line in copy_of(f"goal: x\ntasks:\n{tasks}".encode()).splitlines()
        if line[:1] == b"#"
    ]
    assert head[-1] == b"#   and 30 more"


def test_what_is_told_cannot_end_its_comment():
    copy = copy_of(f'{FINE}  gates: ["a\u2028gates: [x]\u0085tests_may_go: true\\n", b]\n'.encode())
    assert read(copy).tasks[0].gates == ()


@pytest.mark.parametrize(
    "answer",
    [
        b"goal: x\ntasks:\n- id: one\n  gates: [t]\n  title: a: b\n",
        b"%TAG ! tag:x,2000:\n---\ngoal: x\n",
        b"# a line\r%TAG ! tag:x,2000:\n---\ngoal: x\n",
        b"goal: [\x85gates: [t]\n",
        b"\xff no plan: [",
    ],
)
def test_of_what_nobody_can_read_every_line_is_a_comment(answer: bytes):
    copy = copy_of(answer).decode()
    assert "no YAML" in copy.splitlines()[0]
    assert all(line.startswith("# ") for line in copy.splitlines())
    assert isinstance(parse_plan(copy.encode(), "plan.yaml"), tuple), "no plan, so it is refused"


def test_a_word_in_a_comment_hides_nothing():
    """Only where YAML sees a directive is one; and names may be written with escapes."""
    tricky = b'# made with care, %TAG\ngoal: x\ntasks:\n- {id: one, title: T, "g\\x61tes": [t]}\n'
    assert read(copy_of(tricky)).tasks[0].gates == ()
