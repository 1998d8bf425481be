"""How widely something spreads: log-normal guesses, shrunk towards wider experience, and dice.

Times and costs of work are skewed: they double as easily as they halve, and are never negative. So
what is guessed is the logarithm, with a mean and a deviation.

    prior: 30 min, a factor of 1.6 either way; seen: four attempts of 10 min
    guess: 17 min, because four attempts count as much as the prior does
"""

import hashlib
import math
import sys
from array import array
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

import msgspec

PRIOR_WEIGHT: Final = 4.0
"""As many observations as what was believed before them counts."""

Z80: Final = 0.8416212335729143
"""Eight of ten draws of a standard normal lie below."""

STEPS: Final = 4096
_BITS_OF_A_DIE: Final = 16
SIDES: Final = 1 << _BITS_OF_A_DIE
SHIFT: Final = _BITS_OF_A_DIE - (STEPS.bit_length() - 1)
_LEAST: Final = 1e-9


class Guess(msgspec.Struct, frozen=True):
    """A log-normal quantity: mean and deviation of its logarithm."""

    mean: float
    deviation: float

    @property
    def p50(self) -> float:
        return math.exp(self.mean)

    @property
    def p80(self) -> float:
        return math.exp(self.mean + Z80 * self.deviation)

    def share_below(self, value: float) -> float:
        """How likely it is no more than this."""
        if value <= 0:
            return 0.0
        if self.deviation <= 0:
            return float(value >= self.p50)
        score = (math.log(value) - self.mean) / self.deviation
        return 0.5 * math.erfc(-score / math.sqrt(2.0))

    def times(self, factor: float) -> "Guess":
        return Guess(self.mean + logarithm(factor), self.deviation)


def logarithm(value: float) -> float:
    """Of what took no time, or cost nothing, the logarithm of very little."""
    return math.log(max(value, _LEAST))


def shrunk(prior: Guess, circles: Iterable[Sequence[float]]) -> Guess:
    """The guess after these logarithms, from the least to the most alike; no value counts twice.

    What the wider circles say is what is believed before the narrower ones are heard.
    """
    mean, variance = prior.mean, prior.deviation**2
    for values in circles:
        if values:
            weight = PRIOR_WEIGHT + len(values)
            mean = (PRIOR_WEIGHT * mean + sum(values)) / weight
            strayed = sum((value - mean) ** 2 for value in values)
            variance = (PRIOR_WEIGHT * variance + strayed) / weight
    return Guess(mean, math.sqrt(variance))


# --- dice -----------------------------------------------------------------------------------------


class Dice:
    """The same seed always throws the same, on every machine and with every release of Python."""

    def __init__(self, seed: bytes, throws: int) -> None:
        self._seed, self._bytes = hashlib.sha256(seed).digest(), 2 * throws

    def throw(self, number: int) -> "array[int]":
        """For the sample of this number, so many dice of 65,536 sides each."""
        drawn = hashlib.shake_256(self._seed + number.to_bytes(4, "big")).digest(self._bytes)
        dice = array("H", drawn)
        if sys.byteorder == "big":
            dice.byteswap()
        return dice


@cache
def normal_scores() -> tuple[float, ...]:
    """The standard normal at the middle of each of 4,096 equally likely steps."""
    upper = [_upper_score(1 - (step + 0.5) / STEPS) for step in range(STEPS // 2, STEPS)]
    return (*(-score for score in reversed(upper)), *upper)


def _upper_score(tail: float) -> float:
    """Where so small a share lies above: a start after Hastings, made exact by Newton's steps."""
    t = math.sqrt(-2.0 * math.log(tail))
    above = 2.515517 + t * (0.802853 + t * 0.010328)
    score = t - above / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    for _ in range(2):
        density = math.exp(-0.5 * score * score) / math.sqrt(2.0 * math.pi)
        score += (0.5 * math.erfc(score / math.sqrt(2.0)) - tail) / density
    return score
