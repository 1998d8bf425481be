"""Updates of a session become events, in any order and of any length."""

from interlock.adapters.acp.updates import CALLS_MAX, SPEECH_PIECE, SUMMARY_MAX
from interlock.workers.agents.ports import Called, Said, Touched, Used
from tests.unit.adapters.acp.talks import Talk

WROTE = {"toolCallId": "c", "kind": "edit", "locations": [{"path": "/workspace/a/../b.py"}]}


def test_pieces_of_speech_are_one_text():
    talk = Talk().opened()
    for piece in ("I will ", "write", " it.\n"):
        assert talk.speak(piece).events == ()
    talk.update("tool_call", title="Write", status="pending", rawInput={}, **WROTE)
    assert talk.events == [Said("I will write it."), Called("Edit", "b.py")]


def test_long_speech_is_told_in_pieces_that_end_with_a_line():
    talk = Talk().opened()
    talk.speak("a" * (SPEECH_PIECE - 3) + "\nbbb")
    assert talk.events == [Said("a" * (SPEECH_PIECE - 3))]
    talk.speak("c" * (SPEECH_PIECE + 5))
    assert talk.events[1:] == [Said("bbb" + "c" * (SPEECH_PIECE + 5))]


def test_the_summary_is_what_it_said_after_its_last_tool():
    talk = Talk().opened()
    talk.speak("Before.")
    talk.update("tool_call", title="Write", **WROTE)
    for piece in ("Done", ".", "x" * SUMMARY_MAX):
        talk.speak(piece)
    talk.stop("end_turn")
    assert talk.end().summary == "x" * SUMMARY_MAX
    assert "Before." not in talk.end().summary


def test_a_tool_is_told_once_and_as_soon_as_it_is_known_what_it_does():
    talk = Talk().opened()
    talk.update("tool_call", toolCallId="c", title="Shell", kind="execute", rawInput={})
    assert talk.events == []
    talk.update("tool_call_update", toolCallId="c", rawInput={"command": "make"})
    talk.update("tool_call_update", toolCallId="c", rawInput={"command": "make"})
    talk.update("tool_call_update", toolCallId="c", status="completed")
    assert talk.events == [Called("Bash", "make")]


def test_a_tool_that_never_says_what_it_does_is_told_by_its_title():
    talk = Talk().opened()
    talk.update("tool_call", toolCallId="c", title="Thinking hard", kind="think")
    talk.update("tool_call_update", toolCallId="c", status="completed")
    assert talk.events == [Called("Think", "Thinking hard")]


def test_only_what_was_done_has_touched_a_file():
    talk = Talk().opened()
    talk.update("tool_call", title="Write", **WROTE)
    talk.update("tool_call_update", toolCallId="c", status="failed")
    assert talk.events == [Called("Edit", "b.py"), Called("Edit", "failed: b.py")]
    diff = {"type": "diff", "path": "/workspace/new.py", "oldText": None, "newText": "x"}
    talk.update("tool_call", toolCallId="d", title="Write", kind="edit", content=[diff])
    talk.update("tool_call_update", toolCallId="d", status="completed")
    talk.update("tool_call", toolCallId="e", title="Read", kind="read", status="completed")
    assert talk.events[2:4] == [Called("Edit", "new.py"), Touched("new.py")]
    assert talk.events[4] == Called("Read", "Read")


def test_of_endless_tool_calls_the_oldest_are_forgotten():
    talk = Talk().opened()
    for number in range(CALLS_MAX + 1):
        talk.update("tool_call", toolCallId=str(number), title="t", kind="execute")
    talk.update("tool_call_update", toolCallId="0", status="completed")
    talk.update("tool_call_update", toolCallId=str(CALLS_MAX), status="completed")
    assert talk.events == [Called("Other", ""), Called("Bash", "t")]


def test_what_it_used_counts_from_the_beginning_of_the_turn():
    talk = Talk()
    talk.hear({"id": 1, "result": {"protocolVersion": 1}})
    talk.update("usage_update", used=1, size=2, cost={"amount": 1.0, "currency": "USD"})
    talk.hear({"id": 2, "result": {"sessionId": "s-1"}})
    talk.update("usage_update", used=1, size=2, cost={"amount": 9.0, "currency": "EUR"})
    talk.update("usage_update", used=1, size=2, cost={"amount": 1.25, "currency": "USD"})
    usage = {"totalTokens": 36, "inputTokens": 10, "outputTokens": 5, "cachedReadTokens": 20}
    talk.stop("end_turn", usage={**usage, "cachedWriteTokens": 1})
    assert talk.events == [Used(11, 5, 20, 0.25)]


def test_what_is_no_amount_of_tokens_is_none():
    talk = Talk().opened()
    usage = {"totalTokens": -1, "inputTokens": "many", "outputTokens": 1e400}
    talk.stop("end_turn", usage=usage)
    assert talk.events == []
    assert not talk.end().failed


def test_half_an_emoji_does_not_lose_the_rest():
    talk = Talk().opened()
    talk.speak("fine \ud83d")
    talk.speak(" and well")
    talk.stop("end_turn")
    assert talk.events == [Said("fine ? and well")]
