"""The fixed set: seeds that once found something, and the first few hundred."""

import pytest

from interlock.testing.simulation.episode import play

FOUND_SOMETHING = (
    2, 5, 15, 18, 34, 52, 59, 61, 67, 109, 121, 144, 169, 315, 376, 379, 447, 470, 471, 481, 944,
    374, 20_151, 302,
)  # fmt: skip
"""Each of these showed a fault of the plane, or of the rehearsal, when it was first played."""

PORTIONS = 12
SEEDS_PER_PORTION = 100


@pytest.mark.parametrize("seed", FOUND_SOMETHING)
def test_a_seed_that_found_something_is_clean_now(seed: int):
    assert play(seed).violations == ()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("portion", range(PORTIONS))
def test_the_fixed_set_is_clean(portion: int):
    first = 1_000_000 + portion * SEEDS_PER_PORTION
    verdicts = [play(seed) for seed in range(first, first + SEEDS_PER_PORTION)]
    found = [(v.seed, v.violations[0]) for v in verdicts if v.violations]
    assert found == []
    assert sum(v.events for v in verdicts) > 40 * SEEDS_PER_PORTION, "these histories are too short"


def test_the_fixed_set_really_crashes_planes():
    verdicts = [play(seed) for seed in range(1_000_000, 1_000_060)]
    assert sum(verdict.crashes for verdict in verdicts) > 60
