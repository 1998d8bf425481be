"""What an exit code says by itself: most mean what the program wants, some that it never ran."""

import signal
from typing import Final

NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127
SIGNAL_BASE: Final = 128

_LIMITS: Final = {
    "time": "it did not end within its time",
    "memory": "it was ended for using too much memory",
    "output": "it was ended for saying too much",
    "disk": "it was ended for writing too much",
    "killed": "it was killed",
}


def could_not_run(code: int, stopped_for: str) -> str:
    """Why this end is no answer to any question; empty where the program ended by itself."""
    if stopped_for:
        return _LIMITS.get(stopped_for, f"it was ended for {stopped_for}")
    if code == NOT_FOUND:
        return "exit code 127: a program of its command is missing in the box"
    if code == NOT_EXECUTABLE:
        return "exit code 126: a program of its command cannot be executed in the box"
    return was_killed(code, stopped_for)


def was_killed(code: int, stopped_for: str) -> str:
    """It was stopped from outside: another try may end otherwise."""
    if stopped_for:
        return _LIMITS.get(stopped_for, f"it was ended for {stopped_for}")
    try:
        name = signal.Signals(code - SIGNAL_BASE).name if code > SIGNAL_BASE else ""
    except ValueError:
        # 255 and its like: chosen by the program, no signal has that number.
        return ""
    return f"exit code {code}: it was ended by {name}" if name else ""
