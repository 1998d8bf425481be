"""Reads along while an answer passes: what it used until now, and whether that is all."""

from typing import Final

from interlock.workers.models.counts import Counts, Told
from interlock.workers.models.dialect import Dialect
from interlock.workers.models.events import Event, Events

ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
"""An answer that comes at once is read when it is whole; of a larger one nothing is known."""

FAULTS_MAX: Final = 3


class AnswerReader:
    """One answer. What `feed` gives back is what its receiver gets, now."""

    def __init__(self, dialect: Dialect, content_type: str, hides_usage: bool = False) -> None:
        self._dialect = dialect
        self._hides_usage = hides_usage
        streamed = content_type.partition(";")[0].strip().lower() == "text/event-stream"
        self._events = Events() if streamed else None
        self._body: bytearray | None = bytearray()
        self._figures: dict[str, int] = {}
        self._whole = self._end = False
        self.faults: list[str] = []

    @property
    def counts(self) -> Counts:
        return self._dialect.counts(self._figures)

    @property
    def final(self) -> bool:
        """The figures of the whole answer were told, and its end has come."""
        return self._whole and self._end

    @property
    def input_told(self) -> bool:
        return self._dialect.input_figure in self._figures

    def feed(self, piece: bytes) -> bytes:
        if self._events is None:
            self._keep(piece)
            return piece
        shown = self._read(self._events.feed(piece))
        return shown if self._hides_usage else piece

    def close(self) -> bytes:
        """The answer has come to a proper end; the rest of it."""
        if self._events is None:
            self._learn(self._dialect.read_answer(bytes(self._body or b"")))
            return b""
        shown = self._read(self._events.close())
        return shown if self._hides_usage else b""

    def _keep(self, piece: bytes) -> None:
        if self._body is None:
            return
        self._body += piece
        if len(self._body) > ANSWER_BYTES_MAX:
            self._body = None

    def _read(self, events: list[Event]) -> bytes:
        """What is left of them for a receiver who did not ask for figures."""
        shown = []
        for event in events:
            told = self._dialect.read_event(event.data) if event.data else Told()
            self._learn(told)
            if not told.extra:
                shown.append(event.raw)
        return b"".join(shown)

    def _learn(self, told: Told) -> None:
        for name, figure in told.figures.items():
            self._figures[name] = max(figure, self._figures.get(name, 0))
        self._whole |= told.whole
        self._end |= told.end
        if told.fault and len(self.faults) < FAULTS_MAX:
            self.faults.append(told.fault)
