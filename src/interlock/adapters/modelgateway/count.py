"""The use of one request: what is known of it at any time, settled as soon as all of it is."""

from collections.abc import Callable

import h11

from interlock.adapters.modelgateway.heads import value_of
from interlock.adapters.modelgateway.passage import Passage
from interlock.domain.usage import Usage
from interlock.workers.models.asking import Ask
from interlock.workers.models.counts import Counts
from interlock.workers.models.dialect import Dialect
from interlock.workers.models.prices import Model
from interlock.workers.models.reading import AnswerReader
from interlock.workers.models.spending import Bounds, cut_short, nothing_used, told


class Count:
    """Reads along with an answer; `settle` may be called more than once, the first one counts."""

    def __init__(
        self, passage: Passage, model: Model, bounds: Bounds, settle: Callable[[Usage], None]
    ) -> None:
        self._passage, self._model, self._bounds = passage, model, bounds
        self._settle = settle
        self._reader: AnswerReader | None = None
        self._more_comes_in = False

    def along(self, dialect: Dialect, ask: Ask) -> Callable[[h11.Response], "Count"]:
        """To be called with the head of the answer."""

        def begin(response: h11.Response) -> "Count":
            kind = value_of(list(response.headers), b"content-type")
            self._reader = AnswerReader(dialect, kind, ask.hides_usage)
            self._more_comes_in = ask.fetches or ask.rounds > 1
            return self

        return begin

    def feed(self, piece: bytes) -> bytes:
        """Booked before its receiver knows of the end, who may have the next request ready."""
        shown = piece if self._reader is None else self._reader.feed(piece)
        if self._final:
            self._settle(self._usage)
        return shown

    def end(self) -> bytes:
        """The answer came to a proper end."""
        return b"" if self._reader is None else self._reader.close()

    def close(self) -> None:
        """Whatever became of it."""
        self._settle(self._usage)

    def troubles(self, provider: str) -> list[str]:
        """Sentences for people about what was not as it should be."""
        faults = [] if self._reader is None or self._passage.refused else self._reader.faults
        said = [self._passage.plain(fault) for fault in faults]
        found = [f"{provider} broke off with an error: {each}." for each in said]
        unknown = self._usage.unknown_tokens
        if unknown:
            found.append(
                f"{provider} did not tell all that one request used: up to {unknown:,} tokens may "
                "come on top."
            )
        return found

    @property
    def _final(self) -> bool:
        return self._reader is not None and self._reader.final and not self._passage.refused

    @property
    def _usage(self) -> Usage:
        passage, reader = self._passage, self._reader
        if not passage.begun or passage.unused:
            return nothing_used()
        counts = Counts() if reader is None else reader.counts
        if self._final:
            return told(counts, self._model)
        input_told = reader is not None and reader.input_told and not self._more_comes_in
        return cut_short(counts, self._model, self._bounds, input_told=input_told)
