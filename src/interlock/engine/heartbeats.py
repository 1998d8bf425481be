"""Who was heard of when: silence ends leases, a sleeping machine does not.

Deadlines are kept on the monotonic clock. `look` compares it with the wall clock: when the two
drift apart the machine was suspended or its clock was set, and everything gets one more window to
be heard. The same window is given after a restart, because nobody listened meanwhile.
"""

from datetime import datetime
from typing import Final

JUMP_SECONDS: Final = 2.0
"""A larger difference between wall and monotonic time than this is a jump."""


class Heartbeats:
    """Deadlines by name, each with the window that being heard of gives it."""

    def __init__(self, now: datetime, monotonic: float) -> None:
        self._windows: dict[str, float] = {}
        self._deadlines: dict[str, float] = {}
        self._seen = (now, monotonic)

    def hear(self, name: str, window_seconds: float, monotonic: float) -> None:
        self._windows[name] = window_seconds
        self._deadlines[name] = monotonic + window_seconds

    def forget(self, name: str) -> None:
        self._windows.pop(name, None)
        self._deadlines.pop(name, None)

    def look(self, now: datetime, monotonic: float) -> bool:
        """Notice a suspend or a clock jump; True when everybody was given a new window."""
        seen_now, seen_monotonic = self._seen
        self._seen = (now, monotonic)
        drift = (now - seen_now).total_seconds() - (monotonic - seen_monotonic)
        if abs(drift) <= JUMP_SECONDS:
            return False
        for name, window in self._windows.items():
            self._deadlines[name] = monotonic + window
        return True

    def silent(self, name: str, monotonic: float) -> bool:
        """Was it watched, and is its window over?"""
        deadline = self._deadlines.get(name)
        return deadline is not None and deadline <= monotonic

    def overdue(self, monotonic: float) -> list[str]:
        """Everything whose window is over, by name."""
        return sorted(name for name, deadline in self._deadlines.items() if deadline <= monotonic)

    def next_deadline(self) -> float | None:
        return min(self._deadlines.values(), default=None)
