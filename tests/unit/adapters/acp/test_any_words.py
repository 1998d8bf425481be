"""Whatever an agent says, the conversation stands it, and there is one end."""

import json

import hypothesis.strategies as st
from hypothesis import given

from interlock.adapters.acp.files import Errand
from interlock.workers.agents.json_lines import Document
from interlock.workers.agents.ports import Ended, Wanted
from tests.unit.adapters.acp.talks import RECORDED, Talk

WORDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=10),
    st.sampled_from(
        ["end_turn", "cancelled", "session/update", "edit", "s-1", "/workspace/a", "\0"]
    ),
)
NAMES = st.sampled_from(
    """
    jsonrpc id method params result error code message data sessionId update sessionUpdate content
    type text toolCall toolCallId options optionId name kind status locations path line limit
    rawInput command entries usage stopReason protocolVersion modes availableModes cost
    """.split()  # noqa: SIM905 - a list of names reads best as one
)
ANYTHING = st.recursive(
    WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
METHODS = st.sampled_from(
    [
        "session/update",
        "session/request_permission",
        "fs/read_text_file",
        "fs/write_text_file",
        "x",
    ]
)
DOCUMENTS = st.one_of(
    st.dictionaries(NAMES, ANYTHING, max_size=6),
    st.fixed_dictionaries({"id": ANYTHING, "method": METHODS, "params": ANYTHING}),
    st.fixed_dictionaries({"method": METHODS, "params": ANYTHING}),
    st.fixed_dictionaries({"id": st.integers(0, 5), "result": ANYTHING}),
    st.fixed_dictionaries({"id": st.integers(0, 5), "error": ANYTHING}),
)
LINES = [
    json.loads(line)
    for path in sorted(RECORDED.glob("*.jsonl"))
    for line in path.read_text().splitlines()
]


def stands(talk: Talk, document: Document) -> None:
    step = talk.hear(document)
    assert not any(isinstance(event, Ended) for event in step.events)
    json.dumps(step.told)
    for errand in talk.conversation.errands():
        assert isinstance(errand, Errand)
        assert errand.path.startswith(("/workspace", "/outbox"))
    for event in step.events:
        if isinstance(event, Wanted):
            talk.take(talk.conversation.answer(event.id, "allow"))


@given(st.lists(DOCUMENTS, max_size=12), st.booleans())
def test_no_document_is_too_strange(documents: list[Document], opened: bool):
    talk = Talk().opened() if opened else Talk()
    for document in documents:
        stands(talk, document)
    end = talk.end()
    assert not (end.failed and end.broken)


@st.composite
def damaged(draw: st.DrawFn) -> list[Document]:
    """A recorded conversation in which something is lost, repeated, out of order or replaced."""
    lines = draw(st.lists(st.sampled_from(LINES), min_size=1, max_size=15))
    found = []
    for line in lines:
        changed = json.loads(json.dumps(line))
        place = changed
        while isinstance(place, dict) and place and draw(st.booleans()):
            name = draw(st.sampled_from(sorted(place)))
            if draw(st.booleans()):
                place[name] = draw(ANYTHING)
                break
            place = place[name]
        found.append(changed)
    return found


@given(damaged())
def test_a_damaged_recording_is_stood_as_well(documents: list[Document]):
    talk = Talk()
    for document in documents:
        stands(talk, document)
    assert not (talk.end().failed and talk.end().broken)


@given(st.text() | st.from_regex(r'\{"id": ?("?\w{0,4}"?),"method'))
def test_no_line_is_too_broken(line: str):
    talk = Talk().opened()
    json.dumps(talk.conversation.lost(line).told)


@given(st.data())
def test_however_speech_is_cut_nothing_is_lost(data: st.DataObject):
    words = data.draw(st.lists(st.text(st.characters(codec="ascii"), max_size=3_000), max_size=8))
    talk = Talk().opened()
    for word in words:
        talk.speak(word)
    talk.stop("end_turn")
    said = "".join(event.text for event in talk.events)  # type: ignore[union-attr]
    assert "".join(said.split()) == "".join("".join(words).split())
