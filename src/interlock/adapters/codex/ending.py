"""How a conversation with Codex ended: its turn, our interruption and its exit, together.

A turn that is done is believed only as far as the exit agrees; an exit alone never says so.
"""

from typing import Final

import msgspec

from interlock.workers.agents.endings import ending_of
from interlock.workers.agents.json_lines import Document, count_in, document_in, text_in, value_in
from interlock.workers.agents.ports import Ended
from interlock.workers.agents.talking import Parting

SUMMARY_MAX: Final = 100_000
REASON_MAX: Final = 2_000

_REFUSED: Final = frozenset({400, 413, 422})
"""The model refused what it was asked; any other trouble with the model is nobody's fault."""

_NO_KEY: Final = frozenset({401, 403})

_ITS_OWN: Final = frozenset(
    {
        "badRequest",
        "contextWindowExceeded",
        "cyberPolicy",
        "misalignmentPolicyViolation",
        "sessionBudgetExceeded",
        "tooManyDenials",
    }
)


class Last(msgspec.Struct, frozen=True):
    """What was known when the program ended. `refused` is why there was no turn at all."""

    turn: Document | None
    interrupted: bool
    session: str
    words: str = ""
    refused: str = ""


def end_of(last: Last, parting: Parting) -> Ended:
    return msgspec.structs.replace(_end(last, parting), session=last.session)


def _end(last: Last, parting: Parting) -> Ended:
    cut = bool(parting.ended.stopped_for) and not parting.overstayed
    if last.turn is None or cut:
        return _without_turn(last, parting)
    match text_in(last.turn, "status"):
        case "completed":
            return _completed(last, parting)
        case "failed":
            return _trouble(last.turn)
        case _:
            return Ended(broken="codex was interrupted")


def _completed(last: Last, parting: Parting) -> Ended:
    if parting.ended.code != 0 and not parting.overstayed:
        end = ending_of("codex", parting.ended, parting.last, "")
        return msgspec.structs.replace(end, failed=f"it said that it is done, but {end.failed}")
    return Ended(summary=last.words[:SUMMARY_MAX])


def _without_turn(last: Last, parting: Parting) -> Ended:
    if last.interrupted:
        return Ended(broken="codex was interrupted")
    if last.refused:
        return Ended(broken=last.refused)
    end = ending_of("codex", parting.ended, parting.last, "")
    if end.failed or end.broken:
        return end
    return Ended(failed="codex ended before its turn was over")


def _trouble(turn: Document) -> Ended:
    why, refused = _reason(turn)
    info = value_in(turn, "error", "codexErrorInfo")
    status = _status(info)
    if status in _NO_KEY or info == "unauthorized":
        return Ended(broken=f"the model refused the key: {why}; check [models] in interlock.toml")
    if status in _REFUSED or refused:
        return Ended(failed=f"the model refused the request: {why}")
    if isinstance(info, str) and info in _ITS_OWN:
        return Ended(failed=f"codex gave up: {why}")
    return Ended(broken=f"the model could not be reached: {why}")


def _status(info: object) -> int:
    """Some kinds of trouble name the answer's status, in a document of their own."""
    kinds = info.values() if isinstance(info, dict) else ()
    return next((count_in(kind, "httpStatusCode") for kind in kinds if isinstance(kind, dict)), 0)


def _reason(turn: Document) -> tuple[str, bool]:
    """In words, and whether they are a refusal that Codex hands on just as the model wrote it."""
    error = document_in(turn, "error")
    message = text_in(error, "message")
    refusal = _refusal_in(message)
    details = text_in(error, "additionalDetails")
    said = ": ".join(part for part in (refusal or message, details) if part)
    return (said or "it does not say why")[:REASON_MAX], bool(refusal)


def _refusal_in(message: str) -> str:
    try:
        document = msgspec.json.decode(message)
    except (msgspec.DecodeError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    return text_in(document, "error", "message") or text_in(document, "message")
