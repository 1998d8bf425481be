"""What the turn of an agent has used, out of counts of its session or of single requests."""

import math

import msgspec
from acp.schema import (
    AgentMessageChunk,
    PromptResponse,
    SessionNotification,
    TextContentBlock,
    Usage,
    UsageUpdate,
)

from interlock.adapters.acp.messages import read
from interlock.workers.agents.ports import Used


class Spending:
    """Hears every count, and says what our turn came to.

    A cost is that of the whole session, so what it was before our turn is not ours. Agents that do
    not sum up what their requests have used tell each of them beside their speech.
    """

    def __init__(self) -> None:
        self._cost_usd: float | None = None
        self._cost_before: float | None = None
        self._counted: Used | None = None

    def turn_begins(self) -> None:
        self._cost_before = self._cost_usd
        self._counted = None

    def hear(self, heard: SessionNotification) -> None:
        match heard.update:
            case AgentMessageChunk(content=TextContentBlock()) as chunk:
                self._count(chunk)
            case UsageUpdate() as update:
                self._pay(update)
            case _:
                return

    def of_turn(self, answer: PromptResponse) -> tuple[Used, ...]:
        """Nothing where nobody counted."""
        cost = self._cost_usd
        if cost is not None and self._cost_before is not None:
            cost = max(cost - self._cost_before, 0.0)
        if answer.usage is not None:
            return (_used(answer.usage, cost),)
        if self._counted is None and cost is None:
            return ()
        return (msgspec.structs.replace(self._counted or Used(), cost_usd=cost),)

    def _count(self, chunk: AgentMessageChunk) -> None:
        usage = read(Usage, (chunk.field_meta or {}).get("usage"))
        if usage is not None:
            so_far, more = self._counted or Used(), _used(usage)
            self._counted = Used(
                so_far.input_tokens + more.input_tokens,
                so_far.output_tokens + more.output_tokens,
                so_far.cached_tokens + more.cached_tokens,
            )

    def _pay(self, update: UsageUpdate) -> None:
        cost = update.cost
        if cost is not None and cost.currency == "USD" and math.isfinite(cost.amount):
            self._cost_usd = max(cost.amount, 0.0)


def _used(usage: Usage, cost_usd: float | None = None) -> Used:
    """What was written to a cache was fresh, like any other input."""
    fresh = usage.input_tokens + (usage.cached_write_tokens or 0)
    return Used(fresh, usage.output_tokens, usage.cached_read_tokens or 0, cost_usd)
