"""The JSON Schema of a plan file: up to date, and of one mind with the parser."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from jsonschema import Draft202012Validator

from interlock.domain.plan import Plan
from interlock.planning.document import DOCUMENT_KEYS, parse_plan
from interlock.planning.entries import DEPENDENCY_KEYS, GROUP_KEYS, RULE_KEYS, TASK_KEYS, TRAIT_KEYS
from interlock.planning.schema import plan_schema, schema_text
from tests.unit.planning.plans import document_of, plans

ROOT = Path(__file__).resolve().parents[3]
VALIDATOR = Draft202012Validator(plan_schema())


def test_the_schema_in_the_reference_is_the_one_we_hold():
    kept = (ROOT / "docs" / "reference" / "plan.schema.json").read_text()
    assert kept == schema_text(), "run: interlock plan --schema > docs/reference/plan.schema.json"


def test_the_schema_is_one():
    Draft202012Validator.check_schema(plan_schema())


def test_the_schema_names_exactly_the_keys_that_the_parser_knows():
    schema: Any = plan_schema()
    task = schema["properties"]["tasks"]["items"]
    _, of_a_task, of_a_group = task["properties"]["depends_on"]["items"]["anyOf"]
    named = {
        DOCUMENT_KEYS: schema["properties"],
        TASK_KEYS: task["properties"],
        TRAIT_KEYS: schema["properties"]["defaults"]["properties"],
        DEPENDENCY_KEYS: of_a_task["properties"] | of_a_group["properties"],
        GROUP_KEYS: schema["properties"]["groups"]["items"]["properties"],
        RULE_KEYS: schema["properties"]["affinity"]["items"]["properties"],
    }
    for keys, properties in named.items():
        assert set(keys.names) == set(properties)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name
)
def test_each_example_fits_the_schema_and_the_parser(path: Path):
    VALIDATOR.validate(yaml.safe_load(path.read_text()))
    assert isinstance(parse_plan(path.read_bytes(), path.name), Plan)


def test_there_are_examples():
    assert {path.name for path in (ROOT / "examples").glob("*.yaml")} >= {
        "workflow.yaml",
        "authentication.yaml",
    }


@given(plans())
def test_the_schema_accepts_any_plan(made: Plan):
    VALIDATOR.validate(document_of(made))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"goal": "", "tasks": [{"id": "a", "title": "x"}]},
        {"goal": "g"},
        {"goal": "g", "tasks": []},
        {"goal": "g", "tasks": [{"id": "a"}]},
        {"goal": "g", "tasks": [{"title": "x"}]},
        {"goal": "g", "tasks": [{"id": "A", "title": "x"}]},
        {"goal": "g", "tasks": [{"id": "a-", "title": "x"}]},
        {"goal": "g", "tasks": [{"id": "a" * 65, "title": "x"}]},
        {"goal": "g", "tasks": [{"id": "a", "title": 5}]},
        {"goal": "g", "tasks": [{"id": "a", "title": "x", "titel": "y"}]},
        {"goal": "g", "tasks": [{"id": "a", "title": "x", "estimate": "soon"}]},
        {"goal": "g", "tasks": [{"id": "a", "title": "x", "estimate": -1}]},
        {"goal": "g", "tasks": [{"id": "a", "title": "x", "confidence": 101}]},
        {"goal": "g", "tasks": [{"id": "a", "title": "x", "kind": "docz"}]},
        {"goal": "g", "tasks": [{"id": "a", "title": "x", "depends_on": "b"}]},
        {"goal": "g", "tasks": [{"id": "a", "title": "x", "depends_on": [{"at": 5}]}]},
        {"goal": "g", "tasks": [{"id": "a", "title": "x", "depends_on": [{"task": "b", "by": 1}]}]},
        {"goal": "g", "tasks": [{"id": "a", "title": "x"}], "flags": {"x": "yes"}},
        {"goal": "g", "tasks": [{"id": "a", "title": "x"}], "groups": [{"id": 1, "stages": []}]},
        {"goal": "g", "tasks": [{"id": "a", "title": "x"}], "affinity": [{"agents": ["x"]}]},
    ],
    ids=str,
)  # fmt: skip
def test_what_the_schema_refuses_the_parser_refuses_too(wrong: dict[str, Any]):
    assert not VALIDATOR.is_valid(wrong)
    assert not isinstance(parse_plan(yaml.safe_dump(wrong).encode(), "plan.yaml"), Plan)
