"""When an agent asks whether it may: the question as people and rules see it, and their answer."""

from collections.abc import Sequence
from typing import Final

import msgspec
from acp.schema import (
    AllowedOutcome,
    DeniedOutcome,
    PermissionOption,
    RequestPermissionResponse,
)

from interlock.adapters.acp.messages import RequestId
from interlock.adapters.acp.updates import Call
from interlock.workers.agents.pending import refusal_in
from interlock.workers.agents.ports import Wanted

HARMLESS: Final = frozenset({"read", "search", "think", "fetch"})
"""Kinds of tools that leave the workspace as it is; of others nobody knows."""

ALLOWING: Final = ("allow_once", "allow_always")
REJECTING: Final = ("reject_once", "reject_always")
"""The narrower one first: every question is judged for itself."""

CANCELLED: Final = RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))


class Asked(msgspec.Struct, frozen=True):
    """A question that is open: whom to answer, and the ways to do so."""

    request: RequestId
    options: tuple[PermissionOption, ...]


class Answer(msgspec.Struct, frozen=True):
    """What the agent is told; `denied` is why not, for the case that it gives up over it."""

    response: RequestPermissionResponse
    denied: str = ""


def question_of(asked: Asked, call: Call) -> Wanted:
    """About everything that it would do."""
    about = f" ({call.title})" if call.title and call.title != call.detail else ""
    question = f"May it use {call.tool}: {', '.join(call.detail.splitlines())}{about}"
    names = tuple(option.name for option in asked.options)
    return Wanted(str(asked.request), question, call.tool, names, call.detail)


def answer_of(asked: Asked, answer: str) -> Answer:
    """By the name of an option, or `allow`, or a refusal."""
    named = {each.name.casefold(): each for each in reversed(asked.options)}
    option = named.get(answer.strip().casefold())
    refusal = refusal_in(answer)
    if option is None:
        option = _first(asked.options, ALLOWING if refusal is None else REJECTING)
    if option is None:
        return Answer(CANCELLED, refusal or "It offered no way to allow it.")
    response = RequestPermissionResponse(
        outcome=AllowedOutcome(outcome="selected", option_id=option.option_id)
    )
    denied = (refusal or "It was denied.") if option.kind in REJECTING else ""
    return Answer(response, denied)


def _first(options: Sequence[PermissionOption], kinds: Sequence[str]) -> PermissionOption | None:
    return next((each for kind in kinds for each in options if each.kind == kind), None)
