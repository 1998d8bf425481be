"""Tasks and workers as other tools write them."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.ids import TaskId, TaskName, WorkerId
from interlock.domain.imports import ImportFault, task_from_import, worker_from_import
from interlock.domain.task import Activity, Priority, Task, TaskStatus
from interlock.domain.worker import TaskHistory, Worker, WorkerStatus
from tests.unit.domain.anything import any_of

NOW = datetime(2031, 5, 6, 9, 30, tzinfo=UTC)
FORMATTERS = {
    "id": "issue-4-phase-2",
    "issueNumber": 4,
    "title": "Implement CLI formatters (table, box, progress, tree)",
    "description": "Four formatters that every command can use.",
    "estimatedDuration": 45,
    "priority": "high",
    "requiredSkills": ["typescript", "cli-design"],
    "status": "backlog",
    "affectedFiles": [
        "agents/ui/table.ts",
        "agents/ui/box.ts",
        "agents/ui/progress.ts",
        "agents/ui/tree.ts",
    ],
    "dependencies": [],
}
CODEGEN = {
    "id": "agent-codegen-1",
    "type": "agent",
    "name": "CodeGenAgent-1",
    "status": "available",
    "capabilities": ["typescript", "cli-design"],
}


def task(**fields: object) -> Task:
    imported = task_from_import({"id": "issue-4", **fields})
    assert isinstance(imported, Task), imported
    return imported


def faults(document: object) -> list[tuple[str, str]]:
    refused = task_from_import(document)
    assert isinstance(refused, list)
    assert all(fault.mend for fault in refused)
    return [(fault.field, fault.what) for fault in refused]


def test_the_formatters_task_comes_in_whole():
    assert task_from_import(FORMATTERS) == Task(
        id=TaskName("issue-4-phase-2"),
        title="Implement CLI formatters (table, box, progress, tree)",
        issue_number=4,
        description="Four formatters that every command can use.",
        estimated_duration=45.0,
        priority=Priority.HIGH,
        required_skills=("typescript", "cli-design"),
        affected_files=(
            "agents/ui/table.ts",
            "agents/ui/box.ts",
            "agents/ui/progress.ts",
            "agents/ui/tree.ts",
        ),
    )


def test_the_codegen_worker_comes_in_whole():
    assert worker_from_import(CODEGEN, NOW) == Worker(
        id=WorkerId("agent-codegen-1"),
        type="agent",
        name="CodeGenAgent-1",
        registered_at=NOW,
        status=WorkerStatus.AVAILABLE,
        capabilities=("typescript", "cli-design"),
    )


def test_a_worker_in_the_middle_of_its_life_keeps_its_past():
    busy = {
        **CODEGEN,
        "status": "busy",
        "currentTask": "issue-5",
        "taskHistory": [
            {
                "taskId": "issue-4",
                "startedAt": "2031-05-06T08:00:00+02:00",
                "completedAt": "2031-05-06T06:45:00Z",
                "result": "success",
            },
            {"taskId": "issue-5", "startedAt": "2031-05-06T07:00:00Z"},
        ],
        "registeredAt": "2031-05-01T00:00:00Z",
        "lastHeartbeat": "2031-05-06T09:29:50Z",
    }
    six, seven = NOW.replace(hour=6, minute=0), NOW.replace(hour=7, minute=0)
    assert worker_from_import(busy, NOW) == Worker(
        id=WorkerId("agent-codegen-1"),
        type="agent",
        name="CodeGenAgent-1",
        registered_at=datetime(2031, 5, 1, tzinfo=UTC),
        status=WorkerStatus.BUSY,
        capabilities=("typescript", "cli-design"),
        current_task=TaskId("issue-5"),
        task_history=(
            TaskHistory(TaskId("issue-4"), six, six + timedelta(minutes=45), "success"),
            TaskHistory(TaskId("issue-5"), seven),
        ),
        last_heartbeat=NOW - timedelta(seconds=10),
    )


@given(original=any_of(Task), name=st.from_regex(r"[a-z0-9][a-z0-9-]{0,9}", fullmatch=True))
def test_what_we_write_ourselves_comes_back_the_same(original: Task, name: str):
    minutes = None if original.estimated_duration is None else 45.0
    given_task = msgspec.structs.replace(
        original, id=TaskName(name), estimated_duration=minutes, dependencies=(name,)
    )
    written = json.loads(msgspec.json.encode(given_task))
    assert task_from_import(written) == given_task
    assert task_from_import({camel(name): value for name, value in written.items()}) == given_task


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def test_missing_fields_get_their_defaults():
    assert task() == Task(id=TaskName("issue-4"), title="issue-4")
    assert task(title=None, priority=None) == Task(id=TaskName("issue-4"), title="issue-4")
    human = worker_from_import({"id": "human-1"}, NOW)
    assert human == Worker(WorkerId("human-1"), "human", "human-1", NOW)
    agent = worker_from_import({"id": "agent-1", "currentTask": "issue-4"}, NOW)
    assert isinstance(agent, Worker)
    assert (agent.type, agent.status) == ("agent", WorkerStatus.BUSY)


@pytest.mark.parametrize(("written", "minutes"), [("15 min", 15), ("1h30m", 90), (20, 20)])
def test_durations_come_as_people_write_them(written: object, minutes: float):
    assert task(estimatedDuration=written).estimated_duration == minutes


@pytest.mark.parametrize(
    ("written", "priority"),
    [
        ("P0", Priority.P0),
        ("catastrophic", Priority.P0),
        ("[CRITICAL]", Priority.CRITICAL),
        ("urgent", Priority.CRITICAL),
        ("HIGH", Priority.HIGH),
        ("[MED]", Priority.MEDIUM),
        ("normal", Priority.MEDIUM),
        ("p4", Priority.LOW),
    ],
)
def test_priorities_have_many_names(written: str, priority: Priority):
    assert task(priority=written).priority is priority


@pytest.mark.parametrize("written", ["in_progress", "inProgress", "In Progress", "in-progress"])
def test_a_status_is_known_in_every_spelling(written: str):
    assert task(status=written).status is TaskStatus.IN_PROGRESS
    assert task(activity="quickFix").activity is Activity.QUICK_FIX


def test_every_fault_is_told_at_once():
    assert faults(
        {
            "title": 4,
            "estimatedDuration": "soon",
            "priority": "p9",
            "claimedAt": "2031-05-06T09:30:00",
            "issueNumber": "four",
            "dependencies": ["Issue 3"],
            "owner": "me",
        }
    ) == [
        ("title", "4 does not fit: Expected `str`, got `int`"),
        ("estimatedDuration", "'soon' is not a duration"),
        ("priority", "'p9' is not known here"),
        ("claimedAt", "'2031-05-06T09:30:00' has no time zone"),
        ("issueNumber", "'four' does not fit: Expected `int | null`, got `str`"),
        ("dependencies", "'Issue 3' cannot name anything"),
        ("owner", "there is no such field"),
        ("id", "it is missing"),
    ]


def test_a_fault_says_how_to_mend_it():
    assert task_from_import({"id": "issue-4", "priority": "p9"}) == [
        ImportFault(
            "priority", "'p9' is not known here", "use one of p0, critical, high, medium, low"
        )
    ]


def test_two_spellings_of_one_field_are_not_a_choice_of_ours():
    document = {"id": "issue-4", "issueNumber": 4, "issue_number": 5}
    assert faults(document) == [("issue_number", "it stands here twice, in two spellings")]


@pytest.mark.parametrize("document", [None, 4, "issue-4", [], ["issue-4"]])
def test_what_is_no_record_is_one_fault(document: object):
    assert faults(document) == [("document", f"it is {document!r}, not an object with fields")]


@pytest.mark.parametrize(
    "history",
    [
        4,
        [4],
        [{"taskId": "issue-4"}],
        [{"taskId": "issue-4", "startedAt": "yesterday"}],
        [{"taskId": "issue-4", "startedAt": "2031-05-06T09:30:00"}],
        [{"taskId": "issue-4", "startedAt": "2031-05-06T09:30:00Z", "result": "so-so"}],
        [{"taskId": "issue-4", "startedAt": "2031-05-06T09:30:00Z", "mood": "good"}],
    ],
)
def test_a_wrong_past_is_refused(history: object):
    refused = worker_from_import({**CODEGEN, "taskHistory": history}, NOW)
    assert isinstance(refused, list)
    assert [fault.field for fault in refused] == ["taskHistory"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
known_fields = st.sampled_from(sorted(Task.__struct_fields__ + Worker.__struct_fields__))


@given(document=st.dictionaries(known_fields | st.text(max_size=4), anything) | anything)
def test_any_document_is_taken_or_refused_and_nothing_else(document: object):
    assert isinstance(task_from_import(document), Task | list)
    assert isinstance(worker_from_import(document, NOW), Worker | list)
