"""Where a session stands in its script, and how each client's tools do what a step says."""

import asyncio
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.testing.models import Call, Edit, Scripts, Shell, Step, Tokens, Write
from interlock.testing.models.answers import Answer
from interlock.testing.models.conversation import Asked, Offered, Place, Word, place_of
from interlock.testing.models.playing import NotInScript, Player
from interlock.testing.models.protocols import ANTHROPIC, CHAT, RESPONSES, Protocol
from interlock.testing.models.script import Operation
from interlock.testing.models.tools import Called, as_call

PROMPT = Word("prompt", "Mend it. [[script:fix]]")
TURN = (Word("call"), Word("result"))
BASH = Offered("Bash", fields={"command": {"type": "string"}})


def asked(*words: Word, tools: tuple[Offered, ...] = (BASH,), instructions: str = "") -> Asked:
    return Asked("m", True, words, tools, instructions)


# --- the place ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ((PROMPT,), Place("fix", 0)),
        ((PROMPT, *TURN, *TURN), Place("fix", 2)),
        # Two calls at once are one turn; two turns are two, though nothing stands between.
        ((PROMPT, Word("call"), Word("call"), Word("result"), Word("result")), Place("fix", 1)),
        # A session that is resumed goes on where it was: a prompt without a marker moves nothing.
        ((PROMPT, *TURN, Word("prompt", "Go on.")), Place("fix", 1)),
        ((PROMPT, *TURN, Word("prompt", "[[script:next]]"), *TURN), Place("next", 1)),
        ((Word("prompt", "[[script:a]] or [[script:b cwd=/w s]]"),), Place("b", 0, "/w s")),
        # What a tool read is not a prompt.
        ((PROMPT, Word("call"), Word("result", "[[script:evil]]")), Place("fix", 1)),
        ((Word("prompt", "no marker"),), None),
        ((), None),
    ],
)
def test_the_last_marker_names_the_script_and_the_turns_since_are_its_steps(
    words: tuple[Word, ...], place: Place | None
):
    assert place_of(asked(*words)) == place


@pytest.mark.parametrize(
    "told",
    [
        "<environment_context>\n  <cwd>/my place</cwd>\n</environment_context>",
        "Environment:\n - Primary working directory: /my place\n - Platform: linux",
        "Working directory: /my place",
        "I'm currently working in the directory: /my place",
    ],
)
def test_the_folder_is_where_the_client_says_that_it_works(told: str):
    assert place_of(asked(PROMPT, instructions=told)) == Place("fix", 0, "/my place")
    assert place_of(asked(Word("prompt", told), PROMPT)) == Place("fix", 0, "/my place")


@given(st.lists(st.integers(1, 3), max_size=6), st.integers(0, 2))
def test_however_many_calls_a_turn_has_it_is_one_step(turns: list[int], nudges: int):
    words = [PROMPT]
    for calls in turns:
        words += [Word("call")] * calls + [Word("result")] * calls
        words += [Word("prompt", "Go on.")] * nudges
    assert place_of(asked(*words)) == Place("fix", len(turns))


# --- the answer -----------------------------------------------------------------------------------


def test_a_request_without_tools_is_a_title_and_gets_plain_text():
    reply = Player(Scripts({})).reply(asked(PROMPT, tools=()))
    assert (reply.place, reply.answer.calls, bool(reply.answer.say)) == (None, (), True)


def test_behind_the_last_step_the_turn_ends():
    reply = Player(Scripts({"fix": (Step(do=(Shell("ls"),)),)})).reply(asked(PROMPT, *TURN))
    assert (reply.answer.say, reply.answer.calls) == ("Done.", ())


def test_what_no_script_says_is_refused_with_the_scripts_that_there_are():
    player = Player(Scripts({"fix": (), "other": ()}))
    with pytest.raises(NotInScript, match=r"write \[\[script:NAME\]\]: known are fix, other"):
        player.reply(asked(Word("prompt", "hello")))
    with pytest.raises(NotInScript, match="no script `nope`: known are fix, other"):
        player.reply(asked(Word("prompt", "[[script:nope]]")))
    player = Player(Scripts({"fix": (Step(do=(Shell("ls"),)),)}))
    with pytest.raises(NotInScript, match="none of the tools offered runs a shell command: Grep"):
        player.reply(asked(PROMPT, tools=(Offered("Grep"),)))


def test_no_two_answers_have_one_id_not_even_of_two_servers():
    players = [Player(Scripts({})) for _ in range(3)]
    ids = {player.reply(asked(tools=())).answer.id for player in players for _ in range(3)}
    assert len(ids) == 9


# --- the tools ------------------------------------------------------------------------------------


def tool(name: str, *fields: str, required: tuple[str, ...] = ()) -> Offered:
    return Offered(name, fields={field: {} for field in fields}, required=required)


WRITE, EDIT, RUN = Write("d/a", "x"), Edit("d/a", "x\n", "y\n"), Shell("ls")
PATCH = "*** Begin Patch\n*** Update File: /w/d/a\n@@\n-x\n+y\n*** End Patch\n"


@pytest.mark.parametrize(
    ("operation", "offer", "called"),
    [
        (WRITE, tool("Write"), Called("Write", {"file_path": "/w/d/a", "content": "x"})),
        (
            WRITE,
            tool("write", "filePath", "content"),
            Called("write", {"filePath": "/w/d/a", "content": "x"}),
        ),
        (
            WRITE,
            tool("str_replace_editor"),
            Called("str_replace_editor", {"command": "create", "path": "/w/d/a", "file_text": "x"}),
        ),
        (
            WRITE,
            tool("bash"),
            Called("bash", {"command": "mkdir -p /w/d && printf %s x > /w/d/a"}),
        ),
        (
            EDIT,
            tool("replace", "file_path", "instruction", required=("instruction",)),
            Called(
                "replace",
                {
                    "file_path": "/w/d/a",
                    "old_string": "x\n",
                    "new_string": "y\n",
                    "instruction": "as the script says",
                },
            ),
        ),
        (
            EDIT,
            tool("str_replace_based_edit_tool"),
            Called(
                "str_replace_based_edit_tool",
                {"command": "str_replace", "path": "/w/d/a", "old_str": "x\n", "new_str": "y\n"},
            ),
        ),
        (EDIT, Offered("apply_patch", free_text=True), Called("apply_patch", PATCH)),
        (EDIT, tool("apply_patch", "input"), Called("apply_patch", {"input": PATCH})),
        (RUN, tool("exec_command", "cmd"), Called("exec_command", {"cmd": "ls"})),
        (
            RUN,
            Offered("shell", fields={"command": {"type": "array"}}),
            Called("shell", {"command": ["bash", "-c", "ls"]}),
        ),
        (
            RUN,
            Offered(
                "run_shell_command",
                fields={
                    "command": {"type": "string"},
                    "is_background": {"type": "boolean"},
                    "mode": {"enum": ["safe", "wild"]},
                },
                required=("command", "is_background", "mode"),
            ),
            Called("run_shell_command", {"command": "ls", "is_background": False, "mode": "safe"}),
        ),
        (Call("Grep", {"a": 1}), BASH, Called("Grep", {"a": 1})),
    ],
)
def test_an_operation_becomes_a_call_of_the_tool_that_the_client_offers(
    operation: Operation, offer: Offered, called: Called
):
    assert as_call(operation, (tool("Other"), offer), "/w") == called


TEXTS = st.text(alphabet="ab'\"\\$`%&*\n\t .#!", max_size=12)


async def shell(call: Called) -> tuple[int | None, str]:
    """Not by a mock: a real shell runs what the client would run."""
    assert isinstance(call.input, dict)
    command = ("sh", "-c", str(call.input["command"]))
    ran = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, errors = await ran.communicate()
    return ran.returncode, errors.decode()


@given(TEXTS, TEXTS.filter(bool), TEXTS, TEXTS)
async def test_a_client_with_nothing_but_a_shell_edits_as_well(
    before: str, old: str, new: str, after: str
):
    path = Path(tempfile.gettempdir()) / f"interlock-{os.getpid()} 'x'.txt"
    text = f"{before}{old}{after}\n"
    try:
        path.write_text(text)
        path.chmod(0o750)
        assert await shell(as_call(Edit(str(path), old, new), (BASH,), None)) == (0, "")
        assert path.read_text() == text.replace(old, new, 1)
        assert stat.S_IMODE(path.stat().st_mode) == 0o750
    finally:
        path.unlink(missing_ok=True)


async def test_an_edit_of_what_is_not_there_fails_and_changes_nothing(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("one\n")
    code, errors = await shell(as_call(Edit(str(path), "two", "three"), (BASH,), None))
    assert (code, "no such text in the file" in errors) == (3, True)
    assert path.read_text() == "one\n"


# --- the words of each protocol -------------------------------------------------------------------

INPUTS = st.one_of(
    st.text(max_size=300),
    st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=60), max_size=4),
)
ANSWERS = st.builds(
    Answer,
    st.just("id1"),
    st.just("m"),
    st.text(max_size=300),
    st.lists(st.builds(Called, st.just("Tool"), INPUTS), max_size=3).map(tuple),
    st.builds(Tokens, *(st.integers(0, 10**6) for _ in range(3)), st.integers(5, 10**6)),
)
Json = dict[str, Any]


def streamed(protocol: Protocol, answer: Answer) -> list[Json]:
    lines = b"".join(piece.content for piece in protocol.pieces(answer, True)).split(b"\n")
    data = [line[6:] for line in lines if line.startswith(b"data: ")]
    return [json.loads(line) for line in data if line != b"[DONE]"]


def document(protocol: Protocol, answer: Answer) -> Json:
    found = json.loads(msgspec.json.encode(protocol.document(answer)))
    assert isinstance(found, dict)
    return found


@given(ANSWERS)
def test_anthropics_events_make_its_document(answer: Answer):
    events = streamed(ANTHROPIC, answer)
    message = events[0]["message"]
    blocks: dict[int, Json] = {}
    inputs: dict[int, str] = {}
    for event in events:
        if event["type"] == "content_block_start":
            assert event["index"] == len(blocks)
            blocks[event["index"]] = event["content_block"]
        if event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            if delta["type"] == "text_delta":
                block["text"] += delta["text"]
            else:
                inputs[event["index"]] = inputs.get(event["index"], "") + delta["partial_json"]
        if event["type"] == "message_delta":
            message |= {**event["delta"], "usage": event["usage"]}
    for index, text in inputs.items():
        whole = answer.calls[index - bool(answer.say)].input
        blocks[index]["input"] = text if isinstance(whole, str) else json.loads(text)
    for index, block in blocks.items():
        if block["type"] == "tool_use" and index not in inputs:
            block["input"] = ""  # a free text that is empty has no parts
    message["content"] = [blocks[index] for index in sorted(blocks)]
    assert message == document(ANTHROPIC, answer)
    assert events[-1] == {"type": "message_stop"}


@given(ANSWERS)
def test_events_of_responses_make_its_document(answer: Answer):
    events = streamed(RESPONSES, answer)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    whole = document(RESPONSES, answer)
    assert events[-1]["response"] == whole
    texts: dict[str, str] = {}
    for event in events:
        if event["type"].endswith(".delta"):
            texts[event["item_id"]] = texts.get(event["item_id"], "") + event["delta"]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == whole["output"]
    for item in done:
        said = item["content"][0]["text"] if item["type"] == "message" else None
        put = item.get("arguments", item.get("input"))
        assert texts.get(item["id"], "") == (put if said is None else said)


@given(ANSWERS)
def test_chunks_of_chat_make_its_document(answer: Answer):
    whole = document(CHAT, answer)
    said, stop, calls, usage = "", None, {}, None
    for chunk in streamed(CHAT, answer):
        usage = chunk.get("usage", usage)
        for choice in chunk["choices"]:
            delta, stop = choice["delta"], choice["finish_reason"] or stop
            said += delta.get("content", "")
            for part in delta.get("tool_calls", ()):
                call = calls.setdefault(part["index"], {**part, "function": {}})
                for name, text in part["function"].items():
                    call["function"][name] = call["function"].get(name, "") + text
    message = whole["choices"][0]["message"]
    assert said == (message["content"] or "")
    for index, call in calls.items():
        assert call.pop("index") == index
    assert list(calls.values()) == message.get("tool_calls", [])
    assert (stop, usage) == (whole["choices"][0]["finish_reason"], whole["usage"])
