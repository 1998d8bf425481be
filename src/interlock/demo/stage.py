"""Where the story is shown: drawn on a terminal, or told line by line where none is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, TextIO

from interlock.demo.board import LABEL, SUBTITLE, TITLE
from interlock.demo.live import LiveBoard, has_room

if TYPE_CHECKING:
    from interlock.control.desk import FrontDesk
    from interlock.demo.props import Props
    from interlock.domain.plan import Plan
    from interlock.engine.ports import Clock


class Stage(Protocol):
    """Opened once; `follow` is cancelled when the run has ended, then it is closed or dropped."""

    def open(self, box: str) -> None: ...

    def say(self, sentence: str) -> None: ...

    async def follow(self, desk: FrontDesk) -> None: ...

    async def close(self, desk: FrontDesk) -> None: ...

    def drop(self) -> None: ...


class Lines:
    """A line for each event, with the seconds since the beginning."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream, self._clock, self._began = stream, clock, clock.monotonic()

    def open(self, box: str) -> None:
        del box  # The run says it, too.
        print_to(self._stream, f"{TITLE}  {SUBTITLE}\n{LABEL}\n")

    def say(self, sentence: str) -> None:
        print_to(self._stream, f"{self._clock.monotonic() - self._began:5.1f} s  {sentence}")

    async def follow(self, desk: FrontDesk) -> None:
        del desk  # The run itself says what happens.

    async def close(self, desk: FrontDesk) -> None:
        del desk
        print_to(self._stream, "")

    def drop(self) -> None:
        self._stream.flush()


def stage_for(plan: Plan, props: Props, *, as_json: bool) -> Stage:
    """With a document on standard output, the story goes to standard error."""
    if as_json or not sys.stdout.isatty():
        return Lines(sys.stderr if as_json else sys.stdout, props.clock)
    draws = props.draws and sys.stdout.encoding.lower().startswith("utf") and has_room(plan)
    if not draws:
        return Lines(sys.stdout, props.clock)
    return LiveBoard(plan, sys.stdout, props.clock, colour=props.colour)


def print_to(stream: TextIO, text: str) -> None:
    safe = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    stream.write(f"{safe}\n")
    stream.flush()
