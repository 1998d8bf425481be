"""When Codex asks: the question as people and rules see it, and their answer as it wants it.

A patch of several files is one question. The rules are shown the file that decides: one that they
deny, else one that they do not allow, so that no file goes through in the company of others.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from interlock.adapters.codex.items import EDIT, SHELL, bare
from interlock.adapters.codex.reading import only_reads
from interlock.sandbox.ports import OUTBOX
from interlock.workers.agents.json_lines import Document, documents_in, text_in
from interlock.workers.agents.permissions import ALLOW, rule_for
from interlock.workers.agents.ports import Assignment, Wanted

COMMAND: Final = "item/commandExecution/requestApproval"
PATCH: Final = "item/fileChange/requestApproval"
QUESTION: Final = "item/tool/requestUserInput"

ACCEPT: Final[Document] = {"decision": "accept"}
DECLINE: Final[Document] = {"decision": "decline"}
"""The turn goes on without; `cancel` would end it."""

PATHS_NAMED: Final = 20
ID_MAX: Final = 200

_TYPING: Final = "writeStdin"


class Asked(msgspec.Struct, frozen=True):
    """A question that is open, and what its answer must name."""

    request: int | str
    method: str
    thread: str = ""
    turn: str = ""
    questions: tuple[str, ...] = ()


def asked_in(document: Document) -> Asked | None:
    """None: nobody could answer that."""
    request = document.get("id")
    if isinstance(request, bool) or not isinstance(request, int | str):
        return None
    if len(f"{request}") > ID_MAX:
        return None
    return Asked(
        request,
        text_in(document, "method"),
        text_in(document, "params", "threadId"),
        text_in(document, "params", "turnId"),
        tuple(text_in(each, "id") for each in documents_in(document, "params", "questions")),
    )


def command_wanted(asked: Asked, params: Document) -> Wanted:
    command = bare(text_in(params, "command"))
    if text_in(params, "kind") == _TYPING:
        question = f"May it type into a program that it has started: {command}"
    else:
        question = f"May it run this command: {command}"
    return Wanted(key(asked), question + _why(params), SHELL, detail=command)


def patch_wanted(
    asked: Asked, params: Document, paths: Sequence[str], assignment: Assignment
) -> Wanted:
    """Of at least one file."""
    named = ", ".join(paths[:PATHS_NAMED])
    more = f" and {len(paths) - PATHS_NAMED} more" if len(paths) > PATHS_NAMED else ""
    wanted = Wanted(key(asked), f"May it change {named}{more}{_why(params)}", EDIT)
    each = [msgspec.structs.replace(wanted, detail=path) for path in paths]
    rules = [rule_for(assignment.profile, assignment.box, one) for one in each]
    denied = [one for one, rule in zip(each, rules, strict=True) if rule not in {"", ALLOW}]
    unruled = [one for one, rule in zip(each, rules, strict=True) if not rule]
    return (*denied, *unruled, *each)[0]


def only_looks(params: Document) -> bool:
    """What a reader may run."""
    return text_in(params, "kind") != _TYPING and only_reads(bare(text_in(params, "command")))


def only_answers(paths: Sequence[str]) -> bool:
    """What a reader may write: it leaves its answer in the outbox."""
    return bool(paths) and all(path.startswith(f"{OUTBOX}/") for path in paths)


def question_wanted(asked: Asked, params: Document) -> Wanted:
    """What it wants to know, and what it offers to choose from where that is one question."""
    questions = documents_in(params, "questions")
    text = " ".join(said for each in questions if (said := text_in(each, "question")))
    labels: tuple[str, ...] = ()
    if len(questions) == 1:
        labels = tuple(text_in(option, "label") for option in documents_in(questions[0], "options"))
    options = tuple(label for label in labels if label)
    return Wanted(key(asked), text or "It has a question without words.", options=options)


def answered(asked: Asked, answer: str) -> Document:
    """The same for all that was asked at once."""
    return {"answers": {question: {"answers": [answer]} for question in asked.questions}}


def key(asked: Asked) -> str:
    return f"{asked.request}"


def _why(params: Document) -> str:
    reason = text_in(params, "reason")
    return f" ({reason})" if reason else ""
