"""A forecast: what was expected of a run when it was asked for, kept so that it can be held to."""

import msgspec


class Spread(msgspec.Struct, frozen=True):
    """As likely as not it is no more than `p50`; eight times of ten no more than `p80`."""

    p50: float
    p80: float


class RunForecast(msgspec.Struct, frozen=True, omit_defaults=True):
    """Time until everything has landed, what models cost, how many pairs of tasks would collide.

    What nobody could know is None, never 0; `basis` says what it rests on. Waiting for people is in
    none of it.
    """

    minutes: Spread
    cost_usd: Spread | None = None
    conflicts: float | None = None
    basis: tuple[str, ...] = ()
    gates: int = 1
