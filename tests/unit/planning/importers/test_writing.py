"""A plan as a file: what it looks like, and words that YAML would take for something else."""

import pytest

from interlock.domain.plan import Plan
from interlock.planning.document import parse_plan
from interlock.planning.writing import plan_document, plan_text
from tests.unit.planning.plans import at, group, plan, task


def test_a_plan_as_a_file():
    made = plan(
        task("a", 15, prompt="One\n\n  two", files=("x/**",)),
        task("b", None, "a", at("a2", 50), at(1, 80)),
        task("a2"),
        flags={"on": True},
        groups=(group(1, "a2"),),
    )
    assert plan_text(made) == (
        "goal: Try it out\nflags:\n  'on': true\ntasks:\n- id: a\n  title: a\n  prompt: |-\n"
        "    One\n\n      two\n  files:\n  - x/**\n  estimate: 15\n- id: b\n  title: b\n"
        "  depends_on:\n  - a\n  - task: a2\n    at: 50\n  - group: 1\n    at: 80\n"
        "- id: a2\n  title: a2\ngroups:\n- id: 1\n  stages:\n  - a2\n"
    )
    assert list(plan_document(made)) == ["goal", "flags", "tasks", "groups"]


@pytest.mark.parametrize(
    "words",
    [
        "yes", "no", "null", "~", "1", "0o17", "0x1f", "1e3", ".5", ".inf", "12:30", "2026-01-01",
        "- a", "# no comment", "a: b", "a #b", "[x]", "{x}", "&a", "*a", "!a", "%TAG", "'", '"',
        "@", "a\nb", "a\n\n b", "\u2028x", "x\u2029y", "ü\nü", "a\n# b", "---\na", "a:\n- b",
        "=", "<<",        "a\t\nb", "😀", "true\nfalse", "|", ">", "a\\n", "trailing:", "a \nb",
    ],
)  # fmt: skip
def test_any_words_read_back(words: str):
    made = Plan(words, (task("a", prompt=words, skills=("1", "yes")),))
    read = parse_plan(plan_text(made).encode(), "plan.yaml")
    assert read == Plan(words.strip(), (task("a", prompt=words.strip(), skills=("1", "yes")),))
