"""What was used of models: tokens by kind, what they cost, and how far both are known."""

from typing import Literal

import msgspec

Source = Literal["gateway", "reported"]
"""Counted where it passed us, or as a client says; only the first is a usage of record."""


class Usage(msgspec.Struct, frozen=True):
    """What one attempt, or anything summed up, has used.

    `input_tokens` are those that no cache had; `reasoning_tokens` are part of `output_tokens`.
    `unknown_tokens` and `unknown_usd` are what may come on top at most: of streams that were cut
    before they told, of models and tiers without a price. `cost_usd` is None when a model that was
    used has no price.
    """

    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    unknown_tokens: int = 0
    cost_usd: float | None = 0.0
    unknown_usd: float = 0.0
    source: Source = "gateway"

    @property
    def tokens(self) -> int:
        """Of every kind; no token counts twice."""
        fresh = self.input_tokens + self.output_tokens
        return fresh + self.cached_tokens + self.cache_write_tokens

    def __add__(self, more: "Usage") -> "Usage":
        known = self.cost_usd is not None and more.cost_usd is not None
        return Usage(
            self.requests + more.requests,
            self.input_tokens + more.input_tokens,
            self.cached_tokens + more.cached_tokens,
            self.cache_write_tokens + more.cache_write_tokens,
            self.output_tokens + more.output_tokens,
            self.reasoning_tokens + more.reasoning_tokens,
            self.unknown_tokens + more.unknown_tokens,
            (self.cost_usd or 0.0) + (more.cost_usd or 0.0) if known else None,
            self.unknown_usd + more.unknown_usd,
            "reported" if "reported" in (self.source, more.source) else "gateway",
        )
