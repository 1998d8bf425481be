"""One alarm per key, rung once, earliest first."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from interlock.engine.timers import Timers

NOW = datetime(2031, 5, 6, tzinfo=UTC)
keys, seconds = st.sampled_from("abcd"), st.integers(0, 20)


class TimersMachine(RuleBasedStateMachine):
    """Against a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.timers: Timers[str] = Timers()
        self.model: dict[str, datetime] = {}

    @rule(key=keys, after=seconds)
    def is_set(self, key: str, after: int) -> None:
        self.model[key] = NOW + timedelta(seconds=after)
        self.timers.set(key, self.model[key])

    @rule(key=keys)
    def is_cancelled(self, key: str) -> None:
        self.model.pop(key, None)
        self.timers.cancel(key)

    @rule(after=seconds)
    def rings(self, after: int) -> None:
        now = NOW + timedelta(seconds=after)
        rung = self.timers.pop_due(now)
        due = {key: at for key, at in self.model.items() if at <= now}
        assert sorted(rung) == sorted(due)
        assert [due[key] for key in rung] == sorted(due.values())
        for key in rung:
            del self.model[key]

    @invariant()
    def the_next_is_the_earliest(self) -> None:
        assert self.timers.next_due() == min(self.model.values(), default=None)


TestTimers = TimersMachine.TestCase


def test_alarms_at_one_instant_ring_in_the_order_in_which_they_were_set() -> None:
    timers: Timers[str] = Timers()
    for key in "cab":
        timers.set(key, NOW)
    timers.set("c", NOW)
    assert timers.pop_due(NOW) == ["c", "a", "b"]
