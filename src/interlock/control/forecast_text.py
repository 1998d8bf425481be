"""A forecast in words: what is likely, and what it does not exceed eight times of ten."""

from __future__ import annotations

from typing import Final

from interlock.control.markdown import count, duration
from interlock.control.read_models import RestForecast
from interlock.domain.forecast import RunForecast, Spread

_SECONDS_PER_MINUTE: Final = 60.0
_CENT: Final = 0.01


def time_left(rest: RestForecast) -> str:
    """'40 min to go, 1 h 05 min eight times of ten; $1.20 in all, $1.90 eight times of ten'."""
    said = f"{_minutes(rest.minutes.p50)} to go, {_minutes(rest.minutes.p80)} eight times of ten"
    if rest.cost_usd is not None:
        said += f"; {spread_of_money(rest.cost_usd)} in all"
    if rest.not_counted:
        said += f"; without {count(len(rest.not_counted), 'task')} that a person must move"
    return said


def forecast_told(forecast: RunForecast) -> str:
    """'40 min, eight times of ten 1 h 05 min; $1.20, eight times of ten $1.90'."""
    said = spread_of_time(forecast.minutes)
    return said if forecast.cost_usd is None else f"{said}; {spread_of_money(forecast.cost_usd)}"


def spread_of_time(minutes: Spread) -> str:
    return f"{_minutes(minutes.p50)}, eight times of ten {_minutes(minutes.p80)}"


def spread_of_money(usd: Spread) -> str:
    return f"{money(usd.p50)}, eight times of ten {money(usd.p80)}"


def money(usd: float) -> str:
    """'$12.30', and of less than a cent that it is less."""
    return f"less than ${_CENT}" if 0 < usd < _CENT else f"${usd:,.2f}"


def _minutes(minutes: float) -> str:
    return duration(_SECONDS_PER_MINUTE * minutes)
