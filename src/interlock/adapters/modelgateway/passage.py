"""One request on its way to its provider, and the answer on its way back."""

from typing import Final, Protocol

import h11
import msgspec

from interlock.adapters.modelgateway.caller import Caller
from interlock.adapters.modelgateway.heads import Headers, to_caller, value_of
from interlock.adapters.modelgateway.masking import Mask, without
from interlock.adapters.modelgateway.upstream import Base, Line, Lines, failure
from interlock.workers.models.anthropic import fault_in

ERROR_BYTES_KEPT: Final = 4_096
SENTENCE_MAX: Final = 300
_REFUSED: Final = 400
_FAILED: Final = 500
_BUSY: Final = 529
_BROKEN: Final = (OSError, TimeoutError, h11.RemoteProtocolError)


class Sent(msgspec.Struct, frozen=True):
    """What is asked of whom. `changes`: parts of the answer may be left out."""

    provider: str
    base: Base
    key: str
    method: str
    target: str
    headers: Headers
    body: bytes
    changes: bool = False


class Along(Protocol):
    """Whoever reads along, and may leave something out."""

    def feed(self, piece: bytes) -> bytes: ...

    def end(self) -> bytes: ...


class NoAnswer(Exception):
    """The provider said nothing; the message says why."""


class Passage:
    """Carries one exchange; what is known of it stands in its fields at any time."""

    def __init__(self, sent: Sent, lines: Lines) -> None:
        self._sent, self._lines = sent, lines
        self.begun = False
        """The provider may have read it."""
        self.refused = False
        """It answered with an error."""
        self.unused = False
        """It did nothing; one that failed may have done anything first."""
        self.troubles: list[str] = []
        self._error = bytearray()

    async def ask(self) -> tuple[Line, h11.Response]:
        """Raises NoAnswer, so that the caller can still be told."""
        sent = self._sent
        try:
            line = await self._lines.open(sent.base)
        except _BROKEN as error:
            raise NoAnswer(f"{sent.provider} cannot be reached: {failure(error)}") from error
        self.begun = True
        try:
            return line, await line.ask(sent.method, sent.target, sent.headers, sent.body)
        except _BROKEN as error:
            line.close()
            raise NoAnswer(f"{sent.provider} did not answer: {failure(error)}") from error
        except BaseException:
            line.close()
            raise

    async def carry(
        self, line: Line, response: h11.Response, caller: Caller, reader: Along | None
    ) -> None:
        """As it comes, no faster than it is taken. Half an answer stays half an answer."""
        try:
            await self._head(response, caller)
            mask = Mask(self._sent.key if self.refused or reader is None else "")
            while (piece := await line.piece()) is not None:
                if self.refused and len(self._error) < ERROR_BYTES_KEPT:
                    self._error += piece
                await caller.send(mask.feed(piece if reader is None else reader.feed(piece)))
            await caller.send(mask.feed(b"" if reader is None else reader.end()) + mask.end())
            await caller.end()
        except _BROKEN as error:
            line.close()
            caller.cut()
            self.troubles.append(
                f"{self._sent.provider} broke off in the middle of an answer: {failure(error)}."
            )
        except BaseException:
            line.close()
            raise
        else:
            self._lines.give_back(line)
        self._note(response)

    async def _head(self, response: h11.Response, caller: Caller) -> None:
        status, key = response.status_code, self._sent.key
        self.refused = status >= _REFUSED
        self.unused = self.refused and (status < _FAILED or status == _BUSY)
        headers = to_caller(list(response.headers.raw_items()), changed=self._sent.changes)
        shown = [(name, without(key, value)) for name, value in headers]
        await caller.begin(status, without(key, bytes(response.reason)), shown)

    def _note(self, response: h11.Response) -> None:
        if not self.refused:
            return
        later = value_of(list(response.headers), b"retry-after")
        parts = [
            f"{self._sent.provider} answered {response.status_code}",
            f" (again after {self.plain(later)} s)" if later else "",
            f": {said}" if (said := self._said()) else "",
        ]
        self.troubles.append("".join(parts).rstrip(".") + ".")

    def plain(self, said: str) -> str:
        """What a provider says, for people; never the key, which some repeat."""
        text = "".join(each if each.isprintable() else " " for each in said)
        return text.replace(self._sent.key, "***")[:SENTENCE_MAX]

    def _said(self) -> str:
        try:
            found = msgspec.json.decode(bytes(self._error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""
        return self.plain(fault_in(found.get("error") if isinstance(found, dict) else None))
