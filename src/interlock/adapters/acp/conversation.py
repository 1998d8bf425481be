"""One task as a conversation of the protocol: greet, open a session, ask for one turn, part.

    initialize -> session/new, session/resume or session/load -> session/set_mode -> session/prompt

Pure: what was heard goes in, events and what to say go out. What may take time, reading and writing
files for an agent that leaves that to us, is an errand for whoever drives the conversation.
"""

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

import msgspec
from acp.meta import AGENT_METHODS, CLIENT_METHODS, PROTOCOL_VERSION
from acp.schema import (
    AgentCapabilities,
    BaseModel,
    CancelNotification,
    ClientCapabilities,
    Implementation,
    InitializeRequest,
    InitializeResponse,
    LoadSessionRequest,
    LoadSessionResponse,
    NewSessionRequest,
    NewSessionResponse,
    PromptRequest,
    PromptResponse,
    ResumeSessionRequest,
    SessionCapabilities,
    SessionModeState,
    SessionNotification,
    SetSessionModeRequest,
    TextContentBlock,
)

from interlock import __version__
from interlock.adapters.acp.ending import WHY_MAX, gave_up, stopped, wants_a_login, why_of
from interlock.adapters.acp.files import Errand
from interlock.adapters.acp.messages import (
    RequestId,
    id_of,
    notification,
    read,
    refused_with,
    request,
)
from interlock.adapters.acp.updates import Updates, used_of
from interlock.adapters.acp.wishes import Wishes
from interlock.workers.agents.endings import ending_of
from interlock.workers.agents.json_lines import Document, text_in
from interlock.workers.agents.pending import Requests
from interlock.workers.agents.ports import AgentEvent, Assignment, Ended, Said, Used
from interlock.workers.agents.talking import Parting, Step

AGAIN_MAX: Final = 5
"""So often one that gave up over a refusal is asked to go on without what was refused."""

STRANGE_SHOWN: Final = 10
NAME_MAX: Final = 60

ASKING_MODES: Final = ("default",)
READING_MODES: Final = ("read-only", "default")
"""Names of modes in which agents ask before they change anything, the most careful first."""

ONLY_ITS_HOME: Final[Mapping[str, object]] = {
    "claudeCode": {"options": {"settingSources": ["user"], "strictMcpConfig": True}}
}
"""Told with every session: hooks, settings and tools that the repository brings are not for us.

Agents that do not know it leave it alone, as the protocol says.
"""

TOO_LONG: Final = "a line is a JSON document of 2 MB at most, so do it in smaller steps"

_NAME: Final = re.compile(r'"id"\s*:\s*(0|[1-9][0-9]{0,17}|"[^"\\\x00-\x1f]{1,200}")')
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
        self._updates = Updates(cwd)
        self._wishes = Wishes(program, assignment, cwd, self._updates)
        self._can = AgentCapabilities()
        self._logins: tuple[str, ...] = ()
        self._session = ""
        self._resumed = self._replays = self._interrupted = False
        self._strange = self._again = 0
        self._cost_before: float | None = None
        self._verdict: Ended | None = None

    @property
    def session(self) -> str:
        """Empty until there is one that can be gone on with."""
        return self._session if self._resumes or self._can.load_session else ""

    def begin(self) -> Step:
        greeting = InitializeRequest(
            protocol_version=PROTOCOL_VERSION,
            client_capabilities=ClientCapabilities(),
            client_info=Implementation(name="interlock", version=__version__),
        )
        return Step(told=(self._request(_Ours.GREETING, greeting),))

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
        head, _, _ = beginning.partition('"params"')
        found = _NAME.search(head)
        if found is None:
            return Step()
        name: RequestId = json.loads(found[1])
        if '"method"' in head:
            return Step(told=(refused_with(name, f"that could not be read: {TOO_LONG}"),))
        return self.hear({"id": name, "error": {"message": f"its answer is lost: {TOO_LONG}"}})

    def errands(self) -> tuple[Errand, ...]:
        """What to do for it now; each is given out once."""
        return self._wishes.errands()

    # --- what we asked ---------------------------------------------------------------------------

    def _request(self, wish: _Ours, params: BaseModel) -> Document:
        return request(self._requests.new(wish), wish.value, params)

    def _heard_answer(self, document: Document) -> Step:
        wish = self._requests.answered(document.get("id"))
        if wish is None:
            return self._odd("an answer that nobody waits for") if "id" in document else Step()
        if document.get("error") is not None:
            return self._heard_no(wish, document)
        result = document.get("result")
        match wish:
            case _Ours.GREETING:
                return self._greeted(read(InitializeResponse, result))
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
                return self._hopeless(f"refused {wish.value}: {why}{self._ways_in(document)}")

    def _greeted(self, hello: InitializeResponse | None) -> Step:
        if hello is None:
            return self._hopeless("does not greet as the Agent Client Protocol wants it")
        if hello.protocol_version != PROTOCOL_VERSION:
            return self._hopeless(
                f"speaks version {hello.protocol_version} of the Agent Client Protocol, and this "
                f"release speaks version {PROTOCOL_VERSION}"
            )
        if isinstance(hello.agent_capabilities, AgentCapabilities):  # the SDK mends with a dict
            self._can = hello.agent_capabilities
        if hello.agent_info is not None:
            name = hello.agent_info.title or hello.agent_info.name
            self._program = " ".join(name.split())[:NAME_MAX] or self._program
        self._logins = tuple(f"{each.id} ({each.name})" for each in hello.auth_methods or ())
        cwd, session = self._cwd, self._assignment.session
        if not session:
            return Step(told=(self._new_session(),))
        if self._resumes:
            resumed = ResumeSessionRequest(
                session_id=session, cwd=cwd, mcp_servers=[], field_meta=dict(ONLY_ITS_HOME)
            )
            return Step(told=(self._request(_Ours.RESUMED, resumed),))
        if self._can.load_session:
            self._replays = True
            loaded = LoadSessionRequest(
                session_id=session, cwd=cwd, mcp_servers=[], field_meta=dict(ONLY_ITS_HOME)
            )
            return Step(told=(self._request(_Ours.LOADED, loaded),))
        return self._begin_anew("[it cannot go on with an earlier conversation]")

    @property
    def _resumes(self) -> bool:
        sessions = self._can.session_capabilities
        return isinstance(sessions, SessionCapabilities) and sessions.resume is not None

    # --- our session and our turn ----------------------------------------------------------------

    def _new_session(self) -> Document:
        new = NewSessionRequest(cwd=self._cwd, mcp_servers=[], field_meta=dict(ONLY_ITS_HOME))
        return self._request(_Ours.NEW, new)

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
        """One in which it asks; what the settings allow is answered at once."""
        there = {} if modes is None else {mode.id: mode for mode in modes.available_modes}
        wanted = READING_MODES if self._assignment.read_only else ASKING_MODES
        mode = next((name for name in wanted if name in there), None)
        if mode is None or modes is None or modes.current_mode_id == mode:
            return self._take_turn()
        return Step(told=(self._request(_Ours.MODE, self._mode(mode)),))

    def _mode(self, name: str) -> SetSessionModeRequest:
        return SetSessionModeRequest(session_id=self._session, mode_id=name)

    def _take_turn(self, words: str = "") -> Step:
        if self._interrupted:
            return Step(over=True)
        self._cost_before = self._updates.cost_usd
        self._updates.counted = None
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
        events: tuple[AgentEvent, ...] = (*self._updates.rest(), *self._used(answer))
        over_a_denial = answer.stop_reason == "cancelled" and denied and not self._interrupted
        if over_a_denial and self._again < AGAIN_MAX:
            self._again += 1
            reasons = "\n".join(denied)[:WHY_MAX]
            step = self._take_turn(
                f"What you asked for was denied:\n{reasons}\n"
                "Go on with your task without it; if that cannot be done, say why."
            )
            return Step(events, step.told)
        verdict = stopped(program, answer.stop_reason, self._updates.last_words)
        return self._part(verdict, events)

    def _used(self, answer: PromptResponse) -> tuple[Used, ...]:
        cost = self._updates.cost_usd
        if cost is not None and self._cost_before is not None:
            cost = max(cost - self._cost_before, 0.0)
        if answer.usage is not None:
            return (used_of(answer.usage, cost),)
        counted = self._updates.counted
        if counted is None and cost is None:
            return ()
        return (msgspec.structs.replace(counted or Used(), cost_usd=cost),)

    def _part(self, verdict: Ended, events: tuple[AgentEvent, ...] = ()) -> Step:
        self._verdict = self._verdict or verdict
        return Step((*self._updates.rest(), *events), over=True)

    def _hopeless(self, what: str) -> Step:
        """It never got as far as its task, so the attempt is not to blame."""
        return self._part(Ended(broken=f"{self._program} {what}: check `run` of its profile"))

    def _ways_in(self, document: Document) -> str:
        if not wants_a_login(document):
            return ""
        ways = ", ".join(self._logins)[:WHY_MAX] or "it names none"
        return (
            f". It wants to be logged in ({ways}): give it a key with `variables` of its profile, "
            "or name the way among the words of `run`"
        )

    # --- what it tells ----------------------------------------------------------------------------

    def _heard_news(self, method: str, document: Document) -> Step:
        if method != _UPDATE:
            return Step()
        update = read(SessionNotification, document.get("params"))
        if update is None:
            kind = text_in(document, "params", "update", "sessionUpdate")
            return self._odd(f"an update of an unknown kind, {kind[:WHY_MAX] or 'none'}")
        if self._replays:
            self._updates.read_again(update)
            return Step()
        return Step(self._updates.read(update))

    def _odd(self, what: str) -> Step:
        """Tolerated and told, as long as it is news."""
        self._strange += 1
        return Step((Said(f"[not understood] {what}"),) if self._strange <= STRANGE_SHOWN else ())

    # --- what we answer, and the end -------------------------------------------------------------

    def answer(self, question: str, answer: str) -> Step:
        return self._wishes.answer(question, answer)

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
        return msgspec.structs.replace(self._end(parting), session=self.session)

    def _end(self, parting: Parting) -> Ended:
        program = self._program
        if self._interrupted:
            return Ended(broken=f"{program} was interrupted")
        end = ending_of(program, parting.ended, parting.last, "")
        beyond_a_limit = parting.ended.stopped_for and not parting.overstayed
        if self._verdict is not None:
            # Its exit code says nothing more: how to go when its input ends is up to each agent.
            return end if beyond_a_limit and not self._verdict.failed else self._verdict
        if end.broken or self._session:
            return end if end.broken or end.failed else _in_the_middle(program)
        why = end.failed or f"{program} ended before it opened a session"
        return Ended(broken=f"{why}; check `run` of its profile")


def _in_the_middle(program: str) -> Ended:
    return Ended(failed=f"{program} ended in the middle of its turn")
