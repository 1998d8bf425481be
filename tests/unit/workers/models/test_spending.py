"""Prices, the worst that a request may come to, and what is known when it was cut."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.domain.settings import Price
from interlock.domain.usage import Usage
from interlock.workers.models.asking import Ask
from interlock.workers.models.booked import Booked, added, booked, usage_of
from interlock.workers.models.counts import Counts
from interlock.workers.models.ports import Worst
from interlock.workers.models.prices import (
    CONTEXT_MAX,
    OUTPUT_MAX,
    dearest_rate,
    model_of,
    shipped,
)
from interlock.workers.models.spending import (
    ADDED_TOKENS_MAX,
    FETCHED_TOKENS_MAX,
    bounds_of,
    choices_of,
    cut_short,
    model_for,
    nothing_used,
    set_aside,
    told,
)

OWN = (Price("m", 3.0, 15.0, 0.3, 3.75),)
MODEL = model_of("m", "", OWN)
FREE = model_of("never-heard-of", "", ())

counts = st.builds(
    Counts,
    input=st.integers(0, 10**6),
    cached=st.integers(0, 10**6),
    cache_write=st.integers(0, 10**6),
    output=st.integers(0, 10**5),
)


def ask(body: bytes = b"x" * 1000, output_max: int | None = 500, **more: object) -> Ask:
    return Ask("m", body, output_max=output_max, **more)  # type: ignore[arg-type]  # any field


# --- prices ---------------------------------------------------------------------------------------


def test_the_shipped_table_is_dated_and_makes_sense():
    table = shipped()
    assert table.as_of >= date(2026, 11, 21)
    for name, row in table.models.items():
        assert 0 < row.input < row.output, name
        assert 0 < (row.cached or row.input) <= row.input, name
        assert row.input <= (row.cache_write or row.input) <= 2 * row.input, name
        assert 0 < row.output_max < row.context <= CONTEXT_MAX, name
        assert row.output_max <= OUTPUT_MAX, name


def test_every_kind_of_token_has_its_price():
    assert MODEL.rate is not None
    of_each = Counts(10**6, 10**6, 10**6, 0, 10**6, 10**6)
    assert MODEL.rate.cost(of_each) == 3.0 + 0.3 + 3.75 + 15.0


def test_an_hour_in_the_cache_costs_more():
    model = model_of("claude-opus-4-5-20251101", "", ())
    assert model.rate is not None
    assert model.rate.cost(Counts(cache_write=10**6)) == 6.25
    assert model.rate.cost(Counts(cache_write=10**6, cache_write_hour=10**6)) == 10.0
    assert MODEL.rate is not None
    assert MODEL.rate.cost(Counts(cache_write=10**6, cache_write_hour=10**6)) == 6.0


def test_a_long_request_costs_more_altogether():
    model = model_of("claude-sonnet-4-5", "", ())
    assert model.rate is not None
    assert model.rate.cost(Counts(input=200_000, output=1000)) == 0.6 + 0.015
    assert model.rate.cost(Counts(input=100_000, cached=100_001, output=1000)) == pytest.approx(
        0.6 + 0.0600006 + 0.0225
    )


NAMES = {
    "as it is": ("claude-haiku-4-5", 1.0),
    "with its date": ("claude-haiku-4-5-20251001", 1.0),
    "with another date": ("gpt-5-2025-08-07", 1.25),
    "the latest": ("gpt-5-latest", 1.25),
}


@pytest.mark.parametrize(("name", "price"), NAMES.values(), ids=NAMES)
def test_a_date_in_the_name_changes_nothing(name: str, price: float):
    rate = model_of(name, "", ()).rate
    assert rate is not None
    assert rate.input == price


@pytest.mark.parametrize("name", ["", "gpt-5-pro", "claude-haiku-4-5-x", "never-heard-of"])
def test_no_price_is_guessed(name: str):
    assert model_of(name, "", ()).rate is None


def test_ones_own_price_goes_before_and_the_limits_stay():
    model = model_of("claude-haiku-4-5-20251001", "", (Price("claude-haiku-4-5", 7.0, 8.0),))
    assert model.rate is not None
    assert (model.rate.input, model.rate.cached, model.rate.cache_write) == (7.0, 7.0, 7.0)
    assert (model.context, model.output_max) == (200_000, 64_000)


def test_in_another_tier_it_is_another_model_with_the_same_limits():
    model = model_of("claude-haiku-4-5", "priority", (Price("claude-haiku-4-5", 1.0, 2.0),))
    assert (model.name, model.context) == ("claude-haiku-4-5:priority", 200_000)
    priced = model_of("x", "priority", (Price("x:priority", 9.0, 9.0),))
    assert priced.rate is not None


# --- the worst ------------------------------------------------------------------------------------


def test_no_token_is_shorter_than_a_byte():
    bounds = bounds_of(ask(), MODEL)
    assert (bounds.input, bounds.output) == (1000 + ADDED_TOKENS_MAX, 500)
    assert bounds.worst == Worst(3500, 3000 * 3.75e-6 + 500 * 15e-6)


def test_without_a_limit_of_its_own_it_may_say_as_much_as_the_model_can():
    haiku = model_of("claude-haiku-4-5", "", ())
    assert bounds_of(ask(output_max=None), haiku).output == 64_000
    assert bounds_of(ask(output_max=10**9), haiku).output == 64_000
    assert bounds_of(ask(output_max=None), FREE).output == OUTPUT_MAX


def test_more_than_its_context_cannot_go_in():
    haiku = model_of("claude-haiku-4-5", "", ())
    assert bounds_of(ask(b"x" * 10**6), haiku).input == 200_000


def test_what_lies_elsewhere_may_fill_the_whole_context():
    haiku = model_of("claude-haiku-4-5", "", ())
    assert bounds_of(ask(b"x", elsewhere=True), haiku).input == 200_000
    assert bounds_of(ask(b"x", elsewhere=True), FREE).input == CONTEXT_MAX


def test_what_a_provider_fetches_goes_in_as_well():
    assert bounds_of(ask(fetches=True), MODEL).input == 3000 + FETCHED_TOKENS_MAX


def test_every_answer_counts():
    assert bounds_of(ask(answers=3), MODEL).output == 1500


def test_a_tier_that_nobody_priced_costs_at_least_the_usual_and_at_most_so_many_times():
    model = model_of("claude-haiku-4-5", "fast", (), 6.0)
    assert model.rate is not None
    assert (model.priced, model.rate.input, model.most.input) == (False, 1.0, 6.0)
    usage = told(Counts(10**6, output=10**6), model)
    assert (usage.cost_usd, usage.unknown_usd) == (6.0, 30.0)


def test_what_nobody_priced_costs_more_in_a_dearer_tier_as_well():
    usual, dearer = model_of("new", "", ()).most, model_of("new", "priority", (), 3.0).most
    assert (dearer.input, dearer.output) == (3 * usual.input, 3 * usual.output)
    wish = ask(others=True, tier="fast", factor=6.0, region=1.1)
    assert model_for(wish, OWN).most.input == pytest.approx(6.6 * usual.input)


def test_a_tier_with_a_price_costs_that_and_its_place_on_top():
    model = model_of("claude-opus-5-5", "fast", (), 6.0, 1.1)
    assert model.rate is not None
    assert (model.priced, model.rate.input) == (True, 8.0)
    assert model.most.input == pytest.approx(8.8)


def test_without_a_price_it_may_cost_as_much_as_the_dearest():
    worst = bounds_of(ask(), FREE).worst
    assert worst.cost_usd is not None
    for name in shipped().models:
        dearest = bounds_of(ask(), model_of(name, "", ())).worst.cost_usd
        assert dearest is not None
        assert dearest <= worst.cost_usd
    own = (Price("gold", 1000.0, 2000.0),)
    more = bounds_of(ask(), model_of("never-heard-of", "", own)).worst.cost_usd
    assert more is not None
    assert more == pytest.approx(3000 * 1000e-6 + 500 * 2000e-6)


def test_where_another_model_may_answer_any_price_may_apply():
    model = model_for(ask(others=True), OWN)
    assert (model.rate, model.most) == (MODEL.rate, dearest_rate(OWN))
    assert model_for(ask(), OWN) == MODEL


def test_a_request_without_a_limit_can_be_had_with_smaller_ones():
    model = model_of("gpt-6-astra", "", ())
    choices = choices_of(ask(output_max=None), model, "max_output_tokens")
    assert [each.limit for each in choices] == [None, 64_000, 32_000, 16_000, 8_000]
    assert [each.output for each in choices] == [128_000, 64_000, 32_000, 16_000, 8_000]
    assert len(choices_of(ask(output_max=9), model, "max_output_tokens")) == 1
    assert len(choices_of(ask(output_max=None), model, "")) == 1


def test_every_search_has_its_fee():
    assert told(Counts(searches=1000), MODEL).cost_usd == 10.0
    fetching = bounds_of(ask(fetches=True), MODEL).worst.cost_usd
    plain = bounds_of(ask(b"x" * (1000 + FETCHED_TOKENS_MAX)), MODEL).worst.cost_usd
    assert fetching is not None
    assert plain is not None
    assert fetching - plain == pytest.approx(0.25)


@given(counts, st.booleans())
def test_nothing_comes_to_more_than_its_worst(used: Counts, long_cache: bool):
    """However its input is taken: fresh, out of a cache or into one."""
    for name in ("m", "claude-sonnet-4-5", "gpt-6-sol", "claude-haiku-5-5"):
        model = model_of(name, "", OWN)
        body = b"x" * min(used.sent, model.context)
        bounds = bounds_of(ask(body, used.output, long_cache=long_cache), model)
        if used.sent <= model.context and used.output <= model.output_max:
            assert used.sent + used.output <= bounds.worst.tokens
            cost = told(used, model).cost_usd
            assert cost is not None
            assert bounds.worst.cost_usd is not None
            assert cost <= bounds.worst.cost_usd + 1e-9


# --- afterwards -----------------------------------------------------------------------------------


def test_told_is_told():
    usage = told(Counts(100, 20, 7, 0, 31, 5), MODEL)
    assert usage == Usage(1, 100, 20, 7, 31, 5, 0, usage.cost_usd, 0.0)
    assert usage.cost_usd == pytest.approx((300 + 6 + 26.25 + 465) / 1e6)
    assert told(Counts(output=1), FREE).cost_usd is None


def test_cut_before_it_told_anything_all_is_possible():
    bounds = bounds_of(ask(), MODEL)
    usage = cut_short(Counts(), MODEL, bounds, input_told=False)
    assert (usage.tokens, usage.unknown_tokens) == (0, 3500)
    assert (usage.cost_usd, usage.unknown_usd) == (0.0, bounds.worst.cost_usd)
    assert usage == set_aside(bounds.worst)


def test_cut_in_the_middle_only_its_output_is_open():
    bounds = bounds_of(ask(), MODEL)
    usage = cut_short(Counts(input=400, output=100), MODEL, bounds, input_told=True)
    assert (usage.input_tokens, usage.output_tokens, usage.unknown_tokens) == (400, 100, 400)
    assert usage.unknown_usd == pytest.approx(400 * 15e-6)


@given(counts, st.booleans())
def test_what_is_known_and_what_is_not_is_never_less_than_was_set_aside_or_known(
    used: Counts, input_told: bool
):
    bounds = bounds_of(ask(), MODEL)
    usage = cut_short(used, MODEL, bounds, input_told=input_told)
    assert usage.unknown_tokens >= 0
    assert usage.unknown_usd >= 0
    assert usage.tokens == used.sent + used.output
    if not input_told and used.sent <= bounds.input and used.output <= bounds.output:
        assert usage.tokens + usage.unknown_tokens == bounds.worst.tokens


def test_what_was_refused_used_nothing():
    assert nothing_used() == Usage(requests=1)
    assert set_aside(Worst(5, None)).cost_usd is None


@given(st.lists(st.builds(lambda used: booked(told(used, MODEL)), counts), max_size=5))
def test_books_add_up_in_any_order(entries: list[Booked]):
    assert usage_of(added(entries)) == usage_of(added(entries[::-1]))


def test_one_without_a_price_leaves_the_sum_without_one():
    entries = [booked(told(Counts(output=1), MODEL)), booked(told(Counts(output=1), FREE))]
    total = usage_of(added(entries))
    assert (total.requests, total.output_tokens, total.cost_usd) == (2, 2, None)
    assert usage_of(added([])) == Usage()
