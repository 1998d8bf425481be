"""A request goes out when it fits under every cap, whatever it comes to."""

import pytest

from interlock.workers.models.booked import NANO
from interlock.workers.models.caps import Sum, over_cap
from interlock.workers.models.ports import Caps, Worst

WORST = Worst(100, 1.0)


def usd(spent: float, held: float = 0.0) -> Sum:
    return Sum(0, round(spent * NANO), 0, round(held * NANO))


FITS = {
    "no caps": (Sum(10**12, 10**12), usd(10**6), usd(10**6), Caps()),
    "to the last token": (Sum(tokens=900), Sum(), Sum(), Caps(tokens_per_task=1000)),
    "to the last cent": (usd(4), usd(9), usd(19), Caps(None, 5.0, 10.0, 20.0)),
    "in dimes": (usd(0.1 + 0.2), Sum(), Sum(), Caps(cost_usd_per_task=1.3)),
}


@pytest.mark.parametrize(("task", "run", "day", "caps"), FITS.values(), ids=FITS)
def test_it_fits(task: Sum, run: Sum, day: Sum, caps: Caps):
    assert over_cap(task, run, day, WORST, caps) is None


OVER = {
    "tokens": (Sum(tokens=901), Sum(), Sum(), Caps(tokens_per_task=1000), "tokens_per_task"),
    "the task": (usd(4.01), Sum(), Sum(), Caps(cost_usd_per_task=5.0), "cost_usd_per_task"),
    "the run": (Sum(), usd(9.01), Sum(), Caps(cost_usd_per_run=10.0), "cost_usd_per_run"),
    "the day": (Sum(), Sum(), usd(99.01), Caps(cost_usd_per_day=100.0), "cost_usd_per_day"),
}


@pytest.mark.parametrize(("task", "run", "day", "caps", "cap"), OVER.values(), ids=OVER)
def test_one_too_many_is_refused_by_name(task: Sum, run: Sum, day: Sum, caps: Caps, cap: str):
    over = over_cap(task, run, day, WORST, caps)
    assert over is not None
    assert over.cap == cap
    assert cap in over.why
    assert not over.held


def test_a_person_reads_what_was_spent_and_what_is_needed():
    over = over_cap(usd(4.25, 0.5), Sum(), Sum(), WORST, Caps(cost_usd_per_task=5.0))
    assert over is not None
    assert over.why == (
        "[limits] cost_usd_per_task is 5: this task has come to 4.25 US dollars, 0.5 more are set "
        "aside for requests under way, and the next request may need 1"
    )


def test_what_others_hold_may_be_free_in_a_moment():
    over = over_cap(usd(1, 3.5), Sum(), Sum(), WORST, Caps(cost_usd_per_task=5.0))
    assert over is not None
    assert over.held
    over = over_cap(Sum(100, 0, 850, 0), Sum(), Sum(), WORST, Caps(tokens_per_task=1000))
    assert over is not None
    assert over.held


def test_a_cap_on_tokens_alone_holds_what_has_no_price():
    unpriced = Worst(100, None)
    assert over_cap(Sum(tokens=900), Sum(), Sum(), unpriced, Caps(tokens_per_task=1000)) is None
    assert over_cap(Sum(tokens=950), Sum(), Sum(), unpriced, Caps(tokens_per_task=1000))


@pytest.mark.parametrize(
    "caps",
    [
        Caps(1000, 5.0),
        Caps(cost_usd_per_task=5.0),
        Caps(cost_usd_per_run=5.0),
        Caps(cost_usd_per_day=5.0),
    ],
)
def test_a_cap_on_money_refuses_what_has_no_price(caps: Caps):
    over = over_cap(Sum(), Sum(), Sum(), Worst(100, None), caps)
    assert over is not None
    assert (over.cap, over.held) == ("prices", False)
    assert "[prices]" in over.why
