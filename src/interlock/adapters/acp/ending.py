"""How a conversation ended, by the agent's word and its exit: what is its fault or nobody's."""

import re
from typing import Final

import msgspec
from acp.exceptions import RequestError
from acp.schema import StopReason

from interlock.workers.agents.endings import ending_of
from interlock.workers.agents.json_lines import Document, text_in, value_in
from interlock.workers.agents.ports import Ended
from interlock.workers.agents.talking import Parting

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


class Last(msgspec.Struct, frozen=True):
    """What was known when the program ended; `verdict` is what its own last word came to."""

    program: str
    verdict: Ended | None
    interrupted: bool
    opened: bool


def end_of(last: Last, parting: Parting) -> Ended:
    program, verdict = last.program, last.verdict
    if last.interrupted:
        return Ended(broken=f"{program} was interrupted")
    end = ending_of(program, parting.ended, parting.last, "")
    beyond_a_limit = parting.ended.stopped_for and not parting.overstayed
    if verdict is not None:
        # Its exit code says nothing more: how to go when its input ends is up to each agent.
        return end if beyond_a_limit and not verdict.failed else verdict
    if end.broken:
        return end
    if last.opened:
        return end if end.failed else Ended(failed=f"{program} ended in the middle of its turn")
    why = end.failed or f"{program} ended before it opened a session"
    return Ended(broken=f"{why}; check `run` of its profile")


def hopeless(program: str, what: str) -> Ended:
    """It never got as far as its task, so the attempt is not to blame."""
    return Ended(broken=f"{program} {what}: check `run` of its profile")


def stopped(program: str, reason: StopReason, words: str) -> Ended:
    if reason == "end_turn":
        return Ended(summary=words)
    said = f"; its last words:\n{words}" if words else ""
    return Ended(failed=f"{program}: {_STOPS[reason]}{said}")


def gave_up(program: str, document: Document) -> Ended:
    """An error in place of an end; a model that is out of reach is nobody's fault."""
    why = why_of(document)
    if _wants_a_login(document):
        return Ended(broken=f"{program} is not logged in: {why}; check `variables` of its profile")
    kind = text_in(document, "error", "data", "errorKind")
    if kind in _KINDS or _STATUS.search(why[:_STATUS_WITHIN]):
        return Ended(broken=f"{program} had trouble with its model: {why}")
    return Ended(failed=f"{program} gave up: {why}")


def ways_in(document: Document, logins: str) -> str:
    """What to do where it wants a login; `logins` are the ways that it named."""
    if not _wants_a_login(document):
        return ""
    return (
        f". It wants to be logged in ({logins or 'it names none'}): give it a key with `variables` "
        "of its profile, or name the way among the words of `run`"
    )


def _wants_a_login(document: Document) -> bool:
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
