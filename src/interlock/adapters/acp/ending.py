"""How a turn ended, by the agent's own word: what is its fault, and what is nobody's."""

import re
from typing import Final

from acp.exceptions import RequestError
from acp.schema import StopReason

from interlock.workers.agents.json_lines import Document, text_in, value_in
from interlock.workers.agents.ports import Ended

WHY_MAX: Final = 1_000

_STOPS: Final[dict[StopReason, str]] = {
    "max_tokens": "it reached the most tokens that its model gives for one turn",
    "max_turn_requests": "it reached the most requests that it makes in one turn",
    "refusal": "its model refused to go on",
    "cancelled": "it ended its turn as cancelled, and nobody had cancelled it",
}

_STATUS: Final = re.compile(r"\b(401|403|408|429|5\d\d)\b")
_STATUS_WITHIN: Final = 120
"""Agents write the status of the model's answer at the beginning of what they say about it."""

_KINDS: Final = frozenset({"server_error", "overloaded", "rate_limit", "authentication_failed"})


def stopped(program: str, reason: StopReason, words: str) -> Ended:
    if reason == "end_turn":
        return Ended(summary=words)
    said = f"; its last words:\n{words}" if words else ""
    return Ended(failed=f"{program}: {_STOPS[reason]}{said}")


def gave_up(program: str, document: Document) -> Ended:
    """An error in place of an end; a model that is out of reach is nobody's fault."""
    why = why_of(document)
    if wants_a_login(document):
        return Ended(broken=f"{program} is not logged in: {why}; check `variables` of its profile")
    kind = text_in(document, "error", "data", "errorKind")
    if kind in _KINDS or _STATUS.search(why[:_STATUS_WITHIN]):
        return Ended(broken=f"{program} had trouble with its model: {why}")
    return Ended(failed=f"{program} gave up: {why}")


def wants_a_login(document: Document) -> bool:
    return value_in(document, "error", "code") == RequestError.auth_required().code


def why_of(document: Document) -> str:
    """The message of an error, and what stands beside it where that is a text."""
    said = (
        text_in(document, "error", "message"),
        text_in(document, "error", "data"),
        text_in(document, "error", "data", "details"),
        text_in(document, "error", "data", "message"),
    )
    told = ": ".join(dict.fromkeys(text.strip() for text in said if text.strip()))
    return told[:WHY_MAX] or "it does not say why"
