"""A real history run as a plan, beside the shell loop that somebody would write instead.

    python -m benchmarks replay PATH --last 20 --test "python -m pytest -q --junitxml={report}"

PATH is any local clone; it is only read. Without one, a fixed range of this project's own history
is replayed with a trivial test. Every run is judged from outside: was the target green after each
landing, is everything there at the end, did nothing land twice.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.document import Part, Result, Scale
from benchmarks.places import folder
from benchmarks.replay.telling import results_of
from interlock.testing.replaying.history import last_range
from interlock.testing.replaying.plans import ORDERS, Order
from interlock.testing.replaying.rehearsal import Rehearsal
from interlock.testing.replaying.yards import Wish

OURS: Final = Path(__file__).parents[2] / "tests" / "e2e" / "history.bundle"
OUR_RANGE: Final = "bde3fd3^..2abe2f6"
OUR_TEST: Final = f"{sys.executable} -m compileall -q -f src/interlock tests"
SECONDS_A_TASK: Final = 2.0


class Asked(msgspec.Struct, frozen=True):
    """What the command line asked for beyond the scale."""

    path: Path
    range: str = ""
    last: int = 15
    wish: Wish = Wish(OUR_TEST)
    orders: tuple[Order, ...] = ORDERS


def replay(asked: Asked, scale: Scale) -> list[Result]:
    """One loop and one run of each order: histories are too long to take a median of."""
    orders = asked.orders[:1] if scale.quick else asked.orders
    with folder() as place:
        wanted = asked.range or last_range(asked.path, scale.of(asked.last, 3))
        rehearsal = Rehearsal(place / "replay", asked.path, wanted, asked.wish)
        outcomes = []
        for order in orders:
            print(f"replay: {len(rehearsal.steps)} tasks, {order} ...", file=sys.stderr, flush=True)
            outcomes.append(rehearsal.run(order))
    return results_of(rehearsal, outcomes)


def of_a_clone(asked: Asked) -> Mapping[str, Part]:
    return {"replay": lambda scale: replay(asked, scale)}


def _ours(takes: float, order: Order) -> Part:
    def measure(scale: Scale) -> list[Result]:
        seconds = takes if not scale.quick else min(takes, 0.2)
        orders: tuple[Order, ...] = (order, *(each for each in ORDERS if each != order))
        wanted = "f7ed299^..2abe2f6" if scale.quick else OUR_RANGE
        return replay(Asked(OURS, wanted, wish=Wish(OUR_TEST, seconds), orders=orders), scale)

    return measure


PARTS: Final[Mapping[str, Part]] = {
    "instant": _ours(0.0, "linear"),
    "seconds": _ours(SECONDS_A_TASK, "overlap"),
}
