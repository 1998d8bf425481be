"""What the tools of Claude Code would do, in words for people and for rules."""

import json
import posixpath
from typing import Final

from interlock.workers.agents.json_lines import Document, documents_in, text_in

ASKS_A_PERSON: Final = "AskUserQuestion"

_WRITERS: Final = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})
_PATHS: Final = ("file_path", "notebook_path", "path")
_TELLING: Final = ("command", "url", "query", "pattern", "description", "skill")


def detail_of(given: Document, workspace: str) -> str:
    """The command, the path, the address; of anything else all that it was given."""
    if path := _path_in(given):
        return path_within(workspace, path)
    for name in _TELLING:
        if said := text_in(given, name):
            return said
    return json.dumps(given, ensure_ascii=False) if given else ""


def file_written(tool: str, given: Document, workspace: str) -> str:
    """Empty: it writes no file that can be named."""
    path = _path_in(given) if tool in _WRITERS else ""
    return path_within(workspace, path) if path else ""


def path_within(workspace: str, path: str) -> str:
    """Relative to the workspace where it lies in it, without detours in any case."""
    return posixpath.normpath(path).removeprefix(f"{workspace}/")


def question_in(given: Document) -> tuple[str, tuple[str, ...]]:
    """What it wants to know, and what it offers to choose from where that is one question."""
    questions = documents_in(given, "questions")
    text = " ".join(asked for each in questions if (asked := text_in(each, "question")))
    if len(questions) != 1:
        return text, ()
    labels = (text_in(option, "label") for option in documents_in(questions[0], "options"))
    return text, tuple(label for label in labels if label)


def answered(given: Document, answer: str) -> Document:
    """The same with the answer, for all that was asked at once."""
    questions = (text_in(each, "question") for each in documents_in(given, "questions"))
    return {**given, "answers": dict.fromkeys(questions, answer)}


def _path_in(given: Document) -> str:
    return next((path for name in _PATHS if (path := text_in(given, name))), "")
