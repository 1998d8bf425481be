"""Recorded conversations with Codex, and what is made of lines that nobody recorded."""

import json
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec.structs import replace

from interlock.adapters.codex.conversation import CodexConversation
from interlock.adapters.codex.items import PATCHES_MAX, PATHS_MAX
from interlock.domain.ids import CommitId, TaskId, TaskName
from interlock.domain.settings import AgentProfile
from interlock.domain.task import PlannedTask
from interlock.sandbox.ports import BoxEnded
from interlock.workers.agents.json_lines import Document, document_in, text_in, value_in
from interlock.workers.agents.pending import DETAIL_MAX, QUESTIONS_MAX
from interlock.workers.agents.ports import (
    AgentEvent,
    AgentRefused,
    Assignment,
    Called,
    Ended,
    Moved,
    Said,
    Touched,
    Used,
    Wanted,
)
from interlock.workers.agents.talking import Parting, Step

RECORDED = Path(__file__).parent / "recorded"
LINES = [
    json.loads(line)
    for path in sorted(RECORDED.iterdir())
    for line in path.read_text().splitlines()
]
Event = TypeVar("Event", bound=AgentEvent)

TASK = Assignment(
    TaskId("R1-t"),
    PlannedTask(TaskName("t"), "Title"),
    1,
    CommitId("0" * 40),
    "Mend it.",
    AgentProfile("default", "codex"),
    timedelta(minutes=1),
    feedback="The tests failed.",
    box="bubblewrap",
)
ASKING = replace(TASK, profile=replace(TASK.profile, allow=()))


class Played:
    """A recording heard to its end, with every question answered alike."""

    def __init__(self, name: str = "", answer: str = "allow", task: Assignment = TASK) -> None:
        self.conversation = CodexConversation(task)
        self.told: list[Document] = []
        self.events: list[AgentEvent] = []
        self.over = False
        self._answer = answer
        self._take(self.conversation.begin())
        for line in (RECORDED / f"{name}.jsonl").read_text().splitlines() if name else ():
            self.hear(json.loads(line))

    def hear(self, *documents: Document) -> Step:
        step = Step()
        for document in documents:
            step = self.conversation.hear(document)
            self._take(step)
            for event in step.events:
                if isinstance(event, Wanted):
                    self._take(self.conversation.answer(event.id, self._answer))
        return step

    def begun(self) -> "Played":
        """With a turn."""
        self.hear(
            {"id": 1, "result": {}},
            {"id": 2, "result": {"thread": {"id": "thread-1"}}},
            {"id": 3, "result": {"turn": {"id": "turn-now"}}},
        )
        return self

    def item(self, what: str, **fields: object) -> Step:
        return self.hear(note(f"item/{what}", item=fields))

    def _take(self, step: Step) -> None:
        self.told += step.told
        self.events += step.events
        self.over = self.over or step.over

    def ended(self, code: int = 0, stopped_for: str = "") -> Ended:
        return self.conversation.end(Parting(BoxEnded(code, stopped_for)))

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def methods(self) -> list[str]:
        return [method for each in self.told if (method := text_in(each, "method"))]

    def params(self, method: str) -> Document:
        """Of the last such request."""
        return next(
            document_in(each, "params")
            for each in reversed(self.told)
            if text_in(each, "method") == method
        )

    def answers(self) -> list[object]:
        return [each["result"] for each in self.told if "result" in each]


def decided(played: Played, step: Step) -> object:
    """What a question of Codex was answered; a refusal comes once its reason was taken."""
    (told,) = step.told
    if text_in(told, "method") == "turn/steer":
        (told,) = played.hear({"id": told["id"], "result": {}}).told
    return value_in(told, "result", "decision")


def note(method: str, **params: object) -> Document:
    ours: Document = {"threadId": "thread-1", "turnId": "turn-now"}
    return {"method": method, "params": {**ours, **params}}


def asks(number: int, method: str, **params: object) -> Document:
    return {"id": number, **note(method, **params)}


def command(number: int, text: str, **params: object) -> Document:
    return asks(number, "item/commandExecution/requestApproval", command=text, **params)


def done(**turn: object) -> Document:
    return note("turn/completed", turn={"id": "turn-now", "status": "completed", **turn})


# --- recorded ------------------------------------------------------------------------------------


def test_a_conversation_is_begun_with_prompt_and_feedback():
    played = Played("edit")
    assert played.methods() == ["initialize", "initialized", "thread/start", "turn/start"]
    assert text_in(played.params("thread/start"), "approvalPolicy") == "never"
    (text,) = value_in(played.params("turn/start"), "input")
    assert text["text"] == "Mend it.\n\nThe tests failed."


def test_what_it_does_is_told_as_events():
    played = Played("edit")
    assert played.events[1:] == [
        Said("I write it."),
        Called("Bash", "echo x > begun.txt"),
        Used(700, 50, 300),
        Called("Edit", "a.txt\nb.txt"),
        Touched("a.txt"),
        Touched("b.txt"),
        Used(1000, 50, 0),
        Called("Bash", "exit 3"),
        Called("Bash", "failed with exit code 3: exit 3"),
        Used(1000, 50, 0),
        Said("Done."),
        Used(700, 50, 300),
    ]
    assert played.over
    assert played.ended() == Ended(summary="Done.", session="thread-1")


def test_what_is_allowed_is_accepted():
    played = Played("asked", "allow", ASKING)
    assert text_in(played.params("thread/start"), "approvalPolicy") == "untrusted"
    assert [(each.tool, each.detail) for each in played.of(Wanted)] == [
        ("Bash", "echo x > begun.txt"),
        ("Edit", "a.txt"),
    ]
    assert played.answers() == [{"decision": "accept"}, {"decision": "accept"}]
    assert played.of(Touched) == [Touched("a.txt")]


def test_what_is_denied_is_declined_and_the_reason_goes_first():
    played = Played("denied", "deny: not today", ASKING)
    assert [text_in(each, "method") for each in played.told[-4:]] == ["turn/steer", ""] * 2
    assert played.answers() == [{"decision": "decline"}, {"decision": "decline"}]
    steer = played.params("turn/steer")
    assert steer["expectedTurnId"] == "turn-now"
    assert "not today" in json.dumps(steer["input"])
    assert not played.of(Touched)
    assert Called("Edit", "declined: .env, a.txt") in played.events
    assert not played.ended().failed


def test_a_question_is_answered_in_words():
    played = Played("question", "blue")
    assert played.of(Wanted) == [Wanted("0", "Which one?", options=("red", "blue"))]
    assert played.answers() == [{"answers": {"q": {"answers": ["blue"]}}}]


def test_a_resumed_one_goes_on_with_the_answer_and_pays_its_own_turn():
    played = Played("resumed", task=replace(TASK, session="thread-1", answer="Yes."))
    assert text_in(played.params("thread/resume"), "threadId") == "thread-1"
    (text,) = value_in(played.params("turn/start"), "input")
    assert text["text"] == "Yes."
    assert played.of(Used) == [Used(700, 50, 300)]
    assert played.ended().session == "thread-1"


def test_an_interrupted_one_is_nobodys_failure():
    played = Played("interrupted")
    assert "interrupted" in played.ended().broken


@pytest.mark.parametrize(
    ("name", "failed", "broken"),
    [
        ("refused", "the model refused the request: the script says so", ""),
        ("no-key", "", "the model refused the key: unexpected status 401"),
        ("unreachable", "", "the model could not be reached: stream disconnected"),
    ],
)
def test_trouble_with_the_model_is_told_apart(name: str, failed: str, broken: str):
    played = Played(name)
    end = played.ended()
    assert bool(end.failed) == bool(failed)
    assert bool(end.broken) == bool(broken)
    assert end.failed.startswith(failed)
    assert end.broken.startswith(broken)


def test_each_further_try_is_told():
    said = [event.text for event in Played("unreachable").of(Said)]
    assert sum("Reconnecting" in text for text in said) == 5


# --- beginning and ending ------------------------------------------------------------------------


def test_a_conversation_that_is_gone_begins_anew_with_the_whole_task():
    played = Played(task=replace(TASK, session="gone", answer="Yes."))
    played.hear({"id": 1, "result": {}}, {"id": 2, "error": {"message": "no rollout found"}})
    played.hear({"id": 3, "result": {"thread": {"id": "thread-2"}}})
    assert played.methods()[-2:] == ["thread/start", "turn/start"]
    assert "Mend it." in json.dumps(played.params("turn/start"))
    assert played.conversation.session == "thread-2"


def test_one_that_cannot_begin_is_broken_with_its_words():
    played = Played()
    played.hear({"id": 1, "error": {"message": "too old"}})
    assert played.over
    assert "too old" in played.ended().broken


def test_a_turn_that_is_done_is_believed_only_if_the_program_ends_so():
    played = Played().begun()
    played.hear(done())
    assert not played.ended().failed
    assert "done, but" in played.ended(3).failed
    assert "memory" in played.ended(137, "memory").failed
    stayed = Parting(BoxEnded(137, "killed"), overstayed=True)
    assert played.conversation.end(stayed) == Ended(session="thread-1")


def test_a_program_that_ends_without_its_turn_has_failed():
    assert "before its turn was over" in Played().begun().ended().failed
    assert "cannot be run" in Played().ended(127).broken


def test_the_turn_of_another_thread_ends_nothing():
    played = Played().begun()
    other = done()
    other["params"] = {**document_in(other, "params"), "threadId": "thread-2"}
    assert not played.hear(other).over
    assert not played.hear(note("turn/completed", turn={"id": "turn-before"})).over
    assert played.hear(done()).over


def test_an_interruption_waits_for_the_turn_it_interrupts():
    played = Played()
    played.hear({"id": 1, "result": {}}, {"id": 2, "result": {"thread": {"id": "thread-1"}}})
    assert played.conversation.interrupt().over
    told = played.hear({"id": 3, "result": {"turn": {"id": "turn-now"}}}).told
    assert [text_in(each, "method") for each in told] == ["turn/interrupt"]
    assert not played.conversation.interrupt().told
    assert "interrupted" in played.ended().broken


def test_work_that_was_done_before_the_interruption_is_done():
    played = Played().begun()
    played.hear(done())
    assert not played.conversation.interrupt().told
    assert not played.ended().broken


# --- questions -----------------------------------------------------------------------------------


def test_a_question_is_answered_once_and_by_its_name():
    played = Played(task=ASKING).begun()
    (wanted,) = played.hear(command(7, "make")).events
    assert isinstance(wanted, Wanted)
    for name in (wanted.id, "8"):
        with pytest.raises(AgentRefused, match="did not ask"):
            played.conversation.answer(name, "allow")


def test_a_question_that_is_withdrawn_cannot_be_answered():
    conversation = Played(task=ASKING).begun().conversation
    conversation.hear(command(7, "make"))
    conversation.hear(note("serverRequest/resolved", requestId=7))
    with pytest.raises(AgentRefused, match="did not ask"):
        conversation.answer("7", "allow")


def test_too_many_or_too_long_questions_are_declined_unseen():
    played = Played(task=ASKING).begun()
    for number in range(QUESTIONS_MAX):
        assert played.conversation.hear(command(number, "make")).events
    for asked in (command(900, "make"), command(0, "make")):
        step = played.conversation.hear(asked)
        assert not step.events
        assert decided(played, step) == "decline"
    long = Played(task=ASKING).begun().hear(command(1, "x" * (DETAIL_MAX + 1)))
    assert not long.events


@pytest.mark.parametrize(
    "answer", [{"result": {"turnId": "turn-now"}}, {"error": {"message": "late"}}]
)
def test_a_refusal_follows_its_reason_however_that_was_taken(answer: Document):
    played = Played(task=ASKING).begun()
    played.conversation.hear(command(7, "make"))
    (steer,) = played.conversation.answer("7", "deny: no").told
    assert not played.over
    step = played.conversation.hear({"id": steer["id"], **answer})
    assert step.told == ({"id": 7, "result": {"decision": "decline"}},)
    assert played.conversation.hear({"id": steer["id"], **answer}) == Step()


def test_who_never_takes_a_reason_is_refused_without_one():
    played = Played(task=ASKING).begun()
    long = "x" * (DETAIL_MAX + 1)
    steps = [played.conversation.hear(command(n, long)) for n in range(QUESTIONS_MAX + 1)]
    assert text_in(steps[-2].told[0], "method") == "turn/steer"
    assert steps[-1].told[0]["result"] == {"decision": "decline"}


def test_a_patch_of_several_files_is_shown_by_the_one_that_decides():
    rules = replace(TASK.profile, allow=("Edit(src/*)",), deny=("Edit(*.key)",))
    for paths, detail in (
        (("src/a", "src/b"), "src/a"),
        (("src/a", "docs/b"), "docs/b"),
        (("src/a", "docs/b", "src/c.key"), "src/c.key"),
    ):
        played = Played("", "allow", replace(TASK, profile=rules)).begun()
        changes = [{"path": f"/workspace/{path}"} for path in paths]
        played.item("started", type="fileChange", id="p", changes=changes)
        played.hear(asks(1, "item/fileChange/requestApproval", itemId="p"))
        (wanted,) = played.of(Wanted)
        assert wanted.detail == detail
        assert all(path in wanted.question for path in paths)


def test_a_workspace_at_another_place_is_the_workspace_all_the_same():
    played = Played()
    cwd = "/elsewhere/of/this/box"
    played.hear({"id": 1, "result": {}})
    played.hear({"id": 2, "result": {"thread": {"id": "thread-1"}, "cwd": cwd}})
    changes = [{"path": f"{cwd}/src/a"}, {"path": "/workspace/b"}]
    played.item("started", type="fileChange", id="p", changes=changes)
    assert played.of(Called) == [Called("Edit", "src/a\n/workspace/b")]


def test_where_a_file_is_moved_to_counts_as_well():
    played = Played(task=ASKING).begun()
    change = {"path": "/workspace/a", "kind": {"type": "update", "move_path": "/workspace/../b"}}
    played.item("started", type="fileChange", id="p", changes=[change])
    assert played.of(Called) == [Called("Edit", "a\n/b")]


@pytest.mark.parametrize("task", [TASK, ASKING])
def test_a_patch_that_is_not_known_is_declined(task: Assignment):
    played = Played(task=task).begun()
    many = [{"path": f"f{number}"} for number in range(PATHS_MAX + 1)]
    played.item("started", type="fileChange", id="p", changes=many)
    for name in ("p", "never-heard-of"):
        step = played.hear(asks(1, "item/fileChange/requestApproval", itemId=name))
        assert decided(played, step) == "decline"
    assert not played.of(Wanted)


def test_patches_that_nobody_asks_about_are_forgotten():
    played = Played(task=ASKING).begun()
    for number in range(PATCHES_MAX + 1):
        played.item("started", type="fileChange", id=f"{number}", changes=[{"path": "a"}])
    for name, known in (("0", 0), ("1", 1)):
        asked = asks(int(name), "item/fileChange/requestApproval", itemId=name)
        assert len(played.hear(asked).events) == known


@pytest.mark.parametrize("name", ["x" * 300, 10**300, None, True, [1]])
def test_a_question_without_a_usable_name_is_not_asked(name: object):
    step = Played(task=ASKING).begun().hear({**command(1, "make"), "id": name})
    assert step == Step()


def test_a_read_only_one_may_look_and_leave_its_answer():
    played = Played(task=replace(TASK, read_only=True)).begun()
    assert text_in(played.params("thread/start"), "approvalPolicy") == "untrusted"
    for number, (path, decision) in enumerate(
        (("/outbox/plan.yaml", "accept"), ("/workspace/a", "decline"), ("/outbox/../a", "decline"))
    ):
        changes = [{"path": path}]
        played.item("started", type="fileChange", id=f"{number}", changes=changes)
        step = played.hear(asks(number, "item/fileChange/requestApproval", itemId=f"{number}"))
        assert decided(played, step) == decision
    for text, decision in (("/bin/sh -lc 'cat a'", "accept"), ("/bin/sh -lc 'rm a'", "decline")):
        assert decided(played, played.hear(command(9, text))) == decision
    typing = command(10, "/bin/sh -lc 'cat a'", kind="writeStdin")
    assert decided(played, played.hear(typing)) == "decline"
    assert not played.of(Wanted)


def test_what_nobody_serves_is_refused_and_not_left_waiting():
    played = Played().begun()
    for method in ("item/tool/call", "account/chatgptAuthTokens/refresh", "no/such"):
        (told,) = played.hear(asks(1, method)).told
        assert "error" in told
        assert told["id"] == 1


def test_its_plan_is_its_progress():
    played = Played().begun()
    for states in (("completed", "inProgress"), ("completed", "completed"), ()):
        played.hear(note("turn/plan/updated", plan=[{"status": each} for each in states]))
    assert played.of(Moved) == [Moved(50), Moved(99)]


# --- anything else -------------------------------------------------------------------------------

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["thread-1", "turn-now", "completed", "fileChange", "commandExecution"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@st.composite
def spoiled(draw: st.DrawFn) -> Document:
    """A line that was recorded, with something else at one place of it."""
    document = json.loads(json.dumps(draw(st.sampled_from(LINES))))
    place = document
    while True:
        name = draw(st.sampled_from(sorted(place)))
        inner = place[name]
        if isinstance(inner, dict) and inner and draw(st.booleans()):
            place = inner
            continue
        place[name] = draw(anything)
        return dict(document)


@given(st.lists(spoiled() | st.sampled_from(LINES), max_size=30), st.sampled_from([TASK, ASKING]))
def test_no_line_is_too_odd(lines: list[Document], task: Assignment):
    played = Played("", "deny", task)
    for line in lines:
        json.dumps(played.hear(line).told)
    played.conversation.interrupt()
    end = played.ended()
    assert not (end.failed and end.broken)
    for used in played.of(Used):
        assert min(used.input_tokens, used.output_tokens, used.cached_tokens) >= 0


@given(st.lists(spoiled() | st.sampled_from(LINES), max_size=30))
def test_only_its_own_turn_makes_it_done(lines: list[Document]):
    played = Played().begun()
    completed = False
    for line in lines:
        played.hear(line)
        params = document_in(line, "params")
        ours = text_in(line, "method") == "turn/completed" and "id" not in line
        status = text_in(params, "turn", "status")
        completed = completed or (ours and status == "completed")
    assert completed or played.ended().failed or played.ended().broken
