"""What a request may come to before it is sent, and what it came to afterwards.

set aside:  all that it may come to            unknown, until it is settled
settled:    as told; cut short: at least this, and what may come on top at most
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from interlock.domain.settings import Price
from interlock.domain.usage import Usage
from interlock.workers.models.asking import Ask
from interlock.workers.models.counts import FIGURE_MAX, Counts
from interlock.workers.models.ports import Worst
from interlock.workers.models.prices import SEARCH_USD, Model, dearest_rate, model_of

ADDED_TOKENS_MAX: Final = 2_000
"""What providers put around a request of their own: how to call tools, who speaks."""

FETCHED_TOKENS_MAX: Final = 128_000
SEARCHES_MAX: Final = 25
"""What searches of a provider bring in, and how many there are. It may be more; then it is counted
when it is told."""

OUTPUT_LEAST: Final = 4_096
"""A shorter answer helps nobody who did not ask for one."""


class Bounds(msgspec.Struct, frozen=True):
    """The most tokens that go in and come out of one request.

    `limit` has to be written into it, so that they hold.
    """

    input: int
    output: int
    worst: Worst
    limit: int | None = None


def bounds_of(ask: Ask, model: Model) -> Bounds:
    """No token is shorter than a byte; a request that is longer than its model can take fails."""
    sent = len(ask.body) + ADDED_TOKENS_MAX + (FETCHED_TOKENS_MAX if ask.fetches else 0)
    sent = model.context if ask.elsewhere else min(sent, model.context)
    output = model.output_max if ask.output_max is None else min(ask.output_max, model.output_max)
    sent, output = sent * ask.rounds, min(output * ask.answers * ask.rounds, FIGURE_MAX)
    cost = model.most.dearest(sent, output, long_cache=ask.long_cache)
    cost += SEARCHES_MAX * SEARCH_USD if ask.fetches else 0.0
    return Bounds(sent, output, Worst(sent + output, cost))


def choices_of(ask: Ask, model: Model, limit_field: str) -> list[Bounds]:
    """The request as it is; where it sets its output no limit, with ever smaller ones as well."""
    choices = [bounds_of(ask, model)]
    limit = model.output_max // 2
    while limit_field and ask.output_max is None and limit >= OUTPUT_LEAST:
        smaller = msgspec.structs.replace(ask, output_max=limit)
        choices.append(msgspec.structs.replace(bounds_of(smaller, model), limit=limit))
        limit //= 2
    return choices


def model_for(ask: Ask, prices: Sequence[Price]) -> Model:
    """Where another model may answer, any price may apply."""
    model = model_of(ask.model, ask.tier, prices, ask.factor, ask.region)
    if not ask.others:
        return model
    most = dearest_rate(prices).times(ask.factor * ask.region)
    return msgspec.structs.replace(model, most=most)


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
    """All tokens are known; where the price is not, what they cost on top at most is."""
    cost = None if model.rate is None else model.rate.cost(counts)
    return Usage(
        requests=1,
        input_tokens=counts.input,
        cached_tokens=counts.cached,
        cache_write_tokens=counts.cache_write,
        output_tokens=counts.output,
        reasoning_tokens=counts.reasoning,
        cost_usd=cost,
        unknown_usd=max(0.0, round(model.most.cost(counts) - (cost or 0.0), 9)),
    )


def cut_short(counts: Counts, model: Model, bounds: Bounds, *, input_told: bool) -> Usage:
    """At least what was told; at most what was set aside, or less where the input is known."""
    known = told(counts, model)
    more_in = 0 if input_told else max(0, bounds.input - counts.sent)
    more_out = max(0, bounds.output - counts.output)
    most = bounds.worst.cost_usd or 0.0
    if input_told:
        most = model.most.cost(msgspec.structs.replace(counts, output=counts.output + more_out))
    return msgspec.structs.replace(
        known,
        unknown_tokens=more_in + more_out,
        unknown_usd=max(known.unknown_usd, round(most - (known.cost_usd or 0.0), 9)),
    )
