"""Conversations of the protocol: recorded ones, and those that agents should not have."""

import pytest
from msgspec.structs import replace

from interlock.adapters.acp.conversation import AGAIN_MAX, STRANGE_SHOWN
from interlock.sandbox.ports import BoxEnded
from interlock.workers.agents.ports import (
    AgentRefused,
    Called,
    Moved,
    Said,
    Touched,
    Used,
    Wanted,
)
from interlock.workers.agents.talking import Parting, Step
from tests.unit.adapters.acp.talks import TASK, Talk, chosen

RESUMED = replace(TASK, session="s-0", answer="Take the second.")


@pytest.mark.parametrize(
    ("agent", "used"),
    [
        ("claude", Used(3000, 150, 0, 0.01518)),
        ("qwen", Used(3000, 150, 0, None)),
        ("codex", None),
    ],
)
def test_a_recorded_conversation_is_understood(agent: str, used: Used | None):
    talk = Talk().recorded(agent)
    assert talk.over
    end = talk.end()
    assert (end.failed, end.broken, end.summary) == ("", "", "Done.")
    assert end.session
    said = [event.text for event in talk.events if isinstance(event, Said)]
    assert said[-1] == "Done."
    assert any("I will write it." in text for text in said)
    assert not [text for text in said if "not understood" in text]
    commands = [event.detail for event in talk.events if isinstance(event, Called)]
    assert "echo shelled > sh.txt" in commands
    if used is not None:
        told = [event for event in talk.events if isinstance(event, Used)]
        assert [replace(event, cost_usd=None) for event in told] == [replace(used, cost_usd=None)]
        assert told[0].cost_usd == pytest.approx(used.cost_usd)
        assert [event for event in talk.events if isinstance(event, Touched)] == [
            Touched("hello.txt")
        ]


@pytest.mark.parametrize("agent", ["claude", "qwen"])
def test_what_a_real_agent_asks_names_the_command_and_the_file(agent: str):
    talk = Talk().recorded(agent)
    wanted = [event for event in talk.events if isinstance(event, Wanted)]
    assert [(event.tool, event.detail) for event in wanted] == [
        ("Edit", "hello.txt"),
        ("Bash", "echo shelled > sh.txt"),
    ]


def test_the_prompt_is_told_with_its_feedback_and_nothing_else():
    talk = Talk(replace(TASK, feedback="The tests failed.")).opened()
    assert talk.methods == ["initialize", "session/new", "session/prompt"]
    assert talk.told[2]["params"] == {
        "sessionId": "s-1",
        "prompt": [{"type": "text", "text": "Mend it.\n\nThe tests failed."}],
    }


def test_what_the_repository_brings_along_is_not_wanted():
    for talk in (Talk().opened(), Talk(RESUMED).opened(loadSession=True)):
        params = talk.told[1]["params"]
        assert isinstance(params, dict)
        assert params["_meta"]["claudeCode"]["options"]["settingSources"] == ["user"]
        assert params["mcpServers"] == []


# --- going on with an earlier conversation -------------------------------------------------------


def test_an_earlier_conversation_is_resumed_where_that_can_be_done():
    talk = Talk(RESUMED)
    can = {"loadSession": True, "sessionCapabilities": {"resume": {}}}
    talk.hear({"id": 1, "result": {"protocolVersion": 1, "agentCapabilities": can}})
    talk.hear({"id": 2, "result": {}})
    assert talk.methods == ["initialize", "session/resume", "session/prompt"]
    assert "Take the second." in str(talk.told[2])
    assert "Mend it." not in str(talk.told[2])


def test_what_is_told_again_while_it_is_loaded_is_no_news():
    talk = Talk(RESUMED)
    talk.hear(
        {"id": 1, "result": {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}}
    )
    talk.speak("I said that before.")
    talk.update("usage_update", used=1, size=2, cost={"amount": 2.0, "currency": "USD"})
    talk.hear({"id": 2, "result": None})
    talk.update("usage_update", used=1, size=2, cost={"amount": 2.5, "currency": "USD"})
    talk.speak("This is new.")
    talk.stop("end_turn")
    assert talk.events == [Said("This is new."), Used(cost_usd=0.5)]
    assert talk.end().session == "s-0"


@pytest.mark.parametrize("can", [{}, {"loadSession": True}])
def test_one_that_cannot_go_on_begins_anew_and_says_so(can: dict[str, object]):
    talk = Talk(replace(RESUMED, feedback="It was asked: which? The answer: the second."))
    talk.hear({"id": 1, "result": {"protocolVersion": 1, "agentCapabilities": can}})
    if can:
        talk.hear({"id": 2, "error": {"code": -32002, "message": "Resource not found"}})
    talk.hear({"id": 2 + len(can), "result": {"sessionId": "s-1"}})
    assert isinstance(talk.events[0], Said)
    assert "A new one begins" in talk.events[0].text
    assert "Mend it." in str(talk.told[-1])
    assert "the second" in str(talk.told[-1])


# --- modes ---------------------------------------------------------------------------------------


def modes(current: str, *others: str) -> dict[str, object]:
    there = [{"id": name, "name": name} for name in (current, *others)]
    return {"currentModeId": current, "availableModes": there}


@pytest.mark.parametrize(
    ("read_only", "there", "taken"),
    [
        (False, modes("auto", "default", "yolo"), "default"),
        (True, modes("auto", "default", "read-only"), "read-only"),
        (False, modes("default", "read-only"), None),
        (False, modes("auto", "full"), None),
        (False, None, None),
    ],
)
def test_it_works_in_a_mode_in_which_it_asks(
    read_only: bool, there: dict[str, object] | None, taken: str | None
):
    talk = Talk(replace(TASK, read_only=read_only))
    talk.hear({"id": 1, "result": {"protocolVersion": 1}})
    talk.hear({"id": 2, "result": {"sessionId": "s-1", "modes": there}})
    if taken is not None:
        assert talk.told[-1]["params"] == {"sessionId": "s-1", "modeId": taken}
        talk.hear({"id": 3, "error": {"code": 1, "message": "not now"}})
        assert talk.events == [Said("[it does not take the mode asked for: not now]")]
    assert talk.methods[-1] == "session/prompt"


# --- permissions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "option"),
    [
        ("allow", "y"),
        ("ALLOW", "y"),
        ("Always", "a"),
        ("deny", "n"),
        ("deny: not here", "n"),
        ("use the other file", "n"),
    ],
)
def test_a_question_is_answered_with_the_narrowest_option(answer: str, option: str):
    talk = Talk().opened()
    talk.ask(7, kind="execute", title="Run", rawInput={"command": "make"})
    assert talk.events == [
        Wanted("7", "May it use Bash: make (Run)", "Bash", ("Always", "Yes", "No"), "make")
    ]
    talk.take(talk.conversation.answer("7", answer))
    assert talk.told[-1]["id"] == 7
    assert chosen(talk.told[-1]) == option
    with pytest.raises(AgentRefused, match="did not ask"):
        talk.conversation.answer("7", answer)


def test_what_the_settings_allow_or_deny_is_asked_nobody():
    profile = replace(TASK.profile, allow=("Bash(make *)",), deny=("Bash(make clean*)",))
    talk = Talk(replace(TASK, profile=profile)).opened()
    talk.ask(1, kind="execute", rawInput={"command": "make test"})
    talk.ask(2, kind="execute", rawInput={"command": ["/bin/bash", "-lc", "make clean"]})
    assert [chosen(document) for document in talk.told[-2:]] == ["y", "n"]
    assert talk.events == [Said("[denied] Bash: make clean")]
    talk.ask(3, kind="execute", rawInput={"command": "make test; rm -rf /"})
    assert isinstance(talk.events[-1], Wanted)


@pytest.mark.parametrize(
    ("call", "option"),
    [
        ({"kind": "read"}, "y"),
        ({"kind": "edit", "rawInput": {"file_path": "/outbox/plan.yaml"}}, "y"),
        ({"kind": "edit", "locations": [{"path": "/outbox/a"}, {"path": "/workspace/a"}]}, "n"),
        ({"kind": "edit", "rawInput": {"file_path": "/outbox/../workspace/a"}}, "n"),
        ({"kind": "edit"}, "n"),
        ({"kind": "execute", "rawInput": {"command": "cat a"}}, "n"),
        ({"kind": "switch_mode"}, "n"),
        ({}, "n"),
    ],
)
def test_a_read_only_task_changes_nothing_but_its_outbox(call: dict[str, object], option: str):
    profile = replace(TASK.profile, allow=None)
    talk = Talk(replace(TASK, read_only=True, profile=profile)).opened()
    talk.ask(1, **call)
    assert chosen(talk.told[-1]) == option


@pytest.mark.parametrize(
    ("paths", "decides", "option"),
    [
        (["src/a", "src/b"], "", "y"),
        (["src/a", ".env", "b"], "", "n"),
        (["src/a", "b", "src/c"], "b", ""),
        ([f"src/{number}" for number in range(501)], "", "n"),
    ],
)
def test_of_several_files_the_strictest_decides(paths: list[str], decides: str, option: str):
    profile = replace(TASK.profile, allow=("Edit(src/*)",), deny=("Edit(.env*)",))
    talk = Talk(replace(TASK, profile=profile)).opened()
    talk.ask(1, kind="edit", locations=[{"path": f"/workspace/{path}"} for path in paths])
    if option:
        assert chosen(talk.told[-1]) == option
    else:
        wanted = talk.events[-1]
        assert isinstance(wanted, Wanted)
        assert wanted.detail == decides
        assert wanted.question == "May it use Edit: src/a, b, src/c"


def test_a_flood_of_questions_is_refused_and_not_kept():
    talk = Talk().opened()
    for number in range(200):
        talk.ask(number, kind="edit", locations=[{"path": "a"}])
    assert len([event for event in talk.events if isinstance(event, Wanted)]) == 64
    assert [chosen(document) for document in talk.told[3:]] == ["n"] * 136


def test_the_same_question_twice_is_one_question():
    talk = Talk().opened()
    talk.ask(1, kind="edit")
    talk.ask(1, kind="edit")
    assert len([event for event in talk.events if isinstance(event, Wanted)]) == 1


def test_one_that_gives_up_over_a_refusal_is_told_to_go_on_without_it():
    talk = Talk().opened()
    talk.ask(1, kind="edit")
    talk.take(talk.conversation.answer("1", "deny: not that file"))
    assert not talk.stop("cancelled").over
    assert "not that file" in str(talk.told[-1])
    talk.speak("Then I leave it.")
    assert talk.stop("end_turn").over
    assert talk.end().summary == "Then I leave it."


def test_one_that_gives_up_again_and_again_has_failed():
    talk = Talk().opened()
    for number in range(AGAIN_MAX + 1):
        talk.ask(number, kind="edit")
        talk.take(talk.conversation.answer(str(number), "deny"))
        step = talk.stop("cancelled")
    assert step.over
    assert "cancelled" in talk.end().failed


# --- ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["max_tokens", "max_turn_requests", "refusal", "cancelled"])
def test_any_other_stop_is_a_failure_with_its_last_words(reason: str):
    talk = Talk().opened()
    talk.speak("I cannot go on.")
    assert talk.stop(reason).over
    end = talk.end()
    assert "I cannot go on." in end.failed
    assert not end.broken


def test_a_reason_to_stop_that_nobody_knows_is_a_failure():
    talk = Talk().opened()
    talk.stop("lunch")
    assert talk.end().failed


@pytest.mark.parametrize(
    ("error", "nobodys"),
    [
        ({"code": -32603, "message": "Internal error: API Error: 529 overloaded"}, True),
        ({"code": -32603, "message": "Internal error", "data": {"details": "401 no key"}}, True),
        ({"code": -32603, "message": "x", "data": {"errorKind": "rate_limit"}}, True),
        ({"code": -32000, "message": "Authentication required"}, True),
        ({"code": -32603, "message": "The process exited unexpectedly", "data": 5}, False),
        ({"code": -32603, "message": "Internal error: API Error: 400 no"}, False),
        ("nonsense", False),
    ],
)
def test_trouble_with_the_model_is_nobodys_fault(error: object, nobodys: bool):
    talk = Talk().opened()
    assert talk.hear({"id": 3, "error": error}).over
    end = talk.end()
    assert bool(end.broken) is nobodys
    assert bool(end.failed) is not nobodys


@pytest.mark.parametrize(
    "answers",
    [
        [{"id": 1, "result": {"protocolVersion": 2}}],
        [{"id": 1, "result": "hello"}],
        [{"id": 1, "error": {"code": -32601, "message": "Method not found"}}],
        [{"id": 1, "result": {"protocolVersion": 1}}, {"id": 2, "result": {}}],
        [
            {"id": 1, "result": {"protocolVersion": 1}},
            {"id": 2, "error": {"code": 1, "message": "no"}},
        ],
    ],
)
def test_one_that_opens_no_session_is_broken_and_told_how_to_mend(
    answers: list[dict[str, object]],
):
    talk = Talk()
    talk.hear(*answers)
    assert talk.over
    end = talk.end()
    assert "`run`" in end.broken
    assert not end.failed


@pytest.mark.parametrize("can", [[], "all", {"sessionCapabilities": 3}, {"loadSession": "x"}, None])
def test_abilities_that_make_no_sense_are_none(can: object):
    talk = Talk(RESUMED)
    talk.hear({"id": 1, "result": {"protocolVersion": 1, "agentCapabilities": can}})
    assert talk.methods == ["initialize", "session/new"]
    talk.hear({"id": 2, "result": {"sessionId": "s-1"}})
    talk.stop("end_turn")
    assert talk.end().session == ""


def test_one_that_wants_a_login_names_the_ways():
    talk = Talk()
    ways = [{"id": "openai", "name": "Use an API key"}, {"id": "web", "name": "Browser"}]
    talk.hear({"id": 1, "result": {"protocolVersion": 1, "authMethods": ways}})
    talk.hear({"id": 2, "error": {"code": -32000, "message": "Authentication required"}})
    assert "openai (Use an API key), web (Browser)" in talk.end().broken


def test_a_program_that_ends_before_its_session_is_nobodys_failure():
    assert "exit code 3" in Talk().end(Parting(BoxEnded(3), ("bad flag",))).broken
    assert "before it opened a session" in Talk().end().broken
    assert "cannot be run" in Talk().end(Parting(BoxEnded(127))).broken


def test_a_program_that_ends_in_the_middle_has_failed():
    talk = Talk().opened()
    assert "in the middle" in talk.end().failed
    assert "signal 9" in talk.end(Parting(BoxEnded(137))).failed


def test_one_that_went_beyond_a_limit_after_its_turn_has_failed():
    talk = Talk().opened()
    talk.stop("end_turn")
    assert "more memory" in talk.end(Parting(BoxEnded(137, "memory"))).failed


def test_an_exit_code_does_not_undo_what_it_said():
    talk = Talk().opened()
    talk.stop("end_turn")
    end = talk.end(Parting(BoxEnded(1, "killed"), overstayed=True))
    assert not end.failed
    assert not end.broken


# --- interruptions -------------------------------------------------------------------------------


def test_an_interruption_cancels_the_turn_and_what_was_asked():
    talk = Talk().opened()
    talk.ask(1, kind="edit")
    talk.take(talk.conversation.interrupt())
    assert chosen(talk.told[-2]) == "cancelled"
    assert talk.methods[-1] == "session/cancel"
    talk.ask(2, kind="edit")
    assert chosen(talk.told[-1]) == "cancelled"
    assert talk.hear({"id": 3, "result": {"stopReason": "cancelled"}}).over
    assert talk.end().broken == "agent was interrupted"


def test_an_interruption_before_the_turn_lets_none_begin():
    assert Talk().conversation.interrupt().over
    talk = Talk()
    talk.hear({"id": 1, "result": {"protocolVersion": 1}})
    talk.hear({"id": 2, "result": {"sessionId": "s-1", "modes": modes("auto", "default")}})
    talk.take(talk.conversation.interrupt())
    assert talk.hear({"id": 3, "result": {}}).over
    assert "session/prompt" not in talk.methods


def test_an_interruption_after_the_end_changes_nothing():
    talk = Talk().opened()
    talk.stop("end_turn")
    assert talk.conversation.interrupt() == Step()
    assert not talk.end().broken


# --- strange words -------------------------------------------------------------------------------


def test_unknown_updates_are_tolerated_and_told_for_a_while():
    talk = Talk().opened()
    for _ in range(50):
        talk.update("telepathy", thought="x")
    assert talk.events == [Said("[not understood] an update of an unknown kind, telepathy")] * 10
    assert STRANGE_SHOWN == 10


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('{"jsonrpc":"2.0","id":4,"method":"fs/write_text_file","params":{"x', 4),
        ('{"jsonrpc":"2.0", "method": "a/b", "id": "n-1", "params": {"', "n-1"),
        ('{"jsonrpc":"2.0","method":"session/update","params":{"id":4', None),
        ("total nonsense", None),
    ],
)
def test_a_request_that_cannot_be_read_is_refused(line: str, named: object):
    talk = Talk().opened()
    talk.take(talk.conversation.lost(line))
    assert [document["id"] for document in talk.told[3:]] == ([] if named is None else [named])
    assert not talk.over


def test_an_answer_that_cannot_be_read_is_a_failure_and_no_endless_wait():
    talk = Talk().opened()
    talk.take(talk.conversation.lost('{"jsonrpc":"2.0","id":3,"result":{"stopReason":"end_turn"'))
    assert talk.over
    assert "its answer is lost" in talk.end().failed


def test_requests_that_nobody_offered_are_refused_politely():
    talk = Talk().opened()
    talk.hear({"id": "t", "method": "terminal/create", "params": {"command": "sh"}})
    talk.hear({"id": 5, "method": "session/request_permission", "params": {"options": 3}})
    codes = [document["error"]["code"] for document in talk.told[-2:]]  # type: ignore[index]
    assert codes == [-32601, -32602]


def test_a_plan_is_progress():
    talk = Talk().opened()
    entries = [
        {"content": "a", "priority": "low", "status": "completed"},
        {"content": "b", "priority": "low", "status": "pending"},
    ]
    talk.update("plan", entries=entries)
    talk.update("plan", entries=entries[:1])
    assert talk.events == [Moved(50), Moved(99)]


def test_its_name_is_what_it_calls_itself():
    talk = Talk()
    who = {"name": "x", "title": "A\nfine   agent", "version": "1"}
    talk.hear({"id": 1, "result": {"protocolVersion": 1, "agentInfo": who}})
    talk.hear({"id": 2, "result": {"sessionId": "s-1"}})
    talk.hear({"id": 3, "error": {"code": 1, "message": "no"}})
    assert talk.end().failed == "A fine agent gave up: no"
