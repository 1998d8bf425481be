"""The schemas people validate against say yes to what we write, and no to what we cannot read."""

import json
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from interlock.domain.change import ChangeSet
from interlock.domain.codec import FACTS, encode
from interlock.domain.facts.base import Fact
from interlock.domain.result import Result
from interlock.domain.task import Task
from interlock.domain.worker import Worker
from tests.unit.domain.anything import any_of
from tools.generate_reference import RECORDS, schema_of

TASK_FIELDS = {
    "id", "issue_number", "title", "description", "estimated_duration", "priority",
    "required_skills", "status", "assigned_worker", "claimed_at", "started_at", "completed_at",
    "affected_files", "dependencies",
}  # fmt: skip
WORKER_FIELDS = {
    "id", "type", "name", "status", "capabilities", "current_task", "task_history",
    "registered_at", "last_heartbeat",
}  # fmt: skip
HISTORY_FIELDS = {"task_id", "started_at", "completed_at", "result"}


@cache
def validator_of(kind: type[msgspec.Struct]) -> Draft202012Validator:
    schema = json.loads(schema_of(kind))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def fields_in(schema: dict[str, Any], name: str) -> set[str]:
    return set(schema["$defs"][name]["properties"])


@pytest.mark.parametrize("kind", FACTS.values(), ids=FACTS.keys())
@given(data=st.data())
def test_every_stored_fact_fits_its_schema(kind: type[Fact], data: st.DataObject):
    stored = json.loads(encode(data.draw(any_of(kind))))
    validator_of(kind).validate(stored)


@pytest.mark.parametrize("kind", RECORDS.values(), ids=RECORDS.keys())
@given(data=st.data())
def test_every_record_fits_its_schema(kind: type[msgspec.Struct], data: st.DataObject):
    validator_of(kind).validate(json.loads(msgspec.json.encode(data.draw(any_of(kind)))))


def test_the_records_have_the_fields_that_people_know_them_by():
    assert set(RECORDS.values()) == {Task, Worker, Result, ChangeSet}
    task, worker = json.loads(schema_of(Task)), json.loads(schema_of(Worker))
    assert fields_in(task, "Task") >= TASK_FIELDS
    assert fields_in(worker, "Worker") >= WORKER_FIELDS
    assert fields_in(worker, "TaskHistory") == HISTORY_FIELDS
    assert task["$defs"]["Task"]["required"] == ["id", "title"]


@pytest.mark.parametrize(
    "wrong", [{}, {"id": "a"}, {"id": 4, "title": "x"}, {"id": "a", "title": "x", "status": "gone"}]
)
def test_what_is_no_task_does_not_fit(wrong: dict[str, object]):
    assert not validator_of(Task).is_valid(wrong)
