"""What a request may come to before it is sent, and what it came to afterwards.

set aside:  all that it may come to            unknown, until it is settled
settled:    as told; cut short: at least this, and what may come on top at most
"""

from typing import Final

import msgspec

from interlock.domain.usage import Usage
from interlock.workers.models.asking import Ask
from interlock.workers.models.counts import FIGURE_MAX, Counts
from interlock.workers.models.ports import Worst
from interlock.workers.models.prices import Model

ADDED_TOKENS_MAX: Final = 2_000
"""What providers put around a request of their own: how to call tools, who speaks."""

FETCHED_TOKENS_MAX: Final = 128_000
"""What searches of a provider bring in. It may be more; then it is counted when it is told."""


class Bounds(msgspec.Struct, frozen=True):
    """The most tokens that go in and come out of one request."""

    input: int
    output: int
    worst: Worst


def bounds_of(ask: Ask, model: Model) -> Bounds:
    """No token is shorter than a byte; a request that is longer than its model can take fails."""
    sent = len(ask.body) + ADDED_TOKENS_MAX + (FETCHED_TOKENS_MAX if ask.fetches else 0)
    sent = model.context if ask.elsewhere else min(sent, model.context)
    output = model.output_max if ask.output_max is None else min(ask.output_max, model.output_max)
    output = min(output * ask.answers, FIGURE_MAX)
    cost = None
    if model.rate is not None:
        cost = model.rate.dearest(sent, output, long_cache=ask.long_cache)
    return Bounds(sent, output, Worst(sent + output, cost))


def set_aside(worst: Worst) -> Usage:
    """How a request that is not settled yet counts."""
    return Usage(
        requests=1,
        unknown_tokens=worst.tokens,
        cost_usd=None if worst.cost_usd is None else 0.0,
        unknown_usd=worst.cost_usd or 0.0,
    )


def nothing_used() -> Usage:
    """It was sent and refused, or never arrived."""
    return Usage(requests=1)


def told(counts: Counts, model: Model) -> Usage:
    """All of it is known."""
    return Usage(
        requests=1,
        input_tokens=counts.input,
        cached_tokens=counts.cached,
        cache_write_tokens=counts.cache_write,
        output_tokens=counts.output,
        reasoning_tokens=counts.reasoning,
        cost_usd=None if model.rate is None else model.rate.cost(counts),
    )


def cut_short(counts: Counts, model: Model, bounds: Bounds, *, input_told: bool) -> Usage:
    """At least what was told; at most what was set aside, or less where the input is known."""
    known = told(counts, model)
    more_in = 0 if input_told else max(0, bounds.input - counts.sent)
    more_out = max(0, bounds.output - counts.output)
    most = bounds.worst.cost_usd or 0.0
    if input_told and model.rate is not None:
        most = model.rate.cost(msgspec.structs.replace(counts, output=counts.output + more_out))
    return msgspec.structs.replace(
        known,
        unknown_tokens=more_in + more_out,
        unknown_usd=max(0.0, round(most - (known.cost_usd or 0.0), 9)),
    )
