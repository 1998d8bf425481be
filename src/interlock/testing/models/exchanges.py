"""What happened, request by request: for assertions, and as a log of JSON lines."""

import hashlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from interlock.testing.models.script import Tokens

KEPT_MAX: Final = 10_000
RETURNED_CHARACTERS_MAX: Final = 20_000


class Exchange(msgspec.Struct, frozen=True):
    """One request and what came of it.

    `told` are the tokens that the client was told of, which is less than the step's when the
    stream was cut. `finished`: the answer went out whole. `returned` is what the tools of the step
    before gave back, as a model would see it. Without a `step` it is something beside the scripts:
    a title, a count, a refusal. `tools` are those that the answer calls.
    """

    number: int
    method: str
    path: str
    status: int
    protocol: str = ""
    model: str = ""
    stream: bool = False
    key: str = ""
    key_header: str = ""
    script: str = ""
    step: int | None = None
    tools: tuple[str, ...] = ()
    returned: str = ""
    told: Tokens = Tokens()
    finished: bool = True
    trouble: str = ""
    sentence: str = ""


def fingerprint(key: str) -> str:
    """Tells keys apart without telling them: the log stands in a file."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()[:16]}" if key else ""


class Exchanges:
    """The last of them in memory, all of them in the log, if there is one."""

    def __init__(self, log: Path | None) -> None:
        self._log = log
        self._kept: deque[Exchange] = deque(maxlen=KEPT_MAX)
        self.count = 0

    def add(self, exchange: Exchange) -> None:
        self._kept.append(exchange)
        self.count += 1
        if self._log is not None:
            masked = msgspec.structs.replace(exchange, key=fingerprint(exchange.key))
            with self._log.open("ab") as log:
                log.write(msgspec.json.encode(masked) + b"\n")

    def __iter__(self) -> Iterator[Exchange]:
        return iter(sorted(self._kept, key=lambda exchange: exchange.number))
