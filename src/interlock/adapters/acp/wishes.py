"""What an agent wants of us during its turn: to be allowed something, and files read or written.

The settings answer first, then whoever is asked. A file is read or written where the settings allow
it, and refused where they would have somebody asked: these requests have no place for a question.
A read-only task is refused all that may change something, unless it is its own outbox.
"""

from collections import deque
from typing import Final

import msgspec
from acp.exceptions import RequestError
from acp.meta import CLIENT_METHODS
from acp.schema import ReadTextFileRequest, RequestPermissionRequest, WriteTextFileRequest

from interlock.adapters.acp.asking import CANCELLED, HARMLESS, Asked, answer_of, question_of
from interlock.adapters.acp.files import Errand, lies_in
from interlock.adapters.acp.messages import RequestId, read, refusal, refused_with, reply
from interlock.adapters.acp.updates import PATHS_MAX, Call, Updates
from interlock.sandbox.ports import OUTBOX
from interlock.workers.agents.json_lines import Document
from interlock.workers.agents.pending import DETAIL_MAX, Questions, refusal_in
from interlock.workers.agents.permissions import ALLOW, rule_for
from interlock.workers.agents.ports import Assignment, Called, Said, Wanted
from interlock.workers.agents.talking import Step

NAME_MAX: Final = 1_000
DENIALS_KEPT: Final = 20

_STRICTNESS: Final = {"": 1, ALLOW: 2}
"""Of the settings' answers; a refusal goes before both."""

_READ_ONLY: Final = "this task is read-only, nothing may be changed"
_ASK_FIRST: Final = "do it with a tool of your own, which asks for permission"
_TOO_MUCH: Final = "deny: that is too much to be judged at once, do it in smaller steps"

_MAY_IT: Final = CLIENT_METHODS["session_request_permission"]
_READ: Final = CLIENT_METHODS["fs_read_text_file"]
_WRITE: Final = CLIENT_METHODS["fs_write_text_file"]


class Wishes:
    """Everything it asked for, until it is answered."""

    def __init__(self, program: str, assignment: Assignment, cwd: str, updates: Updates) -> None:
        self._assignment, self._cwd, self._updates = assignment, cwd, updates
        self._questions: Questions[Asked] = Questions(program)
        self._open: list[str] = []
        self._cancelled = False
        self._errands: list[Errand] = []
        self.denied: deque[str] = deque(maxlen=DENIALS_KEPT)
        """Why, in the words of whoever denied it."""

    def heard(self, asked: RequestId, method: str, params: object) -> Step:
        """What is no such request, or none of these, is refused as the protocol wants it."""
        error = RequestError.invalid_params()
        if method == _MAY_IT:
            wish = read(RequestPermissionRequest, params)
            if wish is not None:
                return self._may_it(asked, wish)
        elif method == _READ:
            reading = read(ReadTextFileRequest, params)
            if reading is not None:
                line = 1 if reading.line is None else reading.line
                return self._errand(Errand(asked, reading.path, None, line, reading.limit))
        elif method == _WRITE:
            writing = read(WriteTextFileRequest, params)
            if writing is not None:
                return self._errand(Errand(asked, writing.path, writing.content))
        else:
            error = RequestError.method_not_found(method[:NAME_MAX])
        return Step(told=(refusal(asked, error),))

    def answer(self, question: str, answer: str) -> Step:
        """Raises AgentRefused where it did not ask that."""
        asked = self._questions.take(question)
        self._open.remove(question)
        return Step(told=self._told(asked, answer))

    def cancelled(self) -> tuple[Document, ...]:
        """No question is answered any more."""
        self._cancelled = True
        open_ones = [self._questions.take(question) for question in self._open]
        self._open.clear()
        return tuple(reply(asked.request, CANCELLED) for asked in open_ones)

    def errands(self) -> tuple[Errand, ...]:
        errands, self._errands = tuple(self._errands), []
        return errands

    # --- permissions -----------------------------------------------------------------------------

    def _may_it(self, request_id: RequestId, wish: RequestPermissionRequest) -> Step:
        asked = Asked(request_id, tuple(wish.options))
        call = self._updates.learn(wish.tool_call)
        wanted = self._by_what_decides(call, question_of(asked, call))
        before = self._updates.rest()
        if self._cancelled:
            return Step(before, (reply(request_id, CANCELLED),))
        answer = self._by_itself(call, wanted)
        if answer:
            refused = refusal_in(answer) is not None
            denied = (Said(f"[denied] {wanted.tool}: {wanted.detail}"),) if refused else ()
            return Step((*before, *denied), self._told(asked, answer))
        if not self._questions.ask(wanted.id, asked):
            return Step(before, self._told(asked, _TOO_MUCH))
        self._open.append(wanted.id)
        return Step((*before, wanted))

    def _by_what_decides(self, call: Call, wanted: Wanted) -> Wanted:
        """Of several files one that is denied, else one that is not allowed, stands for all."""
        if call.command or len(call.paths) <= 1:
            return wanted
        ones = [msgspec.structs.replace(wanted, detail=path) for path in call.paths]
        return min(ones, key=lambda one: _STRICTNESS.get(self._rule(one), 0))

    def _by_itself(self, call: Call, wanted: Wanted) -> str:
        """The answer that needs nobody."""
        if len(call.detail) > DETAIL_MAX or len(call.paths) > PATHS_MAX:
            return _TOO_MUCH
        if self._assignment.read_only and not _is_harmless(call):
            return f"deny: {_READ_ONLY}"
        return self._rule(wanted)

    def _rule(self, wanted: Wanted) -> str:
        return rule_for(self._assignment.profile, self._assignment.box, wanted)

    def _told(self, asked: Asked, answer: str) -> tuple[Document, ...]:
        given = answer_of(asked, answer)
        if given.denied:
            self.denied.append(given.denied)
        return (reply(asked.request, given.response),)

    # --- files -----------------------------------------------------------------------------------

    def _errand(self, errand: Errand) -> Step:
        """It is told when it is done."""
        why = ""
        if not lies_in(errand.path, self._cwd) and not lies_in(errand.path, OUTBOX):
            why = f"{errand.path[:NAME_MAX]} lies outside of {self._cwd}: name a path in it"
        elif errand.writes and self._assignment.read_only and not lies_in(errand.path, OUTBOX):
            why = _READ_ONLY
        else:
            why = self._not_by_rule(errand)
        if why:
            return Step(told=(refused_with(errand.request, why),))
        self._errands.append(errand)
        verb = _WRITE if errand.writes else _READ
        return Step((*self._updates.rest(), Called(verb, errand.path)))

    def _not_by_rule(self, errand: Errand) -> str:
        """Why the settings do not let it; an answer in the outbox needs no rule that allows it."""
        tool = "Edit" if errand.writes else "Read"
        path = self._updates.within(errand.path)
        answer = self._rule(Wanted(str(errand.request), "", tool, detail=path))
        if not answer:
            is_answer = errand.writes and lies_in(errand.path, OUTBOX)
            return "" if is_answer else f"no rule allows {tool} of {path[:NAME_MAX]}: {_ASK_FIRST}"
        return refusal_in(answer) or ""


def _is_harmless(call: Call) -> bool:
    """Of what changes files only the outbox is."""
    if call.kind in HARMLESS:
        return True
    return call.kind == "edit" and bool(call.paths) and all(lies_in(p, OUTBOX) for p in call.paths)
