"""What Codex says and what that means: pure, so that recorded lines can be replayed.

The way of a conversation: `initialize`; a thread, begun or resumed; one turn in it with our
message; then its items and its questions, until the turn is completed. Requests go both ways, each
side numbers its own. Codex is told to be silent about what nobody here listens to.
"""

from collections.abc import Callable
from typing import Final

import msgspec

import interlock
from interlock.adapters.codex.asking import (
    ACCEPT,
    COMMAND,
    DECLINE,
    PATCH,
    QUESTION,
    Asked,
    answered,
    asked_in,
    command_wanted,
    key,
    only_answers,
    only_looks,
    patch_wanted,
    question_wanted,
)
from interlock.adapters.codex.command import THREAD, TURN, approvals, asks_for_commands
from interlock.adapters.codex.ending import REASON_MAX, Last, end_of
from interlock.adapters.codex.items import Items, progress_in
from interlock.adapters.codex.spending import Spending
from interlock.sandbox.ports import OUTBOX
from interlock.workers.agents.json_lines import Document, document_in, text_in
from interlock.workers.agents.pending import (
    DETAIL_MAX,
    QUESTIONS_MAX,
    Questions,
    Requests,
    refusal_in,
)
from interlock.workers.agents.ports import Assignment, Ended, Said, Wanted
from interlock.workers.agents.talking import Parting, Step

_UNHEARD: Final = (
    "account/rateLimits/updated",
    "item/agentMessage/delta",
    "item/commandExecution/outputDelta",
    "item/fileChange/outputDelta",
    "item/fileChange/patchUpdated",
    "item/plan/delta",
    "item/reasoning/summaryPartAdded",
    "item/reasoning/summaryTextDelta",
    "item/reasoning/textDelta",
    "thread/started",
    "turn/diff/updated",
)

_NOT_SERVED: Final = -32601

_READ_ONLY: Final = (
    "This task is read-only: look at files with simple commands that only read (cat, ls, rg, find, "
    f"sed -n, git log), and change nothing. Only an answer may be written, by a patch in {OUTBOX}."
)
_TOO_MUCH: Final = "That is too much to be judged at once: do it in smaller steps."


class _Request(msgspec.Struct, frozen=True):
    """What was asked for, and what follows as soon as that was answered, in whatever way."""

    method: str
    then: Step


class CodexConversation:
    """One turn, in a thread of its own or in the one that this session names."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._resumes = bool(assignment.session)
        self._thread = assignment.session
        self._turn = ""
        self._requests: Requests[_Request] = Requests()
        self._questions: Questions[Asked] = Questions("codex")
        self._items, self._spending = Items(), Spending()
        self._interrupted = self._asked_to_stop = False
        self._completed: Document | None = None
        self._refused = ""
        self._hears: dict[str, Callable[[Document], Step]] = {
            "error": self._trouble,
            "item/completed": self._item_completed,
            "item/started": self._item_started,
            "serverRequest/resolved": self._resolved,
            "thread/tokenUsage/updated": self._counted,
            "turn/completed": self._turn_completed,
            "turn/plan/updated": self._planned,
            "turn/started": self._turn_started,
            "warning": self._warned,
        }
        self._asks: dict[str, Callable[[Asked, Document], Step]] = {
            COMMAND: self._wants_command,
            PATCH: self._wants_patch,
            QUESTION: self._wants_answer,
        }

    @property
    def session(self) -> str:
        return self._thread

    def begin(self) -> Step:
        client = {"name": "interlock", "title": "Interlock", "version": interlock.__version__}
        capabilities = {"optOutNotificationMethods": list(_UNHEARD)}
        return self._request("initialize", {"clientInfo": client, "capabilities": capabilities})

    def hear(self, document: Document) -> Step:
        method, params = text_in(document, "method"), document_in(document, "params")
        if not method:
            return self._answered_by_it(document)
        if "id" in document:
            return self._asked_by_it(document, params)
        hear = self._hears.get(method)
        return Step() if hear is None else hear(params)

    def answer(self, question: str, answer: str) -> Step:
        asked = self._questions.take(question)
        if asked.method == QUESTION:
            return _response(asked, answered(asked, answer))
        refusal = refusal_in(answer)
        return _response(asked, ACCEPT) if refusal is None else self._declined(asked, refusal)

    def interrupt(self) -> Step:
        self._interrupted = True
        return self._stop() if self._completed is None else Step()

    def end(self, parting: Parting) -> Ended:
        last = Last(
            self._completed,
            self._interrupted,
            self._thread,
            self._items.last_words,
            self._refused,
        )
        return end_of(last, parting)

    # --- what we say -----------------------------------------------------------------------------

    def _request(self, method: str, params: Document, then: Step | None = None) -> Step:
        number = self._requests.new(_Request(method, then or Step()))
        return Step(told=({"id": number, "method": method, "params": params},))

    def _thread_wanted(self) -> Step:
        """Its folder is where the program stands: inside, that is the workspace."""
        params: Document = {**THREAD, "cwd": ".", "approvalPolicy": approvals(self._assignment)}
        if self._assignment.read_only:
            params["developerInstructions"] = _READ_ONLY
        if not self._resumes:
            return self._request("thread/start", params)
        return self._request(
            "thread/resume", {**params, "threadId": self._thread, "excludeTurns": True}
        )

    def _turn_wanted(self) -> Step:
        message: Document = {"threadId": self._thread, "input": _text(self._words())}
        return self._request("turn/start", {**TURN, **message})

    def _words(self) -> str:
        what = self._assignment
        if self._resumes:
            return what.answer or what.feedback or "Go on with your task."
        return f"{what.prompt}\n\n{what.feedback}".strip()

    def _stop(self) -> Step:
        """Once it has a turn; before that there is nothing to lose."""
        if self._asked_to_stop:
            return Step()
        if not self._turn:
            return Step(over=True)
        self._asked_to_stop = True
        return self._request("turn/interrupt", {"threadId": self._thread, "turnId": self._turn})

    def _declined(self, asked: Asked, why: str) -> Step:
        """A refusal has no place for a reason, so a word of ours with it goes first.

        The refusal itself waits until that has come: behind it, the model would be asked twice.
        """
        if len(self._requests) >= QUESTIONS_MAX:
            return _response(asked, DECLINE)  # It does not listen to us.
        reason = f"Your last request was not granted: {why}"
        steer: Document = {
            "threadId": asked.thread,
            "expectedTurnId": asked.turn,
            "input": _text(reason),
        }
        return self._request("turn/steer", steer, then=_response(asked, DECLINE))

    # --- what it answers -------------------------------------------------------------------------

    def _answered_by_it(self, document: Document) -> Step:
        request = self._requests.answered(document.get("id"))
        if request is None:
            return Step()
        if "error" in document and request.method != "turn/steer":
            return self._refused_by_it(request.method, text_in(document, "error", "message"))
        result = document_in(document, "result")
        match request.method:
            case "initialize":
                wanted = self._thread_wanted()
                return Step(told=({"method": "initialized"}, *wanted.told))
            case "thread/start" | "thread/resume":
                self._thread = text_in(result, "thread", "id")
                self._items.begin_in(text_in(result, "cwd"))
                return self._turn_wanted()
            case "turn/start":
                return self._turn_known(text_in(result, "turn", "id"))
            case _:
                return request.then

    def _refused_by_it(self, method: str, why: str) -> Step:
        said = why[:REASON_MAX] or "it does not say why"
        if method == "thread/resume":
            self._resumes, self._thread = False, ""
            begun = self._thread_wanted()
            return Step((Said(f"[codex begins anew: {said}]"),), begun.told)
        self._refused = f"codex refused {method}: {said}; check its version"
        return Step(over=True)

    def _turn_known(self, turn: str) -> Step:
        self._turn = self._turn or turn
        return self._stop() if self._interrupted and self._turn else Step()

    # --- what it tells ---------------------------------------------------------------------------

    def _turn_started(self, params: Document) -> Step:
        return self._turn_known(text_in(params, "turn", "id")) if self._ours(params) else Step()

    def _item_started(self, params: Document) -> Step:
        item = document_in(params, "item")
        return Step(self._items.started(item) if self._ours(params) else ())

    def _item_completed(self, params: Document) -> Step:
        item = document_in(params, "item")
        return Step(self._items.completed(item) if self._ours(params) else ())

    def _planned(self, params: Document) -> Step:
        return Step(progress_in(params) if self._ours(params) else ())

    def _counted(self, params: Document) -> Step:
        earlier = self._ours(params) and text_in(params, "turnId") != self._turn
        return Step(self._spending.hear(params, earlier=earlier))

    def _trouble(self, params: Document) -> Step:
        """The last one of a turn comes again with its end."""
        if params.get("willRetry") is not True:
            return Step()
        parts = (text_in(params, "error", name) for name in ("message", "additionalDetails"))
        return Step((Said(f"[the model: {' '.join(part for part in parts if part)}]"),))

    def _warned(self, params: Document) -> Step:
        return Step((Said(f"[codex warns: {text_in(params, 'message')}]"),))

    def _resolved(self, params: Document) -> Step:
        self._questions.withdraw(f"{params.get('requestId')}")
        return Step()

    def _turn_completed(self, params: Document) -> Step:
        turn = document_in(params, "turn")
        if not self._ours(params) or text_in(turn, "id") != self._turn:
            return Step()
        self._completed = self._completed or turn
        return Step(over=True)

    def _ours(self, params: Document) -> bool:
        """There may be threads beside the one that we talk in."""
        return bool(self._thread) and text_in(params, "threadId") == self._thread

    # --- what it asks ----------------------------------------------------------------------------

    def _asked_by_it(self, document: Document, params: Document) -> Step:
        asked = asked_in(document)
        if asked is None:
            return Step()
        ask = self._asks.get(asked.method)
        return _not_served(asked) if ask is None else ask(asked, params)

    def _wants_command(self, asked: Asked, params: Document) -> Step:
        if self._assignment.read_only and not only_looks(params):
            return self._declined(asked, _READ_ONLY)
        if not asks_for_commands(self._assignment):
            return _response(asked, ACCEPT)
        return self._wants(asked, command_wanted(asked, params))

    def _wants_patch(self, asked: Asked, params: Document) -> Step:
        paths = self._items.patch(text_in(params, "itemId"))
        if not paths:
            return self._declined(asked, _TOO_MUCH)
        if not self._assignment.read_only:
            return self._wants(asked, patch_wanted(asked, params, paths, self._assignment))
        if only_answers(paths):
            return _response(asked, ACCEPT)
        return self._declined(asked, _READ_ONLY)

    def _wants_answer(self, asked: Asked, params: Document) -> Step:
        wanted = question_wanted(asked, params)
        if len(wanted.question) > DETAIL_MAX or not self._questions.ask(key(asked), asked):
            return _response(asked, answered(asked, _TOO_MUCH))
        return Step((wanted,))

    def _wants(self, asked: Asked, wanted: Wanted) -> Step:
        if len(wanted.detail) > DETAIL_MAX or not self._questions.ask(key(asked), asked):
            return self._declined(asked, _TOO_MUCH)
        return Step((wanted,))


def _text(text: str) -> list[Document]:
    return [{"type": "text", "text": text, "text_elements": []}]


def _response(asked: Asked, result: Document) -> Step:
    return Step(told=({"id": asked.request, "result": result},))


def _not_served(asked: Asked) -> Step:
    error = {"code": _NOT_SERVED, "message": "nothing answers that here"}
    return Step(told=({"id": asked.request, "error": error},))
