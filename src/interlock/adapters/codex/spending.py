"""The tokens of one attempt, out of counts that go on over the whole life of a conversation."""

from typing import Final

import msgspec

from interlock.workers.agents.json_lines import Document, count_in, document_in, text_in
from interlock.workers.agents.ports import Used

THREADS_MAX: Final = 100


class _Count(msgspec.Struct, frozen=True):
    """Of one conversation until now; cached tokens are part of the input."""

    input: int = 0
    cached: int = 0
    output: int = 0

    def since(self, before: "_Count") -> "_Count":
        """A count that went back began anew; what it holds then was counted before."""
        return _Count(
            max(0, self.input - before.input),
            max(0, self.cached - before.cached),
            max(0, self.output - before.output),
        )


class Spending:
    """Hears every count, and says what came on top.

    A conversation that is resumed tells first what its earlier turns have used: that is not ours.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Count] = {}

    def hear(self, params: Document, *, earlier: bool) -> tuple[Used, ...]:
        """`earlier`: this is about a turn that another attempt has paid for."""
        thread = text_in(params, "threadId")
        total = _count(document_in(params, "tokenUsage", "total"))
        if thread not in self._known and len(self._known) >= THREADS_MAX:
            return ()
        last = _count(document_in(params, "tokenUsage", "last"))
        before = self._known.get(thread, total.since(last))
        self._known[thread] = total
        more = total.since(before)
        if earlier or more == _Count():
            return ()
        return (Used(max(0, more.input - more.cached), more.output, more.cached),)


def _count(told: Document) -> _Count:
    return _Count(
        count_in(told, "inputTokens"),
        count_in(told, "cachedInputTokens"),
        count_in(told, "outputTokens"),
    )
