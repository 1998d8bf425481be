"""What Claude Code says and what that means: pure, so that recorded lines can be replayed.

The way of a conversation: `initialize`, its answer, our message; then its words, its tools and its
questions, until a `result`. Only that last document tells how it went: an unreachable model is a
"success" with `is_error`, and the tokens of single messages are not the tokens that were used.
"""

from typing import Final

import msgspec

from interlock.adapters.claude.command import RESUMED
from interlock.adapters.claude.ending import Last, end_of
from interlock.adapters.claude.tools import (
    ASKS_A_PERSON,
    answered,
    detail_of,
    file_written,
    question_in,
)
from interlock.sandbox.ports import OUTBOX, WORKSPACE
from interlock.workers.agents.json_lines import (
    Document,
    amount_in,
    count_in,
    document_in,
    documents_in,
    text_in,
)
from interlock.workers.agents.pending import DETAIL_MAX, Questions, Requests, refusal_in
from interlock.workers.agents.ports import (
    AgentEvent,
    Assignment,
    Called,
    Ended,
    Said,
    Touched,
    Used,
    Wanted,
)
from interlock.workers.agents.talking import Parting, Step

CALLS_MAX: Final = 256
"""Of tools that were called and have not come back; of more the oldest are forgotten."""

ID_MAX: Final = 200
FAILURE_MAX: Final = 500

_READ_ONLY: Final = "This task is read-only: nothing may be changed. Go on without it."
_TOO_MUCH: Final = "That is too much to be judged at once: do it in smaller steps."


class _Asked(msgspec.Struct, frozen=True):
    """What an answer must repeat."""

    tool: str
    given: Document


class _Called(msgspec.Struct, frozen=True):
    """A tool at work, and the file that it changes if it succeeds."""

    tool: str
    writes: str


class ClaudeConversation:
    """One conversation, begun or resumed under this session."""

    def __init__(self, assignment: Assignment, session: str) -> None:
        self._assignment, self._session = assignment, session
        self._requests: Requests[str] = Requests()
        self._questions: Questions[_Asked] = Questions("claude")
        self._calls: dict[str, _Called] = {}
        self._workspace = WORKSPACE
        self._resumed = self._interrupted = False
        self._result: Document | None = None
        self._hears = {
            RESUMED: self._was_resumed,
            "assistant": self._assistant,
            "user": self._tool_results,
            "system": self._system,
            "control_request": self._asked_by_it,
            "control_cancel_request": self._withdrawn,
            "control_response": self._answered_by_it,
            "result": self._result_came,
        }

    @property
    def session(self) -> str:
        return self._session

    def begin(self) -> Step:
        return self._request("initialize", hooks=None)

    def hear(self, document: Document) -> Step:
        hear = self._hears.get(text_in(document, "type"))
        return Step() if hear is None else hear(document)

    def answer(self, question: str, answer: str) -> Step:
        asked = self._questions.take(question)
        if asked.tool == ASKS_A_PERSON:
            return _response(question, _allowed(answered(asked.given, answer)))
        refusal = refusal_in(answer)
        if refusal is None:
            return _response(question, _allowed(asked.given))
        return _response(question, _denied(refusal))

    def interrupt(self) -> Step:
        self._interrupted = True
        return Step() if self._result is not None else self._request("interrupt")

    def end(self, parting: Parting) -> Ended:
        return end_of(Last(self._result, self._interrupted, self._session), parting)

    # --- what we say -----------------------------------------------------------------------------

    def _request(self, subtype: str, **fields: object) -> Step:
        number = self._requests.new(subtype)
        request = {"subtype": subtype, **fields}
        return Step(
            told=({"type": "control_request", "request_id": str(number), "request": request},)
        )

    def _message(self) -> Document:
        """`client_composed`: a prompt is a text, whatever looks like a command or a file in it."""
        message = {"role": "user", "content": self._words()}
        return {"type": "user", "message": message, "client_composed": True}

    def _words(self) -> str:
        what = self._assignment
        if self._resumed:
            return what.answer or what.feedback or "Go on with your task."
        return f"{what.prompt}\n\n{what.feedback}".strip()

    # --- what we hear ----------------------------------------------------------------------------

    def _was_resumed(self, _: Document) -> Step:
        self._resumed = True
        return Step()

    def _answered_by_it(self, document: Document) -> Step:
        kind = self._requests.answered(text_in(document, "response", "request_id"))
        if kind != "initialize":
            return Step()
        return Step(over=True) if self._interrupted else Step(told=(self._message(),))

    def _assistant(self, document: Document) -> Step:
        events: list[AgentEvent] = []
        for block in documents_in(document, "message", "content"):
            match text_in(block, "type"):
                case "text" if said := text_in(block, "text"):
                    events.append(Said(said))
                case "tool_use":
                    events.append(self._called(block))
                case _:
                    continue
        return Step(tuple(events))

    def _called(self, block: Document) -> Called:
        tool, given = text_in(block, "name"), document_in(block, "input")
        writes = file_written(tool, given, self._workspace)
        self._calls[text_in(block, "id")] = _Called(tool, writes)
        if len(self._calls) > CALLS_MAX:
            del self._calls[next(iter(self._calls))]
        return Called(tool, detail_of(given, self._workspace))

    def _tool_results(self, document: Document) -> Step:
        events: list[AgentEvent] = []
        for block in documents_in(document, "message", "content"):
            called = self._calls.pop(text_in(block, "tool_use_id"), None)
            if called is None:
                continue
            if block.get("is_error") is True:
                events.append(Said(f"[{called.tool} failed] {_result_text(block)[:FAILURE_MAX]}"))
            elif called.writes:
                events.append(Touched(called.writes))
        return Step(tuple(events))

    def _system(self, document: Document) -> Step:
        match text_in(document, "subtype"):
            case "init":
                # A box that cannot show constant paths calls it something else.
                self._workspace = text_in(document, "cwd") or WORKSPACE
                return Step()
            case "api_retry":
                status = count_in(document, "error_status") or "no answer"
                attempt, most = count_in(document, "attempt"), count_in(document, "max_retries")
                said = f"[the model: {status}; it tries again, {attempt} of {most}]"
            case "permission_denied":
                said = f"[denied] {text_in(document, 'message')}"
            case _:
                return Step()
        return Step((Said(said),))

    def _asked_by_it(self, document: Document) -> Step:
        question = text_in(document, "request_id")
        request = document_in(document, "request")
        if not question or len(question) > ID_MAX:
            return Step()
        if text_in(request, "subtype") != "can_use_tool":
            return _response_of(question, subtype="error", error="nothing answers that here")
        asked = _Asked(text_in(request, "tool_name"), document_in(request, "input"))
        if asked.tool == ASKS_A_PERSON:
            text, options = question_in(asked.given)
            wanted = Wanted(question, text or "It has a question without words.", options=options)
        elif self._assignment.read_only:
            file = file_written(asked.tool, asked.given, self._workspace)
            only_answers = file.startswith(f"{OUTBOX}/")
            verdict = _allowed(asked.given) if only_answers else _denied(_READ_ONLY)
            return _response(question, verdict)
        else:
            detail = detail_of(asked.given, self._workspace)
            wanted = _permission(question, asked.tool, detail, text_in(request, "decision_reason"))
        if len(wanted.detail) > DETAIL_MAX or not self._questions.ask(question, asked):
            return _response(question, _denied(_TOO_MUCH))
        return Step((wanted,))

    def _withdrawn(self, document: Document) -> Step:
        self._questions.withdraw(text_in(document, "request_id"))
        return Step()

    def _result_came(self, document: Document) -> Step:
        """A second one would repeat what the first has counted."""
        again = self._result is not None
        self._result = document
        return Step((), over=True) if again else Step((_used(document),), over=True)


def _permission(question: str, tool: str, detail: str, reason: str) -> Wanted:
    why = f" ({reason})" if reason else ""
    tool = tool or "a tool without a name"
    return Wanted(question, f"May it use {tool}: {detail}{why}", tool, detail=detail)


def _used(result: Document) -> Used:
    usage = document_in(result, "usage")
    fresh = count_in(usage, "input_tokens") + count_in(usage, "cache_creation_input_tokens")
    return Used(
        fresh,
        count_in(usage, "output_tokens"),
        count_in(usage, "cache_read_input_tokens"),
        amount_in(result, "total_cost_usd"),
    )


def _result_text(block: Document) -> str:
    parts = (text_in(part, "text") for part in documents_in(block, "content"))
    return text_in(block, "content") or " ".join(part for part in parts if part)


def _allowed(given: Document) -> Document:
    return {"behavior": "allow", "updatedInput": given}


def _denied(reason: str) -> Document:
    return {"behavior": "deny", "message": reason}


def _response(question: str, response: Document) -> Step:
    return _response_of(question, subtype="success", response=response)


def _response_of(question: str, **fields: object) -> Step:
    response = {"request_id": question, **fields}
    return Step(told=({"type": "control_response", "response": response},))
