"""How a use stands in a book: whole numbers, which add up to the same in any order."""

from collections.abc import Sequence
from typing import Final

import msgspec

from interlock.domain.usage import Usage

NANO: Final = 1_000_000_000
"""Money is booked in billionths of a dollar."""


class Booked(msgspec.Struct, frozen=True):
    """One use, or many added up; a cost of None: of a model without a price."""

    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    unknown_tokens: int = 0
    cost_nano: int | None = 0
    unknown_nano: int = 0

    @property
    def tokens(self) -> int:
        """All that count against a cap: what may have been used will not become less."""
        sent = self.input_tokens + self.cached_tokens + self.cache_write_tokens
        return sent + self.output_tokens + self.unknown_tokens

    @property
    def nano(self) -> int:
        """All the money that counts against a cap."""
        return (self.cost_nano or 0) + self.unknown_nano


_NANO_MAX: Final = 10**17

COLUMNS: Final = Booked.__struct_fields__


def booked(usage: Usage) -> Booked:
    return Booked(
        usage.requests,
        usage.input_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.unknown_tokens,
        None if usage.cost_usd is None else nano_of(usage.cost_usd),
        nano_of(usage.unknown_usd),
    )


def usage_of(entry: Booked) -> Usage:
    return Usage(
        entry.requests,
        entry.input_tokens,
        entry.cached_tokens,
        entry.cache_write_tokens,
        entry.output_tokens,
        entry.reasoning_tokens,
        entry.unknown_tokens,
        None if entry.cost_nano is None else entry.cost_nano / NANO,
        entry.unknown_nano / NANO,
    )


def added(entries: Sequence[Booked]) -> Booked:
    """A sum has no cost when one of its parts has none."""
    columns = {name: [getattr(entry, name) for entry in entries] for name in COLUMNS}
    costs = columns.pop("cost_nano")
    known = all(cost is not None for cost in costs)
    return Booked(
        **{name: sum(values) for name, values in columns.items()},
        cost_nano=sum(costs) if known else None,
    )


def nano_of(usd: float | None) -> int:
    """Never so much that a book could not add it up."""
    return min(round((usd or 0.0) * NANO), _NANO_MAX)
