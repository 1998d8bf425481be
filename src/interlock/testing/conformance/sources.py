"""What clocks and sources of identities must hold; subclass and provide `clock` or `ids`."""

from datetime import UTC

from interlock.engine.ports import Clock, IdSource


class ClockSuite:
    """Instants in UTC, seconds that never go back, and sleeping that lasts as long as it says."""

    async def test_now_is_in_utc(self, clock: Clock) -> None:
        assert clock.now().tzinfo is UTC

    async def test_monotonic_seconds_never_go_back(self, clock: Clock) -> None:
        seen = [clock.monotonic() for _ in range(100)]
        assert seen == sorted(seen)

    async def test_a_sleep_lasts_as_long_as_it_says(self, clock: Clock) -> None:
        before, instant = clock.monotonic(), clock.now()
        await clock.sleep(0.02)
        assert clock.monotonic() - before >= 0.02 - 1e-3
        assert clock.now() > instant


class IdSourceSuite:
    """Identities that carry their prefix and never come twice."""

    async def test_ids_are_never_the_same(self, ids: IdSource) -> None:
        drawn = [ids.new("r") for _ in range(2_000)]
        assert len(set(drawn)) == len(drawn)
        assert all(one.startswith("r") for one in drawn)
