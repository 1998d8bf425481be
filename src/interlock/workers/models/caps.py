"""Whether a request still fits under every cap, after what was spent and what is set aside."""

from typing import Final

import msgspec

from interlock.workers.models.booked import NANO, nano_of
from interlock.workers.models.ports import Caps, OverCap, Worst


class Sum(msgspec.Struct, frozen=True):
    """What one task, run or day has come to: settled, and set aside for requests under way.

    What may have been used but was not told is settled, too: it will not become less.
    """

    tokens: int = 0
    nano_usd: int = 0
    held_tokens: int = 0
    held_nano_usd: int = 0


def over_cap(task: Sum, run: Sum, day: Sum, worst: Worst, caps: Caps) -> OverCap | None:
    """The first cap that it would pass; without a known worst case no cap on money can hold."""
    found = _over_tokens(task, worst, caps.tokens_per_task)
    if found is not None:
        return found
    money = (
        ("cost_usd_per_task", "this task", task, caps.cost_usd_per_task),
        ("cost_usd_per_run", "this run", run, caps.cost_usd_per_run),
        ("cost_usd_per_day", "this day (UTC)", day, caps.cost_usd_per_day),
    )
    if worst.cost_usd is None:
        return _NO_PRICE if any(cap is not None for *_, cap in money) else None
    for cap, whose, spent, limit in money:
        found = _over_money(cap, whose, spent, worst.cost_usd, limit)
        if found is not None:
            return found
    return None


_NO_PRICE: Final = OverCap(
    "prices",
    "the model has no price, so that no cap on money can hold: give it one under [prices]",
)


def _over_tokens(spent: Sum, worst: Worst, limit: int | None) -> OverCap | None:
    if limit is None or spent.tokens + spent.held_tokens + worst.tokens <= limit:
        return None
    why = (
        f"[limits] tokens_per_task is {limit:,}: this task has come to {spent.tokens:,} tokens"
        f"{_held(f'{spent.held_tokens:,}', spent.held_tokens)}, and the next request may need "
        f"{worst.tokens:,}"
    )
    return OverCap("tokens_per_task", why, held=spent.tokens + worst.tokens <= limit)


def _over_money(
    cap: str, whose: str, spent: Sum, worst_usd: float, limit: float | None
) -> OverCap | None:
    worst = nano_of(worst_usd)
    if limit is None or spent.nano_usd + spent.held_nano_usd + worst <= nano_of(limit):
        return None
    held = _held(_usd(spent.held_nano_usd), spent.held_nano_usd)
    why = (
        f"[limits] {cap} is {limit:g}: {whose} has come to {_usd(spent.nano_usd)} US dollars"
        f"{held}, and the next request may need {_usd(worst)}"
    )
    return OverCap(cap, why, held=spent.nano_usd + worst <= nano_of(limit))


def _held(amount: str, held: int) -> str:
    return f", {amount} more are set aside for requests under way" if held else ""


def _usd(nano: int) -> str:
    return f"{nano / NANO:.4f}".rstrip("0").rstrip(".")
