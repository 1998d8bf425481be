"""One task as a conversation of the protocol: greet, open a session, ask for one turn, part.

    initialize -> session/new, session/resume or session/load -> session/set_mode -> session/prompt

Pure: what was heard goes in, events and what to say go out. What may take time, reading and writing
files for an agent that leaves that to us, is an errand for whoever drives the conversation.
"""

from enum import Enum
from typing import Final

import msgspec
from acp.meta import AGENT_METHODS, CLIENT_METHODS
from acp.schema import (
    BaseModel,
    CancelNotification,
    LoadSessionResponse,
    NewSessionResponse,
    PromptRequest,
    PromptResponse,
    SessionModeState,
    SessionNotification,
    SetSessionModeRequest,
    TextContentBlock,
)

from interlock.adapters.acp.ending import (
    WHY_MAX,
    Last,
    end_of,
    gave_up,
    hopeless,
    stopped,
    ways_in,
    why_of,
)
from interlock.adapters.acp.files import Errand
from interlock.adapters.acp.greeting import Greeting, greeting_in, our_greeting
from interlock.adapters.acp.messages import (
    id_of,
    notification,
    read,
    refused_with,
    request,
    torn,
)
from interlock.adapters.acp.session import (
    loaded_session,
    mode_to_take,
    new_session,
    resumed_session,
)
from interlock.adapters.acp.spending import Spending
from interlock.adapters.acp.updates import Updates
from interlock.adapters.acp.wishes import Wishes
from interlock.workers.agents.json_lines import Document, text_in
from interlock.workers.agents.pending import Requests
from interlock.workers.agents.ports import AgentEvent, Assignment, Ended, Said
from interlock.workers.agents.talking import Parting, Step

AGAIN_MAX: Final = 5
"""So often one that gave up over a refusal is asked to go on without what was refused."""

STRANGE_SHOWN: Final = 10
TOO_LONG: Final = "a line is a JSON document of 2 MB at most, so do it in smaller steps"

_UPDATE: Final = CLIENT_METHODS["session_update"]


class _Ours(Enum):
    """What a request of ours is for."""

    GREETING = "initialize"
    NEW = "session/new"
    RESUMED = "session/resume"
    LOADED = "session/load"
    MODE = "session/set_mode"
    TURN = "session/prompt"


class AcpConversation:
    """Keeps the contract of `Conversation`."""

    def __init__(self, program: str, assignment: Assignment, cwd: str) -> None:
        self._program, self._assignment, self._cwd = program, assignment, cwd
        self._requests: Requests[_Ours] = Requests()
        self._updates, self._spending = Updates(cwd), Spending()
        self._wishes = Wishes(program, assignment, cwd, self._updates)
        self._greeting = Greeting()
        self._session = ""
        self._resumed = self._replays = self._interrupted = False
        self._strange = self._again = 0
        self._verdict: Ended | None = None

    @property
    def session(self) -> str:
        """Empty until there is one that can be gone on with."""
        return self._session if self._greeting.resumes or self._greeting.loads else ""

    def begin(self) -> Step:
        return Step(told=(self._request(_Ours.GREETING, our_greeting()),))

    def answer(self, question: str, answer: str) -> Step:
        return self._wishes.answer(question, answer)

    def errands(self) -> tuple[Errand, ...]:
        """What to do for it now; each is given out once."""
        return self._wishes.errands()

    def interrupt(self) -> Step:
        """One without a session has nothing to cancel; its input is closed."""
        if self._verdict is not None:
            return Step()
        self._interrupted = True
        if not self._session:
            return Step(over=True)
        cancel = CancelNotification(session_id=self._session)
        return Step(
            told=(*self._wishes.cancelled(), notification(AGENT_METHODS["session_cancel"], cancel))
        )

    def end(self, parting: Parting) -> Ended:
        last = Last(self._program, self._verdict, self._interrupted, bool(self._session))
        return msgspec.structs.replace(end_of(last, parting), session=self.session)

    # --- what we hear ----------------------------------------------------------------------------

    def hear(self, document: Document) -> Step:
        method = document.get("method")
        if not isinstance(method, str):
            return self._heard_answer(document)
        if "id" not in document:
            return self._heard_news(method, document)
        asked = id_of(document)
        if asked is None:
            return self._odd(f"a request without a name, {method[:WHY_MAX]}")
        return self._wishes.heard(asked, method, document.get("params"))

    def lost(self, beginning: str) -> Step:
        """A line that could not be read: a request is refused, an answer to ours is an error."""
        line = torn(beginning)
        if line is None:
            return Step()
        if line.is_request:
            return Step(told=(refused_with(line.id, f"that could not be read: {TOO_LONG}"),))
        return self.hear({"id": line.id, "error": {"message": f"its answer is lost: {TOO_LONG}"}})

    def _heard_news(self, method: str, document: Document) -> Step:
        if method != _UPDATE:
            return Step()
        update = read(SessionNotification, document.get("params"))
        if update is None:
            kind = text_in(document, "params", "update", "sessionUpdate")
            return self._odd(f"an update of an unknown kind, {kind[:WHY_MAX] or 'none'}")
        self._spending.hear(update)
        return Step() if self._replays else Step(self._updates.read(update))

    def _heard_answer(self, document: Document) -> Step:
        wish = self._requests.answered(document.get("id"))
        if wish is None:
            return self._odd("an answer that nobody waits for") if "id" in document else Step()
        if document.get("error") is not None:
            return self._heard_no(wish, document)
        result = document.get("result")
        match wish:
            case _Ours.GREETING:
                return self._greeted(greeting_in(result))
            case _Ours.NEW | _Ours.RESUMED | _Ours.LOADED:
                return self._opened(wish, result)
            case _Ours.MODE:
                return self._take_turn()
            case _Ours.TURN:
                return self._turn_is_over(read(PromptResponse, result))

    def _heard_no(self, wish: _Ours, document: Document) -> Step:
        why = why_of(document)
        match wish:
            case _Ours.RESUMED | _Ours.LOADED:
                self._replays = False
                return self._begin_anew(f"[its earlier conversation is not there any more: {why}]")
            case _Ours.MODE:
                step = self._take_turn()
                return Step((Said(f"[it does not take the mode asked for: {why}]"),), step.told)
            case _Ours.TURN:
                return self._part(gave_up(self._program, document))
            case _:
                way = ways_in(document, self._greeting.logins)
                return self._hopeless(f"refused {wish.value}: {why}{way}")

    def _odd(self, what: str) -> Step:
        """Tolerated and told, as long as it is news."""
        self._strange += 1
        return Step((Said(f"[not understood] {what}"),) if self._strange <= STRANGE_SHOWN else ())

    # --- the session -----------------------------------------------------------------------------

    def _request(self, wish: _Ours, params: BaseModel) -> Document:
        return request(self._requests.new(wish), wish.value, params)

    def _greeted(self, greeting: Greeting | str) -> Step:
        if isinstance(greeting, str):
            return self._hopeless(greeting)
        self._greeting, self._program = greeting, greeting.name or self._program
        session, cwd = self._assignment.session, self._cwd
        if not session:
            return Step(told=(self._new_session(),))
        if greeting.resumes:
            return Step(told=(self._request(_Ours.RESUMED, resumed_session(session, cwd)),))
        if greeting.loads:
            self._replays = True
            return Step(told=(self._request(_Ours.LOADED, loaded_session(session, cwd)),))
        return self._begin_anew("[it cannot go on with an earlier conversation]")

    def _new_session(self) -> Document:
        return self._request(_Ours.NEW, new_session(self._cwd))

    def _begin_anew(self, why: str) -> Step:
        return Step((Said(f"{why} A new one begins."),), (self._new_session(),))

    def _opened(self, wish: _Ours, result: object) -> Step:
        if wish is _Ours.NEW:
            new = read(NewSessionResponse, result)
            if new is None:
                return self._hopeless("opened no session, as it should have")
            self._session = new.session_id
            return self._choose_mode(new.modes)
        self._session, self._resumed, self._replays = self._assignment.session, True, False
        old = read(LoadSessionResponse, result)
        return self._choose_mode(None if old is None else old.modes)

    def _choose_mode(self, modes: SessionModeState | None) -> Step:
        mode = mode_to_take(modes, read_only=self._assignment.read_only)
        if mode is None:
            return self._take_turn()
        choice = SetSessionModeRequest(session_id=self._session, mode_id=mode)
        return Step(told=(self._request(_Ours.MODE, choice),))

    # --- the turn --------------------------------------------------------------------------------

    def _take_turn(self, words: str = "") -> Step:
        if self._interrupted:
            return Step(over=True)
        self._spending.turn_begins()
        self._wishes.denied.clear()
        said = TextContentBlock(type="text", text=words or self._words())
        turn = PromptRequest(session_id=self._session, prompt=[said])
        return Step(told=(self._request(_Ours.TURN, turn),))

    def _words(self) -> str:
        """Of a conversation that goes on the agent knows the beginning."""
        what = self._assignment
        if self._resumed:
            return what.answer or what.feedback or "Go on with your task."
        return f"{what.prompt}\n\n{what.feedback}".strip()

    def _turn_is_over(self, answer: PromptResponse | None) -> Step:
        program, denied = self._program, self._wishes.denied
        if answer is None:
            return self._part(Ended(failed=f"{program} ended its turn, and nobody knows how"))
        events: tuple[AgentEvent, ...] = (*self._updates.rest(), *self._spending.of_turn(answer))
        over_a_denial = answer.stop_reason == "cancelled" and denied and not self._interrupted
        if over_a_denial and self._again < AGAIN_MAX:
            self._again += 1
            reasons = "\n".join(denied)[:WHY_MAX]
            step = self._take_turn(
                f"What you asked for was denied:\n{reasons}\n"
                "Go on with your task without it; if that cannot be done, say why."
            )
            return Step(events, step.told)
        return self._part(stopped(program, answer.stop_reason, self._updates.last_words), events)

    def _part(self, verdict: Ended, events: tuple[AgentEvent, ...] = ()) -> Step:
        self._verdict = self._verdict or verdict
        return Step((*self._updates.rest(), *events), over=True)

    def _hopeless(self, what: str) -> Step:
        return self._part(hopeless(self._program, what))
