"""JSON-RPC documents made of the protocol's types, and types read from whatever came in.

The types are those of the protocol's own SDK. Its connection is not used: it starts a task for
every message it hears, without a bound, and one with a strange id ends it.
"""

import json
import re
from typing import Final, TypeVar

import msgspec
from acp.exceptions import RequestError
from acp.schema import BaseModel
from acp.utils import serialize_params

from interlock.workers.agents.json_lines import Document

RequestId = int | str
"""How an agent names a request of its own."""

ID_MAX: Final = 200

_NAME: Final = re.compile(r'"id"\s*:\s*(0|[1-9][0-9]{0,17}|"[^"\\\x00-\x1f]{1,200}")')

Model = TypeVar("Model", bound=BaseModel)


def request(number: int, method: str, params: BaseModel) -> Document:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": serialize_params(params)}


def notification(method: str, params: BaseModel) -> Document:
    return {"jsonrpc": "2.0", "method": method, "params": serialize_params(params)}


def reply(asked: RequestId, result: BaseModel) -> Document:
    return {"jsonrpc": "2.0", "id": asked, "result": serialize_params(result)}


def refusal(asked: RequestId, error: RequestError) -> Document:
    return {"jsonrpc": "2.0", "id": asked, "error": error.to_error_obj()}


def refused_with(asked: RequestId, why: str) -> Document:
    """No, with a sentence that the agent can tell its model."""
    return refusal(asked, RequestError(RequestError.invalid_request().code, why))


def id_of(document: Document) -> RequestId | None:
    """None: nobody could be answered under that name."""
    asked = document.get("id")
    if isinstance(asked, str):
        return asked if len(asked) <= ID_MAX and asked.isprintable() else None
    return asked if isinstance(asked, int) and not isinstance(asked, bool) else None


class Torn(msgspec.Struct, frozen=True):
    """What the beginning of a line tells of the rest: an agent's request, or an answer to ours."""

    id: RequestId
    is_request: bool


def torn(beginning: str) -> Torn | None:
    """None: it has no name, so nobody waits for an answer."""
    head, _, _ = beginning.partition('"params"')
    found = _NAME.search(head)
    return None if found is None else Torn(json.loads(found[1]), '"method"' in head)


def read(model: type[Model], document: object) -> Model | None:
    """None where it is no such thing."""
    try:
        return model.model_validate(_sound(document))
    except (ValueError, RecursionError):
        return None


def _sound(document: object) -> object:
    """Halves of surrogate pairs are replaced: nothing else could store them."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.loads(text.encode(errors="replace"))
    return document
