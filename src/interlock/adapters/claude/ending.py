"""How a conversation with Claude Code ended: its result, our interruption and its exit, together.

A result is believed only as far as the exit agrees; an exit alone never says that it is done.
"""

from typing import Final

import msgspec

from interlock.workers.agents.endings import ending_of
from interlock.workers.agents.json_lines import Document, count_in, documents_in, text_in, texts_in
from interlock.workers.agents.ports import Ended
from interlock.workers.agents.talking import Parting

SUMMARY_MAX: Final = 100_000
REASON_MAX: Final = 2_000
DENIALS_NAMED: Final = 10

_ITS_OWN: Final = frozenset({400, 413, 422})
"""The model refused what it was asked; any other trouble with the model is nobody's fault."""

_NO_KEY: Final = frozenset({401, 403})


class Last(msgspec.Struct, frozen=True):
    """What was known when the program ended."""

    result: Document | None
    interrupted: bool
    session: str


def end_of(last: Last, parting: Parting) -> Ended:
    end = _end(last, parting)
    return msgspec.structs.replace(end, session=last.session)


def _end(last: Last, parting: Parting) -> Ended:
    if last.result is None or (parting.ended.stopped_for and not parting.overstayed):
        return _without_result(last, parting)
    if last.result.get("is_error") is not False:
        return Ended(broken="claude was interrupted") if last.interrupted else _trouble(last.result)
    if parting.ended.code != 0 and not parting.overstayed:
        return Ended(failed=f"claude said it was done and ended with code {parting.ended.code}")
    return Ended(summary=_summary(last.result))


def _without_result(last: Last, parting: Parting) -> Ended:
    if last.interrupted:
        return Ended(broken="claude was interrupted")
    end = ending_of("claude", parting.ended, parting.last, "")
    if end.failed or end.broken:
        return end
    return Ended(failed="claude ended without a result")


def _trouble(result: Document) -> Ended:
    why = _reason(result)
    status = count_in(result, "api_error_status")
    if status in _ITS_OWN:
        return Ended(failed=f"the model refused the request: {why}")
    if status in _NO_KEY:
        return Ended(broken=f"the model refused the key: {why}; check [models] in interlock.toml")
    if status or text_in(result, "terminal_reason") == "api_error":
        return Ended(broken=f"the model could not be reached: {why}")
    return Ended(failed=f"claude gave up: {why}")


def _reason(result: Document) -> str:
    said = "; ".join(texts_in(result, "errors")) or text_in(result, "result")
    return (said or text_in(result, "subtype") or "it does not say why")[:REASON_MAX]


def _summary(result: Document) -> str:
    said = text_in(result, "result")[:SUMMARY_MAX]
    denials = documents_in(result, "permission_denials")
    tools = sorted({text_in(denial, "tool_name") for denial in denials} - {""})
    if not tools:
        return said
    more = " and others" if len(tools) > DENIALS_NAMED else ""
    return f"{said} (It was denied: {', '.join(tools[:DENIALS_NAMED])}{more}.)".strip()
