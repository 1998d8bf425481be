"""What an agent is asked that shall plan a goal, and the document found in its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.plan import Plan
from interlock.domain.task import TaskKind
from interlock.planning.asking import Hand, document_in, question
from interlock.planning.document import parse_plan


def test_the_question_names_the_goal_the_hands_and_every_kind():
    asked = question("  Add rate limiting {now}\n", [Hand("default"), Hand("liz", ("css",), True)])
    assert "\nAdd rate limiting {now}\n" in asked
    assert "- default: can do anything" in asked
    assert "- liz: a person; has the skills css" in asked
    assert all(f" {kind}" in asked for kind in TaskKind)


@pytest.mark.parametrize("name", ["default", "claude-fast"])
def test_the_example_in_the_question_is_a_plan_that_is_accepted(name: str):
    example = document_in(question("Anything", [Hand(name)]))
    assert example is not None
    plan = parse_plan(example.encode(), "plan.yaml", known_agents=[name], known_gates=[])
    assert isinstance(plan, Plan)
    assert {task.agent for task in plan.tasks} == {name}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", None),
        ("goal: no fence\n", None),
        ("```yaml\na: 1\n```", "a: 1\n"),
        ("```YML some words\r\na: 1\r\n```\r\n", "a: 1\n"),
        ("~~~json\n{}\n~~~", "{}\n"),
        ("one\n```yaml\na: 1\n```\ntwo\n```json\n{}\n```\nbye", "{}\n"),
        ("```yaml\na: 1\n```\n```python\nx = 1\n```", "a: 1\n"),
        ("```yaml\na: 1\n```\n```\nnot this\n```", "a: 1\n"),
        ("```\na: 1\n```", "a: 1\n"),
        ("```python\nx\n```", None),
        ("````yaml\na: |\n```\nb\n```\n````", "a: |\n```\nb\n```\n"),
        ("```yaml\na: |\n    ```sh\n    x\n    ```\n```", "a: |\n    ```sh\n    x\n    ```\n"),
        ("```yaml\na: 1\n~~~\nb: 2\n```", "a: 1\n~~~\nb: 2\n"),
        ("```yaml\na: 1\nand then it was cut", None),
        ("```yaml\na: 1\n```\n```yaml\na: 1\nb: and then it was cut", "a: 1\n"),
        ("   ```yaml\na: 1\n   ```", "a: 1\n"),
        ("    ```yaml\na: 1\n    ```", None),
    ],
)
def test_the_last_block_that_was_closed_is_the_document(words: str, found: str | None):
    assert document_in(words) == found


LINES = st.lists(st.sampled_from(["```yaml", "```", "~~~", "```json x", "a: 1", "  ```", "`", ""]))


@given(LINES)
def test_whatever_is_found_stands_in_the_words_between_two_fences(lines: list[str]):
    found = document_in("\n".join(lines))
    if found is not None:
        fences = [at for at, line in enumerate(lines) if line.lstrip().startswith(("```", "~~~"))]
        blocks = {
            "\n".join(lines[begin + 1 : end]) + "\n"
            for begin in fences
            for end in fences
            if begin < end
        }
        assert found in blocks


@given(st.text(), st.text(alphabet="ab:- \n{}[]'#"))
def test_a_document_at_the_end_is_found_whatever_was_said_before(before: str, document: str):
    quoted = "".join(f"> {line}\n" for line in before.split("\n"))
    assert document_in(f"{quoted}```yaml\n{document}\n```\n") == f"{document}\n"


@given(st.text())
def test_no_words_break_it(words: str):
    found = document_in(words)
    assert found is None or found.endswith("\n")
