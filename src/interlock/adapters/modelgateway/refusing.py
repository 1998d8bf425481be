"""What we answer ourselves, in the shape that the clients of every protocol read."""

from typing import Final

import h11
import msgspec

from interlock.adapters.modelgateway.caller import Caller

_KINDS: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
_SERVER_ERROR: Final = 500


class Refused(Exception):
    """A request that goes no further: a status, and a sentence for whoever sent it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


async def refuse(caller: Caller, head: h11.Request, refused: Refused) -> None:
    """Anthropic's clients read `type` and `error`, OpenAI's `error` with its four fields."""
    usual = "api_error" if refused.status >= _SERVER_ERROR else "invalid_request_error"
    error = {
        "type": _KINDS.get(refused.status, usual),
        "message": f"Interlock: {refused.why}",
        "param": None,
        "code": None,
    }
    body = msgspec.json.encode({"type": "error", "error": error})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if refused.status < _SERVER_ERROR:
        headers.append(
            (b"x-should-retry", b"false")
        )  # their clients heed it: no use in asking again
    await caller.begin(refused.status, b"", headers)
    await caller.send(b"" if head.method == b"HEAD" else body)
    await caller.end()
