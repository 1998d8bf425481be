"""A turn of an agent that talks has an end, whatever the agent does or leaves undone."""

import asyncio
import json
from collections.abc import AsyncIterator

import hypothesis.strategies as st
import pytest
from hypothesis import given

from interlock.sandbox.ports import BoxEnded, BoxRefused
from interlock.workers.agents import talking
from interlock.workers.agents.json_lines import Document, text_in
from interlock.workers.agents.ports import AgentEvent, Called, Ended, Said, Wanted
from interlock.workers.agents.talking import (
    GARBLED_MAX,
    GARBLED_SHOWN,
    TEXT_MAX,
    Parting,
    Step,
    TalkingTurn,
)


class Box:
    """Says what it is given; stays until it is killed, unless it ends by itself."""

    def __init__(self, *lines: str, ends: int | None = None, complains: bytes = b"") -> None:
        self.lines, self.fed, self.killed, self.closed = lines, b"", False, False
        self._ends, self._complains = ends, complains
        self._gone = asyncio.Event()

    async def feed(self, data: bytes) -> None:
        self.fed += data

    async def close_stdin(self) -> None:
        self.closed = True

    async def output(self) -> AsyncIterator[bytes]:
        for line in self.lines:
            yield f"{line}\n".encode()
        if self._ends is None:
            await self._gone.wait()

    def complaints(self) -> bytes:
        return self._complains

    async def freeze(self) -> None:
        raise BoxRefused("it has no brakes")

    async def thaw(self) -> None:
        raise BoxRefused("it was not frozen")

    async def kill(self) -> None:
        self.killed = True
        self._gone.set()

    async def wait(self) -> BoxEnded:
        if self._ends is not None:
            return BoxEnded(self._ends)
        await self._gone.wait()
        return BoxEnded(137, "killed")


class Conversation:
    """Repeats what it hears; the word `end` is its last one."""

    session = "the-session"

    def __init__(self) -> None:
        self.parting: Parting | None = None

    def begin(self) -> Step:
        return Step((Said("hello"),), ({"type": "hello"},))

    def hear(self, document: Document) -> Step:
        said = text_in(document, "say")
        return Step((Said(said),), over=said == "end")

    def answer(self, question: str, answer: str) -> Step:
        return Step(told=({question: answer},))

    def interrupt(self) -> Step:
        return Step(told=({"type": "stop"},))

    def end(self, parting: Parting) -> Ended:
        self.parting = parting
        return Ended(summary="ended", session=self.session)


def says(*words: str) -> tuple[str, ...]:
    return tuple(json.dumps({"say": word}) for word in words)


async def played(box: Box, conversation: Conversation | None = None) -> list[AgentEvent]:
    turn = TalkingTurn("parrot", box, conversation or Conversation())
    async with asyncio.timeout(10):
        return [event async for event in turn.events()]


async def test_it_is_greeted_heard_and_seen_off():
    box = Box(*says("a", "end"), ends=0)
    assert await played(box) == [
        Said("hello"),
        Said("a"),
        Said("end"),
        Ended(summary="ended", session="the-session"),
    ]
    assert box.fed == b'{"type": "hello"}\n'
    assert box.closed
    assert not box.killed


async def test_what_is_answered_and_interrupted_is_told():
    box = Box()
    turn = TalkingTurn("parrot", box, Conversation())
    await turn.answer("q", "allow")
    await turn.interrupt()
    assert box.fed == b'{"q": "allow"}\n{"type": "stop"}\n'
    assert turn.session == "the-session"


async def test_one_that_never_says_a_word_does_not_keep_its_worker(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(talking, "FIRST_WORD_SECONDS", 0.05)
    box = Box(complains=b"loading the model\n")
    end = (await played(box))[-1]
    assert isinstance(end, Ended)
    assert end.broken.startswith("parrot said nothing: check its version")
    assert "loading the model" in end.broken
    assert box.killed


async def test_one_that_has_spoken_has_all_the_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(talking, "FIRST_WORD_SECONDS", 0.05)
    box = Box(*says("a"))
    turn = TalkingTurn("parrot", box, Conversation())
    events = turn.events()
    assert [await anext(events), await anext(events)] == [Said("hello"), Said("a")]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(events), 0.2)
    assert not box.killed


async def test_one_that_stays_after_its_last_word_is_sent_away():
    box, conversation = Box(*says("end", "and another thing")), Conversation()
    turn = TalkingTurn("parrot", box, conversation, parting_seconds=0.05)
    async with asyncio.timeout(5):
        events = [event async for event in turn.events()]
    assert events[-1] == Ended(summary="ended", session="the-session")
    assert box.killed
    assert conversation.parting is not None
    assert conversation.parting.overstayed


async def test_one_that_is_killed_by_others_has_not_overstayed():
    box, conversation = Box(*says("a")), Conversation()
    turn = TalkingTurn("parrot", box, conversation)
    async for event in turn.events():
        if event == Said("a"):
            await box.kill()
    assert conversation.parting is not None
    assert not conversation.parting.overstayed


async def test_nonsense_without_end_ends():
    box = Box(*["nonsense"] * (GARBLED_MAX * 2))
    events = await played(box)
    assert box.killed
    assert events.count(Said("[not understood] nonsense")) == GARBLED_SHOWN
    assert Said(f"[{GARBLED_MAX - GARBLED_SHOWN} more lines that are not understood]") in events
    assert isinstance(events[-1], Ended)
    assert "said nothing that can be understood" in events[-1].broken


@pytest.mark.parametrize("code", [0, 1, 137])
async def test_one_that_never_spoke_is_broken_however_it_ended(code: int):
    box = Box("nonsense", ends=code, complains=b"error: unknown option\n")
    end = (await played(box))[-1]
    assert isinstance(end, Ended)
    assert "unknown option" in end.broken


async def test_some_nonsense_between_words_is_shown_and_forgiven():
    box = Box("npm warn", *says("a"), *["%"] * (GARBLED_MAX * 2), *says("end"), ends=0)
    events = await played(box)
    assert events[-1] == Ended(summary="ended", session="the-session")
    assert Said("[not understood] npm warn") in events


async def test_whoever_waits_for_an_answer_to_a_line_that_was_lost_gets_one():
    def lost(beginning: str) -> Step:
        return Step((Said("lost"),), ({"lost": beginning},))

    box = Box("nonsense", *says("a"), *["%"] * GARBLED_SHOWN, *says("end"), ends=0)
    turn = TalkingTurn("parrot", box, Conversation(), lost=lost)
    events = [event async for event in turn.events()]
    assert events[1:4] == [Said("[not understood] nonsense"), Said("lost"), Said("a")]
    assert (
        events.count(Said("lost")) == GARBLED_SHOWN + 1
    )  # what is shown no more is answered still
    assert b'{"lost": "nonsense"}' in box.fed


async def test_what_it_says_is_bounded():
    class Loud(Conversation):
        def hear(self, document: Document) -> Step:
            long = text_in(document, "say") * (TEXT_MAX * 3)
            options = tuple(map(str, range(500)))
            asks = Wanted("id", long, long, options, detail=long)
            return Step((Said(long), Called(long, long), asks))

    events = await played(Box(*says("a"), ends=0), Loud())
    said, called, wanted = events[1:4]
    assert isinstance(said, Said)
    assert isinstance(called, Called)
    assert isinstance(wanted, Wanted)
    assert max(map(len, (said.text, called.tool, called.detail, wanted.question))) < TEXT_MAX + 20
    assert len(wanted.options) < 50
    assert len(wanted.detail) == TEXT_MAX * 3  # a rule must see its end


WORDS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([f"{word}\n".encode() for word in says("a", "end")]),
)


@given(st.lists(WORDS, max_size=12), st.integers(0, 3), st.sampled_from(["", "time", "output"]))
async def test_whatever_it_says_the_end_comes_once_and_last(
    pieces: list[bytes], code: int, stopped_for: str
):
    class Wild(Box):
        async def output(self) -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        async def wait(self) -> BoxEnded:
            return BoxEnded(code, stopped_for)

    events = await played(Wild(ends=code))
    assert [isinstance(event, Ended) for event in events].index(True) == len(events) - 1


async def test_a_box_that_never_was_is_broken():
    class NoBox(Box):
        async def wait(self) -> BoxEnded:
            raise BoxRefused("no box can be made here")

    end = (await played(NoBox(ends=0)))[-1]
    assert end == Ended(broken="no box can be made here", session="the-session")


async def test_its_last_words_stand_in_the_sentence_about_its_end():
    conversation = Conversation()
    await played(Box(*says("a", "b"), ends=1, complains=b"Segmentation fault\n"), conversation)
    assert conversation.parting is not None
    assert conversation.parting.last == ("hello", "a", "b", "Segmentation fault")
