"""Recorded conversations with Claude Code, and what is made of lines that nobody recorded."""

import json
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec.structs import replace

from interlock.adapters.claude.conversation import CALLS_MAX, ClaudeConversation
from interlock.domain.ids import CommitId, TaskId, TaskName
from interlock.domain.settings import AgentProfile
from interlock.domain.task import PlannedTask
from interlock.sandbox.ports import BoxEnded
from interlock.workers.agents.json_lines import Document, document_in, text_in
from interlock.workers.agents.pending import DETAIL_MAX, QUESTIONS_MAX
from interlock.workers.agents.ports import (
    AgentEvent,
    AgentRefused,
    Assignment,
    Called,
    Ended,
    Said,
    Touched,
    Used,
    Wanted,
)
from interlock.workers.agents.talking import Parting, Step

RECORDED = Path(__file__).parent / "recorded"
SESSION = "00000001-0000-4000-8000-000000000000"
Event = TypeVar("Event", bound=AgentEvent)
OK = Parting(BoxEnded(0))
FAILED = Parting(BoxEnded(1))

TASK = Assignment(
    TaskId("R1-t"),
    PlannedTask(TaskName("t"), "Title"),
    1,
    CommitId("0" * 40),
    "Mend it.",
    AgentProfile("default", "claude"),
    timedelta(minutes=1),
    feedback="The tests failed.",
    box="bubblewrap",
)


class Played:
    """A recording heard to its end, with every question answered alike."""

    def __init__(self, name: str, answer: str = "allow", task: Assignment = TASK) -> None:
        self.conversation = ClaudeConversation(task, SESSION)
        self.told: list[Document] = []
        self.events: list[AgentEvent] = []
        self.over = False
        self._take(self.conversation.begin())
        for line in (RECORDED / f"{name}.jsonl").read_text().splitlines():
            self._take(self.conversation.hear(json.loads(line)))
            if self.events and isinstance(self.events[-1], Wanted) and not self.over:
                wanted = self.events[-1]
                self.events.append(Said(""))
                self._take(self.conversation.answer(wanted.id, answer))

    def _take(self, step: Step) -> None:
        self.told += step.told
        self.events += step.events
        self.over = self.over or step.over

    def ended(self, code: int = 0) -> Ended:
        return self.conversation.end(Parting(BoxEnded(code)))

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def response(self) -> Document:
        return document_in(self.told[-1], "response", "response")


def test_an_edit_as_it_was_recorded():
    played = Played("edit")
    assert played.of(Called) == [Called("Write", "a.txt")]
    assert played.of(Touched) == [Touched("a.txt")]
    assert Said("All done.") in played.events
    assert played.of(Used) == [Used(206, 40, 14, 0.0016328000000000002)]
    assert played.over
    assert played.ended() == Ended(summary="All done.", session=SESSION)


def test_it_is_told_its_task_once_it_is_ready():
    first, second, *_ = Played("edit").told
    assert first["request"] == {"subtype": "initialize", "hooks": None}
    assert second["message"] == {"role": "user", "content": "Mend it.\n\nThe tests failed."}
    assert second["client_composed"] is True


def test_what_it_asks_names_the_tool_and_what_it_is_for():
    (wanted,) = Played("denied", "deny: not here").of(Wanted)
    assert (wanted.tool, wanted.detail) == ("Bash", "touch made; echo x")
    assert wanted.question == "May it use Bash: touch made; echo x"


@pytest.mark.parametrize(
    ("answer", "behavior", "message"),
    [
        ("allow", "allow", None),
        (" Allow ", "allow", None),
        ("deny: too much", "deny", "too much"),
        ("deny", "deny", "It was denied."),
        ("rather not", "deny", "rather not"),
    ],
)
def test_answers_are_put_in_its_words(answer: str, behavior: str, message: str | None):
    response = Played("denied", answer).response()
    assert response["behavior"] == behavior
    assert response.get("message") == message
    if behavior == "allow":
        assert response["updatedInput"] == {"command": "touch made; echo x", "description": "make"}


def test_a_question_to_a_person_is_answered_in_words():
    played = Played("asked", "B, because it is smaller")
    (wanted,) = played.of(Wanted)
    assert (wanted.question, wanted.options, wanted.tool) == ("Which one?", ("A", "B"), "")
    answers = document_in(played.response(), "updatedInput", "answers")
    assert answers == {"Which one?": "B, because it is smaller"}


def test_what_it_was_denied_stands_in_its_summary():
    assert Played("denied", "deny").ended().summary == "All done. (It was denied: Bash.)"
    refused = Played("refused")
    assert any("[denied]" in said.text for said in refused.of(Said))
    assert not refused.of(Wanted)


def test_a_success_with_an_error_in_it_is_none():
    played = Played("unreachable")
    assert "could not be reached" in played.ended(1).broken
    assert any("tries again" in said.text for said in played.of(Said))


@pytest.mark.parametrize(
    ("status", "its_own"), [(400, True), (413, True), (401, False), (429, False), (529, False)]
)
def test_only_a_refused_request_is_its_own_failure(status: int, its_own: bool):
    conversation = ClaudeConversation(TASK, SESSION)
    conversation.hear(
        {"type": "result", "subtype": "success", "is_error": True, "api_error_status": status}
    )
    end = conversation.end(FAILED)
    assert bool(end.failed) is its_own
    assert bool(end.broken) is not its_own


def test_an_interruption_is_nobodys_fault():
    conversation = ClaudeConversation(TASK, SESSION)
    asked = conversation.interrupt()
    assert asked.told[0]["request"] == {"subtype": "interrupt"}
    for line in (RECORDED / "interrupted.jsonl").read_text().splitlines():
        conversation.hear(json.loads(line))
    assert conversation.end(FAILED) == Ended(broken="claude was interrupted", session=SESSION)
    assert conversation.interrupt() == Step()


def test_one_that_is_interrupted_before_it_is_ready_is_told_nothing_more():
    conversation = ClaudeConversation(TASK, SESSION)
    conversation.begin()
    conversation.interrupt()
    response: Document = {"type": "control_response", "response": {"request_id": "1"}}
    assert conversation.hear(response) == Step(over=True)
    assert conversation.end(OK) == Ended(broken="claude was interrupted", session=SESSION)


def test_an_exit_alone_says_nothing():
    conversation = ClaudeConversation(TASK, SESSION)
    assert conversation.end(OK).failed == "claude ended without a result"
    assert "signal 9" in conversation.end(Parting(BoxEnded(137))).failed


def test_a_result_is_believed_only_as_far_as_the_exit_agrees():
    played = Played("edit")
    assert "done and ended with code 1" in played.ended(1).failed
    stayed = Parting(BoxEnded(137, "killed"), (), overstayed=True)
    assert played.conversation.end(stayed).summary == "All done."
    flooded = Parting(BoxEnded(137, "output"))
    assert "more than its box allows" in played.conversation.end(flooded).failed


def test_one_that_is_resumed_hears_the_answer_and_no_more():
    task = replace(TASK, answer="Take B.", session=SESSION)
    conversation = ClaudeConversation(task, SESSION)
    conversation.begin()
    conversation.hear({"type": "interlock.resumed"})
    step = conversation.hear({"type": "control_response", "response": {"request_id": "1"}})
    assert step.told[0]["message"] == {"role": "user", "content": "Take B."}


def test_a_lost_conversation_begins_anew():
    task = replace(TASK, answer="Take B.", session=SESSION)
    conversation = ClaudeConversation(task, SESSION)
    conversation.begin()
    step = conversation.hear({"type": "control_response", "response": {"request_id": "1"}})
    assert "Mend it." in str(step.told[0]["message"])


def test_it_is_told_its_task_only_once():
    conversation = ClaudeConversation(TASK, SESSION)
    conversation.begin()
    response: Document = {"type": "control_response", "response": {"request_id": "1"}}
    assert conversation.hear(response).told
    assert conversation.hear(response) == Step()


def asks(number: int, tool: str = "Bash", **given: object) -> Document:
    request = {"subtype": "can_use_tool", "tool_name": tool, "input": given}
    return {"type": "control_request", "request_id": f"q{number}", "request": request}


def test_a_read_only_one_is_refused_by_us():
    conversation = ClaudeConversation(replace(TASK, read_only=True), SESSION)
    step = conversation.hear(asks(1, command="touch x"))
    assert not step.events
    assert "read-only" in str(step.told)
    assert "deny" in str(conversation.hear(asks(2, "Write", file_path="/workspace/x")).told)
    assert "deny" in str(conversation.hear(asks(3, "Write", file_path="/outbox/../etc/x")).told)
    assert "allow" in str(conversation.hear(asks(4, "Write", file_path="/outbox/plan.yaml")).told)


def test_too_many_questions_and_too_long_ones_are_refused():
    conversation = ClaudeConversation(TASK, SESSION)
    assert "deny" in str(conversation.hear(asks(0, command="x" * (DETAIL_MAX + 1))).told)
    steps = [conversation.hear(asks(number, command="x")) for number in range(QUESTIONS_MAX + 1)]
    assert all(step.events for step in steps[:-1])
    assert not steps[-1].events
    assert "deny" in str(steps[-1].told)


def test_a_question_that_it_takes_back_has_no_answer():
    conversation = ClaudeConversation(TASK, SESSION)
    conversation.hear(asks(1))
    conversation.hear({"type": "control_cancel_request", "request_id": "q1"})
    with pytest.raises(AgentRefused):
        conversation.answer("q1", "allow")


def test_what_else_it_requests_is_refused_politely():
    conversation = ClaudeConversation(TASK, SESSION)
    request = {"subtype": "hook_callback"}
    step = conversation.hear({"type": "control_request", "request_id": "q", "request": request})
    assert text_in(step.told[0], "response", "subtype") == "error"


def test_paths_are_shown_without_detours():
    conversation = ClaudeConversation(TASK, SESSION)
    (wanted,) = conversation.hear(asks(1, "Edit", file_path="/workspace/a/../secrets/key")).events
    assert isinstance(wanted, Wanted)
    assert wanted.detail == "secrets/key"


def test_a_workspace_by_another_name_is_the_workspace():
    conversation = ClaudeConversation(TASK, SESSION)
    conversation.hear({"type": "system", "subtype": "init", "cwd": "/srv/work/7"})
    inside, outside = (
        conversation.hear(asks(number, "Edit", file_path=f"/srv/work/{name}")).events[0]
        for number, name in enumerate(("7/app.py", "77/app.py"))
    )
    assert isinstance(inside, Wanted)
    assert isinstance(outside, Wanted)
    assert (inside.detail, outside.detail) == ("app.py", "/srv/work/77/app.py")


def test_a_failed_tool_touches_nothing():
    conversation = ClaudeConversation(TASK, SESSION)
    call = {"type": "tool_use", "id": "t", "name": "Write", "input": {"file_path": "x"}}
    conversation.hear({"type": "assistant", "message": {"content": [call]}})
    result = {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": "no room"}
    (event,) = conversation.hear({"type": "user", "message": {"content": [result]}}).events
    assert event == Said("[Write failed] no room")


def test_calls_that_never_come_back_do_not_pile_up():
    conversation = ClaudeConversation(TASK, SESSION)
    for number in range(CALLS_MAX * 2):
        call = {"type": "tool_use", "id": f"t{number}", "name": "Write", "input": {}}
        conversation.hear({"type": "assistant", "message": {"content": [call]}})
    assert len(conversation._calls) == CALLS_MAX


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)
LINES = [
    json.loads(line)
    for path in sorted(RECORDED.glob("*.jsonl"))
    for line in path.read_text().splitlines()
]


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to everything in it."""
    found = [path] if path else []
    if isinstance(value, dict):
        inner = list(value.items())
    else:
        inner = list(enumerate(value)) if isinstance(value, list) else []
    return found + [deeper for key, each in inner for deeper in places(each, (*path, key))]


def bent(line: Document, place: tuple[str | int, ...], value: object) -> Document:
    copy: Document = json.loads(json.dumps(line))
    where = copy
    for key in place[:-1]:
        where = where[key]
    where[place[-1]] = value
    return copy


@st.composite
def malformed(draw: st.DrawFn) -> Document:
    """A recorded line with something else in one place."""
    line = draw(st.sampled_from(LINES))
    return bent(line, draw(st.sampled_from(places(line))), draw(json_values))


@given(st.lists(malformed() | st.dictionaries(st.text(max_size=8), json_values), max_size=5))
def test_no_line_breaks_it_and_all_it_says_can_be_told(lines: list[Document]):
    conversation = ClaudeConversation(TASK, SESSION)
    conversation.begin()
    for line in lines:
        step = conversation.hear(line)
        json.dumps(step.told)
        for event in step.events:
            if isinstance(event, Wanted):
                json.dumps(conversation.answer(event.id, "allow").told)
            if isinstance(event, Used):
                assert min(event.input_tokens, event.output_tokens, event.cached_tokens) >= 0
    for parting in (OK, FAILED, Parting(BoxEnded(137, "killed"), (), overstayed=True)):
        end = conversation.end(parting)
        assert not (end.failed and end.broken)
        assert end.session == SESSION


@given(malformed())
def test_only_a_result_that_says_so_is_a_success(line: Document):
    conversation = ClaudeConversation(TASK, SESSION)
    conversation.hear(line)
    end = conversation.end(OK)
    plain = line.get("type") == "result" and line.get("is_error") is False
    assert (not end.failed and not end.broken) == plain
