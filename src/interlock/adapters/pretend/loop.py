"""An event loop without threads, sockets or real time: a seed decides, sleeping is free.

Whoever could run is shuffled before each round, so that nothing may rely on the order in which
coroutines happen to wake up. When nobody can run, time jumps to the next timer.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


ROUNDS_AT_ONE_INSTANT_MAX = 200_000
"""Whoever is busy for so many rounds while no time passes will never be done."""


class NothingLeft(RuntimeError):
    """Everybody waits and no timer is set, or somebody is busy for ever: the program hangs."""


class _NoSelector:
    """Stands where the loop expects a selector: there is no I/O, waiting only moves the clock."""

    def __init__(self, loop: "PretendLoop") -> None:
        self._loop = loop
        self._rounds = 0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise NothingLeft("everybody waits and no timer is set")
        self._rounds = 0 if timeout > 0 else self._rounds + 1
        if self._rounds > ROUNDS_AT_ONE_INSTANT_MAX:
            raise NothingLeft(f"busy for ever at second {self._loop.time():.3f}")
        self._loop.pass_time(timeout)
        self._loop.shuffle()
        return []

    def close(self) -> None:
        """Nothing to close."""


class PretendLoop(asyncio.BaseEventLoop):
    """Time is a number that moves when nobody can run."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__()
        self._seconds = 0.0
        self._dice = None if seed is None else random.Random(f"loop {seed}")
        self._selector = _NoSelector(self)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._seconds

    def pass_time(self, seconds: float) -> None:
        self._seconds += max(0.0, seconds)

    def shuffle(self) -> None:
        """Without a seed first come is first served, which is what a show wants."""
        ready = self._ready  # type: ignore[attr-defined]
        if self._dice is not None and len(ready) > 1:
            waiting = list(ready)
            self._dice.shuffle(waiting)
            ready.clear()
            ready.extend(waiting)

    def _process_events(self, _: list[Any]) -> None:
        """There is no I/O, so there are no events."""

    def _write_to_self(self) -> None:
        """Nobody has to be woken from a selector that never sleeps."""


def rehearse(main: Callable[[], Coroutine[Any, Any, _T]], seed: int | None = None) -> _T:
    """Run a coroutine to its end under pretend time."""
    with asyncio.Runner(loop_factory=lambda: PretendLoop(seed)) as runner:
        return runner.run(main())
