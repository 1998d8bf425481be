"""Guesses that are certain, and prospects, for the tests of forecasts."""

import math

from interlock.domain.plan import Plan
from interlock.planning.history import Experience, History
from interlock.planning.montecarlo import Chore, Means, Stand
from interlock.planning.network import Network
from interlock.planning.outlook import Setting, outlook
from interlock.planning.overview import Prospect
from interlock.planning.spread import Guess

NOTHING = Guess(-math.inf, 0.0)
"""Takes no time at all."""


def surely(minutes: float) -> Guess:
    return Guess(math.log(minutes), 0.0) if minutes else NOTHING


def means(workers: int = 10, stages: int = 10, **more: object) -> Means:
    usual = {
        "workers": workers, "parallel_stages": stages, "gates": 10, "max_attempts": 3,
        "judging": NOTHING, "landing_minutes": 0.0, "bias": 0.0,
    }  # fmt: skip
    return Means(**usual | more)  # type: ignore[arg-type] # what a test changes is of its type


def certain(network: Network, **more: object) -> list[Chore]:
    """Every estimate is true, and nothing is ever sent back."""
    usual = {"cost_usd": None, "fails": 0.0, "stand": Stand.TO_DO} | more
    return [
        Chore(surely(milliseconds / 60_000), **usual)  # type: ignore[arg-type] # as above
        for milliseconds in network.durations
    ]


def prospect(made: Plan, history: History | None = None) -> Prospect:
    setting = Setting(workers=2, parallel_stages=4, gates=2, max_attempts=3)
    return Prospect(outlook(made, setting, Experience(history or History())), {})
