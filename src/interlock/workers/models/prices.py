"""What tokens of a model cost, and how many of them one request can come to.

The table that is shipped has a date; `[prices]` of the person goes before it. A model that is in
neither has no price, which is said and never guessed; caps take it for the dearest there is.
"""

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from interlock.domain.settings import Price
from interlock.workers.models.counts import Counts

CONTEXT_MAX: Final = 1_050_000
OUTPUT_MAX: Final = 128_000
"""Of models that the table does not know: as much as the largest that it knows."""

SEARCH_USD: Final = 0.01
"""The fee for one search, where a provider tells how many there were."""

_LONG_CACHE_FACTOR: Final = 1.6
"""Keeping for an hour costs twice the input, for the usual time one and a quarter."""

_TABLE: Final = Path(__file__).with_name("prices.toml")
_DATED: Final = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$|\[1m\]$")


class Long(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Above so many tokens in one request everything costs so many times as much."""

    above: int
    input: float
    output: float


class Rate(msgspec.Struct, frozen=True):
    """US dollars per million tokens of each kind."""

    input: float
    output: float
    cached: float
    cache_write: float
    cache_write_hour: float
    long: Long | None = None

    def cost(self, counts: Counts) -> float:
        """In US dollars, to the billionth."""
        usual = counts.cache_write - counts.cache_write_hour
        sent = counts.input * self.input + counts.cached * self.cached
        sent += usual * self.cache_write + counts.cache_write_hour * self.cache_write_hour
        came = counts.output * self.output
        if self.long is not None and counts.sent > self.long.above:
            sent, came = sent * self.long.input, came * self.long.output
        return round((sent + came) / 1e6 + counts.searches * SEARCH_USD, 9)

    def times(self, factor: float) -> "Rate":
        return Rate(
            self.input * factor,
            self.output * factor,
            self.cached * factor,
            self.cache_write * factor,
            self.cache_write_hour * factor,
            self.long,
        )

    def dearest(self, sent: int, output: int, *, long_cache: bool) -> float:
        """What so many tokens cost at most, however its input is taken."""
        kept = Counts(cache_write=sent, cache_write_hour=sent if long_cache else 0, output=output)
        return max(self.cost(kept), self.cost(Counts(input=sent, output=output)))


class Model(msgspec.Struct, frozen=True):
    """What is known of one model; a `rate` of None: it has no price.

    `most` is what it costs at most: the same where its price is known. `priced`: somebody wrote
    down what it costs in this tier.
    """

    name: str
    most: Rate
    rate: Rate | None = None
    context: int = CONTEXT_MAX
    output_max: int = OUTPUT_MAX
    priced: bool = False


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the table as it is written."""

    input: float
    output: float
    context: int
    output_max: int
    cached: float | None = None
    cache_write: float | None = None
    cache_write_hour: float | None = None
    long: Long | None = None


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shipped prices, and the day on which they were right."""

    as_of: date
    models: Mapping[str, _Row]


@functools.cache
def shipped() -> Table:
    with _TABLE.open("rb") as file:
        return msgspec.convert(tomllib.load(file), Table)


def model_of(
    name: str,
    tier: str,
    prices: Sequence[Price],
    factor: float = 1.0,
    region: float = 1.0,
) -> Model:
    """By its full name, else by the name without its date; in another tier it is another model.

    A tier that nobody priced costs at least what the model costs, and at most `factor` times that;
    `region` may come on top of either.
    """
    own = {price.model: price for price in prices}
    models = shipped().models
    spelled = (name, _DATED.sub("", name))
    priced = [f"{each}:{tier}" if tier else each for each in spelled]
    row = next((models[each] for each in (*priced, *spelled) if each in models), None)
    exact, usual = _rate(priced, own, models), _rate(spelled, own, models)
    rate = exact or usual
    above = region if exact else factor * region
    most = (rate or dearest_rate(prices)).times(above)
    model = Model(priced[0], most, rate, priced=exact is not None)
    if row is None:
        return model
    return msgspec.structs.replace(model, context=row.context, output_max=row.output_max)


def dearest_rate(prices: Sequence[Price]) -> Rate:
    """No model that has a price costs more, for any kind of token."""
    listed = [_at_most(_of_row(row)) for row in shipped().models.values()]
    rates = [*listed, *(_of_price(price) for price in prices)]
    return Rate(
        max(rate.input for rate in rates),
        max(rate.output for rate in rates),
        max(rate.cached for rate in rates),
        max(rate.cache_write for rate in rates),
        max(rate.cache_write_hour for rate in rates),
    )


def _at_most(rate: Rate) -> Rate:
    """As a long request costs."""
    if rate.long is None:
        return rate
    long = rate.long
    return Rate(
        rate.input * long.input,
        rate.output * long.output,
        rate.cached * long.input,
        rate.cache_write * long.input,
        rate.cache_write_hour * long.input,
    )


def _rate(
    names: Sequence[str], own: Mapping[str, Price], models: Mapping[str, _Row]
) -> Rate | None:
    """That of the person goes before the one that is shipped."""
    found = next((own[each] for each in names if each in own), None)
    if found is not None:
        return _of_price(found)
    listed = next((models[each] for each in names if each in models), None)
    return None if listed is None else _of_row(listed)


def _of_row(row: _Row) -> Rate:
    write = row.input if row.cache_write is None else row.cache_write
    hour = write if row.cache_write_hour is None else row.cache_write_hour
    cached = row.input if row.cached is None else row.cached
    return Rate(row.input, row.output, cached, write, hour, row.long)


def _of_price(price: Price) -> Rate:
    write, hour = price.input, price.input
    if price.cache_write is not None:
        write, hour = price.cache_write, price.cache_write * _LONG_CACHE_FACTOR
    cached = price.input if price.cached is None else price.cached
    return Rate(price.input, price.output, cached, write, hour)
