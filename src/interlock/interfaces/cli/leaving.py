"""Work that a person may leave: the first Ctrl-C asks it to put itself down, the second kills."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from interlock.control.following import Stop
from interlock.interfaces.cli.text import safe

T = TypeVar("T")


async def with_signals(work: Callable[[Stop], Awaitable[T]]) -> T:
    """Signals reach the work as wishes of the person at the terminal."""
    stop, loop = Stop(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, _asked, stop)
    return await work(stop)


def say(sentence: str) -> None:
    print(safe(sentence), file=sys.stderr, flush=True)


def _asked(stop: Stop) -> None:
    stop.ask()
    if stop.now.is_set():
        say("killing what still runs")
    else:
        say("no new starts; workers put down what they hold (once more: kill them)")
