"""Every agent that talks in JSON lines, seen from outside; what its words mean is another half.

    class MyConversation: ...                       # pure: keeps the contract of `Conversation`
    box = await place.start(argv, env)
    yield TalkingTurn("claude", box, MyConversation(assignment))

A turn tells what the conversation wants told, hands it what was heard, bounds whatever it makes of
that, and sees to it that there is an end: one that never says a word, that talks nonsense only, or
that stays after its last word does not keep its worker.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

import msgspec

from interlock.sandbox.ports import BoxEnded, BoxRefused, RunningBox
from interlock.workers.agents.endings import NO_SUCH_PROGRAM, NOT_RUNNABLE
from interlock.workers.agents.json_lines import Document, Garbled, documents_of, tell
from interlock.workers.agents.ports import (
    AgentEvent,
    Called,
    Ended,
    Said,
    Touched,
    Wanted,
)

FIRST_WORD_SECONDS: Final = 120.0
"""Until its first document; a cold start from a slow disk takes some seconds."""

PARTING_SECONDS: Final = 10.0
"""After its last word it has this long to go; what it left running in the background goes too."""

GARBLED_SHOWN: Final = 20
GARBLED_MAX: Final = 200
"""One that has said this many lines and not one document will not say one."""

LAST_LINES: Final = 20
TEXT_MAX: Final = 20_000
DETAIL_MAX: Final = 2_000


class Step(msgspec.Struct, frozen=True):
    """What a conversation makes of what happened: events for us, documents for the agent.

    `over`: it has said its last word, so its input is closed.
    """

    events: tuple[AgentEvent, ...] = ()
    told: tuple[Document, ...] = ()
    over: bool = False


class Parting(msgspec.Struct, frozen=True):
    """How the program went: its exit, and its last lines for a sentence about it.

    `overstayed`: it had said its last word and was ended because it did not go.
    """

    ended: BoxEnded
    last: tuple[str, ...] = ()
    overstayed: bool = False


class Conversation(Protocol):
    """The meaning of an agent's words, without I/O; the turn alone calls it."""

    @property
    def session(self) -> str:
        """What an assignment must name to go on with it; empty until that is known."""
        ...

    def begin(self) -> Step: ...

    def hear(self, document: Document) -> Step:
        """Whatever the document holds, this raises nothing."""
        ...

    def answer(self, question: str, answer: str) -> Step:
        """Raises AgentRefused where it did not ask that."""
        ...

    def interrupt(self) -> Step:
        """How to ask it to stop."""
        ...

    def end(self, parting: Parting) -> Ended:
        """What it all came to."""
        ...


def _no_matter(_: str) -> Step:
    """Of a line that could not be read: nobody waits for an answer to it."""
    return Step()


class TalkingTurn:
    """One conversation in one box.

    `lost` hears the beginning of each line that could not be read, where somebody may wait for an
    answer to it.
    """

    def __init__(
        self,
        program: str,
        box: RunningBox,
        conversation: Conversation,
        parting_seconds: float = PARTING_SECONDS,
        lost: Callable[[str], Step] = _no_matter,
    ) -> None:
        self._program, self._box, self._conversation = program, box, conversation
        self._parting_seconds, self._lost = parting_seconds, lost
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._understood = self._garbled = 0
        self._over = self._mute = False
        self._deadline: float | None = None

    @property
    def box(self) -> RunningBox:
        return self._box

    @property
    def session(self) -> str:
        return self._conversation.session

    async def events(self) -> AsyncIterator[AgentEvent]:
        self._deadline = _now() + FIRST_WORD_SECONDS
        for event in await self._take(self._conversation.begin()):
            yield event
        heard = documents_of(self._box.output())
        while True:
            try:
                async with asyncio.timeout_at(self._deadline):
                    document = await anext(heard, None)
            except TimeoutError:
                document = None
                await self._give_up()
            if document is None:
                break
            for event in await self._hear(document):
                yield event
            if self._mute:
                await self._box.kill()
                break
        if self._garbled > GARBLED_SHOWN:
            yield Said(f"[{self._garbled - GARBLED_SHOWN} more lines that are not understood]")
        yield await self._end()

    async def answer(self, question: str, answer: str) -> None:
        await self._take(self._conversation.answer(question, answer))

    async def interrupt(self) -> None:
        await self._take(self._conversation.interrupt())

    async def _hear(self, document: Document | Garbled) -> tuple[AgentEvent, ...]:
        if isinstance(document, Garbled):
            self._garbled += 1
            self._mute = not self._understood and self._garbled >= GARBLED_MAX
            shown = self._garbled <= GARBLED_SHOWN
            news = self._noted(Said(f"[not understood] {document.text}")) if shown else ()
            return (*news, *await self._take(self._lost(document.text)))
        self._understood += 1
        if not self._over:
            self._deadline = None
        return await self._take(self._conversation.hear(document))

    async def _take(self, step: Step) -> tuple[AgentEvent, ...]:
        if step.told:
            await tell(self._box, *step.told)
        if step.over and not self._over:
            self._over = True
            self._deadline = _now() + self._parting_seconds
            await self._box.close_stdin()
        return self._noted(*step.events)

    def _noted(self, *events: AgentEvent) -> tuple[AgentEvent, ...]:
        bounded = tuple(map(_bounded, events))
        self._last.extend(event.text for event in bounded if isinstance(event, Said))
        return bounded

    async def _give_up(self) -> None:
        self._mute = not self._over
        await self._box.kill()

    async def _end(self) -> Ended:
        try:
            ended = await self._box.wait()
        except BoxRefused as refusal:
            return Ended(broken=str(refusal), session=self.session)
        complaints = self._box.complaints().decode(errors="replace").splitlines()[-LAST_LINES:]
        last = (*self._last, *complaints)
        if self._mute or self._never_spoke(ended):
            return Ended(broken=self._speechless(last), session=self.session)
        killed = ended.stopped_for == "killed"
        return self._conversation.end(Parting(ended, last, self._over and killed))

    def _never_spoke(self, ended: BoxEnded) -> bool:
        """A wrong program or a wrong version of it; one that is not there has its own sentence."""
        missing = ended.code in {NO_SUCH_PROGRAM, NOT_RUNNABLE}
        return not (self._understood or ended.stopped_for or missing)

    def _speechless(self, last: tuple[str, ...]) -> str:
        what = "said nothing" if not self._garbled else "said nothing that can be understood"
        said = "\n".join(last)[-DETAIL_MAX:].strip()
        words = f"; its last words:\n{said}" if said else ""
        return f"{self._program} {what}: check its version and `run` of its profile{words}"


def _now() -> float:
    return asyncio.get_running_loop().time()


def _bounded(event: AgentEvent) -> AgentEvent:
    """No more of its words than people read and facts may hold."""
    match event:
        case Said(text=text) if len(text) > TEXT_MAX:
            return Said(_cut(text, TEXT_MAX))
        case Called(tool=tool, detail=detail):
            return Called(_cut(tool, DETAIL_MAX), _cut(detail, DETAIL_MAX))
        case Touched(path=path):
            return Touched(_cut(path, DETAIL_MAX))
        case Wanted():
            return _bounded_question(event)
        case _:
            return event


def _bounded_question(asked: Wanted) -> Wanted:
    """Its detail stays whole: a rule must not miss the end of it."""
    options = tuple(_cut(option, DETAIL_MAX) for option in asked.options[:LAST_LINES])
    return msgspec.structs.replace(
        asked,
        question=_cut(asked.question, DETAIL_MAX),
        tool=_cut(asked.tool, DETAIL_MAX),
        options=options,
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} [... cut]"
