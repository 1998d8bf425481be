"""How many whole histories one core rehearses in a minute."""

import time
from collections.abc import Mapping
from statistics import median
from typing import Final

from benchmarks.document import Part, Result, Scale, rounded
from interlock.testing.simulation.episode import play

FIRST: Final = 1


def measure(scale: Scale) -> list[Result]:
    """The same seeds each time; the slowest of them decide, so the number is of this very set."""
    seeds = range(FIRST, FIRST + scale.of(40, 2))
    rates, events = [], 0
    for _ in range(scale.times):
        began = time.perf_counter()
        verdicts = [play(seed) for seed in seeds]
        rates.append(60 * len(seeds) / (time.perf_counter() - began))
        events = sum(verdict.events for verdict in verdicts)
        broken = [verdict.seed for verdict in verdicts if verdict.violations]
        if broken:
            raise RuntimeError(f"seeds {broken} break an invariant; there is nothing to measure")
    rate = median(rates)
    note = f"seeds {seeds[0]} to {seeds[-1]}, {events / len(seeds):.0f} events each"
    return [Result("seeds_per_minute_and_core", rounded(rate), "1/min", note=note)]


PARTS: Final[Mapping[str, Part]] = {"seeds": measure}
